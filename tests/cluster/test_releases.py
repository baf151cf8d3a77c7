"""Helm on a real API server: what it makes of the chart, changes, and takes away again."""

from __future__ import annotations

import re

import pytest

from tests.cluster.cluster import Cluster, Object
from tests.cluster.releases import KINDS, WORKLOADS, Release, namespaced
from tests.cluster.values import FILES, replicas_of, values_of
from tests.conftest import eventually
from tests.deploy.chart import mixed

#: What an admin changes most: the pods are made anew.
CHANGE: Object = {"exporter": {"logLevel": "debug"}, "podLabels": {"changed": "yes"}}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_release_comes_changes_and_goes(cluster: Cluster, kind: str, name: str) -> None:
    """It is installed, changed, changed back and removed: no warning is printed, and nothing is left."""
    with namespaced(cluster, volumes=2) as release:
        values = values_of(kind, name, release.namespace)
        count = replicas_of(values)

        assert release.install(values).err == ""
        assert not re.search(r"^kind: .*(Role|Binding)", release.manifest(), re.M)
        first = release.workload(kind)
        assert {pod["metadata"]["labels"].get("changed") for pod in release.pods(count)} == {None}
        assert release.upgrade(mixed(values, CHANGE)).err == ""
        assert {pod["metadata"]["labels"].get("changed") for pod in release.pods(count)} == {"yes"}
        assert release.rollback().err == ""
        assert {pod["metadata"]["labels"].get("changed") for pod in release.pods(count)} == {None}
        last = release.workload(kind)
        assert first["metadata"]["uid"] == last["metadata"]["uid"]
        assert first["spec"]["template"] == last["spec"]["template"]
        for pod in [*release.pods(count), *release.jobs().values()]:
            _is_humble(cluster, pod)
        assert "services/popcon" in release.left()
        assert release.uninstall().err == ""
        eventually(lambda: not release.left())
        assert release.left() == set()


def _is_humble(cluster: Cluster, pod: Object) -> None:
    """No token of an account is in the pod, and no role of ours gives the account anything."""
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert [one for one in pod["spec"].get("volumes", ()) if "projected" in one] == []
    account = pod["spec"]["serviceAccountName"]
    for kind in ("rolebindings", "clusterrolebindings"):
        for binding in cluster.all(kind):
            subjects = [one for one in binding.get("subjects", ()) if one["name"] == account]
            assert subjects == [], binding["metadata"]["name"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_air_gapped_release_pulls_from_its_own_registry(cluster: Cluster, kind: str) -> None:
    """Each image is of the registry that was named, each pod has the secret, and nothing may go out."""
    with namespaced(cluster, volumes=1) as release:
        release.install(values_of(kind, "air-gapped", release.namespace))
        pods = [*release.pods(), *release.jobs().values()]
        (policy,) = cluster.all("networkpolicies", release.namespace)

        assert len(pods) == 2
        for pod in pods:
            images = [container["image"] for container in pod["spec"]["containers"]]
            assert [one for one in images if not one.startswith("registry.internal:5000/")] == []
            assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}]
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert policy["spec"].get("egress", []) == []


def test_the_restricted_level_is_enforced(cluster: Cluster) -> None:
    """A release whose values take the restrictions away gets no pod in the same namespace, and a warning."""
    with namespaced(cluster) as release:
        values = mixed(
            values_of("statsd_exporter", "small", ""),
            {"podSecurityContext": None, "securityContext": None},
        )
        said = release.install(values, wait=False).err

        assert "would violate PodSecurity" in said
        assert eventually(lambda: _refused_pods(release))
        assert cluster.all("pods", release.namespace) == []


def _refused_pods(release: Release) -> list[Object]:
    conditions = [
        condition
        for one in release.cluster.all("replicasets", release.namespace)
        for condition in one["status"].get("conditions", ())
    ]
    return [one for one in conditions if one["type"] == "ReplicaFailure"]


def test_a_release_becomes_the_other_exporter(cluster: Cluster) -> None:
    """An upgrade from one exporter to the other leaves the Services, and one workload."""
    with namespaced(cluster, volumes=1) as release:
        release.install(values_of("statsd_exporter", "small", release.namespace))
        was = _service(release)["metadata"]["uid"]

        assert release.upgrade(values_of("popcon", "small", release.namespace)).err == ""
        assert [pod["metadata"]["name"] for pod in release.pods()] == ["popcon-0"]
        assert _service(release)["metadata"]["uid"] == was
        for kind in WORKLOADS.values():
            assert len(cluster.all(kind, release.namespace)) == (kind == "statefulset")


def _service(release: Release) -> Object:
    found = release.cluster.get("service", "popcon", release.namespace)
    assert found
    return found
