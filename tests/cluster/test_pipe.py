"""A kernel reports, Prometheus finds the pod through Kubernetes, and the dashboard's query has the number."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from popcon.demo.kernels import kernel, reporting_profile
from tests.cluster import pods
from tests.cluster.cluster import Cluster, Object
from tests.cluster.monitors import by_annotations, of_pod_monitor, of_service_monitor
from tests.cluster.prometheus import watching
from tests.cluster.releases import KINDS, Release, namespaced
from tests.cluster.values import replicas_of, values_of
from tests.conftest import became


def _annotated(release: Release) -> Object:
    return by_annotations(release.cluster, release.namespace)


def _service_monitored(release: Release) -> Object:
    return of_service_monitor(release.cluster, _only(release, "servicemonitors"))


def _pod_monitored(release: Release) -> Object:
    return of_pod_monitor(release.cluster, _only(release, "podmonitors"))


def _only(release: Release, kind: str) -> Object:
    (found,) = release.cluster.all(kind, release.namespace)
    return found


#: Values file → how Prometheus is told of the exporter, and the job that it then belongs to.
TOLD: dict[str, tuple[Callable[[Release], Object], str]] = {
    "small": (_annotated, "kubernetes-service-endpoints"),
    "everything": (_service_monitored, "popcon-metrics"),
    "air-gapped": (_pod_monitored, "{namespace}/popcon"),
}


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_pipe(cluster: Cluster, kind: str, name: str, tmp_path: Path) -> None:
    """Where NOTES send kernels to, the pod listens; where Kubernetes says that it is, it is scraped."""
    find, job = TOLD[name]
    with namespaced(cluster, volumes=2) as release, ExitStack() as stack:
        values = values_of(kind, name, release.namespace)
        release.install(values)
        made = release.pods(replicas_of(values))
        for pod in made:
            stack.enter_context(pods.running(cluster, pod))
        prometheus = stack.enter_context(watching(tmp_path, find(release)))
        targets = prometheus.targets(len(made))

        for hub in ("hub1", "hub1", "hub2"):
            profile = reporting_profile(_sink(release), f"namespace={hub}")
            with profile as environ, kernel(environ) as session:
                session.run("import yaml")
        for hub, reports in {"hub1": 2, "hub2": 1, "$__all": 3}.items():
            # Of two replicas one may have been scraped before the other, and rules come after that.
            for panel, expected in (
                ("Processes that reported", {"": reports}),
                ("Most used", {"pyyaml": reports}),
            ):
                assert became(partial(prometheus.panel, panel, hub), expected) == expected
        assert {target["job"] for target in targets} == {job.format(namespace=release.namespace)}
        addresses = {f"{pod['status']['podIP']}:9102" for pod in made}
        assert {target["instance"] for target in targets} == addresses
        assert {target["namespace"] for target in targets} == {release.namespace}
        # Kubernetes' own namespace has not pushed the hub's aside.
        assert "exported_namespace" not in prometheus.labels_of("python_popcon_reports")


def _sink(release: Release) -> str:
    """Return what NOTES say that kernels send to, with the address of the pod that gets it."""
    notes = release.cluster.helm("get", "notes", "popcon", f"--namespace={release.namespace}").out
    named = re.search(r'POPCON_SINK="statsd://([^":]+):(\d+)"', notes)
    assert named, notes
    address = pods.behind(release.cluster, named[1], int(named[2]), "UDP")
    return f"statsd://{address}"
