"""In: an interpreter. Out: an environment with popcon and a few libraries in it, and runs in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import zipfile
from collections import Counter
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from popcon.activate import pth as pth_files
from popcon.activate import written
from tests.conftest import ROOT, Collector, clean_environ
from tests.processes.table import CALL, PASSES, SET_UP, SITECUSTOMIZE, Row

#: Library → the text of its only module; run as a program, it does nothing more.
LIBRARIES = {
    "apples": "",
    "pears": "",
    "plums": "",
    "cherries": PASSES,
}
PREFIX = "python_popcon."
#: The programs are many and short: they keep their bytecode. And they show every warning.
_OTHERS = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONWARNINGS": "default"}


class Environment:
    """A virtual environment as an admin makes it. With `pth`, all its Pythons are armed."""

    def __init__(self, python: str, folder: Path, *, pth: bool) -> None:
        self.folder = folder
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
        self.bin = folder / "bin"
        self.site = next(folder.glob("lib/python*/site-packages"))
        for library, text in LIBRARIES.items():
            package = self.site / library
            package.mkdir()
            (package / "__init__.py").write_text(text)
            (package / "__main__.py").write_text("")
            self._install(library)
        shutil.copytree(ROOT / "popcon", self.site / "popcon")
        self._install("popcon")
        self._add_pip()
        joblib = find_spec("joblib")
        if joblib is not None and joblib.submodule_search_locations:
            shutil.copytree(joblib.submodule_search_locations[0], self.site / "joblib")
        if pth:
            written.write(pth_files.texts(self.site))

    def _install(self, library: str) -> None:
        """Write the metadata of a package that is in place."""
        info = self.site / f"{library}-1.0.dist-info"
        info.mkdir()
        files = sorted(path.relative_to(self.site) for path in (self.site / library).rglob("*.py"))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {library}\nVersion: 1.0\n")
        (info / "RECORD").write_text("".join(f"{file.as_posix()},,\n" for file in files))

    def _add_pip(self) -> None:
        """Unpack the pip that came with the interpreter; some systems take it out."""
        found = subprocess.run(
            [self.bin / "python", "-c", "import ensurepip; print(ensurepip.__path__[0])"],
            capture_output=True,
            text=True,
            check=False,
        )
        for wheel in Path(found.stdout.strip()).glob("_bundled/pip-*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(self.site)

    def has(self, module: str) -> bool:
        """Return whether the module is installed."""
        return not module or (self.site / module).is_dir()


class Run:
    """A row's program, run once: how it ended, what it printed, and what was counted meanwhile."""

    def __init__(
        self, row: Row, environment: Environment, folder: Path, environ: Mapping[str, str]
    ) -> None:
        text = SET_UP + row.program if row.armed == CALL else row.program
        places = {"folder": str(folder), "bin": str(environment.bin), "program": text}
        places["file"] = row.file.format(**places)
        file = Path(places["file"])
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        at_start = folder / "at_start"
        at_start.mkdir()
        if row.armed == SITECUSTOMIZE:
            (at_start / "sitecustomize.py").write_text(SET_UP)
        command = [part.format(**places) for part in row.command]
        collector = Collector(socket.AF_INET, "127.0.0.1")
        settings = {"POPCON_SINK": collector.url, **row.environ, **environ}
        process = subprocess.Popen(
            [environment.bin / "python", *command],
            cwd=folder,
            env={**clean_environ(**settings), **_OTHERS, "PYTHONPATH": str(at_start)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        if row.signal:
            process.stdout.readline()
            process.send_signal(row.signal)
        try:
            # Children hold the same pipes: when they are closed, all have ended, and on loopback
            # what was sent has arrived.
            self.stdout, self.stderr = process.communicate(text, timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        self.status = process.returncode
        counted: Counter[str] = Counter()
        for line in b"\n".join(collector.arrived()).decode().splitlines():
            name, _, value = line.partition(":")
            name = name.replace(PREFIX, "", 1).replace("library_used.", "", 1)
            counted[name] += int(value.replace("|c", "", 1))
        collector.close()
        self.counted = dict(counted)
