"""In: a statsd name of a kind. Out: where it goes: whose it is, the rule that fits, the new name.

A name is looked up once; statsd_exporter remembers names too (--statsd.cache-size), and tells how
many. Popcon's own are left out of that: whether one of them was remembered already would tell
whoever sends it that somebody has used that library, long before a policy lets that show.
"""

from __future__ import annotations

from typing import NamedTuple

from popcon.catalog import PREFIX
from popcon.exporter.mapping.mapping import Mapping
from popcon.exporter.mapping.rules import (
    DEFAULT_HISTOGRAM,
    DEFAULT_SUMMARY,
    HistogramOptions,
    Rule,
    SummaryOptions,
)
from popcon.exporter.privacy.own import Own, read_own
from popcon.exporter.wire import escape_name

#: Names that are remembered, and their characters: a datagram can be one name of 64 KB.
MAX_ROUTES, MAX_REMEMBERED = 10_000, 1_000


class Route(NamedTuple):
    """Where a name of a kind goes, before its tags are known.

    `own` is None for a stranger's name; `rule` is None where none fits; `name` and `labels` are
    filled in, and the name is escaped.
    """

    own: Own | None
    rule: Rule | None
    name: str
    labels: dict[str, str]

    def scaled(self, value: float) -> float:
        """Return a value in the rule's scale."""
        return value if self.rule is None or self.rule.scale is None else value * self.rule.scale

    def labelled(self, tags: dict[str, str]) -> dict[str, str]:
        """Return the rule's labels and the tags; where both have one, the rule says whose it is."""
        if self.rule is not None and self.rule.honor_labels:
            return {**self.labels, **tags}
        return {**tags, **self.labels}


class Routes:
    """The ways that one mapping knows. What it tells, `len`, `gets` and `hits`, is of strangers."""

    def __init__(self, mapping: Mapping, prefix: str = PREFIX) -> None:
        self.mapping = mapping
        self.gets = self.hits = 0
        self._prefix = prefix
        self._found: dict[tuple[str, str], Route] = {}
        self._own: dict[tuple[str, str], Route] = {}
        self._long: dict[tuple[str, str], Route] = {}  # the last one: a line has many samples

    def __len__(self) -> int:
        return len(self._found)

    def turn_to(self, mapping: Mapping) -> None:
        """Go by another mapping from now on."""
        self.mapping = mapping
        self._found.clear()
        self._own.clear()
        self._long.clear()

    def find(self, name: str, kind: str) -> Route:
        """Return where it goes; `kind` is counter, gauge or observer."""
        is_own = name.startswith(f"{self._prefix}.")
        remembered = self._own if is_own else self._found
        if len(name) > MAX_REMEMBERED:
            remembered = self._long
        route = remembered.get((name, kind))
        if not is_own:
            self.gets += 1
            self.hits += route is not None
        if route is not None:
            return route
        own, match = read_own(name, self._prefix), self.mapping.match(name, kind)
        if match is None:
            route = Route(own, None, escape_name(name), {})
        else:
            route = Route(own, match.rule, escape_name(match.name), match.labels)
        if len(remembered) >= MAX_ROUTES or remembered is self._long:
            remembered.clear()
        remembered[name, kind] = route
        return route

    def ttl(self, rule: Rule | None) -> float:
        """Return how many seconds a series lives on without a measurement, 0 for ever."""
        return (rule.ttl if rule else 0.0) or self.mapping.defaults.ttl

    def type(self, rule: Rule | None, kind: str) -> str:
        """Return the type of the metric that a kind becomes."""
        if kind != "observer":
            return kind
        chosen = rule.observer_type if rule is not None else ""
        return chosen or self.mapping.defaults.observer_type or "summary"

    def histogram(self, rule: Rule | None) -> HistogramOptions:
        """Return the buckets of a histogram."""
        options = rule.histogram_options if rule is not None else None
        defaults = self.mapping.defaults.histogram_options
        buckets = (options.buckets if options else ()) or defaults.buckets
        return HistogramOptions(buckets) if buckets else DEFAULT_HISTOGRAM

    def summary(self, rule: Rule | None) -> SummaryOptions:
        """Return the quantiles of a summary, and for how long an observation counts.

        The quantiles fall back on the file's defaults. The age doesn't, as in statsd_exporter: a
        rule whose observer type was chosen has inherited it already, and others get ten minutes.
        """
        options = rule.summary_options if rule is not None else None
        quantiles = (
            options.quantiles if options else ()
        ) or self.mapping.defaults.summary_options.quantiles
        return SummaryOptions(
            quantiles or DEFAULT_SUMMARY.quantiles, max_age=options.max_age if options else 0.0
        )
