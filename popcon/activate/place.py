"""In: a file that runs as Python or IPython starts. Out: whether popcon is armed there, and by whom."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from popcon import __version__
from popcon.activate.written import calls_popcon, look

#: For whom popcon is activated: who uses an environment, everybody on the machine, one user.
Scope = Literal["environment", "machine", "user"]


class Place(NamedTuple):
    """A file that may arm popcon.

    `how` is `.pth`, `.start`, `sitecustomize`, `usercustomize` or `IPython`; `where` is a scope or
    the folder; `state` is what `look` found; `runs` says whether Python gets there.
    """

    file: Path
    how: str
    where: str
    state: str
    note: str = ""
    runs: bool = True

    @property
    def arms(self) -> bool:
        """Whether popcon is armed from here; what a person edited may still do it."""
        edited = self.state == "edited" and calls_popcon(self.file)
        return self.runs and (edited or self.state in ("active", "by hand"))


def place_of(file: Path, how: str, where: str, note: str = "", *, runs: bool = True) -> Place:
    """Return a place and what is there."""
    found = look(file)
    notes = [note] if note else []
    if found.version not in ("", __version__):
        notes.append(f"popcon {found.version} wrote it")
    return Place(file, how, where, found.state, "; ".join(notes), runs)
