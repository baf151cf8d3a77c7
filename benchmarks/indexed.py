"""In: an environment. Out: the states that popcon finds it in: with its index, and without."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks.environment import Environment

_WRITE = (
    "import sys\nfrom popcon import index\nfor one in index.build(sys.prefix): index.write(one)"
)


class State(NamedTuple):
    """A name, and what brings it about."""

    name: str
    enter: Callable[[], None]


def states(environment: Environment) -> list[State]:
    """Return the states to measure, the fastest first; the environment is in the first of them."""
    if find_spec("popcon.index") is None:
        return [State("without index", lambda: None)]
    subprocess.run([environment.python, "-c", _WRITE], cwd="/", check=True)
    (file,) = (environment.folder / "share" / "popcon").glob("index-*")
    aside = file.with_name("aside")
    return [
        State("with index", lambda: _move(aside, file)),
        State("without index", lambda: _move(file, aside)),
    ]


def _move(start: Path, end: Path) -> None:
    if start.exists():
        start.rename(end)
