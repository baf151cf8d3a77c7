"""In: what a pipeline counted. Out: it as metrics, under the names that statsd_exporter gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

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
            family = CounterMetricFamily(f"statsd_exporter_{name}", help, labels=labels)
            value = getattr(counted, name)
            for key, count in value.items() if labels else (((), value),):
                family.add_metric((key,) if isinstance(key, str) else key, count)
            yield family
        packets = CounterMetricFamily(
            "statsd_exporter_udp_packets_total",
            "The total number of StatsD packets received over UDP.",
        )
        packets.add_metric((), self.udp_packets)
        yield packets
        reloads = CounterMetricFamily(
            "statsd_exporter_config_reloads_total",
            "The number of configuration reloads.",
            labels=("outcome",),
        )
        for outcome, count in self.reloads.items():
            reloads.add_metric((outcome,), count)
        yield reloads
        metrics = GaugeMetricFamily(
            "statsd_exporter_metrics_total", "The total number of metrics.", labels=("type",)
        )
        for kind, count in counted.metrics_total.items():
            metrics.add_metric((kind,), count)
        yield metrics
        rules = GaugeMetricFamily(
            "statsd_exporter_loaded_mappings", "The current number of configured metric mappings."
        )
        rules.add_metric((), len(self._pipeline.mapping.rules))
        yield rules
        build = GaugeMetricFamily(
            "popcon_exporter_build_info", "The exporter's version; always 1.", labels=("version",)
        )
        build.add_metric((__version__,), 1)
        yield build
