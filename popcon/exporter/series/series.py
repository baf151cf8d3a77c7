"""In: the measurements of one series. Out: its value at a scrape, and the options that shape it.

`Series` and `Family` are what a reader gets. The classes below them are a series while it lives:
what `registry` holds, and what a counted line is added to.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from popcon.exporter.mapping.rules import HistogramOptions, SummaryOptions

if TYPE_CHECKING:
    from popcon.exporter.series.drawn import Chunk

#: The newest observations that a summary's quantiles are taken from. Up to 500 (the default
#: `buf_cap`) Go's client is exact as well, and gives the same answers.
KEPT_OBSERVATIONS = 500
#: Up to here a sampled observation is added to a sum one by one, so that the last digit is the one
#: that statsd_exporter shows (ten times 0.1 is 0.9999999999999999 there).
ADDED_ONE_BY_ONE = 100

NOT_FINITE = "not_a_finite_number"
#: Go's whole numbers have 64 bits; what is larger is added up with the fractions.
_WHOLE_BELOW = 2.0**64
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


class Shape:
    """What the series of one name with the same label names have in common.

    `names` are the label names, sorted; `options` those of the type, and unused by counters and
    gauges; `bounds` are buckets or quantiles. `restored` says that the options are those of before a
    restart. A live series that changes puts itself on `stale`, for the next page, and on `unsaved`,
    for the state file.
    """

    __slots__ = (
        "bounds",
        "metric",
        "names",
        "options",
        "restored",
        "series",
        "stale",
        "type",
        "unsaved",
    )

    def __init__(
        self,
        metric: str,
        type: str,
        names: tuple[str, ...],
        options: HistogramOptions | SummaryOptions,
        stale: list[Live],
        unsaved: list[Live],
    ) -> None:
        self.metric, self.type, self.names = metric, type, names
        self.stale, self.unsaved = stale, unsaved
        self.series: dict[tuple[str, ...], Live] = {}
        self.restored = False
        self.reset(options)

    def reset(self, options: HistogramOptions | SummaryOptions) -> None:
        """Use other options from now on."""
        self.options = options
        # A mapping file may hold anything here, and it is too late to refuse it.
        self.bounds = (
            sorted({bound for bound in options.buckets if bound < math.inf})
            if isinstance(options, HistogramOptions)
            else sorted({quantile for quantile, _ in options.quantiles if 0 <= quantile <= 1})
        )

    def new(self, values: tuple[str, ...]) -> Live:
        """Return an empty series with these label values, which is in `series` from now on."""
        live = self.series[values] = _LIVE[self.type](self, values)
        return live


class Live:
    """One series while it lives. `gone` tells those who kept it that it was let go of.

    `expires` are seconds of the registry's clock; `chunk` is the part of the page it is in; `fresh`
    and `saved` say that this page, and the state file, are not behind.
    """

    __slots__ = ("chunk", "expires", "fresh", "gone", "saved", "shape", "values")

    def __init__(self, shape: Shape, values: tuple[str, ...]) -> None:
        self.shape = shape
        self.values = values
        self.expires = math.inf
        self.chunk: Chunk | None = None
        self.gone = self.fresh = self.saved = False

    def labels(self) -> tuple[tuple[str, str], ...]:
        """The (name, value) pairs, sorted by name."""
        return tuple(zip(self.shape.names, self.values))

    def take(
        self, value: float, times: int = 1, relative: bool = False, now: float = 0.0
    ) -> str | None:
        """Measure `value`, so many `times`; return None, or why that can't be."""
        raise NotImplementedError

    def freeze(self, now: float) -> float | Histogram | Summary:
        """What a reader gets."""
        raise NotImplementedError

    def is_first(self, value: float) -> bool:
        """Return whether nothing was measured before this."""
        return self.freeze(0.0) == value

    def state(self) -> dict[str, Any] | None:
        """What a restart has to know, as JSON; None for what doesn't outlive one."""
        return None

    def restore(self, state: dict[str, Any]) -> None:
        """Be as `state` says. Raises KeyError, TypeError or ValueError for what it never returned."""

    def _changed(self) -> None:
        if self.fresh:
            self.fresh = False
            self.shape.stale.append(self)
        if self.saved:
            self.saved = False
            self.shape.unsaved.append(self)


class LiveCounter(Live):
    """A sum that only grows. Whole numbers are kept apart from fractions, as Go's client does: so
    they stay exact, whatever comes between them.
    """

    __slots__ = ("part", "whole")

    def __init__(self, shape: Shape, values: tuple[str, ...]) -> None:
        super().__init__(shape, values)
        self.whole = 0
        self.part = 0.0

    def take(
        self, value: float, times: int = 1, relative: bool = False, now: float = 0.0
    ) -> str | None:
        """Add `value` so many `times`, unless the sum would never be finite again."""
        if value < _WHOLE_BELOW and value.is_integer():
            self.whole += int(value) * times
        else:
            part = _added(self.part, value, times)
            if not part + self.whole < math.inf:
                return NOT_FINITE
            self.part = part
        if self.fresh or self.saved:
            self._changed()
        return None

    def freeze(self, now: float) -> float:
        """The sum."""
        return self.part + self.whole

    def state(self) -> dict[str, Any]:
        return {"whole": self.whole, "part": self.part}

    def restore(self, state: dict[str, Any]) -> None:
        whole, part = _count(state["whole"]), _finite(state["part"])
        self.whole += whole
        self.part += part
        self._changed()


class LiveGauge(Live):
    """A value that is set, or moved. It doesn't outlive a restart: nobody knows if it still holds."""

    __slots__ = ("value",)

    def __init__(self, shape: Shape, values: tuple[str, ...]) -> None:
        super().__init__(shape, values)
        self.value = 0.0

    def take(self, value: float, times: int = 1, relative: bool = False, now: float = 0.0) -> None:
        """Set to `value`, or move by it."""
        self.value = _added(self.value, value, times) if relative else value
        self._changed()

    def freeze(self, now: float) -> float:
        """The value."""
        return self.value


class LiveHistogram(Live):
    """Observations, counted by the bucket that they fall in."""

    __slots__ = ("counts", "sum")

    def __init__(self, shape: Shape, values: tuple[str, ...]) -> None:
        super().__init__(shape, values)
        self.sum = 0.0
        self.counts = [0] * (len(shape.bounds) + 1)

    def take(self, value: float, times: int = 1, relative: bool = False, now: float = 0.0) -> None:
        """Observe `value` so many `times`; NaN is in no bucket but +Inf."""
        bounds = self.shape.bounds
        at = len(bounds) if math.isnan(value) else bisect_left(bounds, value)
        self.counts[at] += times
        self.sum = _added(self.sum, value, times)
        self._changed()

    def freeze(self, now: float) -> Histogram:
        """The counts, added up from bucket to bucket."""
        buckets, total = [], 0
        for bound, count in zip(self.shape.bounds, self.counts):
            total += count
            buckets.append((bound, total))
        return Histogram(tuple(buckets), self.sum, total + self.counts[-1])

    def state(self) -> dict[str, Any]:
        return {"bounds": self.shape.bounds, "counts": self.counts, "sum": self.sum}

    def restore(self, state: dict[str, Any]) -> None:
        counts = [_count(count) for count in state["counts"]]
        if list(state["bounds"]) != self.shape.bounds or len(counts) != len(self.counts):
            raise ValueError("other buckets")
        self.counts = [have + count for have, count in zip(self.counts, counts)]
        self.sum += float(state["sum"])
        self._changed()


class LiveSummary(Live):
    """Observations: all of them in sum and count, the newest in the quantiles.

    `kept` are the newest as (when, value, how often), one after the other, 24 bytes each.
    """

    __slots__ = ("count", "kept", "sum")

    def __init__(self, shape: Shape, values: tuple[str, ...]) -> None:
        super().__init__(shape, values)
        self.sum = 0.0
        self.count = 0
        self.kept = array("d")

    def take(self, value: float, times: int = 1, relative: bool = False, now: float = 0.0) -> None:
        """Observe `value` so many `times`."""
        self._forget(now, room=1)
        self.kept.extend((now, value, times))
        self.count += times
        self.sum = _added(self.sum, value, times)
        self._changed()

    def freeze(self, now: float) -> Summary:
        """The quantiles over what was kept and is young enough; sum and count over everything."""
        self._forget(now, room=0)
        # NaN first, so that sorting is well defined.
        kept = sorted(
            (not math.isnan(value), value, int(times))
            for value, times in zip(self.kept[1::3], self.kept[2::3])
        )
        ranked = [(value, times) for _, value, times in kept]
        found = tuple((quantile, _quantile(ranked, quantile)) for quantile in self.shape.bounds)
        return Summary(found, self.sum, self.count)

    def state(self) -> dict[str, Any]:
        return {"count": self.count, "sum": self.sum}

    def restore(self, state: dict[str, Any]) -> None:
        self.count += _count(state["count"])
        self.sum += float(state["sum"])
        self._changed()

    def _forget(self, now: float, room: int) -> None:
        # The allowed errors, age_buckets and buf_cap tune a sketch that there is none of here.
        options = self.shape.options
        max_age = (isinstance(options, SummaryOptions) and options.max_age) or MAX_AGE
        old = max(0, len(self.kept) // 3 + room - KEPT_OBSERVATIONS)
        while old < len(self.kept) // 3 and self.kept[3 * old] < now - max_age:
            old += 1
        if old:
            del self.kept[: 3 * old]


_LIVE: dict[str, type[Live]] = {
    "counter": LiveCounter,
    "gauge": LiveGauge,
    "histogram": LiveHistogram,
    "summary": LiveSummary,
}


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


def _added(total: float, value: float, times: int) -> float:
    """The sum after adding `value` so many `times`: one by one, where rounding could show."""
    if times == 1:
        return total + value
    if times > ADDED_ONE_BY_ONE or (value.is_integer() and total.is_integer()):
        return total + value * times
    for _ in range(times):
        total += value
    return total


def _finite(value: Any) -> float:
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"not a count: {value!r}")
    return number


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"not a count: {value!r}")
    return value
