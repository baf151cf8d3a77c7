"""In: raw datagrams and lines. Out: the same lines, in datagrams to another exporter.

As statsd_exporter's relay (pkg/relay/relay.go), but a send error ends nothing and nothing waits for
it, and a datagram has no newline at its end, which the other side would count as one more line.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from popcon.errors import NetworkError, UsageError
from popcon.exporter.listen.address import Address, resolve

log = logging.getLogger(__name__)

_FLAG = "--statsd.relay.address"
#: Bytes that a datagram of UDP over IPv4 can carry.
_LONGEST = 65_507
#: Seconds without an error after which it works again. A full send buffer comes and goes.
_QUIET = 60.0


class Relay:
    """Copies lines to a UDP target, whose name is resolved once, here; IPv4 first, as Go does.

    A line and its newline have to fit into `packet_length` bytes, or it is dropped and counted.
    A line that equals `without` is passed over: the canaries of two exporters would add up. The
    methods may be called from several threads; `clock` gives seconds. Raises `UsageError` for a port
    or a length that no datagram can have, and `NetworkError` where the target isn't found.
    """

    def __init__(
        self,
        target: Address,
        packet_length: int = 1400,
        *,
        without: bytes = b"",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not target.port:
            raise UsageError(f"{_FLAG}: not a port to send to: '0'")
        if not 2 <= packet_length <= _LONGEST:
            raise UsageError(
                f"--statsd.relay.packet-length: not from 2 to {_LONGEST}: '{packet_length}'"
            )
        host = f"[{target.host}]" if ":" in target.host else target.host
        self.target = f"{host}:{target.port}"
        self.packets = self.lines = self.long_lines = self.errors = 0
        self._most = packet_length
        self._without = without
        self._rest = b""
        self._lock = threading.Lock()
        self._clock = clock
        self._failed: float | None = None
        family, self._address = _resolved(target)
        self._channel = socket.socket(family, socket.SOCK_DGRAM)
        self._channel.setblocking(False)

    def relay(self, units: list[bytes]) -> None:
        """Copy every line; the last datagram waits until it is full, or for `flush`."""
        text = b"\n".join(units).replace(b"\r\n", b"\n").removesuffix(b"\r")
        lines = [line for line in text.split(b"\n") if line and line != self._without]
        short = [line for line in lines if len(line) < self._most]
        with self._lock:
            self.long_lines += len(lines) - len(short)
            self.lines += len(short)
            text = b"\n".join([self._rest, *short] if self._rest else short)
            start = 0
            while len(text) - start >= self._most:
                end = text.rfind(b"\n", start, start + self._most)
                self._send(text[start:end])
                start = end + 1
            self._rest = text[start:]

    def flush(self) -> None:
        """Send what waits for a full datagram."""
        with self._lock:
            waiting, self._rest = self._rest, b""
            if waiting:
                self._send(waiting)

    def returns_to(self, channel: socket.socket) -> bool:
        """Return whether what is relayed would come back in by this UDP socket, again and again."""
        host, port = channel.getsockname()[:2]
        if port != self._address[1]:
            return False
        if host not in ("0.0.0.0", "::"):  # noqa: S104 - a comparison
            return bool(host == self._address[0])
        with socket.socket(self._channel.family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((self._address[0], 0))  # that works for this machine's addresses alone
            except OSError:
                return False
        return True

    def close(self) -> None:
        """Send what waits, and let go of the socket."""
        self.flush()
        self._channel.close()

    def _send(self, datagram: bytes) -> None:
        try:
            self._channel.sendto(datagram, self._address)
        except OSError as error:
            self.errors += 1
            if self._failed is None:
                log.warning("relaying to %s fails: %s", self.target, error.strerror or error)
            self._failed = self._clock()
        else:
            self.packets += 1
            if self._failed is not None and self._clock() - self._failed > _QUIET:
                self._failed = None
                log.info("relaying to %s works again", self.target)


def _resolved(target: Address) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    try:
        return resolve(target.host or "localhost", target.port, socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise NetworkError(f"{_FLAG}: '{target.host}' does not resolve: {reason}") from None
