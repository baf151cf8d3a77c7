"""Real kernels, by what arms them: as Python starts, by a startup file, or both."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from popcon.activate import ipython, sitecustomize, written
from popcon.demo.kernels import kernel
from tests.conftest import ROOT, Collector, clean_environ

COUNTED = ["python_popcon.library_used.pyyaml:1|c", "python_popcon.reports:1|c"]


def _by_hand() -> str:
    """Return the startup file that the values for Zero to JupyterHub mount."""
    values = yaml.safe_load((ROOT / "deploy" / "helm" / "z2jh.yaml").read_text())
    return str(values["singleuser"]["extraFiles"]["popcon"]["stringData"])


STARTUP = pytest.mark.parametrize(
    ("startup", "counted"),
    [("", []), (ipython.startup_text(), COUNTED), (_by_hand(), COUNTED)],
    ids=["no startup file", "enable ipython", "by hand"],
)


@STARTUP
@pytest.mark.parametrize("early", [True, False], ids=["armed as Python starts", ""])
def test_what_a_kernel_counts(
    tmp_path: Path, collector: Collector, startup: str, counted: list[str], early: bool
) -> None:
    """What cells import counts, once, where a startup file arms the shell, and nothing otherwise."""
    folder = tmp_path / "profile_default" / "startup"
    folder.mkdir(parents=True)
    if startup:
        (folder / ipython.FILE_NAME).write_text(startup)
    if early:
        written.write(sitecustomize.texts(tmp_path))
    environ = clean_environ(
        POPCON_SINK=collector.url, IPYTHONDIR=str(tmp_path), PYTHONPATH=f"{tmp_path}:{ROOT}"
    )
    with kernel(environ, sys.executable) as session:
        session.run("before = set(globals())\nimport yaml")
        session.run("assert 'popcon' not in before and '_popcon' not in before")
        arrived = collector.lines(5 if counted else 0)

    assert arrived == counted
    assert collector.lines() == []
