"""In: the name of a real peer. Out: its program or its files, or a skip with the reason (in CI, a failure)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

PEERS = Path(__file__).parents[2] / ".peers"
FOLDER = PEERS / "bin"

#: What `make test-cluster` alone needs, and `python -m tests.peers.install` alone doesn't install.
OF_THE_CLUSTER = frozenset(
    (
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kwok",
        "etcd",
        "kubectl",
        "crds",
    )
)


def program(name: str) -> Path:
    """Return the path of a tool that `python -m tests.peers.install` installs."""
    return _found(FOLDER / name)


def system_program(name: str) -> Path:
    """Return the path of a program of the system, one of those that `.ci/run` installs."""
    found = shutil.which(name)
    if found is None:
        missing(f"no {name} on this machine")
    return Path(found)


def files(name: str) -> list[Path]:
    """Return the YAML files of `crds` (prometheus-operator's) or of `kwok` (its stages)."""
    return sorted(_found(PEERS / name).glob("*.yaml"))


def _found(path: Path) -> Path:
    if not path.exists():
        more = " cluster" if path.name in OF_THE_CLUSTER else ""
        missing(f"no {path.name}: python -m tests.peers.install{more} could not install it")
    return path


def missing(reason: str) -> NoReturn:
    """Skip the test; in CI, where everything has to be there, let it fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
