"""The volumes of the exporter that keeps its counts: whose they are, and what may change."""

from __future__ import annotations

import re

import pytest

from tests.cluster import pods
from tests.cluster.cluster import Cluster, Object, RefusedError
from tests.cluster.releases import Release, namespaced
from tests.cluster.values import values_of
from tests.conftest import eventually
from tests.deploy.chart import mixed


def _values(release: Release, **persistence: object) -> Object:
    small = values_of("popcon", "small", release.namespace)
    return mixed(small, {"persistence": persistence})


def _claims(release: Release) -> list[str]:
    claims = release.cluster.all("persistentvolumeclaims", release.namespace)
    return [str(one["metadata"]["name"]) for one in claims]


def _uids(release: Release) -> list[str]:
    claims = release.cluster.all("persistentvolumeclaims", release.namespace)
    return [str(one["metadata"]["uid"]) for one in claims]


@pytest.mark.parametrize("keep", [False, True])
def test_volumes_go_with_the_release_unless_they_are_to_stay(cluster: Cluster, keep: bool) -> None:
    """An uninstalled release leaves its volumes only if persistence.keepOnUninstall says so."""
    with namespaced(cluster, volumes=2) as release:
        values = mixed(_values(release, keepOnUninstall=keep), {"replicaCount": 2})
        release.install(values)
        assert _claims(release) == ["counts-popcon-0", "counts-popcon-1"]
        release.upgrade(mixed(values, {"replicaCount": 1}))
        release.pods(1)
        assert _claims(release) == ["counts-popcon-0", "counts-popcon-1"]
        release.uninstall()
        if keep:
            assert release.left() == {
                f"persistentvolumeclaims/counts-popcon-{number}" for number in (0, 1)
            }
        else:
            assert eventually(lambda: not release.left(), 30), release.left()


@pytest.mark.parametrize("keep", [False, True])
def test_a_rollback_to_the_other_kind(cluster: Cluster, keep: bool) -> None:
    """It asks nothing and takes the volumes along, unless they are to stay; then the way back finds them."""
    with namespaced(cluster, volumes=1) as release:
        values = _values(release, keepOnUninstall=keep)
        release.install(values_of("statsd_exporter", "small", release.namespace))
        release.upgrade(values)
        before = _uids(release)
        release.rollback()
        if not keep:
            assert eventually(lambda: not _claims(release), 30), _claims(release)
            return
        release.pods()
        release.upgrade(values)
        release.pods()

        assert _uids(release) == before


def test_counts_are_there_after_the_pod_is_another(cluster: Cluster) -> None:
    """What a pod counted is shown by the one that comes after it."""
    with namespaced(cluster, volumes=1) as release:
        release.install(_values(release))
        (first,) = release.pods()
        with pods.running(cluster, first) as process:
            pods.send(process, b"python_popcon.namespace.hub1.reports:3|c")
            assert eventually(lambda: "python_popcon_reports{" in process.page())
        release.upgrade(mixed(_values(release), {"podLabels": {"changed": "yes"}}))
        (second,) = release.pods()
        with pods.running(cluster, second) as process:
            page = process.page()

        assert first["metadata"]["uid"] != second["metadata"]["uid"]
        assert 'python_popcon_reports{namespace="hub1"} 3\n' in page


def test_another_spelling_of_the_size_is_no_change(cluster: Cluster) -> None:
    """1024Mi, which the API server shows as 1Gi, is upgraded to itself."""
    with namespaced(cluster, volumes=1) as release:
        release.install(_values(release, size="1024Mi"))
        release.upgrade(_values(release, size="1024Mi"))

        assert _claims(release) == ["counts-popcon-0"]


def test_a_changed_volume_is_refused_with_the_way_out(cluster: Cluster) -> None:
    """The chart says which command lets the change in, and after that command the upgrade works."""
    with namespaced(cluster, volumes=1) as release:
        release.install(_values(release))
        (pod,) = release.pods()
        with pytest.raises(RefusedError, match="persistence differs") as refused:
            release.upgrade(_values(release, size="2Gi"))
        command = re.search(r"kubectl (.*?--cascade=orphan)", str(refused.value))
        assert command
        cluster.kubectl(*command[1].split())
        release.upgrade(_values(release, size="2Gi"))

        (claim,) = release.workload("popcon")["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["resources"]["requests"]["storage"] == "2Gi"
        assert [one["metadata"]["uid"] for one in release.pods()] == [pod["metadata"]["uid"]]
        assert _claims(release) == ["counts-popcon-0"]


def test_another_kind_takes_no_volume_unasked(cluster: Cluster) -> None:
    """A change to statsd_exporter is refused while it would remove volumes, and works once they are to stay."""
    with namespaced(cluster, volumes=1) as release:
        release.install(_values(release))
        go = values_of("statsd_exporter", "small", release.namespace)
        with pytest.raises(RefusedError, match="keepOnUninstall=true first"):
            release.upgrade(go)
        release.upgrade(_values(release, keepOnUninstall=True))
        release.upgrade(go)
        release.pods()

        assert _claims(release) == ["counts-popcon-0"]
