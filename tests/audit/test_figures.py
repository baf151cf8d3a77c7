"""What an onlooker reads back of small hubs, with the exporter's own publication in the loop."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from popcon.audit import bits
from popcon.audit.hub import AT_EXIT, PER_CELL, Numbers, simulated
from popcon.audit.published import every, published
from popcon.audit.rows import Case, Row, rows
from popcon.exporter.mapping.mapping import Mapping, load
from popcon.exporter.privacy.policy import OFF, STANDARD, STRICT, Policy, chosen
from popcon.render.mapping import mapping_text

_USERS = Numbers(20)
#: The same code, with numbers that hold nothing back.
_TOOTHLESS = chosen("standard", min_processes=1, interval=0)
_SEED, _HUBS = 3, 3


@pytest.fixture(scope="module")
def rules() -> Mapping:
    """Popcon's own mapping."""
    return load(mapping_text(), source="popcon's own rules")


def row(rules: Mapping, reporter: str, policy: Policy, numbers: Numbers = _USERS) -> Row:
    """Return the one row at 15 seconds."""
    hubs = 2 if numbers.timers else _HUBS
    return next(rows(Case(numbers, reporter, policy), [15], rules, _SEED, hubs=hubs))


@pytest.fixture(scope="module")
def off(rules: Mapping) -> Row:
    """Reports after each cell, with nothing held."""
    return row(rules, PER_CELL, OFF)


def test_bursts_at_exit_give_nearly_all_away(rules: Mapping) -> None:
    """popularity-contest's reports at 15-second scrapes: 95 % or more, to who knows nothing before."""
    found = row(rules, AT_EXIT, OFF).read["curious"]
    assert found.share > 0.95
    assert found.precision > 0.95
    assert found.chance < 0.1 * found.processes


def test_per_cell_is_between(off: Row) -> None:
    """Reports after each cell hide much from the curious, and leave a quarter or more to the strong."""
    assert 0.0 < off.read["curious"].share < 0.3
    assert 0.25 < off.read["strong"].share < 0.65


def test_claims_are_as_right_as_they_say(off: Row) -> None:
    """Claims made because nine in ten were right on other hubs are right nearly as often here."""
    strong = off.read["strong"]
    assert strong.made > 100
    assert 0.82 < strong.precision <= 1.0
    assert strong.chance / strong.processes < 0.05


@pytest.mark.parametrize("policy", [STANDARD, STRICT], ids=lambda policy: policy.name)
def test_policies_hide_nearly_all(rules: Mapping, policy: Policy) -> None:
    """On the same hubs standard and strict leave next to nothing, to either onlooker."""
    found = row(rules, PER_CELL, policy)
    assert found.read["curious"].share < 0.01
    assert found.read["strong"].share < 0.06
    assert found.read["strong"].processes > 300
    assert found.late.median > 900


def test_it_is_the_exporters_code_that_hides(rules: Mapping) -> None:
    """Bursts at exit are hidden by standard, and given away by the same code with other numbers."""
    assert row(rules, AT_EXIT, STANDARD).read["curious"].share < 0.02
    assert row(rules, AT_EXIT, _TOOTHLESS).read["curious"].share > 0.95


def test_a_looser_onlooker_claims_more(rules: Mapping, off: Row) -> None:
    """Who is content with claims that are right half the time reads back more."""
    case = Case(_USERS, PER_CELL, OFF)
    loose = next(rows(case, [15], rules, _SEED, hubs=_HUBS, precision=0.5)).read["strong"]
    assert loose.share > off.read["strong"].share + 0.05
    assert loose.precision < off.read["strong"].precision


def test_timers_give_themselves_away(rules: Mapping) -> None:
    """One person's timed runs fill batches by themselves, and an address that counts once hides them
    no better than in part: they still are most of a batch.
    """
    timed = Numbers(20, timers=1)
    standard = row(rules, PER_CELL, STANDARD, timed)
    seen = standard.read["curious"]
    assert 0.4 < seen.timed_right / seen.timed < 0.95
    assert seen.right - seen.timed_right < 0.03 * seen.processes
    by_address = row(rules, PER_CELL, dataclasses.replace(STANDARD, by_address=True), timed)
    assert by_address.read["curious"].timed_right < seen.timed_right
    assert by_address.late.median > standard.late.median


@pytest.mark.parametrize("policy", [OFF, STANDARD], ids=lambda policy: policy.name)
def test_what_is_seen_is_what_was_said(rules: Mapping, policy: Policy) -> None:
    """All that became visible adds up to what processes said that did, at any scrape interval."""
    installed, processes = simulated(Numbers(15), PER_CELL, 5)
    found = published(installed, processes, policy, rules)
    said = Counter(one for process in processes for one in bits.members(process.bits))
    for seen in (found, every(300, found)):
        shown: Counter[int] = Counter()
        for move in seen.moves:
            for digit, plane in enumerate(move.counts):
                shown.update(dict.fromkeys(bits.members(plane), 2**digit))
        reports = sum(move.reports for move in seen.moves)
        assert reports == sum(time is not None for time in seen.seen)
        if policy is OFF:
            assert (reports, shown) == (len(processes), said)
        else:
            assert all(move.reports >= 10 for move in seen.moves)
            assert len(processes) - reports < 10
            assert shown <= said  # the last batch is still held
        times = {move.time for move in seen.moves if move.reports}
        assert {time for time in seen.seen if time is not None} == times


def test_seeds(rules: Mapping) -> None:
    """The same seed gives the same hub; both reporters' hubs have the same people and sets."""
    first, second = (simulated(Numbers(15), PER_CELL, 5) for _ in range(2))
    assert first == second
    at_exit = simulated(Numbers(15), AT_EXIT, 5)
    assert Counter(one.bits for one in at_exit[1]) == Counter(one.bits for one in first[1])
    assert simulated(Numbers(15), PER_CELL, 6) != first
