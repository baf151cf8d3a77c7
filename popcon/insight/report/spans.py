"""In: a source, a time, libraries. Out: days, weeks or months, with their processes and the libraries' shares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.insight.answers.times import Step, step_of, steps
from popcon.insight.usage import DAY, Period, Source

#: Up to so many days are shown by day, up to so many by week, more by month.
_BY_DAY = 16
_BY_WEEK = 19 * 7


class Span(NamedTuple):
    """A day, a week from Monday, or a month, of which some hub was watched on so many `days`.

    `whole` is whether all of it is within what was asked, and was watched.
    """

    begin: float
    end: float
    days: int
    whole: bool
    processes: int


class Trend(NamedTuple):
    """How it went: `unit` is day, week or month; `shares` has a share for each span, None without reports.

    `watched` is hub → for each span the reports that came, None where it wasn't there.
    """

    unit: str
    spans: list[Span]
    shares: dict[str, list[float | None]]
    watched: dict[str, list[int | None]]


def trend(source: Source, period: Period, libraries: Sequence[str]) -> Trend:
    """Return how many processes reported over time, and by which share libraries were used."""
    reports: dict[str, dict[float, int]] = {}
    for key, days in source.by_day(REPORTS, period).items():
        reports[key[0]] = days
    known = [day for days in reports.values() for day in days]
    if not known:
        return Trend("day", [], {}, {})
    begin = max(period.begin, min(known))
    within = Period(begin, period.end)
    unit = "day" if within.days <= _BY_DAY else "week" if within.days <= _BY_WEEK else "month"
    cut = steps(within, unit)
    watched = {hub: _sums(days, cut, unit) for hub, days in reports.items()}
    totals = [sum(row[i] or 0 for row in watched.values()) for i in range(len(cut))]
    used: dict[str, list[int]] = {name: [0] * len(cut) for name in libraries}
    if libraries:
        for (_, library), days in source.by_day(LIBRARY_USED, period, libraries).items():
            if library in used:
                for index, number in enumerate(_sums(days, cut, unit)):
                    used[library][index] += number or 0
    there = set(known)
    spans = []
    for step, number in zip(cut, totals):
        seen = len(there.intersection(step.days))
        end = min(step.days[-1] + DAY, period.end)
        whole = step.whole and seen == len(step.days)
        spans.append(Span(step.days[0], end, seen, whole, number))
    shares = {
        name: [
            min(number / total, 1.0) if total else None for number, total in zip(numbers, totals)
        ]
        for name, numbers in used.items()
    }
    return Trend(unit, spans, shares, watched)


def _sums(days: dict[float, int], cut: Sequence[Step], unit: str) -> list[int | None]:
    """Return the sum of each step, None where no day of it was watched."""
    found: dict[date, int] = {}
    for day, number in days.items():
        begin = step_of(day, unit)
        found[begin] = found.get(begin, 0) + number
    return [found.get(step.begin) for step in cut]
