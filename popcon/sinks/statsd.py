"""In: a Report. Out: statsd lines in UDP datagrams, sent once and forgotten.

The bytes are written here, through `_socket`: importing the `statsd` package costs 17 ms and 700
system calls in a process that isn't ours. A test holds these bytes against that package's.
"""

import _thread

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.config import parse_statsd_url
from popcon.guard import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from popcon.report import Report

#: What an Ethernet frame of 1,500 bytes carries behind the headers of IPv6, UDP and a tunnel.
MAX_DATAGRAM = 1432


def lines(report: "Report", prefix: str) -> "list[str]":
    """Return the report's statsd lines, sorted, so that equal reports are equal bytes."""
    found = [LIBRARY_USED.line(prefix, library) for library in sorted(report.libraries)]
    if report.first:
        found.append(REPORTS.line(prefix))
    return found


def pack(lines: "list[str]", limit: int = MAX_DATAGRAM) -> "list[bytes]":
    """Return datagrams of at most `limit` bytes; no line is split, order is kept."""
    datagrams: "list[bytes]" = []
    for line in lines:
        encoded = line.encode()
        if datagrams and len(datagrams[-1]) + 1 + len(encoded) <= limit:
            datagrams[-1] += b"\n" + encoded
        else:
            datagrams.append(encoded)
    return datagrams


class StatsdSink:
    """Sends to one host and port.

    A name is asked for on a short-lived thread of ours, never on the user's; what is reported
    meanwhile waits for the answer. At exit there is no time to ask: only an address that is
    numeric or already known is used. `localhost` is 127.0.0.1 without asking (RFC 6761, 6.3).
    """

    __slots__ = ("_address", "_asking", "_host", "_lock", "_port", "_prefix", "_waiting")

    def __init__(self, url: str, prefix: str) -> None:
        self._host, self._port = parse_statsd_url(url)
        self._prefix = prefix
        self._waiting: "list[str]" = []
        self._lock = _thread.allocate_lock()
        self._asking = False
        self._address: "Optional[tuple[bool, tuple[Any, ...]]]" = known_address(
            self._host, self._port
        )
        if self._address is None:
            self._ask()

    def send(self, report: "Report", *, final: bool) -> None:
        """Send the report's lines, or let them wait for the name to be resolved."""
        with self._lock:
            self._waiting += lines(report, self._prefix)
            self._flush()
        if not final:
            self.retry()

    def retry(self) -> None:
        """Ask for the name again, if something waits for it and nobody is asking."""
        if self._waiting and not self._asking:
            self._ask()

    def _flush(self) -> None:
        if self._address is not None:
            waiting, self._waiting = self._waiting, []
            _send(pack(waiting), *self._address)

    def _ask(self) -> None:
        self._asking = True
        _thread.start_new_thread(self._resolve, ())

    def _resolve(self) -> None:
        with contained(BaseException):
            try:
                address = resolve(self._host, self._port)
                with self._lock:
                    self._address = address
                    self._flush()
            finally:
                self._asking = False


def known_address(host: str, port: int) -> "Optional[tuple[bool, tuple[Any, ...]]]":
    """Return (is IPv6, socket address) of a host that needs no asking, else None."""
    if ":" in host:
        return True, (host, port)
    if host == "localhost":
        return False, ("127.0.0.1", port)
    parts = host.split(".")
    if len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts):
        return False, (host, port)
    return None


def resolve(host: str, port: int) -> "tuple[bool, tuple[Any, ...]]":
    """Return (is IPv6, socket address) of a host, asking for its name if need be; may take long.

    Raises `OSError` or `UnicodeError` where there is no such host.
    """
    known = known_address(host, port)
    if known is not None:
        return known
    import _socket

    family, _, _, _, address = _socket.getaddrinfo(host, port, 0, _socket.SOCK_DGRAM)[0]
    return family == _socket.AF_INET6, address


def _send(datagrams: "list[bytes]", ipv6: bool, address: "tuple[Any, ...]") -> None:
    import _socket

    channel = _socket.socket(_socket.AF_INET6 if ipv6 else _socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        channel.setblocking(False)
        for datagram in datagrams:
            with contained():  # a full buffer costs this datagram, not the next
                channel.sendto(datagram, address)
    finally:
        channel.close()
