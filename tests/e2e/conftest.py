"""In: this checkout. Out: an environment of its own, as an admin makes it, and an exporter beside it."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from popcon.activate.ipython import FILE_NAME
from tests.conftest import ROOT, clean_environ
from tests.e2e.servers import Running, exporter

#: What a hub's image has: the servers, and libraries that are each here for a reason: an import name
#: that differs, a dot in the name, a library that brings another one.
SERVERS = ("ipykernel", "jupyter-server", "jupyterhub")
LIBRARIES = (*SERVERS, "jinja2", "pyyaml", "ruamel.yaml", "zope.interface")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    return next(folder.glob("popcon-*.whl"))


@pytest.fixture(scope="session")
def hub_python(wheel: Path) -> str:
    """The interpreter of an environment with popcon installed and enabled; kept between runs."""
    constraints = (ROOT / "constraints.txt").read_bytes()
    key = hashlib.sha256(constraints + repr((LIBRARIES, sys.version)).encode()).hexdigest()[:12]
    folder = ROOT / ".peers" / f"hub-{key}"
    folder.parent.mkdir(exist_ok=True)
    # Each of pytest's processes comes here; while one of them installs, no kernel of another may start.
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare(folder, wheel)
    return str(folder / "bin" / "python")


def prepare(folder: Path, wheel: Path) -> None:
    """Make the environment, and install that wheel and enable it, unless this was done before."""
    python = str(folder / "bin" / "python")
    stamp = folder / "installed"
    if not stamp.is_file():
        venv.create(folder, with_pip=True, clear=True)
        pip(python, "install", "--constraint", str(ROOT / "constraints.txt"), *LIBRARIES)
        stamp.touch()
    wanted = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if stamp.read_text() == wanted:
        return
    stamp.write_text("")  # until all of it is done
    pip(python, "install", "--force-reinstall", "--no-deps", str(wheel))
    pip(python, "install", "--constraint", str(ROOT / "constraints.txt"), "statsd")
    (folder / "etc" / "ipython" / "startup" / FILE_NAME).unlink(
        missing_ok=True
    )  # another checkout's
    run([str(folder / "bin" / "popcon"), "enable", "ipython"])
    stamp.write_text(wanted)


@pytest.fixture(scope="module")
def wall() -> Iterator[Running]:
    """The real exporter with the shipped mapping."""
    with exporter("statsd_exporter") as running:
        yield running


def pip(python: str, *arguments: str) -> None:
    """Run pip in an environment."""
    run([python, "-m", "pip", "--disable-pip-version-check", *arguments, "--quiet"])


def run(command: list[str], **more: str) -> str:
    """Run a command outside this checkout's environment and return what it printed."""
    environ = clean_environ(**more)
    del environ["PYTHONPATH"]
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
