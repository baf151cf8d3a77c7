"""In: a test's need for Kubernetes. Out: one control plane for the session, and namespaces in it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.plane import control_plane
from tests.peers.found import files, missing


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane with prometheus-operator's definitions in it."""
    if sys.platform != "linux":
        pytest.skip("pods' processes are at other addresses than 127.0.0.1, which only Linux has")
    if shutil.which("openssl") is None:
        missing("no openssl on this machine")
    definitions = files("crds")
    with control_plane(tmp_path_factory.mktemp("cluster")) as made:
        for path in definitions:
            # Larger than what `kubectl apply` may keep in an annotation.
            made.kubectl("create", f"--filename={path}")
        made.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        yield made
