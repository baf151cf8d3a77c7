"""In: the history's end. Out: what Prometheus says of its rules and alerts, and kube-state-metrics of hubs."""

from __future__ import annotations

from collections.abc import Iterator

from popcon.promql.recordings import recordings
from popcon.render.rules import GROUPS
from tests.dashboards import site
from tests.dashboards.asking import seconds
from tests.dashboards.exporters import NOW, at
from tests.dashboards.shown import OF_LATE, Series

_RULES = {"job": "prometheus", "instance": "localhost:9090"}
_KUBERNETES = {"job": "kube-state-metrics", "instance": "10.4.9.2:8080"}
#: A hub that exists, and has no popcon.
_WITHOUT = "chemistry"


def of_prometheus() -> Iterator[Series]:
    """Yield them, every minute of late."""
    times = range(int(OF_LATE), int(NOW) + 1, 60)
    for group, (interval, _) in {**recordings(), **GROUPS}.items():
        labels = {**_RULES, "rule_group": f"/etc/prometheus/popcon-rules.yaml;{group}"}
        took = {"popcon-days": 1.7, "popcon-today": 3.1}.get(group, 0.01)
        name = "prometheus_rule_group_last_duration_seconds"
        yield Series(name, labels, times, [took * (1 + time % 11 / 30) for time in times])
        for name, value in (
            ("prometheus_rule_group_interval_seconds", float(seconds(interval or "1m"))),
            ("prometheus_rule_evaluation_failures_total", 0.0),
            ("prometheus_rule_group_iterations_missed_total", 0.0),
        ):
            yield Series(name, labels, times, [value] * len(times))
    # Physics has been silent for longer than the alert needs.
    silent = {"alertname": "PopconNamespaceSilent", "namespace": "physics", "severity": "info"}
    since = at(site.DAYS - 8.5)
    yield Series("ALERTS", {**silent, "alertstate": "firing"}, times, [1.0] * len(times))
    yield Series("ALERTS_FOR_STATE", silent, times, [since] * len(times))
    for name in (*(hub.name for hub in site.HUBS), _WITHOUT):
        labels = {**_KUBERNETES, "namespace": name, "service": "hub"}
        yield Series("kube_service_info", labels, times, [1.0] * len(times))
