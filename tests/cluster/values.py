"""In: nothing. Out: the values files that the chart is installed with here, each for both exporters."""

from __future__ import annotations

from tests.cluster.cluster import Object
from tests.deploy.chart import mixed

#: What Prometheus is told by: annotations, a ServiceMonitor, a PodMonitor.
SMALL: Object = {}
EVERYTHING: Object = {
    "commonLabels": {"team": "hub"},
    "podLabels": {"tier": "metrics"},
    "podAnnotations": {"example.org/note": "here"},
    "statsd": {
        "tcpPort": 9126,
        "siteLabels": [["namespace", "course"]],
        "service": {"ipFamilyPolicy": "RequireDualStack", "internalTrafficPolicy": "Cluster"},
    },
    "service": {"ipFamilyPolicy": "PreferDualStack"},
    "serviceMonitor": {"enabled": True, "additionalLabels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "additionalLabels": {"release": "prometheus"}},
    "dashboards": {"enabled": True},
    "podDisruptionBudget": {"enabled": True},
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
        }
    ],
    "priorityClassName": "system-cluster-critical",
    "extraEnv": {
        "IMAGE_OF_THE_HUB": "scipy:1",
        "POD_NAME": {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    },
    "extraVolumes": [{"name": "scratch", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    "inventory": {
        "images": [
            {
                "name": "scipy",
                "image": "registry.example.org/hub/scipy:1",
                "labels": "namespace=hub1",
            }
        ]
    },
    "canary": {"enabled": True},
    "extraObjects": [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "{{ .Release.Name }}-more"},
            "data": {"namespace": "{{ .Release.Namespace }}"},
        }
    ],
}
AIR_GAPPED: Object = {
    "global": {"imageRegistry": "registry.internal:5000"},
    "imagePullSecrets": [{"name": "pull"}],
    "podMonitor": {"enabled": True},
    "canary": {"enabled": True},
    "networkPolicy": {"enabled": True, "egress": []},
}
OF_ITS_KIND: dict[str, dict[str, Object]] = {
    "everything": {
        "statsd_exporter": {"autoscaling": {"enabled": True, "minReplicas": 1}},
        "popcon": {"replicaCount": 2, "popcon": {"runContextEnvironment": ["IMAGE_OF_THE_HUB"]}},
    },
}
FILES = {"small": SMALL, "everything": EVERYTHING, "air-gapped": AIR_GAPPED}


def values_of(kind: str, name: str, storage_class: str) -> Object:
    """Return a values file for an exporter, with what this one can't do without here."""
    own: Object = {"exporter": {"kind": kind}}
    if kind == "popcon":
        own["image"] = {"registry": "registry.example.org", "repository": "hub/popcon"}
        own["persistence"] = {"storageClass": storage_class}
        own["popcon"] = {"privacy": {"policy": "off"}}
    return mixed(mixed(own, FILES[name]), OF_ITS_KIND.get(name, {}).get(kind, {}))


def replicas_of(values: Object) -> int:
    """Return how many pods come of values."""
    return int(values.get("replicaCount", 1))
