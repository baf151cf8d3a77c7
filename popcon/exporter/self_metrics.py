"""In: what a pipeline counted. Out: it as metrics, under the names that statsd_exporter gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from popcon import __version__
from popcon.exporter.pipeline import Pipeline

#: Field of `Counted` → label names and help, as statsd_exporter has them. Totals have no label.
_COUNTERS: dict[str, tuple[tuple[str, ...], str]] = {
    "lines_total": ((), "The total number of StatsD lines received."),
    "samples_total": ((), "The total number of StatsD samples received."),
    "tags_total": ((), "The total number of DogStatsD tags processed."),
    "tag_errors_total": ((), "The number of errors parsing DogStatsD tags."),
    "sample_errors_total": (("reason",), "The total number of errors parsing StatsD samples."),
    "events_total": (("type",), "The total number of StatsD events seen."),
    "events_unmapped_total": ((), "The total number of StatsD events no mapping was found for."),
    "events_actions_total": (("action",), "The total number of StatsD events by action."),
    "events_conflict_total": (
        ("type", "metric_name"),
        "The total number of StatsD events with conflicting names.",
    ),
    "events_error_total": (
        ("reason",),
        "The total number of StatsD events discarded due to errors.",
    ),
}


class SelfMetrics(Collector):
    """The exporter's account of itself: a registry that shows a pipeline's counts at each scrape."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.udp_packets = 0
        self.reloads: Counter[str] = Counter()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(self)

    def names(self) -> set[str]:
        """Return every name that these metrics take, so that no kernel can send one of them."""
        return {
            name
            for metric in self.registry.collect()
            for name in (metric.name, f"{metric.name}_total", *(s.name for s in metric.samples))
        }

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        counted = self._pipeline.counted()
        for name, (labels, help) in _COUNTERS.items():
            yield _family(CounterMetricFamily, name, help, getattr(counted, name), labels)
        yield _family(
            CounterMetricFamily,
            "udp_packets_total",
            "The total number of StatsD packets received over UDP.",
            self.udp_packets,
        )
        yield _family(
            CounterMetricFamily,
            "config_reloads_total",
            "The number of configuration reloads.",
            self.reloads,
            ("outcome",),
        )
        yield _family(
            GaugeMetricFamily,
            "metrics_total",
            "The total number of metrics.",
            counted.metrics_total,
            ("type",),
        )
        yield _family(
            GaugeMetricFamily,
            "loaded_mappings",
            "The current number of configured metric mappings.",
            len(self._pipeline.mapping.rules),
        )
        build = GaugeMetricFamily(
            "popcon_exporter_build_info", "The exporter's version; always 1.", labels=("version",)
        )
        build.add_metric((__version__,), 1)
        yield build


def _family(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    help: str,
    values: int | Mapping[Any, int],
    labels: tuple[str, ...] = (),
) -> Metric:
    """Return a family of statsd_exporter's; `values` is one number, or numbers by label values."""
    family = kind(f"statsd_exporter_{name}", help, labels=labels)
    for key, value in values.items() if isinstance(values, Mapping) else (((), values),):
        family.add_metric((key,) if isinstance(key, str) else key, value)
    return family
