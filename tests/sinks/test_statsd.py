"""The statsd sink: bytes, datagrams, addresses, and a name that does not resolve."""

from __future__ import annotations

import _thread
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import statsd

from popcon.report import Report
from popcon.sinks.statsd import MAX_DATAGRAM, StatsdSink, known_address, lines, pack
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


def test_details_are_lines_too() -> None:
    """Versions keep their dots, and all lines of a report are sorted."""
    report = Report(("a", "b"), True, (("a", "1!2.0+cu121"), ("b", "3")), ("b",))

    assert lines(report, "p") == [
        "p.library_direct.b:1|c",
        "p.library_used.a:1|c",
        "p.library_used.b:1|c",
        "p.library_version.a.1!2.0+cu121:1|c",
        "p.library_version.b.3:1|c",
        "p.reports:1|c",
    ]


def test_one_datagram_within_a_machine(collector: Collector) -> None:
    """To this machine everything goes in one datagram: nothing on the way would cut it."""
    StatsdSink(collector.url, "python_popcon").send(Report(LIBRARIES, True), final=True)

    assert [b"\n".join(pack(lines(Report(LIBRARIES, True), "python_popcon")))] == (
        collector.datagrams(wait=5)
    )


def test_each_report_leaves_from_a_fresh_port() -> None:
    """A Kubernetes Service may have forgotten where an old port's packets go."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        sink = StatsdSink(f"statsd://127.0.0.1:{receiver.getsockname()[1]}", "p")
        ports = set()
        for name in "abcd":
            sink.send(Report((name,), False), final=False)
            ports.add(receiver.recvfrom(100)[1][1])

    assert len(ports) > 1


def test_an_exporter_that_moved_is_found_again(collector: Collector) -> None:
    """A name is asked for again after a minute, off the caller's thread; until then the answer holds."""
    moved = Collector(socket.AF_INET, "127.0.0.1")
    asked: list[int] = []
    now = 0.0

    def resolve(host: str, port: int) -> tuple[bool, tuple[Any, ...]]:
        asked.append(_thread.get_ident())
        return False, ("127.0.0.1", (collector if len(asked) == 1 else moved).port)

    sink = StatsdSink("statsd://exporter:9125", "p", resolve, lambda: now)
    sink.send(Report(("a",), False), final=False)
    first = collector.lines(wait=5)
    now = 59.0
    sink.send(Report(("b",), False), final=False)
    second = collector.lines(wait=5)
    now = 61.0
    sink.send(Report(("c",), False), final=False)
    third = moved.lines(wait=5)
    moved.close()

    assert [first, second, third] == [[f"p.library_used.{name}:1|c"] for name in "abc"]
    assert len(asked) == 2
    assert _thread.get_ident() not in asked


def test_a_resolver_that_fails_later(collector: Collector) -> None:
    """Where a name can't be resolved any more, the last address is still sent to."""
    answers = [(False, ("127.0.0.1", collector.port))]
    now = 0.0

    def resolve(host: str, port: int) -> tuple[bool, tuple[Any, ...]]:
        if not answers:
            raise OSError(host)
        return answers.pop()

    sink = StatsdSink("statsd://exporter:9125", "p", resolve, lambda: now)
    sink.send(Report(("a",), False), final=False)
    first = collector.lines(wait=5)
    now = 100.0
    sink.send(Report(("b",), False), final=False)

    assert (first, collector.lines(wait=5)) == (["p.library_used.a:1|c"], ["p.library_used.b:1|c"])


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


def test_an_exit_waits_for_an_answer_that_is_on_its_way(collector: Collector) -> None:
    """No thread of ours comes back from C while Python ends, and what waits for it still leaves."""
    asked = threading.Event()

    def slow(host: str, port: int) -> tuple[bool, tuple[str, int]]:
        asked.wait()
        return False, ("127.0.0.1", port)

    sink = StatsdSink(f"statsd://exporter.example:{collector.port}", "p", slow)
    sink.send(Report((), True), final=True)
    assert collector.lines() == []
    threading.Timer(0.05, asked.set).start()
    sink.end(20)

    assert collector.lines() == ["p.reports:1|c"]


def test_a_thread_that_can_not_start_costs_its_sink_alone(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no thread is to be had, a sink with a name is made all the same, and stays silent."""

    def refuse(*args: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refuse)
    sink = StatsdSink(f"statsd://exporter.example:{collector.port}", "p")
    sink.send(Report((), True), final=True)

    assert collector.lines() == []


def test_what_is_no_address_is_a_name() -> None:
    """Digits that are no decimal ones, and too many of them, are left to the resolver."""
    assert known_address("127.0.0.1", 1) == (False, ("127.0.0.1", 1))
    assert known_address("127.0.0.\N{SUPERSCRIPT TWO}", 1) is None
    assert known_address("127.0.0." + "1" * 5000, 1) is None
