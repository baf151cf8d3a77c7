"""In: package.json beside this file. Out: JupyterHub's proxy, in .peers/bin, or why it isn't there."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from tests.peers import node
from tests.peers.found import FOLDER

HERE = Path(__file__).parent
NAME = "configurable-http-proxy"


def install() -> str | None:
    """Install the proxy if it is missing; return the reason if it can't be had."""
    target = FOLDER.parent.resolve() / "proxy"
    launcher = FOLDER / NAME
    try:
        program = node.packages(HERE, target)
    except OSError as reason:
        return str(reason)
    if _starts(launcher):
        return None
    FOLDER.mkdir(parents=True, exist_ok=True)
    script = target / "node_modules" / NAME / "bin" / NAME
    command = shlex.join([program, str(script)])
    launcher.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    launcher.chmod(0o755)
    return None if _starts(launcher) else f"{NAME} does not start"


def _starts(launcher: Path) -> bool:
    """Return whether the launcher's Node and script are still where they were."""
    if not launcher.is_file():
        return False
    done = subprocess.run([str(launcher), "--version"], capture_output=True, check=False)
    return done.returncode == 0
