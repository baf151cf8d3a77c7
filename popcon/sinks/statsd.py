"""In: a Report. Out: statsd lines in UDP datagrams, sent once and forgotten.

The bytes are written here, through `_socket`: importing the `statsd` package costs 17 ms and 700
system calls in a process that isn't ours. A test holds these bytes against that package's.
"""

import _thread
from time import monotonic

from popcon.catalog import CHECK_HITS, LIBRARY_DIRECT, LIBRARY_USED, LIBRARY_VERSION, REPORTS
from popcon.config import parse_statsd_url as parse
from popcon.guard import contained
from popcon.sinks import Sink
from popcon.thread import Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from popcon.report import Report

#: What an Ethernet frame of 1,500 bytes carries behind the headers of IPv6, UDP and a tunnel.
MAX_DATAGRAM = 1432
#: Within one machine nothing is cut into packets.
MAX_LOCAL_DATAGRAM = 8932
#: A name is asked for again when its address is older than this: exporters move.
FRESH_SECONDS = 60.0
#: Who got no answer asks again after this.
RETRY_SECONDS = 5.0


def lines(report: "Report", prefix: str) -> "list[str]":
    """Return the report's statsd lines, sorted, so that equal reports are equal bytes."""
    found = [LIBRARY_DIRECT.line(prefix, library) for library in report.direct]
    found += [LIBRARY_USED.line(prefix, library) for library in report.libraries]
    found += [LIBRARY_VERSION.line(prefix, *pair) for pair in report.versions]
    found += [CHECK_HITS.line(prefix, check) for check in report.checks]
    if report.first:
        found.append(REPORTS.line(prefix))
    return sorted(found)


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


def stats(report: "Report", prefix: str) -> "list[str]":
    """Return the names that the report counts: its lines as the statsd package takes them."""
    return [line.partition(":")[0] for line in lines(report, prefix)]


class StatsdSink(Sink):
    """Sends to one host and port.

    A name is asked for on a short-lived thread of ours, never on the user's; what is reported
    meanwhile waits for the answer. An answer older than a minute is asked for again. At exit there
    is no time to ask: only an address that is numeric or already known is used. `localhost` is
    127.0.0.1 without asking (RFC 6761, 6.3).
    """

    __slots__ = (
        "_address",
        "_ask_for",
        "_asker",
        "_host",
        "_is_name",
        "_lock",
        "_now",
        "_port",
        "_prefix",
        "_resolved",
        "_tried",
        "_waiting",
    )

    def __init__(
        self,
        url: str,
        prefix: str,
        resolve: "Optional[Callable[[str, int], tuple[bool, tuple[Any, ...]]]]" = None,
        clock: "Optional[Callable[[], float]]" = None,
    ) -> None:
        self._ask_for = resolve or address_of
        self._now = clock or monotonic
        self._host, self._port = parse(url)
        self._prefix = prefix
        self._waiting: "list[str]" = []
        self._lock = _thread.allocate_lock()
        self._asker: "Optional[Thread]" = None
        self._tried = self._resolved = -FRESH_SECONDS
        self._address: "Optional[tuple[bool, tuple[Any, ...]]]" = known_address(
            self._host, self._port
        )
        self._is_name = self._address is None
        if self._is_name:
            self._ask()

    def send(self, report: "Report", *, final: bool) -> None:
        """Send the report's lines, or let them wait for the name to be resolved."""
        with self._lock:
            self._waiting += lines(report, self._prefix)
            if final or not self._is_to_ask():
                self._flush()
        if not final:
            self.retry()

    def retry(self) -> None:
        """Ask for the name again, if something waits for it and nobody is asking."""
        if self._waiting and self._is_to_ask():
            self._ask()

    def forget(self) -> None:
        """Begin again in a process that was just forked: what waits is the parent's to send."""
        self._lock = _thread.allocate_lock()
        self._waiting = []

    def end(self, seconds: float) -> None:
        """Give an answer that is on its way a moment to come: what waits for it then leaves."""
        if self._asker is not None:
            self._asker.wait(seconds)

    def waits(self) -> int:
        """Return how many lines wait for the name to be resolved."""
        return len(self._waiting)

    def _is_to_ask(self) -> bool:
        if not self._is_name or (self._asker is not None and self._asker.is_running()):
            return False
        now = self._now()
        return now - self._resolved > FRESH_SECONDS and now - self._tried > RETRY_SECONDS

    def _flush(self) -> None:
        if self._address is not None and self._waiting:
            waiting, self._waiting = self._waiting, []
            _send(waiting, *self._address)

    def _ask(self) -> None:
        self._tried = self._now()
        with contained():  # there may be no thread to be had
            self._asker = Thread(self._answer)

    def _answer(self) -> None:
        try:
            address = self._ask_for(self._host, self._port)
            self._address, self._resolved = address, self._now()
        finally:  # without an answer the last address is still the best guess
            with self._lock:
                self._flush()


def known_address(host: str, port: int) -> "Optional[tuple[bool, tuple[Any, ...]]]":
    """Return (is IPv6, socket address) of a host that needs no asking, else None."""
    if ":" in host:
        return True, (host, port)
    if host == "localhost":
        return False, ("127.0.0.1", port)
    parts = host.split(".")
    if len(parts) == 4 and all(_is_byte(part) for part in parts):
        return False, (host, port)
    return None


def _is_byte(text: str) -> bool:
    return len(text) <= 3 and text.isascii() and text.isdigit() and int(text) < 256


def address_of(host: str, port: int) -> "tuple[bool, tuple[Any, ...]]":
    """Return (is IPv6, socket address) of a host, asking for its name if need be; may take long.

    Raises `OSError` or `UnicodeError` where there is no such host.
    """
    known = known_address(host, port)
    if known is not None:
        return known
    import _socket

    # As text, a name would be encoded by `encodings.idna`, which is a lot to load on the way.
    name = host.encode() if host.isascii() else host
    family, _, _, _, address = _socket.getaddrinfo(name, port, 0, _socket.SOCK_DGRAM)[0]
    return family == _socket.AF_INET6, address


def _send(waiting: "list[str]", ipv6: bool, address: "tuple[Any, ...]") -> None:
    """Send the lines from a fresh port: behind a Kubernetes Service, an old one may lead nowhere."""
    import _socket

    channel = _socket.socket(_socket.AF_INET6 if ipv6 else _socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        channel.setblocking(False)
        local = address[0] == "::1" or address[0].startswith("127.")
        for datagram in pack(waiting, MAX_LOCAL_DATAGRAM if local else MAX_DATAGRAM):
            with contained():  # a full buffer costs this datagram, not the next
                channel.sendto(datagram, address)
    finally:
        channel.close()
