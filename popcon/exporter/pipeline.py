"""In: datagrams, and a mapping. Out: series in a registry, and counts of all that happened.

The order of the steps is statsd_exporter's (pkg/exporter/exporter.go): parse, map, drop, scale,
store. One thing is different: the samples of a line don't share their labels.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import NamedTuple

from popcon.exporter.mapping import Mapping
from popcon.exporter.registry import CONFLICT, Registry, allowed_labels
from popcon.exporter.rules import (
    DEFAULT_HISTOGRAM,
    DEFAULT_SUMMARY,
    Defaults,
    HistogramOptions,
    Rule,
    SummaryOptions,
)
from popcon.exporter.wire import Sample, TagStyles, Tally, escape_name, parse_raw_line

log = logging.getLogger(__name__)

EMPTY_NAME = "empty_metric_name"
#: Something of ours failed on a line; the first time it is logged with its traceback.
INTERNAL = "internal_error"


class Counted(NamedTuple):
    """What happened so far, for the self metrics; each field is named as its metric is.

    `events_conflict_total` is by (type, metric name); a sampled observation counts as many events
    as it stands for.
    """

    lines_total: int
    samples_total: int
    tags_total: int
    tag_errors_total: int
    sample_errors_total: dict[str, int]
    events_total: dict[str, int]
    events_unmapped_total: int
    events_actions_total: dict[str, int]
    events_conflict_total: dict[tuple[str, str], int]
    events_error_total: dict[str, int]
    metrics_total: dict[str, int]


class Pipeline:
    """Feeds one registry by one mapping at a time. Any thread may feed, reload and read."""

    def __init__(
        self,
        mapping: Mapping,
        *,
        registry: Registry | None = None,
        styles: TagStyles | None = None,
    ) -> None:
        self.mapping = mapping
        self.registry = registry if registry is not None else Registry()
        self.styles = styles if styles is not None else TagStyles()
        self._tally = Tally()
        self._events: Counter[str] = Counter()
        self._unmapped = 0
        self._actions: Counter[str] = Counter()
        self._conflicts: Counter[tuple[str, str]] = Counter()
        self._errors: Counter[str] = Counter()
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        """Take a datagram. Whatever is in it, nothing is raised."""
        with self._lock:
            for line in data.split(b"\n"):
                try:
                    for sample in parse_raw_line(line, self.styles, self._tally):
                        self._take(sample)
                except Exception:
                    if not self._errors[INTERNAL]:
                        log.exception("a line could not be handled; the next ones are only counted")
                    self._errors[INTERNAL] += 1

    def reload(self, mapping: Mapping) -> None:
        """Use another mapping from the next datagram on; the series stay."""
        with self._lock:
            self.mapping = mapping

    def counted(self) -> Counted:
        """The counts as they are between two datagrams."""
        with self._lock:
            return Counted(
                lines_total=self._tally.lines,
                samples_total=self._tally.samples,
                tags_total=self._tally.tags,
                tag_errors_total=self._tally.tag_errors,
                sample_errors_total=dict(self._tally.sample_errors),
                events_total=dict(self._events),
                events_unmapped_total=self._unmapped,
                events_actions_total=dict(self._actions),
                events_conflict_total=dict(self._conflicts),
                events_error_total=dict(self._errors),
                metrics_total=self.registry.shapes(),
            )

    def _take(self, sample: Sample) -> None:
        defaults = self.mapping.defaults
        match = self.mapping.match(sample.name, sample.kind)
        rule = match.rule if match is not None else None
        if rule is not None and rule.action == "drop":
            self._actions["drop"] += sample.times
            return
        name = escape_name(sample.name if match is None else match.name)
        if not name:
            self._errors[EMPTY_NAME] += sample.times
            return
        labels = dict(sample.labels)
        value = sample.value
        if match is None or rule is None:
            self._unmapped += sample.times
        else:
            self._actions[rule.action] += sample.times
            labels = {**match.labels, **labels} if rule.honor_labels else {**labels, **match.labels}
            if rule.scale is not None:
                value *= rule.scale

        observer = (rule.observer_type if rule else "") or defaults.observer_type or "summary"
        type = observer if sample.kind == "observer" else sample.kind
        labels, left_out = allowed_labels(labels, type)
        self._tally.tag_errors += left_out
        refusal = self.registry.add(
            sample.kind,
            name,
            labels,
            value,
            relative=sample.relative,
            times=sample.times,
            help=rule.help if rule else "",
            ttl=(rule.ttl if rule else 0.0) or defaults.ttl,
            observer=observer,
            histogram=_histogram(rule, defaults) if type == "histogram" else DEFAULT_HISTOGRAM,
            summary=_summary(rule, defaults) if type == "summary" else DEFAULT_SUMMARY,
        )
        if refusal is None:
            self._events[sample.kind] += sample.times
        elif refusal == CONFLICT:
            self._conflicts[sample.kind, name] += sample.times
        else:
            self._errors[refusal] += sample.times


def _histogram(rule: Rule | None, defaults: Defaults) -> HistogramOptions:
    options = rule.histogram_options if rule is not None else None
    buckets = (options.buckets if options else ()) or defaults.histogram_options.buckets
    return HistogramOptions(buckets) if buckets else DEFAULT_HISTOGRAM


def _summary(rule: Rule | None, defaults: Defaults) -> SummaryOptions:
    """The quantiles fall back on the file's defaults. The age doesn't, as in statsd_exporter: a
    rule whose observer type was chosen has inherited it already, and others get ten minutes.
    """
    options = rule.summary_options if rule is not None else None
    quantiles = (options.quantiles if options else ()) or defaults.summary_options.quantiles
    return SummaryOptions(quantiles, max_age=options.max_age if options else 0.0)
