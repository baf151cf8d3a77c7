"""In: what a pipeline counted and where its server stands. Out: both as families of series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric

from popcon.exporter.self_catalog import METRICS, SelfMetric, Values
from popcon.exporter.series.exposition import render
from popcon.exporter.series.series import Family, Series
from popcon.exporter.standing import Counted, Standing


class SelfMetrics:
    """The exporter's account of itself.

    `registry` is for collectors of prometheus-client: `process_*` are in it, and others may be
    added. So is `fixed`, for what is the same at each scrape and is collected once: `python_info`.
    What they collect is shown beside the rest.

    Most numbers are the same as at the last scrape, so families and their text are kept: a scrape
    costs less than half of what it costs to make all of them again.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.fixed = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.fixed)
        self._collected: list[Family] | None = None
        self._made: dict[str, tuple[Values, Family]] = {}
        self._rendered: dict[str, tuple[Family, str]] = {}

    def families(self, counted: Counted, standing: Standing) -> tuple[Family, ...]:
        """Return the families of a scrape, sorted by name; those without series are left out."""
        found = [self._family(metric, metric.read(counted, standing)) for metric in METRICS]
        found += collected(self.registry.collect()) + self._fixed()
        return tuple(sorted([one for one in found if one.series], key=itemgetter(0)))

    def text(self, counted: Counted, standing: Standing) -> str:
        """Return the families of a scrape in text format 0.0.4."""
        return "".join(self._text(family) for family in self.families(counted, standing))

    def names(self) -> set[str]:
        """Return every name that these metrics may take, so that no kernel can send one of them."""
        names = {metric.name for metric in METRICS}
        names.update(family.name for family in collected(self.registry.collect()) + self._fixed())
        # OpenMetrics leaves out the end of a counter's name.
        return names | {name[: -len("_total")] for name in names if name.endswith("_total")}

    def _fixed(self) -> list[Family]:
        if self._collected is None:
            self._collected = collected(self.fixed.collect())
        return self._collected

    def _family(self, metric: SelfMetric, values: Values) -> Family:
        last = self._made.get(metric.name)
        if last is not None and last[0] == values:
            return last[1]
        if isinstance(values, Mapping):
            values = dict(values)  # whose counts these are goes on counting
        family = Family(metric.name, metric.type, metric.help, _series(metric, values))
        self._made[metric.name] = (values, family)
        return family

    def _text(self, family: Family) -> str:
        last = self._rendered.get(family.name)
        if last is not None and last[0] == family:
            return last[1]
        text = render([family])
        self._rendered[family.name] = (family, text)
        return text


def collected(metrics: Iterable[Metric]) -> list[Family]:
    """Return the gauges, counters and infos of prometheus-client's collectors as families."""
    found = []
    for metric in metrics:
        type = "counter" if metric.type == "counter" else "gauge"
        name = metric.name + {"counter": "_total", "info": "_info"}.get(metric.type, "")
        series = tuple(
            Series(tuple(sorted(sample.labels.items())), sample.value)
            for sample in metric.samples
            if sample.name == name  # and no `_created`
        )
        found.append(Family(name, type, metric.documentation, series))
    return found


def _series(metric: SelfMetric, values: Values) -> tuple[Series, ...]:
    if not isinstance(values, Mapping):
        return (Series((), float(values)),)
    by_labels = {}
    for key, value in {**dict.fromkeys(metric.always, 0), **values}.items():
        parts = (key,) if isinstance(key, str) else key
        by_labels[tuple(sorted(zip(metric.labels, parts)))] = float(value)
    return tuple(Series(labels, value) for labels, value in sorted(by_labels.items()))
