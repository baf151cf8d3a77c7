"""In: the name of a real peer. Out: its program, or a skip with the reason (in CI, a failure)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / ".peers" / "bin"
STAMP = FOLDER.parent / "tools.sha256"
TOOLS = ("statsd_exporter", "prometheus", "promtool")


def program(name: str) -> Path:
    """Return the path of a tool that `python -m tests.peers.install` installs."""
    path = FOLDER / name
    if not path.is_file():
        reason = f"no {name}: python -m tests.peers.install could not install it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
