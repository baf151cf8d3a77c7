"""What Kubernetes never lets change, and that no values ask for it."""

from __future__ import annotations

import json

import pytest

from tests.cluster.cluster import Cluster, RefusedError
from tests.cluster.releases import EXPORTER, KINDS, WORKLOADS, namespaced
from tests.cluster.values import FILES, values_of
from tests.deploy.chart import mixed

#: Values that charts have in their selectors, or make them of.
TEMPTING = {
    "nameOverride": "other",
    "fullnameOverride": "popcon",  # else all objects get new names, and nothing is changed
    "commonLabels": {"app.kubernetes.io/name": "other", "app.kubernetes.io/instance": "other"},
    "podLabels": {"app.kubernetes.io/name": "other", "app.kubernetes.io/component": "other"},
    "serviceAccount": {"create": False},
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_values_change_a_selector(cluster: Cluster, kind: str) -> None:
    """Each values file follows each other, and values that rename and relabel too, on the same selector."""
    with namespaced(cluster, volumes=2) as release:
        # Ports come and go in a test of their own.
        same = {"replicaCount": 1, "statsd": {"tcpPort": 9126}}
        for name in (*FILES, "small"):
            values = mixed(values_of(kind, name, release.namespace), same)
            (release.upgrade if release.left() else release.install)(values)
            selector = release.workload(kind)["spec"]["selector"]
            assert selector == {"matchLabels": EXPORTER}
        release.upgrade(mixed(values, TEMPTING))

        assert release.workload(kind)["spec"]["selector"] == {"matchLabels": EXPORTER}
        (pod,) = release.pods()
        assert pod["metadata"]["labels"].items() >= EXPORTER.items()


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_selector_is_refused(cluster: Cluster, kind: str) -> None:
    """The API server refuses a changed selector: the test above would have failed."""
    changed = {"spec": {"selector": {"matchLabels": {"more": "yes"}}}}
    with namespaced(cluster, volumes=1) as release:
        release.install(values_of(kind, "small", release.namespace))
        where = (WORKLOADS[kind], "popcon", f"--namespace={release.namespace}")

        with pytest.raises(RefusedError, match=r"immutable|Forbidden"):
            cluster.kubectl("patch", *where, "--type=merge", f"--patch={json.dumps(changed)}")
