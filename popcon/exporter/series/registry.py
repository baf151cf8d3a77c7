"""In: one measurement at a time, its name and labels final. Out: every Series, or the page of them.

The rules are those of statsd_exporter v0.30.0 (pkg/registry/registry.go). What is different:

- An observer is refused where its `_sum`, `_count` or `_bucket` would be another metric's name, and
  so are the names that the exporter itself shows; statsd_exporter answers 500 from then on.
- A counter refuses NaN and infinity, which it could never leave again.
- A name's first help text is used for all its label sets; statsd_exporter answers 500.
- The latest measurement's TTL counts, also after a reload; statsd_exporter keeps the first one.
- Summaries are exact over the newest 500 observations of `max_age`, where Go's client keeps a
  sketch of all of them.
- The number of series, the length of their text and the memory that they take have bounds.

Nothing here is safe for two threads at once: the pipeline has the lock.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union

from popcon.exporter.mapping.rules import (
    DEFAULT_HISTOGRAM,
    DEFAULT_SUMMARY,
    HistogramOptions,
    SummaryOptions,
)
from popcon.exporter.series.limits import (
    SHAPE_BYTES,
    SHAPE_TEXTS,
    TOO_LONG,
    TOO_MANY,
    TOO_MANY_LABELS,
    TOO_MANY_OF_ONE,
    TOO_MUCH_MEMORY,
    Limits,
    cost_of,
)
from popcon.exporter.series.named import Named
from popcon.exporter.series.series import NOT_FINITE, Family, Live, Series, Shape

log = logging.getLogger(__name__)

CONFLICT = "conflict"
NEGATIVE = "illegal_negative_counter"
#: Type → what it appends to its name for the samples it shows.
SUFFIXES: dict[str, tuple[str, ...]] = {
    "counter": (),
    "gauge": (),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}
#: Type → the label that it sets itself.
OWN_LABEL = {"histogram": "le", "summary": "quantile"}

Options = Union[HistogramOptions, SummaryOptions]


def allowed_labels(labels: Mapping[str, str], type: str) -> tuple[dict[str, str], int]:
    """The labels that a series of this type may carry, and how many were left out.

    Prometheus keeps `__*` for itself; `le` and `quantile` belong to histograms and summaries.
    """
    own = OWN_LABEL.get(type)
    kept = {k: v for k, v in labels.items() if k != own and not k.startswith("__")}
    return kept, len(labels) - len(kept)


class Registry:
    """All series, by name and labels.

    `clock` gives seconds; `reserved` are the names of the samples that the exporter itself shows.
    """

    kind = "series"  #: under which a state file has them

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        reserved: Iterable[str] = (),
        limits: Limits | None = None,
    ) -> None:
        self.clock = clock
        self._reserved = frozenset(reserved)
        self._limits = limits or Limits()
        self._names: dict[str, Named] = {}
        self._sorted: list[str] | None = None  # None: a name is new
        self._held = self._bytes = 0
        self._expiring = False
        self._shapes: Counter[str] = Counter()
        self._unsaved: list[Live] = []
        self._unsaved_gone: dict[str, None] = {}
        self._tracked = self._restored = False

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
    ) -> Live | str:
        """Take one measurement; return the series that took it, or the reason why none did.

        `kind` is counter, gauge or observer; `observer` is summary or histogram. `relative` moves a
        gauge; `times` is how often the measurement counts; `ttl` is in seconds, 0 for ever.
        `help` matters the first time a name is seen, the options the first time a name is seen with
        these label names.
        """
        if kind == "counter" and value < 0:
            return NEGATIVE
        if kind == "counter" and not math.isfinite(value):
            return NOT_FINITE
        type = observer if kind == "observer" else kind
        live = self._find(name, type, labels, help, histogram if type == "histogram" else summary)
        if isinstance(live, str):
            return live
        now = self.clock()
        self.renew(live, ttl, now)
        return live.take(float(value), times, relative, now) or live

    def renew(self, live: Live, ttl: float, now: float) -> None:
        """Let a series live on for `ttl` seconds, for ever where that is 0."""
        live.expires = now + ttl if ttl else math.inf
        self._expiring = self._expiring or bool(ttl)

    def sweep(self) -> int:
        """Let go of the series whose TTL is over; return how many went."""
        if not self._expiring:
            return 0
        now = self.clock()
        over = [
            live
            for owner in self._names.values()
            for shape in owner.shapes.values()
            for live in shape.series.values()
            if live.expires < now
        ]
        for live in over:
            self._let_go(live)
        for name in {live.shape.metric for live in over}:
            self._names[name].drawn.tidy()
        return len(over)

    def families(self) -> tuple[Family, ...]:
        """What there is now: by name; within a name by number of labels, then by their values."""
        now = self.clock()
        return tuple(
            Family(
                name,
                owner.type,
                owner.help,
                tuple(Series(live.labels(), live.freeze(now)) for live in owner.ordered()),
            )
            for name, owner in self._by_name()
            if owner.held
        )

    def page(self) -> list[bytes]:
        """The same as text, in pieces; written anew where something changed since the last call."""
        now = self.clock()
        return [text for _, owner in self._by_name() for text in owner.drawn.text(now)]

    def shapes(self) -> dict[str, int]:
        """Type → how many pairs of a name and its label names there were so far."""
        return dict(self._shapes)

    def held(self) -> int:
        """How many series there are."""
        return self._held

    # What a restart has to know: the interface of popcon.exporter.state.persistence.

    def changes(self) -> dict[str, Any]:
        """Key → state, of what changed since the last call; None for what was let go of."""
        if not self._tracked:  # from now on, what changes is written down
            self._tracked = True
            self._unsaved[:] = [
                live
                for owner in self._names.values()
                for shape in owner.shapes.values()
                for live in shape.series.values()
            ]
        now = self.clock()
        found: dict[str, Any] = dict.fromkeys(self._unsaved_gone)
        self._unsaved_gone.clear()
        for live in self._unsaved:
            live.saved = True
            state = None if live.gone else live.state()
            if state is not None:
                state["type"], state["help"] = live.shape.type, self._names[live.shape.metric].help
                if live.expires < math.inf:
                    state["lasts"] = max(0.0, live.expires - now)
                found[_key(live)] = state
        self._unsaved.clear()
        return found

    def unsaved(self, changes: Iterable[str]) -> None:
        """Take back what `changes` gave: it could not be saved."""
        for key in changes:
            live = self._by_key(key)
            if live is None:
                self._unsaved_gone[key] = None
            elif live.saved:
                live.saved = False
                self._unsaved.append(live)

    def restore(self, items: Iterable[tuple[str, Any]]) -> None:
        """Be as `changes` said. What can't be, because a bound is lower now, is logged and let go."""
        self._restored = True
        for key, state in items:
            try:
                name, labels = json.loads(key)
                live = self._find(name, state["type"], dict(labels), state["help"], _options(state))
                if isinstance(live, str):
                    raise ValueError(live)
                live.restore(state)
                live.expires = self.clock() + float(state.get("lasts", math.inf))
                self._expiring = self._expiring or live.expires < math.inf
            except (KeyError, TypeError, ValueError) as error:
                log.warning("%s can't be restored: %s", key, error)
            else:
                live.shape.restored = True

    def _by_key(self, key: str) -> Live | None:
        name, labels = json.loads(key)
        owner = self._names.get(name)
        shape = owner and owner.shapes.get(tuple(label for label, _ in labels))
        return shape.series.get(tuple(value for _, value in labels)) if shape else None

    def _by_name(self) -> list[tuple[str, Named]]:
        if self._sorted is None:
            self._sorted = sorted(self._names)
        return [(name, self._names[name]) for name in self._sorted]

    def _find(
        self, name: str, type: str, labels: Mapping[str, str], help: str, options: Options
    ) -> Live | str:
        """Return the series, an empty one where it is new, or why there can't be one."""
        owner = self._names.get(name)
        if owner is not None and owner.type != type and owner.yields_to(type):
            log.warning("%s is a %s now and begins at 0", name, type)
            self._forget(name, owner)
            owner = None
        if self._conflicts(name, type) if owner is None else owner.type != type:
            return CONFLICT
        names = tuple(sorted(labels))
        values = tuple(labels[label] for label in names)
        if owner is not None:
            shape = owner.shapes.get(names)
            if shape is not None and shape.restored:
                self._renew(shape, options)
                owner.retitle(help)
            live = shape.series.get(values) if shape is not None else None
            if live is not None:
                return live
        owner = owner or Named(name, type, help)
        return self._admit(owner, name, names, values, options)

    def _renew(self, shape: Shape, options: Options) -> None:
        """Give series of before a restart the options that hold now; other buckets are other counts."""
        shape.restored = False
        fresh = Shape(shape.metric, shape.type, shape.names, options, [], [])
        if shape.bounds == fresh.bounds and shape.options == options:
            return
        if shape.type == "histogram" and shape.bounds != fresh.bounds:
            log.warning("%s has other buckets now and begins at 0", shape.metric)
            for live in list(shape.series.values()):
                self._let_go(live)
        shape.reset(options)

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
        owner: Named,
        name: str,
        names: tuple[str, ...],
        values: tuple[str, ...],
        options: Options,
    ) -> Live | str:
        """Make room for a new series under its name, or say why there is none."""
        limits = self._limits
        text = _text(name, names, values)
        if len(names) > limits.labels:
            return TOO_MANY_LABELS
        if text > limits.text:
            return TOO_LONG
        new_shape = names not in owner.shapes
        if self._held >= limits.series:
            return TOO_MANY
        if new_shape and sum(self._shapes.values()) >= limits.series:
            return TOO_MANY
        if owner.held >= limits.series_of_one_name:
            return TOO_MANY_OF_ONE
        shape = owner.shapes.get(names)
        if shape is None:
            shape = Shape(name, owner.type, names, options, owner.drawn.stale, self._unsaved)
        cost = cost_of(shape, text)
        if new_shape:
            cost += SHAPE_BYTES + SHAPE_TEXTS * (len(name) + sum(map(len, names)))
        if self._bytes + cost > limits.memory:
            return TOO_MUCH_MEMORY
        if new_shape:
            owner.shapes[names] = shape
            self._shapes[owner.type] += 1
        if name not in self._names:
            self._names[name] = owner
            self._sorted = None
        live = shape.new(values)
        owner.drawn.stale.append(live)
        owner.held += 1
        self._held += 1
        self._bytes += cost
        if self._tracked:
            self._unsaved.append(live)
        if self._tracked or self._unsaved_gone:
            self._unsaved_gone.pop(_key(live), None)
        return live

    def _forget(self, name: str, owner: Named) -> None:
        """Free a name."""
        for shape in owner.shapes.values():
            for live in list(shape.series.values()):
                self._let_go(live)
        self._shapes -= Counter({owner.type: len(owner.shapes)})
        del self._names[name]
        self._sorted = None

    def _let_go(self, live: Live) -> None:
        shape = live.shape
        owner = self._names[shape.metric]
        live.gone = True
        del shape.series[live.values]
        owner.drawn.stale.append(live)
        owner.held -= 1
        self._held -= 1
        self._bytes -= cost_of(shape, _text(shape.metric, shape.names, live.values))
        if self._tracked or self._restored:
            self._unsaved_gone[_key(live)] = None


def _text(name: str, names: tuple[str, ...], values: tuple[str, ...]) -> int:
    """Return the characters of a series' name and labels, which its bounds are about."""
    return len(name) + sum(map(len, names)) + sum(map(len, values))


def _key(live: Live) -> str:
    return json.dumps([live.shape.metric, live.labels()], ensure_ascii=False)


def _options(state: Mapping[str, Any]) -> Options:
    """Enough of a series' options to hold its counts; a rule's own ones come with its first line."""
    if state["type"] == "histogram":
        return HistogramOptions(tuple(float(bound) for bound in state["bounds"]))
    return DEFAULT_SUMMARY
