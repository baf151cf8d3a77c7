"""In: what was added on which day. Out: a source of usage that has just that, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from popcon.catalog import LIBRARY_USED, REPORTS, Metric
from popcon.errors import UsageError
from popcon.insight.usage import DAY, Counts, Observed, Period

#: A Monday.
BEGIN = 1_767_571_200.0
#: Key → what was added on each day from `BEGIN` on; None where it wasn't watched.
Added = Mapping[tuple[str, ...], Sequence["int | None"]]


def period(days: float, after: int = 0) -> Period:
    """Return so many days, the last perhaps not over, after some others."""
    return Period(BEGIN + after * DAY, BEGIN + (after + days) * DAY)


class Memory:
    """Counts by day; with `paged` one that knows no days, as a saved page."""

    words = "memory"

    def __init__(
        self,
        reports: Mapping[str, Sequence[int | None]],
        used: Added,
        *,
        more: Mapping[str, Added] | None = None,
        sizes: Mapping[tuple[str, str, str], int] | None = None,
        paged: bool = False,
    ) -> None:
        self._added: dict[str, Added] = {
            REPORTS.name: {(hub,): days for hub, days in reports.items()},
            LIBRARY_USED.name: used,
            **(more or {}),
        }
        self._sizes = dict(sizes or {})
        self._paged = paged
        self.asked: list[tuple[str, Period]] = []

    def counts(self, metric: Metric, period: Period, libraries: Iterable[str] = ()) -> Counts:
        return {key: sum(days.values()) for key, days in self._days(metric, period, libraries)}

    def by_day(
        self, metric: Metric, period: Period, libraries: Iterable[str] = ()
    ) -> dict[tuple[str, ...], dict[float, int]]:
        if self._paged:
            raise UsageError("no days")
        self.asked.append((metric.name, period))
        return dict(self._days(metric, period, libraries))

    def _days(
        self, metric: Metric, period: Period, libraries: Iterable[str]
    ) -> Iterable[tuple[tuple[str, ...], dict[float, int]]]:
        chosen = set(libraries)
        for key, added in self._added.get(metric.name, {}).items():
            days = {
                BEGIN + number * DAY: count
                for number, count in enumerate(added)
                if count is not None and period.begin <= BEGIN + number * DAY < period.end
            }
            if days and (not chosen or key[1] in chosen):
                yield key, days

    def observed(self, period: Period) -> dict[str, Observed]:
        found = {}
        for (hub,), added in self._added[REPORTS.name].items():
            days = {BEGIN + n * DAY: count for n, count in enumerate(added) if count is not None}
            inside = {day: n for day, n in days.items() if period.begin <= day < period.end}
            rose = [day + DAY for day, count in days.items() if count]
            found[hub] = Observed(
                min(days),
                max(rose, default=None),
                sum(day + DAY <= period.end for day in inside),
                sum(inside.values()),
            )
        return found

    def sizes(self, period: Period) -> dict[tuple[str, str, str], int]:
        return self._sizes

    def notes(self, period: Period) -> list[str]:
        return ["a note"]
