"""In: a statsd URL, counts and gauges. Out: these, through the `statsd` package, over TCP or paced UDP.

This is our own process: where kernels may not wait, these senders do.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import statsd

from popcon.config import Settings, parse_statsd_url, why_off
from popcon.errors import NetworkError, UsageError
from popcon.sinks import is_statsd, scheme_of
from popcon.sinks.statsd import MAX_DATAGRAM, address_of, pack

#: Seconds that one step of a TCP connection may take.
TIMEOUT = 30.0

_NONE: Mapping[str, int] = MappingProxyType({})


class Destination(NamedTuple):
    """Where statsd lines go: `tcp`, or UDP."""

    tcp: bool
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host} port {self.port}, {'TCP' if self.tcp else 'UDP'}"


def parse_destination(url: str) -> Destination:
    """Return what `statsd://host:port` or `statsd+tcp://host:port` says. Raises `UsageError`."""
    if not is_statsd(url):
        raise UsageError(f"not statsd://host:port or statsd+tcp://host:port: {url!r}")
    scheme = scheme_of(url)
    return Destination(scheme == "statsd+tcp", *parse_statsd_url(url, scheme))


def destination(settings: Settings, url: str | None) -> Destination:
    """Return where to send: to the URL, or to the one statsd sink of the settings.

    Raises `UsageError` where a switch says that nothing may be sent, or there isn't one such sink.
    """
    if settings.off:
        raise UsageError(f"nothing is sent: {why_off(settings.off)}")
    if url is not None:
        return parse_destination(url)
    found = [sink for sink in settings.sinks if is_statsd(sink)]
    if len(found) != 1:
        raise UsageError(
            f"{len(found) or 'no'} statsd sinks in '{' '.join(settings.sinks)}': say which with --to"
        )
    return parse_destination(found[0])


class Stream:
    """A TCP connection to an exporter. Raises `NetworkError` where there is none."""

    def __init__(self, destination: Destination) -> None:
        self._where = destination
        ipv6, address = _resolved(destination)
        self._client: Any = statsd.TCPStatsClient(
            address[0], destination.port, timeout=TIMEOUT, ipv6=ipv6
        )
        try:
            self._client.connect()
        except OSError as error:
            self._client.close()
            raise NetworkError(f"can't reach {destination}: {error.strerror or error}") from None

    def fill(self, counts: Mapping[str, int]) -> None:
        """Prepare the counts, so that nothing is left to do when they are to leave."""
        self._pipe = self._client.pipeline()
        for name, count in counts.items():
            self._pipe.incr(name, count)

    def send(self) -> None:
        """Hand what was prepared to the system in one piece, if its buffer takes as much."""
        self._pipe.send()

    def finish(self) -> None:
        """Wait until the other side has read to the end: it closes then, as statsd_exporter does."""
        channel = self._client._sock  # the package has no word for the end of a stream
        channel.shutdown(socket.SHUT_WR)
        while channel.recv(4096):
            pass

    def send_all(self, counts: Mapping[str, int], gauges: Mapping[str, int] = _NONE) -> None:
        """Send the counts and then the gauges, wait until they are read, and close."""
        try:
            self.fill(counts)
            for name, value in gauges.items():
                self._pipe.gauge(name, value)
            self.send()
            self.finish()
        except OSError as error:
            raise NetworkError(f"{self._where} went away: {error.strerror or error}") from None
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


def lines_of(counts: Mapping[str, int], gauges: Mapping[str, int] = _NONE) -> list[str]:
    """Return the lines that counts and then gauges are on the wire."""
    return [
        *(f"{name}:{count}|c" for name, count in counts.items()),
        *(f"{name}:{value}|g" for name, value in gauges.items()),
    ]


def send_datagrams(
    destination: Destination,
    rate: float,
    counts: Mapping[str, int],
    gauges: Mapping[str, int] = _NONE,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Send counts and then gauges by UDP, at most `rate` datagrams a second.

    Returns how many datagrams left. Raises `NetworkError` where the host has no address.
    """
    ipv6, address = _resolved(destination)
    # The package begins a new datagram one byte earlier than ours do.
    client = statsd.StatsClient(
        address[0], destination.port, maxudpsize=MAX_DATAGRAM + 1, ipv6=ipv6
    )
    datagrams = pack(lines_of(counts, gauges))
    for number, datagram in enumerate(datagrams):
        if number:
            pause(1 / rate)
        with client.pipeline() as pipe:
            for line in datagram.decode().split("\n"):
                name, _, said = line.rpartition(":")
                value, _, kind = said.partition("|")
                (pipe.gauge if kind == "g" else pipe.incr)(name, int(value))
    client.close()
    return len(datagrams)


def _resolved(destination: Destination) -> tuple[bool, tuple[Any, ...]]:
    try:
        return address_of(destination.host, destination.port)
    except OSError as error:
        reason = error.strerror
    except UnicodeError:
        reason = "not a host name"
    raise NetworkError(f"the host '{destination.host}' does not resolve: {reason}")
