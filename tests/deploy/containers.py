"""In: the Dockerfile. Out: its image, on a base made of Debian's packages, and containers of it.

No image registry is asked: the base that the Dockerfile names is Debian with a Python, and a Debian
with its own Python is made here, of the same release. Base and layers are kept where podman keeps
what it has, so that the next run builds only what changed. Others keep theirs there too: nothing
is removed here but by the name that it was given here.

podman needs no service, no systemd and no network of its own for this. It builds by chroot and runs
by runc, since crun refuses a machine that has cgroups of both versions.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.conftest import ROOT
from tests.exporter.running import Process
from tests.peers.found import missing
from tests.peers.wheels import last_line

DOCKERFILE = ROOT / "deploy" / "image" / "Dockerfile"
#: Two checkouts on a machine have images of their own, by where they lie.
TAG = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
IMAGE = f"localhost/popcon-test/exporter:{TAG}"
PROGRAMS = ("podman", "runc", "mmdebstrap")
PODMAN = ("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs")
#: The container as the chart's security context has it: nothing to write on, nothing to gain.
CONFINED = (
    *("--network", "host", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all"),
    *("--security-opt", "no-new-privileges"),
    # podman asks for more than the machine's own limits, which not every root may.
    *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"),
)
#: What pip may be told here that has a meaning inside the build.
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")


def need_programs() -> None:
    """Skip in one line where podman can't run here; in CI, fail."""
    for name in PROGRAMS:
        if shutil.which(name) is None:
            missing(f"containers can't be run: no {name}, which is a package of Debian's")
    if os.geteuid() != 0:
        missing("containers can't be run: not root")


def podman(*arguments: str) -> str:
    """Run podman; return what it said. A failure fails the test with its last lines."""
    done = subprocess.run([*PODMAN, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, "\n".join([*done.stdout.splitlines()[-20:], done.stderr])
    return done.stdout


def named_base() -> str:
    """Return the base that the Dockerfile names for users."""
    found = re.search(r"^ARG BASE=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert found
    return found[1]


def make_base(folder: Path) -> str:
    """Return the name of a base of the same Debian as the named one; it is made where it isn't there."""
    suite = named_base().rpartition("-")[2]
    base = f"localhost/popcon-test/base:{suite}"
    exists = subprocess.run([*PODMAN, "image", "exists", base], check=False)
    if exists.returncode == 0:
        return base
    archive = folder / "base.tar"
    command = [
        *("mmdebstrap", "--quiet", "--variant=apt"),
        "--include=ca-certificates,python3,python3-venv",
        *(f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("doc", "locale", "man")),
        *(suite, str(archive)),
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        missing(f"no base for containers: mmdebstrap: {last_line(made.stderr)}")
    podman("import", str(archive), base)
    archive.unlink()
    return base


def build(base: str, folder: Path, dockerfile: Path = DOCKERFILE, image: str = IMAGE) -> str:
    """Build the image on that base, and return its name. What pip is told here, it is told there."""
    podman(
        *("build", "--isolation", "chroot", "--network", "host", "--layers"),
        *("--file", str(dockerfile), "--build-arg", f"BASE={base}", "--tag", image),
        *_pip_secrets(folder),
        str(ROOT),
    )
    return image


def _pip_secrets(folder: Path) -> list[str]:
    """Return the build's secrets: this machine's pip settings, and its certificate authorities."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    lines = [line.partition("=") for line in told.stdout.splitlines()]
    settings = {name.rpartition(".")[2]: ast.literal_eval(value) for name, _, value in lines}
    written = [f"{name} = {settings[name]}" for name in PIP_SETTINGS if name in settings]
    secrets = []
    if "cert" in settings:
        written.append("cert = /run/secrets/ca")
        secrets += ["--secret", f"id=ca,src={settings['cert']}"]
    conf = folder / "pip.conf"
    conf.write_text("\n".join(["[global]", *written, ""]))
    return [*secrets, "--secret", f"id=pip,src={conf}"]


def in_image(image: str, *command: str, options: tuple[str, ...] = ()) -> str:
    """Run a program of the image's in place of the exporter; return what it said."""
    program, *arguments = command
    return podman("run", "--rm", *CONFINED, *options, "--entrypoint", program, image, *arguments)


@contextmanager
def files_of(image: str) -> Iterator[dict[str, os.stat_result]]:
    """What is in an image, by its path there, without running any of it."""
    root = podman("image", "mount", image).strip()
    try:
        found = (
            os.path.join(folder, name)
            for folder, folders, files in os.walk(root)
            for name in (*folders, *files)
        )
        yield {path[len(root) :]: os.lstat(path) for path in found}
    finally:
        podman("image", "unmount", image)


class Container(Process):
    """The image's exporter on free ports, with a volume for its counts."""

    def __init__(self, image: str, volume: str, *flags: str) -> None:
        self.name = f"popcon-test-{uuid4().hex[:8]}"
        mounted = ("--volume", f"{volume}:/var/lib/popcon")
        self.command = (*PODMAN, "run", "--name", self.name, *CONFINED, *mounted, image)
        super().__init__(*flags)

    def stop(self) -> tuple[int, str]:
        """Stop it as an engine does, SIGTERM and SIGKILL after a while; return its status and what it said."""
        podman("stop", "--time", "30", self.name)
        said, _ = self.process.communicate(timeout=30)
        return self.process.returncode, said

    def remove(self) -> None:
        """Leave nothing of it."""
        podman("rm", "--force", "--ignore", "--time", "0", self.name)
        self.process.communicate(timeout=30)
