"""In: a path. Out: a real store there, open or as the next process reads it; copies; processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from popcon.exporter.state.store import Store
from tests.conftest import clean_environ


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """A store, opened at once or refused at once, and closed."""
    store = Store(path)
    store.open(patience=0)
    try:
        yield store
    finally:
        store.close()


def held(path: Path, kind: str = "k") -> dict[str, object]:
    """What a file holds, as the next process would read it."""
    with opened(path) as store:
        return dict(store.load(kind))


def taken(path: Path, to: Path) -> Path:
    """Copy a store's files as they are, as if the machine had stopped here."""
    to.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, to / file.name)
    return to / path.name


@contextmanager
def child(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that runs code."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environ(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
