"""The statsd sink: bytes, datagrams, addresses, and a name that does not resolve."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import statsd

from popcon.report import Report
from popcon.sinks.statsd import MAX_DATAGRAM, StatsdSink, lines, pack
from tests.conftest import Collector

LIBRARIES = tuple(f"library-{number:03}" for number in range(120))


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 120])
def test_same_bytes_as_the_statsd_package(collector: Collector, count: int) -> None:
    """Our datagrams are those that the statsd package's pipeline sends, byte for byte."""
    report = Report(LIBRARIES[:count], first=True)
    # The package keeps a datagram below its limit, we keep ours at or below.
    client = statsd.StatsClient(
        "127.0.0.1", collector.port, "python_popcon", maxudpsize=MAX_DATAGRAM + 1
    )
    with client.pipeline() as pipeline:
        for library in report.libraries:
            pipeline.incr(f"library_used.{library}")
        pipeline.incr("reports")
    client.close()

    assert collector.datagrams(wait=5) == pack(lines(report, "python_popcon"))


def test_datagrams_are_small() -> None:
    """No datagram is longer than 1,432 bytes, no line is split, and the order is kept."""
    report_lines = lines(Report(LIBRARIES, first=True), "python_popcon.namespace.hub")
    datagrams = pack(report_lines)

    assert all(len(datagram) <= 1432 for datagram in datagrams)
    assert "\n".join(report_lines).encode() == b"\n".join(datagrams)


def test_equal_reports_are_equal_bytes() -> None:
    """Lines are sorted, so that the order of imports is not told."""
    assert lines(Report(("a", "b"), True), "p") == lines(Report(("b", "a"), True), "p")


@pytest.fixture
def ipv6_collector() -> Iterator[Collector]:
    """A collector on ::1."""
    try:
        made = Collector(socket.AF_INET6, "::1")
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    yield made
    made.close()


def test_ipv6(ipv6_collector: Collector) -> None:
    """An IPv6 address in brackets is sent to."""
    StatsdSink(ipv6_collector.url, "p").send(Report(("a",), True), final=True)

    assert ipv6_collector.lines(wait=5) == ["p.library_used.a:1|c", "p.reports:1|c"]


def test_localhost_needs_no_resolver(collector: Collector) -> None:
    """Localhost is 127.0.0.1 even at exit, when no name is asked for any more."""
    StatsdSink(f"statsd://localhost:{collector.port}", "p").send(Report(("a",), False), final=True)

    assert collector.lines(wait=5) == ["p.library_used.a:1|c"]


def test_a_name_is_resolved_off_the_callers_thread(collector: Collector) -> None:
    """What is reported before a name is resolved leaves when it is."""
    sink = StatsdSink(f"statsd://{socket.gethostname()}:{collector.port}", "p")
    sink.send(Report(("a",), True), final=False)
    arrived = collector.lines(wait=5)
    if not arrived:
        pytest.skip(f"{socket.gethostname()!r} does not resolve to 127.0.0.1 here")

    assert arrived == ["p.library_used.a:1|c", "p.reports:1|c"]


def test_a_name_that_does_not_resolve_is_silent() -> None:
    """A host that does not resolve costs the counts, and nothing else; the next report asks again."""
    sink = StatsdSink("statsd://no-such-host.invalid:9125", "p")
    sink.send(Report(("a",), True), final=False)
    time.sleep(0.2)
    sink.send(Report(("b",), False), final=False)
    sink.send(Report(("c",), False), final=True)
