"""In: a server with popcon's counters and no recordings of them. Out: what they counted, as rules would have it.

Where no exporter began, ended or moved, both ends of a stretch tell by how much a counter rose. What
lies between such stretches is asked for in the steps of five minutes that recordings are made of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby

from popcon.catalog import REPORTS, Metric
from popcon.insight.sources.prometheus import Prometheus, Row, TooMuchError
from popcon.insight.sources.scope import Scope, one_of
from popcon.insight.sources.stored import ByDay, Stored, key_of, parts
from popcon.insight.sources.stretches import QUIET, STEPS, WIDE, Stretch, stretches
from popcon.insight.usage import DAY, Counts, Period
from popcon.promql.exporter_names import LINES
from popcon.promql.steps import STEP, changed, quiet_step, step

#: A range has at most 11,000 points in Prometheus: so many days of steps.
_DAYS_OF_STEPS = 30


class RawSource(Stored):
    """Counters themselves."""

    words = "raw series"

    def __init__(self, server: Prometheus, scope: Scope) -> None:
        super().__init__(server, scope)
        self._moments: dict[Period, tuple[str, list[float]]] = {}

    def _counted(self, metric: Metric, period: Period, libraries: tuple[str, ...]) -> Counts:
        """Return the sums over all stretches."""
        found: Counter[tuple[str, ...]] = Counter()
        targets, moments = self._moved(period)
        matchers = self.scope.matchers(metric, libraries)
        for one in stretches(moments, period.begin, _last_step(period)):
            for row in self._rose(metric, one, matchers, targets):
                found[key_of(metric, row.labels)] += round(row.value)
        for key in self._first_minutes(metric, period, matchers, targets):
            found[key] += 0
        return dict(found)

    def by_day(self, metric: Metric, period: Period, libraries: Iterable[str] = ()) -> ByDay:
        """Return the sums over each day's stretches; whole quiet days are asked for together."""
        found: defaultdict[tuple[str, ...], Counter[float]] = defaultdict(Counter)
        targets, moments = self._moved(period)
        matchers = self.scope.matchers(metric, libraries)
        days = stretches(moments, period.begin, _last_step(period), by_day=True)
        for is_whole, group in groupby(
            days, lambda one: one.kind == QUIET and one.end - one.begin == DAY
        ):
            some = list(group)
            if is_whole:
                for row in self._whole_days(metric, some, matchers, targets):
                    for midnight, value in row.points:
                        found[key_of(metric, row.labels)][midnight - DAY] += round(value)
                continue
            for one in some:
                for row in self._rose(metric, one, matchers, targets):
                    found[key_of(metric, row.labels)][one.day] += round(row.value)
        for key in self._first_minutes(metric, period, matchers, targets):
            found[key][_last_step(period)] += 0
        return {key: dict(added) for key, added in found.items()}

    def _first_minutes(
        self, metric: Metric, period: Period, matchers: str, targets: str
    ) -> list[tuple[str, ...]]:
        """Return what is there where today has begun and has no whole step: it has added nothing yet."""
        midnight = _last_step(period)
        if midnight % DAY or midnight == period.end:
            return []
        asked = quiet_step(metric, "5m", matchers, targets)
        return [key_of(metric, row.labels) for row in self.server.at(asked, midnight)]

    def _whole_days(
        self, metric: Metric, some: list[Stretch], matchers: str, targets: str
    ) -> Iterator[Row]:
        asked = quiet_step(metric, "1d", matchers, targets)
        for part in parts(Period(some[0].begin, some[-1].end), _DAYS_OF_STEPS):
            yield from self.server.over(asked, part.begin + DAY, part.end, DAY)

    def _rose(self, metric: Metric, one: Stretch, matchers: str, targets: str) -> list[Row]:
        """Return by how much counters rose in a stretch."""
        if one.kind == QUIET:
            return self.server.at(quiet_step(metric, one.width, matchers, targets), one.end)
        if one.kind == WIDE:
            asked = step(metric, one.width, matchers, targets, is_recorded=False)
            return self.server.at(asked, one.end)
        short = step(metric, "5m", matchers, targets, is_recorded=False)
        if one.end - one.begin <= STEP:
            return self.server.at(short, one.end)
        # Less a minute: before Prometheus 3, a range has the moment that it begins at, too.
        range = f"{one.end - one.begin - 60:.0f}s"
        try:
            return self.server.at(f"sum_over_time((\n{short}\n)[{range}:5m])", one.end)
        except TooMuchError:
            middle = one.begin + (one.end - one.begin) // STEP // 2 * STEP
            halves = (Stretch(one.begin, middle, STEPS), Stretch(middle, one.end, STEPS))
            return [row for half in halves for row in self._rose(metric, half, matchers, targets)]

    def _moved(self, period: Period) -> tuple[str, list[float]]:
        """Return the matchers of popcon's exporters, and when one of them began, ended or moved."""
        if period not in self._moments:
            # A day before, as what moved there is still felt.
            begin, end = max(0, period.begin - DAY), _last_step(period)
            targets = self._targets(begin, period.end)
            moments = [
                moment
                for part in parts(Period(begin, end), _DAYS_OF_STEPS)
                for row in self.server.over(changed(targets), part.begin + STEP, part.end, STEP)
                for moment, _ in row.points
            ]
            self._moments[period] = targets, moments
        return self._moments[period]

    def _targets(self, begin: float, end: float) -> str:
        """Return the matchers of the exporters that show the chosen hubs: by job, as instances come and go."""
        chosen = f"{REPORTS.name}{{{self.scope.matchers(REPORTS)}}}"
        series = self.server.series(chosen, begin, end)
        if not series and not self.server.series(REPORTS.name, begin, end):
            series = self.server.series(LINES, begin, end)  # reports aren't counted everywhere
        return f"job=~{one_of(sorted({labels.get('job', '') for labels in series}))}"


def _last_step(period: Period) -> float:
    return period.end - period.end % STEP
