"""In: datagrams in bunches. Out: the same counts as if each line had come alone, in order."""

from __future__ import annotations

import random

import pytest

from popcon.exporter.intake import MAX_WAITING, MAX_WAITING_BYTES, Intake
from popcon.exporter.mapping.mapping import load
from popcon.exporter.pipeline import Pipeline
from popcon.exporter.series.registry import Registry
from popcon.exporter.standing import Cache
from tests.exporter.clock import Clock


def test_lines_are_counted() -> None:
    """Every line of every datagram counts, also the empty one behind a newline at the end."""
    intake = Intake()
    assert intake.count([b"a:1|c\nb:1|c\n", b"a:1|c"])
    assert intake.count([b"a:1|c"])
    lines, firsts = intake.look().lines()
    assert lines == {b"a:1|c": 3, b"b:1|c": 1, b"": 1}
    assert firsts == {}
    assert intake.look().lines() == ({}, {})


def test_lines_come_in_the_order_of_their_first_coming() -> None:
    """A name belongs to the type that came first, so the order of new lines is kept."""
    intake = Intake()
    intake.count([b"c:1|c\na:1|c", b"b:1|c", b"c:1|c\na:1|c", b"a:1|c\nd:1|c"])
    assert list(intake.look().lines()[0]) == [b"c:1|c", b"a:1|c", b"b:1|c", b"d:1|c"]


@pytest.mark.parametrize("whole", [True, False])
def test_gauges_are_handed_back(whole: bool) -> None:
    """A bunch with a gauge in it is not counted, and what was counted before stays."""
    intake = _intake(whole)
    assert intake.count([b"a:1|c\nb:1|c"])
    assert not intake.count([b"a:1|c\nb:1|c", b"c:1|c\ng:5|g", b"a:1|c"])
    assert intake.count([b"a:1|c\nb:1|c"])
    assert intake.look().lines()[0] == {b"a:1|c": 2, b"b:1|c": 2}


def _intake(whole: bool) -> Intake:
    """An intake that counts whole datagrams, or one that has learnt that they don't repeat."""
    clock = Clock(100.0)
    intake = Intake(clock)
    if not whole:
        intake.count([b"x:%d|c" % number for number in range(MAX_WAITING)])
        intake.look()
        clock.now += 1.0
    return intake


@pytest.mark.parametrize("whole", [True, False])
def test_who_reports_first_and_used_something(whole: bool) -> None:
    """A datagram that ends with `reports`, behind something else, is a process that used something."""
    intake = _intake(whole)
    first = b"python_popcon.namespace.hub1.reports:1|c"
    intake.count([b"python_popcon.namespace.hub1.library_used.numpy:1|c\n" + first] * 3)
    intake.count([first, first + b"\nx:1|c", b"python_popcon.namespace.hub1.library_used.a:1|c"])
    lines, firsts = intake.look().lines()
    assert firsts == {first: 3}
    assert lines[first] == 5


def test_there_is_a_time_to_look() -> None:
    """Neither different datagrams nor their bytes pile up."""
    intake = Intake()
    intake.count([b"x:%d|c" % number for number in range(MAX_WAITING - 1)])
    assert not intake.is_full()
    intake.count([b"y:1|c"])
    assert intake.is_full()
    intake.look()
    intake.count([b"x" * (MAX_WAITING_BYTES // 2)])
    assert not intake.is_full()
    intake.count([b"y" * (MAX_WAITING_BYTES // 2)])
    assert intake.is_full()


_NAMES = ["a", "b", "c.d", "timer.x", "a_sum", "python_popcon.library_used.numpy"]
_RULES = """
defaults: {observer_type: histogram}
mappings:
- {match: timer.*, name: timed, labels: {what: $1}, ttl: 3s}
- {match: c.*, name: mapped, labels: {what: $1}, scale: 2, match_metric_type: counter}
"""


def _datagram(chance: random.Random, gauges: bool) -> bytes:
    lines = []
    for _ in range(chance.randrange(1, 5)):
        kind = chance.choice(["c", "c", "c", "ms", "h", "g" if gauges else "c"])
        value = chance.choice(["1000", "500", "-1", "+3000", "nan", "250", "x"])  # exact in seconds
        extra = chance.choice(["", "", "", "|@0.5", "|#k:v", "|#k:v,k:w,__x:y", ":1|c"])
        lines.append(f"{chance.choice(_NAMES)}:{value}|{kind}{extra}")
    return "\n".join(lines).encode()


@pytest.mark.parametrize("seed", range(20))
def test_bunches_are_what_their_lines_are(seed: int) -> None:
    """In bunches of any size, repeated or not, looked at now or then: the page and the counts are
    those of the same lines fed one by one.
    """
    chance = random.Random(seed)
    clock = Clock(100.0)
    bunched, single = (Pipeline(load(_RULES), registry=Registry(clock)) for _ in range(2))
    known = [_datagram(chance, gauges=seed % 2 == 0) for _ in range(15)]
    for _ in range(60):
        bunch = [chance.choice(known) for _ in range(chance.randrange(1, 30))]
        bunched.take(bunch)
        for line in b"\n".join(bunch).split(b"\n"):
            single.feed(line)
        if chance.random() < 0.5:
            bunched.fold()
            clock.now += chance.choice([0.0, 1.0, 4.0])
            bunched.tick()
            single.tick()
    assert b"".join(bunched.page()) == b"".join(single.page())
    one, other = bunched.counted(), single.counted()
    assert one._replace(folds=0, cache=Cache()) == other._replace(folds=0, cache=Cache())
    assert one.lines_total > 1000


def test_a_line_that_comes_often_is_worked_out_once() -> None:
    """What a line means is looked up when it is new, and again after a reload and after a while."""
    clock = Clock(100.0)
    pipeline = Pipeline(load(""), registry=Registry(clock))

    def asked() -> int:
        return pipeline.counted().cache.gets

    for _ in range(3):
        pipeline.feed(b"a:1|c")
    assert asked() == 2
    pipeline.reload(load(""))
    pipeline.feed(b"a:1|c")
    assert asked() == 3
    for _ in range(3):
        clock.now += 61.0
        pipeline.feed(b"b:1|c")
    pipeline.feed(b"a:1|c")
    assert asked() == 6
    assert b"".join(pipeline.page()).endswith(
        b"a 5\n# HELP b Metric autogenerated by statsd_exporter.\n# TYPE b counter\nb 3\n"
    )
