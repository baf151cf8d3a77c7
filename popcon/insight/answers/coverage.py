"""In: a source, a period. Out: which hubs report, since when, how much, and which are silent."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import NamedTuple

from popcon.catalog import REPORTS
from popcon.errors import UsageError
from popcon.insight.answers.times import day_of, moment_of, whole_days
from popcon.insight.usage import DAY, Observed, Period, Source

#: A hub from which nothing came for so many whole days, and today, is silent.
SILENT_DAYS = 7


class CoverageRow(NamedTuple):
    """A hub: since when there is data of it, when its reports rose last, and what came in the period.

    `days` are the whole days of the period on which it was watched, `mean` the processes of such a
    day on an average. `last` is None where it never was seen to rise, `mean` and `silent` where the
    source can't tell.
    """

    namespace: str
    since: date
    last: datetime | None
    days: int
    processes: int
    mean: float | None
    silent: bool | None


def coverage(source: Source, period: Period) -> list[CoverageRow]:
    """Return a row for each hub that there is data of, also where it sent nothing in the period."""
    means = _means(source, period)
    return [
        CoverageRow(
            hub,
            day_of(known.first),
            None if known.last is None else moment_of(known.last),
            known.days,
            known.processes,
            means.get(hub),
            is_silent(known, period),
        )
        for hub, known in sorted(source.observed(period).items())
    ]


def _means(source: Source, period: Period) -> dict[str, float]:
    """Return hub → the mean of its whole days; today would lower it all morning."""
    try:
        found = source.by_day(REPORTS, period)
    except UsageError:  # one page, which knows no days
        return {}
    whole = whole_days(period)
    totals: defaultdict[str, list[int]] = defaultdict(list)
    for (hub, *_), days in found.items():
        totals[hub] += [count for day, count in days.items() if day in whole]
    return {hub: sum(counts) / len(counts) for hub, counts in totals.items() if counts}


def is_silent(known: Observed, period: Period) -> bool | None:
    """Return whether nothing came for so long, at the period's end; None where it can't be known."""
    silent_since = period.end // DAY * DAY - SILENT_DAYS * DAY
    if known.last is None:
        # A page of one moment doesn't say when its counts rose. What never rose wasn't watched for
        # so long, unless it was before; the first day may be a part of one.
        return True if not known.processes and known.first + DAY <= silent_since else None
    return known.last <= silent_since
