"""The ports by which counts come in, as they are switched on and off."""

from __future__ import annotations

import re

import pytest

from tests.cluster.cluster import Cluster, Object, RefusedError
from tests.cluster.releases import KINDS, Release, namespaced
from tests.cluster.values import values_of
from tests.deploy.chart import exporter, mixed

UDP, TCP = ("UDP", 9125), ("TCP", 9126)


@pytest.mark.parametrize("kind", KINDS)
def test_tcp_comes_and_goes(cluster: Cluster, kind: str) -> None:
    """Each upgrade leaves the ports that the values say, in the Service and in the pods."""
    with namespaced(cluster, volumes=1) as release:
        values = values_of(kind, "small", release.namespace)
        with_tcp = mixed(values, {"statsd": {"tcpPort": 9126}})
        release.install(values)
        assert _ports(release) == {UDP}
        assert _of_pods(release, kind) == {UDP}
        release.upgrade(with_tcp)
        assert _ports(release) == {UDP, TCP}
        assert _of_pods(release, kind) == {UDP, TCP}
        release.upgrade(values)
        assert _ports(release) == {UDP}
        assert _of_pods(release, kind) == {UDP}
        release.rollback()

        assert _ports(release) == {UDP, TCP}
        assert _of_pods(release, kind) == {UDP, TCP}


def _ports(release: Release) -> set[tuple[str, int]]:
    """Return the ports for counts, of all Services of the release."""
    return {
        (port["protocol"], port["port"])
        for service in release.cluster.all("services", release.namespace)
        for port in service["spec"]["ports"]
        if port["name"].startswith("statsd-")
    }


def _of_pods(release: Release, kind: str) -> set[tuple[str, int]]:
    """Return the ports for counts that the exporter's container has."""
    return {
        (port["protocol"], port["containerPort"])
        for port in exporter([release.workload(kind)])["ports"]
        if port["name"].startswith("statsd-")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_dual_stack(cluster: Cluster, kind: str) -> None:
    """A Service that is to have both families of addresses has one of each."""
    with namespaced(cluster, volumes=2) as release:
        release.install(values_of(kind, "everything", release.namespace))
        service = cluster.get("service", "popcon", release.namespace)

        assert service
        assert sorted(service["spec"]["ipFamilies"]) == ["IPv4", "IPv6"]
        assert len(service["spec"]["clusterIPs"]) == 2


@pytest.mark.parametrize(
    "service", [{"clusterIP": "10.96.7.7"}, {"ipFamilies": ["IPv6"]}], ids=["address", "family"]
)
def test_a_changed_address_is_refused_with_the_way_out(cluster: Cluster, service: Object) -> None:
    """The chart says it before anything changes, and after its command the upgrade works."""
    with namespaced(cluster, volumes=1) as release:
        values = values_of("statsd_exporter", "small", release.namespace)
        changed = mixed(values, {"statsd": {"service": service}})
        release.install(values)
        with pytest.raises(RefusedError, match="Kubernetes never lets change") as refused:
            release.upgrade(mixed(changed, {"podLabels": {"changed": "yes"}}))
        command = re.search(r"kubectl (.*? delete service [a-z-]+)", str(refused.value))
        assert command
        (pod,) = release.pods(1)
        assert "changed" not in pod["metadata"]["labels"]
        cluster.kubectl(*command[1].split())
        release.upgrade(changed)
        release.upgrade(values)
        found = cluster.get("service", "popcon", release.namespace)

        assert found
        assert service.items() <= found["spec"].items()
