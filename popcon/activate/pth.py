"""In: whose programs. Out: the `.pth` file that arms them, with its `.start`, and every place like it.

Python runs the `import` lines of all `.pth` files in its site directories, in a virtual environment
twice. From 3.15 on (PEP 829) it calls what a `.start` file names instead, and leaves out the `import`
lines of a `.pth` file beside it that has the same name.
"""

from __future__ import annotations

from pathlib import Path

from popcon.activate.arming import ARM, about
from popcon.activate.place import Place, Scope, place_of
from popcon.activate.start import Start, ask, site_directory
from popcon.errors import FileError

FILE_NAME = "popcon.pth"
START_NAME = "popcon.start"
#: The first Python that reads `.start` files.
_READS_START = (3, 15)


def folder(prefix: Path, scope: Scope) -> Path:
    """Return the site directory of a scope. Raises `UsageError` or `FileError` where there is none."""
    return site_directory(ask(prefix), scope)


def texts(folder: Path, undo: str = "popcon disable pth") -> dict[Path, str]:
    """Return the two files of a site directory and their texts.

    They are ASCII: before 3.13 Python reads a `.pth` file in the encoding of the locale, and one that
    can't be decoded keeps it from starting.
    """
    comment = about(undo).encode("ascii", "backslashreplace").decode()
    return {
        folder / FILE_NAME: f"{comment}import sys; exec({ARM!r}, {{}})\n",
        folder / START_NAME: f"{comment}popcon:setup_reporter\n",
    }


def check(prefix: Path, folder: Path) -> None:
    """Raise `FileError` where popcon would not be found from here.

    Before Python 3.15 a `.pth` file runs when the folders behind its own are not on the path yet.
    """
    start = ask(prefix)
    behind = start.sites[start.sites.index(folder) + 1 :] if folder in start.sites else ()
    if start.popcon in behind and start.version < _READS_START:
        raise FileError(
            f"popcon is in '{start.popcon}', which Python doesn't know yet when it reads '{folder}': "
            "install popcon there"
        )


def places(start: Start) -> list[Place]:
    """Return the files that arm popcon, in Python's order, and where ours would be."""
    reads_start = start.version >= _READS_START
    found = []
    for site in start.sites:
        own = {site / FILE_NAME, site / START_NAME}
        shown = own if site == start.site else {file for file in own if file.exists()}
        others = {*site.glob("*.pth"), *site.glob("*.start")} - own
        for file in sorted(shown | others):
            is_start = file.suffix == ".start"
            note = "for Python 3.15 and later" if is_start and not reads_start else ""
            silenced = reads_start and file.with_suffix(".start").exists()
            runs = reads_start if is_start else not silenced
            place = place_of(file, file.suffix, start.where(site), note, runs=runs)
            if file in shown or place.state == "by hand":
                found.append(place)
    if reads_start:  # all that the `.start` files name is called after all `.pth` files
        found.sort(key=lambda place: place.how == ".start")
    return found
