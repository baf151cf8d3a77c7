"""`helm test`: its pod's script, run where the pod is said to be, decides how the test ends."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from tests.cluster import pods
from tests.cluster.cluster import Cluster, Object
from tests.cluster.releases import KINDS, Release, namespaced
from tests.cluster.values import FILES, replicas_of, values_of
from tests.conftest import eventually
from tests.deploy.chart import mixed
from tests.peers.found import program


class Outcome(NamedTuple):
    """How `helm test` ended, and what the pod's script said."""

    status: int
    said: str


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", KINDS)
def test_helm_test_passes(cluster: Cluster, kind: str, name: str) -> None:
    """A canary that is sent to the Service is seen on the metrics page; nothing of it is left later."""
    with namespaced(cluster, volumes=2) as release, ExitStack() as stack:
        values = mixed(values_of(kind, name, release.namespace), {"replicaCount": 1})
        release.install(values)
        (pod,) = release.pods(replicas_of(values))
        stack.enter_context(pods.running(cluster, pod))
        outcome = helm_test(release)
        assert outcome.status == 0, outcome.said
        release.uninstall()
        eventually(lambda: not release.left())

        assert release.left() == set()


def test_helm_test_fails_where_nothing_listens(cluster: Cluster) -> None:
    """Without an exporter behind the Service the test fails, and says what to look at."""
    with namespaced(cluster) as release:
        release.install(values_of("statsd_exporter", "small", ""))
        outcome = helm_test(release)

        assert outcome.status != 0
        assert "popcon" in outcome.said


def helm_test(release: Release) -> Outcome:
    """Run `helm test`, and its pod's script as a process; the pod ends as that one does."""
    cluster = release.cluster
    command = [str(program("helm")), "test", "popcon", f"--namespace={release.namespace}"]
    helm = subprocess.Popen(
        [*command, "--timeout=120s"],
        env=cluster.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        (pod,) = release.pods_of("test")
        script = pods.command_of(cluster, pod)
        done = subprocess.run(
            script.arguments, env=script.environ, capture_output=True, text=True, check=False
        )
        _end(cluster, pod, done.returncode)
        said, _ = helm.communicate(timeout=120)
    finally:
        helm.kill()
        helm.wait()
    return Outcome(helm.returncode, said + done.stdout + done.stderr)


def _end(cluster: Cluster, pod: Object, status: int) -> None:
    """Tell the API server how a pod has ended, as the kubelet does."""
    metadata = pod["metadata"]
    where = ("pod", metadata["name"], f"--namespace={metadata['namespace']}")
    phase = json.dumps({"status": {"phase": "Failed" if status else "Succeeded"}})
    cluster.kubectl("patch", *where, "--subresource=status", "--type=merge", f"--patch={phase}")
