"""In: a load, a port, a rate. Out: datagrams at that rate, by a C program compiled on the spot."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from benchmarks.loads import Load

_SOURCE = Path(__file__).with_name("generate.c")


class Sent(NamedTuple):
    """What went out, and in how many seconds."""

    datagrams: int
    lines: int
    seconds: float


class Generator:
    """Sends to 127.0.0.1. `cpus` are where it may run, so that it doesn't take its receiver's."""

    def __init__(self, folder: Path, cpus: set[int]) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise SystemExit("no cc on this machine: the generator is a C program")
        self._program = folder / "generate"
        self._cpus = cpus
        subprocess.run([compiler, "-O2", "-o", self._program, _SOURCE], check=True)

    def send(self, load: Load, port: int, rate: float, seconds: float) -> Sent:
        """Send so many lines a second for so long; `Sent` says what became of it."""
        file = self._program.with_name(load.name.replace(" ", "-"))
        if not file.exists():
            file.write_bytes(load.packed())
        paced = rate / load.lines_each()
        count = max(1, round(paced * seconds))
        command = [str(self._program), str(port), str(file), str(count), f"{paced:.3f}"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, self._cpus),
        )
        sent, took = done.stdout.split()
        return Sent(int(sent), load.lines(int(sent)), float(took))
