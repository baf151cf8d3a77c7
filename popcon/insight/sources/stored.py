"""In: a server that keeps histories. Out: what its sources have in common: hubs, sizes, asking in parts of the time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from popcon.catalog import LIBRARY_INSTALLED, REPORTS, Metric
from popcon.insight.sources.notes import NO_NUMBERS, notes
from popcon.insight.sources.prometheus import Labels, Prometheus, Row, TooMuchError
from popcon.insight.sources.scope import Scope
from popcon.insight.usage import DAY, Counts, Observed, Period

#: How far back a hub is looked for, in parts of a year.
_YEARS = 10
_YEAR = 366

ByDay = dict[tuple[str, ...], dict[float, int]]


class Stored:
    """A source in a server, which is asked for the same once. How counts are read is what its kinds add."""

    words = ""

    def __init__(self, server: Prometheus, scope: Scope) -> None:
        self.server = server
        self.scope = scope
        self._counts: dict[tuple[str, Period, tuple[str, ...]], Counts] = {}
        self._observed: dict[Period, dict[str, Observed]] = {}
        self._sizes: dict[Period, dict[tuple[str, str, str], int]] = {}

    def counts(self, metric: Metric, period: Period, libraries: Iterable[str] = ()) -> Counts:
        """Return what `Source` says."""
        asked = metric.name, period, tuple(libraries)
        if asked not in self._counts:
            self._counts[asked] = self._counted(metric, period, asked[2])
        return self._counts[asked]

    def _counted(self, metric: Metric, period: Period, libraries: tuple[str, ...]) -> Counts:
        raise NotImplementedError

    def by_day(self, metric: Metric, period: Period, libraries: Iterable[str] = ()) -> ByDay:
        """Return what `Source` says."""
        raise NotImplementedError

    def last(self, period: Period) -> dict[str, float]:
        """Return when each hub's reports rose last, where that is known better than to the day."""
        return {}

    def observed(self, period: Period) -> dict[str, Observed]:
        """Return what is known of each hub, also of those that are silent in the period."""
        if period not in self._observed:
            self._observed[period] = self._look(period)
        return self._observed[period]

    def sizes(self, period: Period) -> dict[tuple[str, str, str], int]:
        """Return what the inventories gave: now, or at the last midnights of the period."""
        if period not in self._sizes:
            self._sizes[period] = self._measured(period)
        return self._sizes[period]

    def _measured(self, period: Period) -> dict[tuple[str, str, str], int]:
        found: dict[tuple[str, str, str], int] = {}
        chosen = self.scope.matchers(LIBRARY_INSTALLED)
        series = f"{LIBRARY_INSTALLED.name}{{{chosen}}}"

        def ask(part: Period) -> None:
            range = f"{part.end - part.begin:.0f}s"
            for row in self.server.at(
                "max by (namespace, library, part) "
                f"(last_over_time({series}[15m]) or last_over_time({series}[{range}:1d]))",
                part.end,
            ):
                key = hub_of(row), row.labels.get("library", ""), row.labels.get("part", "")
                found[key] = max(found.get(key, 0), round(row.value))

        for part in parts(period, _YEAR):
            halved(ask, part)
        return found

    def notes(self, period: Period) -> list[str]:
        """Return what people have to know of these numbers."""
        found = notes(self, period)
        found += [NO_NUMBERS] if self.server.is_odd else []
        return [*found, *(f"the server says: {words}" for words in self.server.said)]

    def _look(self, period: Period) -> dict[str, Observed]:
        days: dict[str, dict[float, int]] = {}
        for part in self._years(period):
            before = len(days)
            found = self.by_day(REPORTS, part)
            for (hub, *_), added in found.items():
                days.setdefault(hub, {}).update(added)
            if not found and (before or part.end < period.begin):
                break
        last = self.last(period)
        return {hub: _seen(added, period, last.get(hub)) for hub, added in days.items()}

    def _years(self, period: Period) -> Iterator[Period]:
        """Yield the period, and the years before it, the later first."""
        yield period
        end = period.begin
        for _ in range(_YEARS):
            if end <= 0:
                return
            yield Period(max(0, end - _YEAR * DAY), end)
            end -= _YEAR * DAY


def _seen(added: dict[float, int], period: Period, last: float | None) -> Observed:
    """Return what the days of a hub say; a day on which reports rose is known by its end."""
    inside = {day: number for day, number in added.items() if period.begin <= day < period.end}
    rose = [min(day + DAY, period.end) for day, number in added.items() if number > 0]
    return Observed(
        first=min(added),
        last=last if last is not None else max(rose, default=None),
        days=sum(day + DAY <= period.end for day in inside),
        processes=sum(inside.values()),
    )


def hub_of(row: Row) -> str:
    """Return the hub that a row is of."""
    return row.labels.get("namespace", "")


def key_of(metric: Metric, labels: Labels) -> tuple[str, ...]:
    """Return the hub and the metric's own labels."""
    return tuple(labels.get(name, "") for name in ("namespace", *metric.labels))


def parts(period: Period, days: int) -> Iterator[Period]:
    """Yield a period in parts of at most so many days, which begin and end at midnights.

    >>> [one.days for one in parts(Period(0, 2.5 * DAY), 2)]
    [2, 1]
    """
    begin = period.begin
    while begin < period.end:
        end = min(begin + days * DAY, period.end)
        yield Period(begin, end)
        begin = end


def halved(ask: Callable[[Period], None], part: Period) -> int:
    """Ask of a part of the time; in halves, where that is too much for the server at once.

    Return how many days were asked for at once in the end.
    """
    try:
        ask(part)
    except TooMuchError:
        if part.days < 2:
            raise
        half = (part.days + 1) // 2
        return min(halved(ask, one) for one in parts(part, half))
    return part.days
