"""In: a test's need for a real thing. Out: a collector on loopback, a clean interpreter, a site."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

ROOT = Path(__file__).parents[1]
# A shell that runs us in the background lets us ignore these, and each process that a test starts too.
for _signal, _normal in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, _normal)
#: The Pythons that popcon runs on; those that this machine has are tested.
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")

Answer = TypeVar("Answer")


class Collector:
    """A UDP socket that keeps what comes: the receiving end of a sink."""

    def __init__(self, family: socket.AddressFamily, host: str) -> None:
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"statsd://{'[::1]' if ':' in host else host}:{self.port}"

    def arrived(self) -> list[bytes]:
        """Return what has come, without waiting: all there is, once its senders have ended."""
        found: list[bytes] = []
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self._socket.recv(65_535))
        return found

    def datagrams(self, wait: float = 0.0) -> list[bytes]:
        """Return what has come; where nothing has, wait up to so many seconds for the first."""
        found: list[bytes] = []
        self._socket.settimeout(wait or 0.001)
        while True:
            try:
                found.append(self._socket.recv(65_535))
            except (socket.timeout, BlockingIOError):
                return found
            self._socket.settimeout(0.05)

    def lines(self, wait: float = 0.0) -> list[str]:
        """Return the lines that have come, in order."""
        return [line for datagram in self.datagrams(wait) for line in datagram.decode().split("\n")]

    def close(self) -> None:
        """Free the port."""
        self._socket.close()


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """Whatever a module leaves open is found there, and not in a later one's tests."""
    yield
    gc.collect()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on 127.0.0.1."""
    made = Collector(socket.AF_INET, "127.0.0.1")
    yield made
    made.close()


def interpreters(*, few: bool = False) -> list[ParameterSet]:
    """Return a parameter for each supported Python, skipped in one line where there is none.

    With `few` only for the oldest and the newest that this machine has, and for the running one.
    `POPCON_PYTHONS=running` leaves only the last of these: `make test-pythons` runs everything in
    each Python, and none of them needs the others.
    """
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if os.environ.get("POPCON_PYTHONS") == "running":
        return [pytest.param(sys.executable, id=running)]
    paths = {version: find_python(version) for version in VERSIONS}
    if few:
        have = [version for version, path in paths.items() if path]
        paths = {
            version: paths[version] for version in have if version in (have[0], have[-1], running)
        }
    found = []
    for version, path in paths.items():
        reason = f"no Python {version} on this machine"
        marks = [] if path else [pytest.mark.skip(reason=reason)]
        found.append(pytest.param(path, id=version, marks=marks))
    return found


@functools.cache
def find_python(version: str) -> str | None:
    """Return an interpreter of that version: this one, one on PATH, or one of pyenv's."""
    if sys.version_info[:2] == tuple(int(part) for part in version.split(".")):
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    candidates = [
        shutil.which(f"python{version}"),
        *sorted(root.glob(f"versions/{version}.*/bin/python")),
    ]
    for candidate in candidates:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return str(candidate)
    return None


def clean_environ(**extra: str) -> dict[str, str]:
    """Return this process's environment without a word about popcon, but for what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("POPCON_", "PYTHON_POPCONTEST_")) and name != "DO_NOT_TRACK"
    }
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **extra}


def run_python(python: str, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run code in a clean child interpreter and return how it ended and what it printed."""
    return subprocess.run(
        [python, "-c", code],
        env=clean_environ(**environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def eventually(check: Callable[[], object], seconds: float = 20.0) -> object:
    """Ask again until the answer is true, and return it; the last answer when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(0.1)


def became(ask: Callable[[], Answer], expected: object, seconds: float = 20.0) -> Answer:
    """Ask again until the answer is what is expected; return the last one, which is to be compared.

    Once more asked, a page of a busy machine can have lost for a moment what it just showed.
    """
    deadline = time.monotonic() + seconds
    while (answer := ask()) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer
