"""The jobs' own commands, run as processes beside the exporter's."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack

import pytest

from tests.cluster import pods
from tests.cluster.cluster import Cluster
from tests.cluster.releases import KINDS, namespaced
from tests.cluster.values import values_of
from tests.conftest import eventually
from tests.deploy.chart import mixed


@pytest.mark.parametrize("kind", KINDS)
def test_the_jobs_do_their_work(cluster: Cluster, kind: str) -> None:
    """The canary's job sees its canary arrive, and the inventory's gives each library a 0 and a size."""
    with namespaced(cluster, volumes=2) as release, ExitStack() as stack:
        values = values_of(kind, "everything", release.namespace)
        release.install(mixed(values, {"replicaCount": 1}))
        (pod,) = release.pods()
        exporter = stack.enter_context(pods.running(cluster, pod))
        for name, job in release.jobs().items():
            command = pods.command_of(cluster, job)
            done = subprocess.run(
                command.arguments, env=command.environ, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

        zero = 'python_popcon_library_used{library="pyyaml",namespace="hub1"} 0\n'
        size = 'python_popcon_library_installed_bytes{library="pip",namespace="hub1",part="tool"} '
        assert eventually(lambda: zero in exporter.page() and size in exporter.page())
        # By UDP and by TCP.
        assert 'python_popcon_canary_total{id="job"} 2\n' in exporter.page()
