"""In: the measurements of one series. Out: its value at a scrape, and the options that shape it.

`Series` and `Family` are what a reader gets. The classes below them are a series while it lives;
`registry` alone touches those, with its lock held.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, Union

from popcon.exporter.rules import HistogramOptions, SummaryOptions

#: The newest observations that a summary's quantiles are taken from. Up to 500 (the default
#: `buf_cap`) Go's client is exact as well, and gives the same answers.
KEPT_OBSERVATIONS = 500
#: Up to here a sampled observation is added to a sum one by one, so that the last digit is the one
#: that statsd_exporter shows (ten times 0.1 is 0.9999999999999999 there).
ADDED_ONE_BY_ONE = 100

NOT_FINITE = "not_a_finite_number"
#: Seconds that an observation counts for quantiles where a rule doesn't say: client_golang's.
MAX_AGE = 600.0


@dataclass(frozen=True)
class Histogram:
    """`buckets` are (upper bound, observations up to it), ascending, without +Inf."""

    buckets: tuple[tuple[float, int], ...]
    sum: float
    count: int


@dataclass(frozen=True)
class Summary:
    """`quantiles` are (quantile, value), ascending; the value is NaN if nothing came lately."""

    quantiles: tuple[tuple[float, float], ...]
    sum: float
    count: int


class Series(NamedTuple):
    """One time series; its labels are (name, value) pairs, sorted by name."""

    labels: tuple[tuple[str, str], ...]
    value: float | Histogram | Summary


class Family(NamedTuple):
    """The series of one name; `type` is counter, gauge, histogram or summary."""

    name: str
    type: str
    help: str
    series: tuple[Series, ...]


class LiveCounter:
    """A sum that only grows."""

    __slots__ = ("touched", "ttl", "value")

    def __init__(self) -> None:
        self.touched = self.ttl = self.value = 0.0

    def take(self, value: float, relative: bool, times: int, now: float) -> str | None:
        """Add `value`, unless the sum would never be finite again."""
        total = self.value + value
        if not math.isfinite(total):
            return NOT_FINITE
        self.value = total
        return None

    def freeze(self, now: float) -> float:
        """The sum."""
        return self.value


class LiveGauge:
    """A value that is set, or moved."""

    __slots__ = ("touched", "ttl", "value")

    def __init__(self) -> None:
        self.touched = self.ttl = self.value = 0.0

    def take(self, value: float, relative: bool, times: int, now: float) -> None:
        """Set to `value`, or move by it."""
        self.value = self.value + value if relative else value

    def freeze(self, now: float) -> float:
        """The value."""
        return self.value


class LiveHistogram:
    """Observations, counted by the bucket that they fall in."""

    __slots__ = ("bounds", "counts", "sum", "touched", "ttl")

    def __init__(self, options: HistogramOptions) -> None:
        self.touched = self.ttl = self.sum = 0.0
        # A mapping file may hold anything here, and it is too late to refuse it.
        self.bounds = sorted({bound for bound in options.buckets if bound < math.inf})
        self.counts = [0] * (len(self.bounds) + 1)

    def take(self, value: float, relative: bool, times: int, now: float) -> None:
        """Observe `value` so many `times`; NaN is in no bucket but +Inf."""
        at = len(self.bounds) if math.isnan(value) else bisect_left(self.bounds, value)
        self.counts[at] += times
        self.sum = _add(self.sum, value, times)

    def freeze(self, now: float) -> Histogram:
        """The counts, added up from bucket to bucket."""
        buckets, total = [], 0
        for bound, count in zip(self.bounds, self.counts):
            total += count
            buckets.append((bound, total))
        return Histogram(tuple(buckets), self.sum, total + self.counts[-1])


class LiveSummary:
    """Observations, the newest of them kept as (when, value, how often)."""

    __slots__ = ("count", "kept", "max_age", "quantiles", "sum", "touched", "ttl")

    def __init__(self, options: SummaryOptions) -> None:
        self.touched = self.ttl = self.sum = 0.0
        self.count = 0
        # The allowed errors, age_buckets and buf_cap tune a sketch that there is none of here.
        self.max_age = options.max_age or MAX_AGE
        # A mapping file may hold anything here, and it is too late to refuse it.
        self.quantiles = sorted(
            {quantile for quantile, _ in options.quantiles if 0 <= quantile <= 1}
        )
        self.kept: deque[tuple[float, float, int]] = deque(maxlen=KEPT_OBSERVATIONS)

    def take(self, value: float, relative: bool, times: int, now: float) -> None:
        """Observe `value` so many `times`."""
        self._forget(now)
        self.kept.append((now, value, times))
        self.count += times
        self.sum = _add(self.sum, value, times)

    def freeze(self, now: float) -> Summary:
        """The quantiles over what was kept and is young enough; sum and count over everything."""
        self._forget(now)
        # NaN first, so that sorting is well defined.
        kept = sorted((not math.isnan(value), value, times) for _, value, times in self.kept)
        ranked = [(value, times) for _, value, times in kept]
        found = tuple((quantile, _quantile(ranked, quantile)) for quantile in self.quantiles)
        return Summary(found, self.sum, self.count)

    def _forget(self, now: float) -> None:
        while self.kept and self.kept[0][0] < now - self.max_age:
            self.kept.popleft()


Live = Union[LiveCounter, LiveGauge, LiveHistogram, LiveSummary]


def new_live(type: str, options: HistogramOptions | SummaryOptions) -> Live:
    """An empty series of a type; the options are those of the type, and unused without."""
    if isinstance(options, HistogramOptions) and type == "histogram":
        return LiveHistogram(options)
    if isinstance(options, SummaryOptions) and type == "summary":
        return LiveSummary(options)
    return LiveCounter() if type == "counter" else LiveGauge()


def _quantile(ranked: list[tuple[float, int]], quantile: float) -> float:
    """The smallest value that at least `quantile` of the observations don't exceed.

    That is how Go's client answers as long as its buffer isn't full (beorn7/perks, Query).
    """
    rank = math.ceil(sum(times for _, times in ranked) * quantile)
    for value, times in ranked:
        rank -= times
        if rank <= 0:
            return value
    return ranked[-1][0] if ranked else math.nan


def _add(total: float, value: float, times: int) -> float:
    if times > ADDED_ONE_BY_ONE:
        return total + value * times
    for _ in range(times):
        total += value
    return total
