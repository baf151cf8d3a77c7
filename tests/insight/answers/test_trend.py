"""`trend`, `versions` and `coverage`: steps, words, order, silence."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from popcon.catalog import LIBRARY_VERSION
from popcon.errors import UsageError
from popcon.insight.answers.coverage import CoverageRow, coverage
from popcon.insight.answers.trend import changed, trend
from popcon.insight.answers.versions import VersionRow, are_counted, versions
from popcon.insight.usage import DAY, Period
from tests.insight.answers.memory import BEGIN, Memory, period

_Days = list["int | None"]


@pytest.mark.parametrize(
    ("every", "steps"),
    [
        ("day", [("2026-01-05", 1, True), ("2026-02-09", 1, False)]),
        ("week", [("2026-01-05", 7, True), ("2026-02-09", 1, False)]),
        ("month", [("2026-01-01", 27, False), ("2026-02-01", 9, False)]),
    ],
)
def test_steps(every: str, steps: list[tuple[str, int, bool]]) -> None:
    """Weeks begin on Mondays, months on the first; a step that isn't all in the period, or over, isn't whole."""
    source = Memory({"a": [2] * 40}, {("a", "x"): [1] * 40})
    (one,) = trend(source, period(35.5), ["x"], every)
    assert [(str(row.begin), row.days, row.whole) for row in (one.rows[0], one.rows[-1])] == steps
    assert (one.processes, one.share) == (36, 0.5)
    assert {row.share for row in one.rows} == {0.5}


def test_a_week_that_ends_with_the_period_is_whole() -> None:
    """The last week is whole where the period ends with its Sunday, and not a day earlier."""
    source = Memory({"a": [2] * 40}, {("a", "x"): [1] * 40})
    assert [row.whole for row in trend(source, period(14), ["x"], "week")[0].rows] == [True, True]
    assert [row.whole for row in trend(source, period(13), ["x"], "week")[0].rows] == [True, False]
    assert [row.whole for row in trend(source, period(13, 1), ["x"], "week")[0].rows] == [
        False,
        True,
    ]


def test_days_that_nobody_watched() -> None:
    """On a day that was not watched nothing is known, which is not 0."""
    source = Memory({"a": [4, None, 0, 4]}, {("a", "x"): [None, None, 0, 1]})
    (one,) = trend(source, period(4), ["x"])
    assert [(row.processes, row.reports, row.share) for row in one.rows] == [
        (0, 4, 0.0),
        (None, None, None),
        (0, 0, None),
        (1, 4, 0.25),
    ]


_OLD: _Days = [50] * 40
_SILENT: _Days = [*[50] * 20, *[0] * 20]
_YOUNG: _Days = [*[None] * 10, *[50] * 30]


@pytest.mark.parametrize(
    ("reports", "used", "word"),
    [
        (_OLD, [*[0] * 20, *[1] * 20], "new"),
        (_OLD, [*[None] * 20, *[1] * 20], "new"),
        (_OLD, [*[1] * 20, *[0] * 20], "gone"),
        (_OLD, [*[10] * 20, *[20] * 20], "rising"),
        (_OLD, [*[20] * 20, *[10] * 20], "falling"),
        (_OLD, [10] * 40, "steady"),
        (_OLD, [0] * 40, None),
        (_OLD, [*[0] * 19, 1, 1, *[0] * 19], None),  # few
        (_OLD, [*[0] * 39, 9], None),  # few
        (_OLD, [*[0] * 39, 10], "new"),
        (_OLD, [10, *[0] * 39], "gone"),
        (_OLD, [*[0] * 19, 10, *[0] * 20], "gone"),
        (_SILENT, [*[10] * 20, *[0] * 20], None),  # holidays
        (_YOUNG, [*[None] * 10, *[0] * 10, *[9] * 20], None),  # not watched before
    ],
)
def test_words(reports: _Days, used: _Days, word: str | None) -> None:
    """A word is said where the hub was watched, and reported, in both halves of the period."""
    (one,) = trend(Memory({"a": reports}, {("a", "x"): used}), period(40), ["x"])
    assert one.change == word


def test_used_today() -> None:
    """What is used today isn't gone."""
    source = Memory({"a": [*_OLD]}, {("a", "x"): [*[9] * 10, *[0] * 29, 1]})
    assert trend(source, period(39), ["x"])[0].change == "gone"
    assert trend(source, period(39.5), ["x"])[0].change == "falling"


def test_words_need_four_weeks() -> None:
    """Halves of less than two weeks say nothing."""
    source = Memory({"a": [*_OLD]}, {("a", "x"): [*[0] * 14, *[5] * 26]})
    assert trend(source, period(27), ["x"])[0].change is None
    assert trend(source, period(28), ["x"])[0].change == "new"


def test_a_hub_that_began_moves_no_share() -> None:
    """Halves are those of hubs that were watched in both."""
    source = Memory(
        {"a": [*_OLD], "b": [*[None] * 20, *[500] * 20]},
        {("a", "x"): [10] * 40, ("b", "x"): [*[None] * 20, *[0] * 20]},
    )
    (one,) = trend(source, period(40), ["x"])
    assert (one.before, one.after, one.change) == (0.2, 0.2, "steady")
    a, b = trend(source, period(40), ["x"], by_namespace=True)
    assert (a.namespace, a.change, b.namespace, b.change) == ("a", "steady", "b", None)


@pytest.mark.parametrize(
    ("halves", "word"),
    [
        ((0, 0, 5, 10), None),
        ((10, 100, 19, 100), None),
        ((20, 1000, 24, 1000), "steady"),  # less than a quarter
        ((19, 1000, 30, 1000), "steady"),  # chance
        ((200, 1000, 300, 1000), "rising"),
        ((1000, 1000, 1000, 1000), "steady"),
    ],
)
def test_changed(halves: tuple[int, int, int, int], word: str | None) -> None:
    """A share rises if it is a quarter larger, and chance doesn't explain it."""
    assert changed(*halves) == word


def test_a_page_has_no_trend() -> None:
    """A source that knows no days refuses."""
    with pytest.raises(UsageError):
        trend(Memory({"a": [1]}, {}, paged=True), period(1), ["x"])


def test_versions() -> None:
    """Versions come in the order of PEP 440, newest first; what is none behind, `_rare` last."""
    used: dict[tuple[str, ...], list[int | None]] = {
        ("a", "x", "1.9"): [1, 0],
        ("a", "x", "1.10"): [1, 2],
        ("b", "x", "1.10"): [0, 4],
        ("a", "x", "1!0.1"): [1, 0],
        ("a", "x", "1.10rc1"): [1, 0],
        ("a", "x", "odd-version"): [1, 0],
        ("a", "x", "_rare"): [1, 0],
        ("a", "x", "0.1"): [0, 0],
        ("a", "y", "3"): [5, 0],
    }
    source = Memory({}, {}, more={LIBRARY_VERSION.name: used})
    found = versions(source, period(2), ["y", "x"])
    assert [(row.library, row.version) for row in found] == [
        ("y", "3"),
        *[("x", each) for each in ("1!0.1", "1.10", "1.10rc1", "1.9", "odd-version", "_rare")],
    ]
    assert found[2] == VersionRow(None, "x", "1.10", 7, 7 / 12, date(2026, 1, 6))
    by_hub = versions(source, period(2), ["x"], by_namespace=True)
    assert by_hub[-1] == VersionRow("b", "x", "1.10", 4, 1.0, date(2026, 1, 6))
    assert are_counted(source, period(2))
    assert not are_counted(Memory({}, {}), period(2))


def test_a_version_of_many_digits() -> None:
    """A number that Python doesn't read is shown as any other text."""
    long = "9" * 5000
    source = Memory({"a": [2]}, {}, more={LIBRARY_VERSION.name: {("a", "x", long): [1]}})
    assert [row.version for row in versions(source, period(1), ["x"])] == [long]


def test_versions_of_a_page() -> None:
    """A source that knows no days has no last one."""
    source = Memory({}, {}, more={LIBRARY_VERSION.name: {("a", "x", "1"): [3]}}, paged=True)
    assert versions(source, period(1), ["x"]) == [VersionRow(None, "x", "1", 3, 1.0, None)]


def test_coverage() -> None:
    """A hub is silent if nothing came for seven whole days and today; a mean is one of whole days."""
    source = Memory(
        {
            "": [0] * 12,
            "b": [None, 5, None, 10, *[0] * 8],
            "a": [None, None, None, None, *[4] * 6, None, 1],
        },
        {},
    )
    now = Period(BEGIN, BEGIN + 11.5 * DAY)

    def day(number: int) -> date:
        return date(2026, 1, 5 + number)

    def last(number: int) -> datetime:
        return datetime(2026, 1, 5 + number, tzinfo=timezone.utc)

    assert coverage(source, now) == [
        CoverageRow("", day(0), None, 11, 0, 0.0, True),
        CoverageRow("a", day(4), last(12), 6, 25, 4.0, False),
        CoverageRow("b", day(1), last(4), 9, 15, 15 / 9, True),
    ]
    before = Period(BEGIN, BEGIN + 10.5 * DAY)
    assert [row.silent for row in coverage(source, before)] == [True, False, False]


def test_a_young_hub_is_not_silent_yet() -> None:
    """Where nothing came since it is watched, seven whole days have to be over; the first may be a part of one."""
    source = Memory({"a": [0] * 12}, {})
    assert [
        coverage(source, Period(BEGIN, BEGIN + days * DAY))[0].silent for days in (0.1, 7.5, 8.5)
    ] == [None, None, True]


def test_coverage_of_a_page() -> None:
    """A page says neither a day's mean, nor whether a hub that reported is silent."""
    (row,) = coverage(Memory({"a": [3]}, {}, paged=True), period(1))
    assert (row.mean, row.silent, row.processes) == (None, False, 3)
    assert coverage(Memory({}, {}, paged=True), period(1)) == []
