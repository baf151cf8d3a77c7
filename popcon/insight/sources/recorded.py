"""In: a server with popcon's recordings. Out: what they counted: the same expressions as the dashboards'."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from popcon.catalog import REPORTS, Metric
from popcon.insight.sources.prometheus import Prometheus
from popcon.insight.sources.scope import Scope
from popcon.insight.sources.stored import ByDay, Stored, halved, hub_of, key_of, parts
from popcon.insight.usage import DAY, Counts, Period
from popcon.promql import days

#: So many days are asked for at once, as long as the server allows it.
_DAYS_OF_SUMS = 92
#: Of these, each day's number comes over the wire.
_DAYS_OF_DAYS = 31


class RecordedSource(Stored):
    """Popcon's recordings: whole days, and today."""

    words = "recording rules"

    def __init__(self, server: Prometheus, scope: Scope) -> None:
        super().__init__(server, scope)
        self._days = {"sums": _DAYS_OF_SUMS, "days": _DAYS_OF_DAYS}

    def _counted(self, metric: Metric, period: Period, libraries: tuple[str, ...]) -> Counts:
        """Return what was added; each part of the time ends at a midnight, and the last has today."""
        matchers = self.scope.matchers(metric, libraries)
        by = ("namespace", *metric.labels)
        found: Counter[tuple[str, ...]] = Counter()

        def ask(part: Period) -> None:
            range = f"{part.end - part.begin:.0f}s"
            for row in self.server.at(days.added(metric, range, matchers, by), part.end):
                found[key_of(metric, row.labels)] += round(row.value)

        self._ask("sums", ask, period)
        return dict(found)

    def by_day(self, metric: Metric, period: Period, libraries: Iterable[str] = ()) -> ByDay:
        """Return each day: whole ones from the midnights at which they ended, and today."""
        matchers = self.scope.matchers(metric, libraries)
        by = ("namespace", *metric.labels)
        found: ByDay = defaultdict(dict)

        def ask(part: Period) -> None:
            last = part.end - part.end % DAY
            if last > part.begin:
                ended = days.ended(metric, matchers, by)
                for row in self.server.over(ended, part.begin + DAY, last, DAY):
                    for midnight, number in row.points:
                        found[key_of(metric, row.labels)][midnight - DAY] = round(number)
            if part.end > last:
                for row in self.server.at(days.added_today(metric, matchers, by), part.end):
                    found[key_of(metric, row.labels)][last] = round(row.value)

        self._ask("days", ask, period)
        return dict(found)

    def last(self, period: Period) -> dict[str, float]:
        """Return when each hub's reports rose last: to five minutes, where that was in the last two days."""
        rose = days.rose_lately(REPORTS, self.scope.matchers(REPORTS))
        return {hub_of(row): row.value for row in self.server.at(rose, period.end)}

    def notes(self, period: Period) -> list[str]:
        """Return what people have to know, also that the counters themselves go further back."""
        found = super().notes(period)
        first = min((one.first for one in self.observed(period).values()), default=period.end)
        # A counter was there for up to a day before its first recording.
        if first - DAY > period.begin:
            chosen = f"{REPORTS.name}{{{self.scope.matchers(REPORTS)}}}"
            if self.server.series(chosen, period.begin, first - DAY):
                found.append(
                    "there are counters from before these recordings: --from raw reads them"
                )
        return found

    def _ask(self, what: str, ask: Callable[[Period], None], period: Period) -> None:
        # Unless it was too much, a part is asked for as long as the one before it.
        begin = period.begin
        while begin < period.end:
            part = next(parts(Period(begin, period.end), self._days[what]))
            reached = halved(ask, part)
            if reached < part.days:
                self._days[what] = reached
            begin = part.end
