"""In: an interpreter. Out: a virtual environment of it with popcon in it, and runs in there."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environ


class Venv:
    """A virtual environment as an admin makes it, but for pip."""

    def __init__(self, python: str, folder: Path) -> None:
        shutil.copytree(_empty(python), folder, symlinks=True)
        self.folder = folder.resolve()
        self.python = self.folder / "bin" / "python"
        self.site = next(self.folder.glob("lib/python*/site-packages"))
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "popcon", self.site / "popcon", ignore=ignored)

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run this environment's Python with these arguments, in its folder."""
        kept = clean_environ(**{"HOME": str(self.folder), "PYTHONPATH": "", **environ})
        kept = {name: value for name, value in kept.items() if value or name != "PYTHONPATH"}
        return subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=kept,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def popcon(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command of popcon's."""
        return self.run("-m", "popcon", *arguments, **environ)

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """Return every path below it, with its mode and content."""
        return tree(self.folder)


@functools.cache
def _empty(python: str) -> Path:
    """Return an environment with nothing in it, made once: a copy is one too, wherever it lies."""
    made = tempfile.mkdtemp(prefix="popcon-venv-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    subprocess.run([python, "-m", "venv", "--without-pip", made], check=True)
    return Path(made)


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return every path below a folder, with its mode and content."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in folder.rglob("*")
    }


@pytest.fixture
def venv_of(tmp_path: Path) -> Callable[[str], Venv]:
    """Make an environment of an interpreter, in which nothing is active."""
    return lambda python: Venv(python, tmp_path / "venv")
