"""In: a bound TCP socket. Out: what its connections say, in chunks of whole lines.

One thread reads all connections, a little of each in turn. What a sender costs is the beginning of
one line, whether it is slow or never ends. A line is what statsd_exporter takes for one
(pkg/listener/listener.go): less than 4,096 bytes, and the last one may lack its newline.

A sender that closes its side finds ours closed once all is read, so it may wait for that. Where
something isn't read, the connection is reset, because a mere end would look like "all is read".
"""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from popcon.errors import NetworkError
from popcon.exporter.standing import Tcp

#: Bytes. A line that has as many before its newline is too long, and ends its connection.
MAX_LINE = 4096
#: Seconds without a whole line, after which a connection makes room for a new one.
QUIET_SECONDS = 60.0

_CHUNK = 65_536
_WAIT_SECONDS = 0.5
_ACCEPTED_AT_ONCE = 64
#: How often what has come already is read when the listener is to stop.
_LAST_ROUNDS = 100
#: The system is out of files or memory: asking again at once would be answered the same.
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_RESET = struct.pack("ii", 1, 0)


class _Connection:
    """A sender: the beginning of its next line, and when it last completed one."""

    __slots__ = ("channel", "rest", "since")

    def __init__(self, channel: socket.socket, since: float) -> None:
        self.channel = channel
        self.rest = b""
        self.since = since


class TcpListener:
    """Hands what comes over a socket's connections to `take`, which must not raise.

    `channel` is bound, and closed by `serve`. At most `max_connections` are open at a time, and no
    more than half of the files that this process may open: the pages need the others. Where all
    are taken, the one whose last whole line is longest ago makes room, if that was over
    `QUIET_SECONDS` ago by `clock`; else the new one is refused. Raises `NetworkError` where
    somebody else listens already.
    """

    def __init__(
        self,
        channel: socket.socket,
        take: Callable[[list[bytes]], None],
        *,
        max_connections: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = Tcp()
        self._channel = channel
        self._take = take
        self._most = max(1, min(max_connections, _files_allowed() // 2))
        self._clock = clock
        self._open: dict[_Connection, None] = {}  # the quietest first
        self._paused_until: float | None = None
        try:
            channel.listen(1024)
        except OSError as error:
            raise NetworkError(
                f"--statsd.listen-tcp: can't listen: {error.strerror or error}"
            ) from None
        channel.setblocking(False)

    def serve(self, stopping: threading.Event) -> None:
        """Read until `stopping` is set, and then what has come by then."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            while not stopping.is_set():
                self._serve_round(selector, _WAIT_SECONDS)
            for _ in range(_LAST_ROUNDS):
                if not self._serve_round(selector, 0):
                    break
            for connection in list(self._open):
                self._end(selector, connection, reset=True)
        self._channel.close()

    def _serve_round(self, selector: selectors.BaseSelector, seconds: float) -> bool:
        """Wait so long for something to come, and read some of each; return whether there was any."""
        if self._paused_until is not None and self._clock() >= self._paused_until:
            with suppress(OSError):  # the system may still have no room; the next round asks again
                selector.register(self._channel, selectors.EVENT_READ)
                self._paused_until = None
        events = selector.select(seconds)
        for key, _ in events:
            if key.data is None:
                self._accept(selector)
            elif key.data in self._open:  # else it made room for a new one just now
                self._read(selector, key.data)
        return bool(events)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                channel, _ = self._channel.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self.counts.connection_errors += 1
                if error.errno in _EXHAUSTED:
                    selector.unregister(self._channel)
                    self._paused_until = self._clock() + _WAIT_SECONDS
                    return
                continue
            if len(self._open) >= self._most and not self._make_room(selector):
                self.counts.refused += 1
                _reset(channel)
                continue
            channel.setblocking(False)
            connection = _Connection(channel, self._clock())
            try:
                selector.register(channel, selectors.EVENT_READ, connection)
            except OSError:
                self.counts.connection_errors += 1
                _reset(channel)
                continue
            self.counts.connections += 1
            self._open[connection] = None

    def _make_room(self, selector: selectors.BaseSelector) -> bool:
        quietest = next(iter(self._open))
        if self._clock() - quietest.since <= QUIET_SECONDS:
            return False
        self.counts.evicted += 1
        self._end(selector, quietest, reset=True)
        return True

    def _read(self, selector: selectors.BaseSelector, connection: _Connection) -> None:
        try:
            received = connection.channel.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:  # the other side is gone, and the rest of its line with it
            self.counts.connection_errors += 1
            self._end(selector, connection)
            return
        if not received:
            if connection.rest:
                self._take([connection.rest])
            self._end(selector, connection)
            return
        lines, rest = split_stream(connection.rest + received)
        if lines is not None:
            self._take([lines])
            connection.since = self._clock()
            del self._open[connection]
            self._open[connection] = None
        if rest is None:
            self.counts.too_long_lines += 1
            self._end(selector, connection, reset=True)
        else:
            connection.rest = rest

    def _end(
        self, selector: selectors.BaseSelector, connection: _Connection, *, reset: bool = False
    ) -> None:
        del self._open[connection]
        selector.unregister(connection.channel)
        if reset:
            _reset(connection.channel)
        else:
            connection.channel.close()


def split_stream(data: bytes) -> tuple[bytes | None, bytes | None]:
    """Return the whole lines at the start of `data`, and the beginning of the next one.

    The lines are None where there is none, and lack their last newline; the beginning is None where
    it is too long already to become a line.
    """
    start = 0  # of a line
    while len(data) - start >= MAX_LINE:
        end = data.rfind(b"\n", start, start + MAX_LINE)
        if end < 0:
            return (data[: start - 1] if start else None), None
        start = end + 1
    start = max(start, data.rfind(b"\n", start) + 1)
    return (data[: start - 1] if start else None), data[start:]


def _reset(channel: socket.socket) -> None:
    with suppress(OSError):
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    channel.close()


def _files_allowed() -> int:
    """How many files this process may have open."""
    try:
        import resource
    except ImportError:  # Windows
        return 8192
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft
