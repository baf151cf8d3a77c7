"""In: one measurement at a time, its name and labels final. Out: every Series, as a snapshot.

The rules are those of statsd_exporter v0.30.0 (pkg/registry/registry.go). What is different:

- An observer is refused where its `_sum`, `_count` or `_bucket` would be another metric's name, and
  so are the names that the exporter itself shows; statsd_exporter answers 500 from then on.
- A counter refuses NaN and infinity, which it could never leave again.
- A name's first help text is used for all its label sets; statsd_exporter answers 500.
- The latest measurement's TTL counts, also after a reload; statsd_exporter keeps the first one.
- Summaries are exact over the newest 500 observations of `max_age`, where Go's client keeps a
  sketch of all of them.
- The number of series and the length of their text have bounds.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from popcon.exporter.rules import (
    DEFAULT_HISTOGRAM,
    DEFAULT_SUMMARY,
    HistogramOptions,
    SummaryOptions,
)
from popcon.exporter.series import NOT_FINITE, Family, Live, Series, new_live

#: Series held at once, and (name, label names) pairs ever seen: those are kept for ever.
MAX_SERIES = 100_000
#: Characters in a series' name, label names and label values together.
MAX_TEXT = 2048

CONFLICT = "conflict"
NEGATIVE = "illegal_negative_counter"
TOO_LONG = "labels_too_long"
TOO_MANY = "too_many_series"

#: Type → what it appends to its name for the samples it shows.
SUFFIXES: dict[str, tuple[str, ...]] = {
    "counter": (),
    "gauge": (),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}
#: Type → the label that it sets itself.
OWN_LABEL = {"histogram": "le", "summary": "quantile"}


def allowed_labels(labels: Mapping[str, str], type: str) -> tuple[dict[str, str], int]:
    """The labels that a series of this type may carry, and how many were left out.

    Prometheus keeps `__*` for itself; `le` and `quantile` belong to histograms and summaries.
    """
    own = OWN_LABEL.get(type)
    kept = {k: v for k, v in labels.items() if k != own and not k.startswith("__")}
    return kept, len(labels) - len(kept)


class Registry:
    """All series, by name and labels. Any thread may add, sweep and read: there is one lock.

    `clock` gives seconds; `reserved` are the names of the samples that the exporter itself shows.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        reserved: Iterable[str] = (),
        max_series: int = MAX_SERIES,
    ) -> None:
        self._clock = clock
        self._reserved = frozenset(reserved)
        self._max_series = max_series
        self._names: dict[str, _Name] = {}
        self._held = 0
        self._shapes: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(
        self,
        kind: str,
        name: str,
        labels: Mapping[str, str],
        value: float,
        *,
        relative: bool = False,
        times: int = 1,
        help: str = "",
        ttl: float = 0.0,
        observer: str = "summary",
        histogram: HistogramOptions = DEFAULT_HISTOGRAM,
        summary: SummaryOptions = DEFAULT_SUMMARY,
    ) -> str | None:
        """Take one measurement; return None, or the reason why not.

        `kind` is counter, gauge or observer; `observer` is summary or histogram. `relative` moves a
        gauge; `times` is how often an observation counts; `ttl` is in seconds, 0 for ever.
        `help` matters the first time a name is seen, the options the first time a name is seen with
        these label names.
        """
        if kind == "counter" and value < 0:
            return NEGATIVE
        if kind == "counter" and not math.isfinite(value):
            return NOT_FINITE
        type = observer if kind == "observer" else kind
        options = histogram if type == "histogram" else summary
        key = tuple(sorted(labels.items()))
        with self._lock:
            owner = self._names.get(name)
            if self._conflicts(name, type) if owner is None else owner.type != type:
                return CONFLICT
            live = owner.series.get(key) if owner is not None else None
            if live is None:
                owner = owner or _Name(type, help)
                refusal = self._admit(owner, name, key, options)
                if refusal is not None:
                    return refusal
                live = owner.series[key]
            now = self._clock()
            live.ttl, live.touched = ttl, now
            return live.take(value, relative, times, now)

    def sweep(self) -> int:
        """Let go of the series whose TTL is over; return how many went."""
        with self._lock:
            now = self._clock()
            gone = 0
            for owner in self._names.values():
                over = [key for key, s in owner.series.items() if s.ttl and s.touched + s.ttl < now]
                for key in over:
                    del owner.series[key]
                gone += len(over)
            self._held -= gone
            return gone

    def families(self) -> tuple[Family, ...]:
        """What there is now: by name; within a name by number of labels, then by their values."""
        with self._lock:
            now = self._clock()
            found = [
                (name, owner, [Series(key, s.freeze(now)) for key, s in owner.series.items()])
                for name, owner in self._names.items()
                if owner.series
            ]
        return tuple(
            Family(name, owner.type, owner.help, tuple(sorted(series, key=_by_labels)))
            for name, owner, series in sorted(found, key=lambda one: one[0])
        )

    def shapes(self) -> dict[str, int]:
        """Type → how many pairs of a name and its label names there were so far."""
        with self._lock:
            return dict(self._shapes)

    def _conflicts(self, name: str, type: str) -> bool:
        """Whether a new name, or a name among the samples that it would show, is taken."""
        shown = [name + suffix for suffix in SUFFIXES[type]]
        if not self._reserved.isdisjoint([name, *shown]):
            return True
        if any(other in self._names for other in shown):
            return True
        for suffix in SUFFIXES["histogram"]:
            base = self._names.get(name[: -len(suffix)]) if name.endswith(suffix) else None
            if base is None or base.type == "counter":
                continue
            # statsd_exporter refuses a counter or gauge here whatever the base shows.
            if type in ("counter", "gauge") or suffix in SUFFIXES[base.type]:
                return True
        return False

    def _admit(
        self,
        owner: _Name,
        name: str,
        key: tuple[tuple[str, str], ...],
        options: HistogramOptions | SummaryOptions,
    ) -> str | None:
        """Make room for a new series under its name, or say why there is none."""
        if len(name) + sum(len(label) + len(value) for label, value in key) > MAX_TEXT:
            return TOO_LONG
        shape = tuple(label for label, _ in key)
        new_shape = shape not in owner.shapes
        if self._held >= self._max_series:
            return TOO_MANY
        if new_shape and sum(self._shapes.values()) >= self._max_series:
            return TOO_MANY
        if new_shape:
            owner.shapes[shape] = options
            self._shapes[owner.type] += 1
        owner.series[key] = new_live(owner.type, owner.shapes[shape])
        self._names[name] = owner
        self._held += 1
        return None


class _Name:
    """A name's type and help; its options by label names; its series by labels.

    It outlives its series: a name belongs to the type that used it first until the process ends.
    """

    __slots__ = ("help", "series", "shapes", "type")

    def __init__(self, type: str, help: str) -> None:
        self.type = type
        self.help = help
        self.shapes: dict[tuple[str, ...], HistogramOptions | SummaryOptions] = {}
        self.series: dict[tuple[tuple[str, str], ...], Live] = {}


def _by_labels(series: Series) -> tuple[int, list[str], list[str]]:
    return (
        len(series.labels),
        [value for _, value in series.labels],
        [name for name, _ in series.labels],
    )
