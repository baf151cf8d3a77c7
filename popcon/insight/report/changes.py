"""In: a source, a period. Out: what is new, gone, rising and falling, against the same time before."""

from __future__ import annotations

from typing import NamedTuple

from popcon.catalog import LIBRARY_USED
from popcon.enough import MOST_DAYS
from popcon.insight.answers.groups import UNNAMED
from popcon.insight.answers.trend import FALLING, RISING, changed
from popcon.insight.usage import DAY, Observed, Period, Source

#: What moved by less of all processes neither rises nor falls, for who reads a page.
LEAST = 0.01
#: Shorter times than this aren't compared.
_SHORTEST = 7


class Change(NamedTuple):
    """A library's processes and share, before and after."""

    name: str
    processes_before: int
    processes: int
    before: float
    after: float

    @property
    def by(self) -> float:
        """Return by how much its share changed."""
        return self.after - self.before


class Changes(NamedTuple):
    """What changed between two times, in the hubs that were watched in both."""

    before: Period
    after: Period
    hubs: list[str]
    new: list[Change]
    gone: list[Change]
    rising: list[Change]
    falling: list[Change]

    @property
    def moved(self) -> list[Change]:
        """Return what rose, then what fell."""
        return self.rising + self.falling


def changes(source: Source, period: Period) -> Changes | None:
    """Return what changed since the time of the same length before.

    Where nothing is known of that, between the first and the second half of the period; None where
    that is too short, too.
    """
    span = period.days * DAY
    half = period.begin + period.days // 2 * DAY
    for before, after in (
        (Period(period.begin - span, period.begin), period),
        (Period(period.begin, half), Period(half, period.end)),
    ):
        if before.days < _SHORTEST:
            continue
        seen, now = source.observed(before), source.observed(after)
        hubs = sorted(hub for hub in seen if _comparable(seen[hub], now.get(hub), before))
        if hubs:
            return _compared(source, before, after, hubs, (seen, now))
    return None


def _comparable(before: Observed, after: Observed | None, period: Period) -> bool:
    return bool(
        before.days >= MOST_DAYS * period.days
        and before.processes
        and after is not None
        and after.processes
    )


def _compared(
    source: Source,
    before: Period,
    after: Period,
    hubs: list[str],
    observed: tuple[dict[str, Observed], dict[str, Observed]],
) -> Changes:
    numbers: dict[str, list[int]] = {}
    for index, span in enumerate((before, after)):
        for (hub, library), number in source.counts(LIBRARY_USED, span).items():
            if hub in hubs and library not in UNNAMED:
                numbers.setdefault(library, [0, 0])[index] += number
    all_before, all_after = (sum(seen[hub].processes for hub in hubs) for seen in observed)
    rows = [
        Change(name, was, now, min(was / all_before, 1.0), min(now / all_after, 1.0))
        for name, (was, now) in numbers.items()
    ]
    moved = [
        one
        for one in sorted(rows, key=lambda one: (-abs(one.by), one.name))
        if abs(one.by) >= LEAST
        and changed(one.processes_before, all_before, one.processes, all_after) in (RISING, FALLING)
    ]
    return Changes(
        before,
        after,
        hubs,
        _by_use([one for one in rows if one.processes and not one.processes_before]),
        _by_use([one for one in rows if one.processes_before and not one.processes]),
        [one for one in moved if one.by > 0],
        [one for one in moved if one.by < 0],
    )


def _by_use(rows: list[Change]) -> list[Change]:
    return sorted(rows, key=lambda one: (-one.processes - one.processes_before, one.name))
