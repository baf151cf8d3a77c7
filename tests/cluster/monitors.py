"""In: a ServiceMonitor, a PodMonitor, or nothing. Out: how Prometheus finds and scrapes what is meant.

For a monitor this is what prometheus-operator 0.85 writes (pkg/prometheus/promcfg.go), as far as it
decides which targets there are and which labels they get; for nothing, the jobs by annotations that
the community's chart of Prometheus has.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.cluster.cluster import Cluster, Object
from tests.cluster.network import RELABELLING
from tests.dashboards import compressed

Rules = list[dict[str, Any]]

#: The operator's names for what a scrape configuration calls otherwise.
_SCRAPE = {
    "honorLabels": "honor_labels",
    "interval": "scrape_interval",
    "scrapeTimeout": "scrape_timeout",
    "path": "metrics_path",
    "scheme": "scheme",
}


def of_service_monitor(cluster: Cluster, monitor: Object) -> Object:
    """Return the scrape configuration of a ServiceMonitor with one endpoint."""
    (endpoint,) = monitor["spec"]["endpoints"]
    own = [
        _keep("__meta_kubernetes_endpoint_port_name", endpoint["port"]),
        _copy("__meta_kubernetes_namespace", "namespace"),
        _copy("__meta_kubernetes_service_name", "service"),
        _copy("__meta_kubernetes_pod_name", "pod"),
        _copy("__meta_kubernetes_pod_container_name", "container"),
        _copy("__meta_kubernetes_service_name", "job"),
        *_job_label(monitor, "service"),
    ]
    return _config(cluster, monitor, "service", endpoint, "endpoints", own)


def of_pod_monitor(cluster: Cluster, monitor: Object) -> Object:
    """Return the scrape configuration of a PodMonitor with one endpoint."""
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    metadata = monitor["metadata"]
    own = [
        _keep("__meta_kubernetes_pod_container_port_name", endpoint["port"]),
        _copy("__meta_kubernetes_namespace", "namespace"),
        _copy("__meta_kubernetes_pod_container_name", "container"),
        _copy("__meta_kubernetes_pod_name", "pod"),
        {"target_label": "job", "replacement": f"{metadata['namespace']}/{metadata['name']}"},
        *_job_label(monitor, "pod"),
    ]
    return _config(cluster, monitor, "pod", endpoint, "pod", own)


def by_annotations(cluster: Cluster, namespace: str) -> Object:
    """Return the job `kubernetes-service-endpoints` of the community's chart, in one namespace."""
    asked = "__meta_kubernetes_service_annotation_prometheus_io_"
    return {
        "job_name": "kubernetes-service-endpoints",
        "honor_labels": True,
        "kubernetes_sd_configs": [_discovery(cluster, "endpoints", [namespace])],
        "relabel_configs": [
            _keep(f"{asked}scrape", "true"),
            {**_copy(f"{asked}scheme", "__scheme__"), "regex": "(https?)"},
            {**_copy(f"{asked}path", "__metrics_path__"), "regex": "(.+)"},
            {
                "source_labels": ["__address__", f"{asked}port"],
                "regex": r"(.+?)(?::\d+)?;(\d+)",
                "replacement": "$1:$2",
                "target_label": "__address__",
            },
            _copy("__meta_kubernetes_namespace", "namespace"),
            _copy("__meta_kubernetes_service_name", "service"),
        ],
    }


def configuration(folder: Path, *jobs: Object) -> Path:
    """Write a configuration of Prometheus with our rules in compressed time; return its path.

    It scrapes as often as such days need, whatever was asked for.
    """
    hurried = [
        {
            **job,
            "scrape_interval": compressed.SCRAPE,
            "scrape_timeout": compressed.SCRAPE,
            "relabel_configs": [*job["relabel_configs"], *RELABELLING],
        }
        for job in jobs
    ]
    path, rules = folder / "prometheus.yml", folder / "rules.yml"
    rules.write_text(compressed.rules())
    written = {"rule_files": [str(rules)], "scrape_configs": hurried}
    path.write_text(json.dumps(written))  # JSON is YAML
    return path


def _config(
    cluster: Cluster, monitor: Object, kind: str, endpoint: Object, role: str, own: Rules
) -> Object:
    metadata, spec = monitor["metadata"], monitor["spec"]
    names = spec.get("namespaceSelector", {}).get("matchNames") or [metadata["namespace"]]
    assert set(spec["selector"]) == {"matchLabels"}, spec["selector"]
    found = {ours: endpoint[theirs] for theirs, ours in _SCRAPE.items() if theirs in endpoint}
    if "sampleLimit" in spec:
        found["sample_limit"] = spec["sampleLimit"]
    return {
        "job_name": f"{kind}Monitor/{metadata['namespace']}/{metadata['name']}/0",
        **found,
        "kubernetes_sd_configs": [_discovery(cluster, role, names)],
        "relabel_configs": [
            *_selected(kind, spec["selector"]["matchLabels"]),
            *own,
            {"target_label": "endpoint", "replacement": endpoint["port"]},
            *(_relabeling(one) for one in endpoint.get("relabelings", ())),
        ],
        "metric_relabel_configs": [
            _relabeling(one) for one in endpoint.get("metricRelabelings", ())
        ],
    }


def _discovery(cluster: Cluster, role: str, namespaces: list[str]) -> Object:
    return {
        "role": role,
        "kubeconfig_file": str(cluster.kubeconfig),
        "namespaces": {"names": namespaces},
    }


def _selected(kind: str, labels: dict[str, str]) -> Rules:
    prefix = f"__meta_kubernetes_{kind}_label"
    return [
        {
            "action": "keep",
            "source_labels": [
                f"{prefix}_{_sanitized(name)}",
                f"{prefix}present_{_sanitized(name)}",
            ],
            "regex": f"({value});true",
        }
        for name, value in sorted(labels.items())
    ]


def _job_label(monitor: Object, kind: str) -> Rules:
    named = monitor["spec"].get("jobLabel")
    source = f"__meta_kubernetes_{kind}_label_{_sanitized(named or '')}"
    return [{**_copy(source, "job"), "regex": "(.+)"}] if named else []


def _relabeling(asked: Object) -> dict[str, Any]:
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    return {names.get(key, key): value for key, value in asked.items()}


def _keep(label: str, value: str) -> dict[str, Any]:
    return {"action": "keep", "source_labels": [label], "regex": value}


def _copy(label: str, to: str) -> dict[str, Any]:
    return {"source_labels": [label], "target_label": to}


def _sanitized(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII)
