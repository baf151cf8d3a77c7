"""In: an IPython startup folder. Out: the file in it that arms the reporter; gone again on demand.

IPython runs the startup files of the user's profile, of `sys.prefix`, of `/usr/local` and of
`/etc` in every kernel, sorted by their full path; one that raises stops all later ones
(IPython/core/shellapp.py, `_run_startup_files`). So ours can't raise, and leaves no name behind.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

from popcon import __version__
from popcon.errors import FileError
from popcon.files import write_whole

FILE_NAME = "000-popcon.py"
_MARK = "# Written by popcon "

_TEXT = """\
{mark}{version} (popcon enable ipython). It counts which installed libraries are used, and
# names no person. To remove it: {disable}, or delete this file.
# For yourself alone: set DO_NOT_TRACK=1 in the kernel's environment.
def _popcon():
    import os, sys
    path = sys.path
    # The notebook's own folder comes first, and may hold a popcon.py of the user's.
    sys.path = [dir for dir in path if dir and not os.path.isfile(dir + "/popcon.py")]
    try:
        import popcon
    finally:
        sys.path = path
    popcon.setup_reporter()
try:
    _popcon()
except (Exception, SystemExit):
    pass
finally:
    del _popcon
"""


class Place(NamedTuple):
    """A startup folder and what is in it: `state` is `active`, `absent` or `not ours`."""

    label: str
    file: Path
    state: str


def prefix_folder(prefix: str | os.PathLike[str]) -> Path:
    """Return the startup folder of an environment, for every kernel that runs in it."""
    return Path(prefix) / "etc" / "ipython" / "startup"


def system_folder() -> Path:
    """Return the startup folder of the machine, for the kernels of all environments."""
    if os.name == "nt":
        return Path(os.environ.get("PROGRAMDATA", "C:\\ProgramData")) / "ipython" / "startup"
    return Path("/etc/ipython/startup")


def startup_text(disable: str = "popcon disable ipython") -> str:
    """Return the file's text; `disable` is the command that removes it."""
    return _TEXT.format(mark=_MARK, version=__version__, disable=disable)


def install(folder: Path, disable: str = "popcon disable ipython") -> Path:
    """Write the startup file, whole or not at all, and return its path.

    Raises `FileError` where a file of that name isn't ours, or the folder can't be written. Folders
    that have to be made are readable by everybody, whatever the umask: the kernels are theirs.
    """
    file = folder / FILE_NAME
    _refuse_if_not_ours(file)
    write_whole(file, startup_text(disable).encode())
    return file


def remove(folder: Path) -> Path | None:
    """Remove the startup file and return its path, or None if there was none.

    Raises `FileError` where a file of that name isn't ours, or can't be removed.
    """
    file = folder / FILE_NAME
    _refuse_if_not_ours(file)
    try:
        file.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileError(f"can't remove '{file}': {error.strerror or error}") from None
    return file


def places(prefix: str = sys.prefix) -> list[Place]:
    """Return every place that kernels of this environment start from, in IPython's order."""
    folders = {
        "environment": prefix_folder(prefix),
        "machine, local": Path("/usr/local/etc/ipython/startup"),
        "machine": system_folder(),
        "user": _user_folder(),
    }
    if os.name == "nt":
        del folders["machine, local"]
    found = [
        Place(label, folder / FILE_NAME, _state(folder / FILE_NAME))
        for label, folder in folders.items()
    ]
    return sorted(found, key=lambda place: str(place.file))


def _user_folder() -> Path:
    home = os.environ.get("IPYTHONDIR") or os.path.expanduser("~/.ipython")
    return Path(home) / "profile_default" / "startup"


def _state(file: Path) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            return "active" if stream.readline().startswith(_MARK) else "not ours"
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except OSError as error:
        return f"unreadable: {error.strerror or error}"


def _refuse_if_not_ours(file: Path) -> None:
    state = _state(file)
    if state not in ("active", "absent"):
        raise FileError(f"'{file}' is in the way ({state}): move it, then try again")
