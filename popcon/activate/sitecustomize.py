"""In: whose programs. Out: the `sitecustomize.py` that arms them, and every place like it.

Python imports the first `sitecustomize` on its path, and no other. So ours runs the one that it
displaces, and is refused where another would displace it: Debian has one among the standard library.
"""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path

from popcon import displaced
from popcon.activate.arming import ARM, about
from popcon.activate.place import Place, Scope, place_of
from popcon.activate.start import Start, ask, site_directory
from popcon.activate.written import code_of
from popcon.errors import FileError

FILE_NAME = "sitecustomize.py"


def folder(prefix: Path, scope: Scope) -> Path:
    """Return the site directory of a scope. Raises `UsageError` or `FileError` where there is none."""
    return site_directory(ask(prefix), scope)


def texts(folder: Path, undo: str = "popcon disable sitecustomize") -> dict[Path, str]:
    """Return the file of a site directory and its text."""
    run = inspect.getsource(displaced.run)
    # Armed afterwards: what the other one imports is not the program's.
    arm = textwrap.indent(ARM, "    ")
    text = f"{about(undo)}{run}\n\ntry:\n    run(__file__)\nfinally:\n    del run\n{arm}"
    return {folder / FILE_NAME: text}


def check(prefix: Path, folder: Path) -> None:
    """Raise `FileError` where Python would run another `sitecustomize`, which doesn't run ours."""
    own = folder / FILE_NAME
    for place in _found(ask(prefix), "sitecustomize", own):
        if place.file == own:
            return
        if place.runs and not _yields(place):
            raise FileError(
                f"'{place.file}' comes first, so that Python would not run '{own}': "
                "popcon enable pth, or call popcon in that file"
            )


def places(start: Start) -> list[Place]:
    """Return the sitecustomize files in Python's order, ours where it would be, and usercustomize.

    Only the first runs, and what it runs in turn.
    """
    found = _found(start, "sitecustomize", start.site / FILE_NAME)
    if start.user_site is not None:
        rows = _found(start, "usercustomize")
        found += [row for row in rows[:1] if row.state == "by hand"]
    return found


def _found(start: Start, module: str, own: Path | None = None) -> list[Place]:
    found: list[Place] = []
    reason = ""
    for folder in dict.fromkeys(start.path):
        file = _file_of(folder, module)
        if file is None and (own is None or folder != own.parent):
            continue
        place = place_of(
            file or folder / FILE_NAME, module, start.where(folder), reason, runs=not reason
        )
        found.append(place)
        if file is not None and not reason and not _yields(place):
            reason = f"not run: {file} comes first"
    return found


def _file_of(folder: Path, module: str) -> Path | None:
    """Return the file that a module would be imported from in this folder, a package's before others."""
    for file in (folder / module / "__init__.py", folder / f"{module}.py"):
        if file.is_file():
            return file
    return None


def _yields(place: Place) -> bool:
    """Return whether a sitecustomize runs the one behind it."""
    return place.state == "active" or "displaced" in code_of(place.file)
