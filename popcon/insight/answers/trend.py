"""In: a source, a period, libraries. Out: how many processes used each, by day, week or month; and what changed, in a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import sqrt
from typing import NamedTuple

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.enough import ENOUGH_DAYS, FLOOR, HINT_DAYS, MOST_DAYS, RARELY
from popcon.insight.answers.groups import Group, group_of, in_order, share
from popcon.insight.answers.times import day_of, steps, whole_days
from popcon.insight.usage import Period, Source

NEW, GONE, RISING, FALLING, STEADY = ("new", "gone", "rising", "falling", "steady")
#: A share that changes by less than this part of itself is steady; so is what chance explains.
_CHANGE = 0.25
_ERRORS = 3.0
#: What chance does in fewer cases isn't chance.
_CHANCE = 0.001

#: Midnight → what was added on that day; a day that wasn't watched is not there.
_Days = Mapping[float, int]


class TrendRow(NamedTuple):
    """A step: the day on which it begins, and on how many days of it, today included, a hub was watched.

    `processes` used the library, of `reports` that reported; None where no day was watched. `whole`
    says that all days of the step are in the period, and over.
    """

    namespace: Group
    library: str
    begin: date
    days: int
    whole: bool
    processes: int | None
    reports: int | None
    share: float | None


class Trend(NamedTuple):
    """A library's steps, the first and last day of use, its share in the halves of the period.

    `change` is a word, or None where the data doesn't say one: the halves need two weeks each, and
    hubs that were watched in both on nine days of ten, and reported. Only of these are the halves.
    New and gone is what no process used for the first, or the last, four weeks at least (or half of
    the period), which chance alone wouldn't leave out, and at least `RARELY` on the others.
    """

    namespace: Group
    library: str
    rows: list[TrendRow]
    processes: int
    share: float | None
    first: date | None
    last: date | None
    before: float | None
    after: float | None
    change: str | None


def trend(
    source: Source,
    period: Period,
    libraries: Sequence[str],
    every: str = "day",
    by_namespace: bool = False,
) -> list[Trend]:
    """Return a trend for each library, in their order, and each hub, where these are asked for.

    `every` is "day", "week" (from Monday on) or "month".
    """
    reports = {hub: days for (hub, *_), days in source.by_day(REPORTS, period).items()}
    used = {
        (hub, library): days
        for (hub, library), days in source.by_day(LIBRARY_USED, period, libraries).items()
    }
    groups = in_order({group_of(hub, by_namespace) for hub in reports} if by_namespace else {None})
    found = []
    for library in libraries:
        for group in groups:
            hubs = [hub for hub in reports if group_of(hub, by_namespace) == group]
            of_hubs = {hub: (reports[hub], used.get((hub, library), {})) for hub in hubs}
            found.append(_trend(group, library, of_hubs, period, every))
    return found


def _trend(
    group: Group,
    library: str,
    hubs: Mapping[str, tuple[_Days, _Days]],
    period: Period,
    every: str,
) -> Trend:
    rows = _rows(group, library, hubs, period, every)
    processes = sum(row.processes or 0 for row in rows)
    reports = sum(row.reports or 0 for row in rows)
    before, after, change = _change(hubs, period)
    used = sorted(day for _, days in hubs.values() for day, count in days.items() if count)
    return Trend(
        group,
        library,
        rows,
        processes,
        share(processes, reports),
        day_of(used[0]) if used else None,
        day_of(used[-1]) if used else None,
        before,
        after,
        change,
    )


def _rows(
    group: Group,
    library: str,
    hubs: Mapping[str, tuple[_Days, _Days]],
    period: Period,
    every: str,
) -> list[TrendRow]:
    rows = []
    for begin, days, whole in steps(period, every):
        watched = [day for day in days if any(day in reports for reports, _ in hubs.values())]
        processes = reported = 0
        for reports, used in hubs.values():
            reported += sum(reports.get(day, 0) for day in days)
            processes += sum(used.get(day, 0) for day in days)
        rows.append(
            TrendRow(
                group,
                library,
                begin,
                len(watched),
                whole,
                processes if watched else None,
                reported if watched else None,
                share(processes, reported),
            )
        )
    return rows


def _steady(
    hubs: Mapping[str, tuple[_Days, _Days]], halves: tuple[list[float], list[float]]
) -> tuple[dict[float, int], dict[float, int]]:
    """Return the reports and the uses of each day, of hubs that were watched and reported in both halves.

    Holidays, a hub that is new, and one that fell silent make nothing look new or gone.
    """
    reported: dict[float, int] = {}
    uses: dict[float, int] = {}
    for reports, used in hubs.values():
        if all(
            sum(day in reports for day in half) >= MOST_DAYS * len(half)
            and any(reports.get(day) for day in half)
            for half in halves
        ):
            for half in halves:
                for day in half:
                    reported[day] = reported.get(day, 0) + reports.get(day, 0)
                    uses[day] = uses.get(day, 0) + used.get(day, 0)
    return reported, uses


def _change(
    hubs: Mapping[str, tuple[_Days, _Days]], period: Period
) -> tuple[float | None, float | None, str | None]:
    """Return the shares in the halves of the period, and the word for what changed."""
    days = sorted(whole_days(period))
    half = len(days) // 2
    if half < HINT_DAYS:
        return None, None, None
    halves = days[:half], days[-half:]
    reported, uses = _steady(hubs, halves)
    if not reported:
        return None, None, None
    before, after = (
        (sum(uses[day] for day in each), sum(reported[day] for day in each)) for each in halves
    )
    used = [day for day in sorted(uses) if uses[day]]
    word = None
    if used:
        long = min(half, ENOUGH_DAYS)
        # Today is no whole day, but what is used on it isn't gone.
        today = any(day > days[-1] and n for _, of in hubs.values() for day, n in of.items())
        if not today and _none_since(sorted(uses, reverse=True), used[-1], long, reported, uses):
            word = GONE
        elif _none_since(sorted(uses), used[0], long, reported, uses):
            word = NEW
        else:
            word = changed(*before, *after)
    return share(*before), share(*after), word


def _none_since(
    days: Sequence[float],
    use: float,
    long: int,
    reported: Mapping[float, int],
    uses: Mapping[float, int],
) -> bool:
    """Return whether a library is not used on the first of these days, before that use, and not by chance.

    If each use could be any process's, all of them are in the rest with the probability that is the
    rest's part of the processes, to the power of their number.
    """
    without, rest = days[: days.index(use)], days[days.index(use) :]
    number = sum(uses[day] for day in rest)
    part = sum(reported[day] for day in rest) / sum(reported[day] for day in days)
    return len(without) >= long and number >= RARELY and part**number <= _CHANCE


def changed(used_before: int, before: int, used_after: int, after: int) -> str | None:
    """Return the word for a change from one half of a period to the other; None where none can be said.

    A share rises or falls where at least `FLOOR` processes
    of a half have it, it changes by a quarter, and by three standard errors of a difference of shares.

    >>> changed(100, 500, 200, 500), changed(100, 500, 103, 500), changed(3, 500, 9, 500)
    ('rising', 'steady', None)
    """
    if not before or not after or max(used_before, used_after) < FLOOR:
        return None
    earlier, later = used_before / before, used_after / after
    together = min(1.0, (used_before + used_after) / (before + after))
    error = sqrt(together * (1 - together) * (1 / before + 1 / after))
    difference = later - earlier
    if abs(difference) < _CHANGE * earlier or abs(difference) <= _ERRORS * error:
        return STEADY
    return RISING if difference > 0 else FALLING
