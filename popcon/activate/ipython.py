"""In: whose kernels. Out: the IPython startup file that arms them, and every place like it.

IPython runs the startup files of the user's profile, of `sys.prefix`, of `/usr/local` and of
`/etc` in every kernel, sorted by their full path; one that raises stops all later ones
(IPython/core/shellapp.py, `_run_startup_files`). So ours can't raise, and leaves no name behind.
"""

from __future__ import annotations

import os
from pathlib import Path

from popcon.activate.arming import ARM, about
from popcon.activate.place import Place, Scope, place_of
from popcon.errors import FileError

FILE_NAME = "000-popcon.py"


def folder(prefix: Path, scope: Scope) -> Path:
    """Return the startup folder of a scope. Raises `FileError` where the environment is none."""
    if scope != "environment":
        return system_folder() if scope == "machine" else user_folder()
    if not prefix.is_dir() or not str(prefix).isprintable():
        raise FileError(f"not an environment's folder: {str(prefix)!r}")
    return prefix_folder(prefix)


def prefix_folder(prefix: str | os.PathLike[str]) -> Path:
    """Return the startup folder of an environment, for every kernel that runs in it."""
    return Path(os.path.abspath(prefix)) / "etc" / "ipython" / "startup"


def system_folder() -> Path:
    """Return the startup folder of the machine, for the kernels of all environments."""
    if os.name == "nt":
        return Path(os.environ.get("PROGRAMDATA", "C:\\ProgramData")) / "ipython" / "startup"
    return Path("/etc/ipython/startup")


def user_folder() -> Path:
    """Return the startup folder of this user, for all their kernels (IPython/paths.py)."""
    home = os.environ.get("IPYTHONDIR") or "~/.ipython"
    return Path(os.path.abspath(os.path.expanduser(home))) / "profile_default" / "startup"


def startup_text(undo: str = "popcon disable ipython") -> str:
    """Return what the file runs, and a comment; `undo` is the command that removes it."""
    return about(undo) + ARM


def texts(folder: Path, undo: str = "popcon disable ipython") -> dict[Path, str]:
    """Return the file of a startup folder and its text."""
    return {folder / FILE_NAME: startup_text(undo)}


def check(prefix: Path, folder: Path) -> None:
    """Any startup folder will do: IPython runs all files in it."""


def places(prefix: Path) -> list[Place]:
    """Return every place that kernels of this environment start from, in IPython's order.

    These are the four where ours may be, and files of others that call popcon.
    """
    folders = {system_folder(): "machine", user_folder(): "user"}
    if os.name != "nt":
        folders[Path("/usr/local/etc/ipython/startup")] = "machine, local"
    folders[prefix_folder(prefix)] = "environment"  # which may be in /usr/local
    found = []
    for folder, where in folders.items():
        own = folder / FILE_NAME
        others = {*folder.glob("*.py"), *folder.glob("*.ipy")} - {own}
        rows = [place_of(file, "IPython", where) for file in (own, *others)]
        found += [row for row in rows if row.file == own or row.arms]
    return sorted(found, key=lambda place: str(place.file))
