"""In: a Report. Out: statsd lines over TCP, sent from a thread of ours.

A thread lives as long as there is something to send, because a lasting one makes a user's own
`os.fork()` warn; and each delivery has a connection of its own, because an old one can lead to an
exporter that is gone without anybody saying so. What can't be delivered waits.

The bytes are written here, through `_socket`: the `statsd` package would import `socket` and `random`,
in a thread that a fork may find holding their locks, and from the user's folder if there are files of
these names. A test holds these bytes against that package's.
"""

import _thread
from time import monotonic

from popcon.config import parse_statsd_url
from popcon.guard import contained
from popcon.sinks import Sink
from popcon.sinks.statsd import RETRY_SECONDS, address_of, known_address, lines
from popcon.thread import Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from popcon.report import Report

#: How many lines wait at most; the oldest are kept, `reports` among them.
MOST_WAITING = 10_000
#: How long our thread waits for a connection, and for the exporter to take the lines.
CONNECT_SECONDS = 5.0


def parse(url: str) -> "tuple[str, int]":
    """Return the host and the port of `statsd+tcp://host[:port]`."""
    return parse_statsd_url(url, "statsd+tcp")


class StatsdTcpSink(Sink):
    """Sends to one host and port.

    The host's name is asked for on the thread. A process that ends before there is an answer, or whose
    exporter is farther away than some milliseconds, takes what waits with it.
    """

    __slots__ = (
        "_address",
        "_host",
        "_lock",
        "_now",
        "_port",
        "_prefix",
        "_thread",
        "_tried",
        "_waiting",
    )

    def __init__(
        self, url: str, prefix: str, clock: "Optional[Callable[[], float]]" = None
    ) -> None:
        self._host, self._port = parse(url)
        self._prefix = prefix
        self._now = clock or monotonic
        self._tried = -RETRY_SECONDS
        self._waiting: "list[str]" = []
        self._lock = _thread.allocate_lock()
        self._address = known_address(self._host, self._port)
        self._thread: "Optional[Thread]" = None
        if self._address is None:
            self._start()

    def send(self, report: "Report", *, final: bool) -> None:
        """Have the report's lines delivered; a last report leaves at the end."""
        with self._lock:
            self._waiting += lines(report, self._prefix)
            del self._waiting[MOST_WAITING:]
        if not final:
            self._start()

    def retry(self) -> None:
        """Try again, if something waits and the last time is a while ago."""
        if self._waiting and self._now() - self._tried > RETRY_SECONDS:
            self._start()

    def forget(self) -> None:
        """Begin again in a process that was just forked: what waits is the parent's to send."""
        self._lock = _thread.allocate_lock()
        self._waiting = []

    def waits(self) -> int:
        """Return how many lines have not left yet."""
        return len(self._waiting)

    def end(self, seconds: float) -> None:
        """Deliver what waits; not on a new thread, which could outlive Python's own end."""
        if self._thread is not None and self._thread.is_running():
            self._thread.wait(seconds)
        elif self._waiting and self._address is not None:
            self._deliver(self._address, seconds)

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_running():
            self._tried = self._now()
            with contained():  # there may be no thread to be had
                self._thread = Thread(self._deliver_all)

    def _deliver_all(self) -> None:
        address = self._address = address_of(self._host, self._port)
        while self._waiting:
            self._deliver(address, CONNECT_SECONDS)

    def _deliver(self, address: "tuple[bool, tuple[Any, ...]]", seconds: float) -> None:
        """Send what waits. Once there is a connection it is gone, so that nothing counts twice."""
        import _socket

        ipv6, where = address
        channel = _socket.socket(_socket.AF_INET6 if ipv6 else _socket.AF_INET, _socket.SOCK_STREAM)
        try:
            channel.settimeout(max(seconds, 0.001))
            channel.connect(where)
            with self._lock:
                waiting, self._waiting = self._waiting, []
            channel.sendall("".join(f"{line}\n" for line in waiting).encode())
        finally:
            channel.close()
