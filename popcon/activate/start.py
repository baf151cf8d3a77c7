"""In: an environment's folder. Out: where its Python looks as it starts, as that Python says itself.

Distributions patch these folders (Debian's `dist-packages`), and `PYTHONPATH`, `pyvenv.cfg` and a
user's own site directory change what comes first: only the interpreter knows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from popcon.activate.place import Scope
from popcon.errors import FileError, UsageError

#: Asked of a fresh interpreter, and not from the folder that it is asked in.
_QUESTION = """\
import sys
sys.path = [folder for folder in sys.path if folder]
import importlib.util, json, site, sysconfig
user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
own = site.getsitepackages([sys.prefix]) if sys.prefix != sys.base_prefix else []
popcon = importlib.util.find_spec("popcon")
print(json.dumps({
    "prefix": sys.prefix,
    "version": sys.version_info[:2],
    "site": sysconfig.get_path("purelib"),
    "user": user,
    "sites": list(dict.fromkeys([*own, *user, *site.getsitepackages()])),
    "path": sys.path,
    "popcon": list(popcon.submodule_search_locations or []) if popcon else [],
}))
"""


class Start(NamedTuple):
    """Where an environment's Python looks: `sites` for `.pth` files, in this order, `path` for the rest.

    `site` is the environment's own site directory, `user_site` the user's, if it is read at all;
    `popcon` is the folder that popcon would be imported from, if it is installed.
    """

    version: tuple[int, ...]
    site: Path
    user_site: Path | None
    sites: tuple[Path, ...]
    path: tuple[Path, ...]
    popcon: Path | None

    def where(self, folder: Path) -> str:
        """Return whose folder this is."""
        own = {self.site: "environment", self.user_site: "user"}
        return own.get(folder, str(folder))


def ask(prefix: Path) -> Start:
    """Return where an environment's Python looks. Raises `FileError` where there is none that runs."""
    if not str(prefix).isprintable():
        raise FileError(f"not an environment's folder: {str(prefix)!r}")
    for python in _pythons(prefix):
        answer = _answer(python)
        if answer is not None and os.path.realpath(answer["prefix"]) == os.path.realpath(prefix):
            user = [Path(folder) for folder in answer["user"]]
            popcon = [Path(folder).parent for folder in answer["popcon"]]
            return Start(
                tuple(answer["version"]),
                Path(answer["site"]),
                user[0] if user else None,
                tuple(Path(folder) for folder in answer["sites"]),
                tuple(Path(folder) for folder in answer["path"]),
                popcon[0] if popcon else None,
            )
    raise FileError(f"no Python that runs in '{prefix}'")


def site_directory(start: Start, scope: Scope) -> Path:
    """Return the site directory of a scope. Raises `UsageError` or `FileError` where there is none."""
    if scope == "machine":
        raise UsageError(
            "'--system' is for ipython: each Python has a site directory of its own, "
            "name it by --prefix ('--prefix /usr' for the machine's own)"
        )
    if scope == "environment":
        return start.site
    if start.user_site is None:
        raise FileError(f"this Python doesn't read a user's site directory: '{sys.prefix}'")
    return start.user_site


def _pythons(prefix: Path) -> list[str]:
    if os.path.realpath(prefix) == os.path.realpath(sys.prefix) and sys.executable:
        return [sys.executable]
    names = ("bin/python", "bin/python3", "python.exe", "Scripts/python.exe")
    return [str(prefix / name) for name in names if (prefix / name).is_file()]


def _answer(python: str) -> dict[str, Any] | None:
    environ = {**os.environ, "POPCON_DISABLED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [python, "-c", _QUESTION],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
    return answer
