"""In: an environment. Out: its index, one text file that says which path is whose; gone on demand.

`popcon.libraries` reads it in place of all metadata. It holds, for each site directory, the time of
its last change (what tells that something was installed since), its path relative to the environment
(which may be moved), the shortest paths that only one library claims, each library's version (`*` for
own code), and the projects that editable installs point to. In it stand names and paths of the
environment, and nothing about a person.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import time
from pathlib import Path
from typing import NamedTuple

from popcon.errors import FileError
from popcon.files import remove_file, remove_folders, write_whole
from popcon.indexed import (
    INDEX_END,
    INDEX_HEAD,
    index_file,
    is_fresh,
    parse_site,
    read_index,
    state_of,
)
from popcon.libraries import split_site
from popcon.site_directory import SiteDirectory

#: A change within one tick of the file system's clock would not show in the time of change.
_TICK = 0.02
_PATTERNS = (
    "lib/python*/site-packages",
    "lib64/python*/site-packages",
    "lib/python*/dist-packages",
    "local/lib/python*/dist-packages",
    "lib/pypy*/site-packages",
    "Lib/site-packages",
)


class Index(NamedTuple):
    """An index as it would be written: where, the text, and how much is in it."""

    file: str
    text: str
    sites: int
    libraries: int
    rows: int


def build(prefix: str) -> list[Index]:
    """Return an environment's indexes, one for each version of Python that has a site directory.

    Raises `FileError` where there is no site directory, or packages are being installed meanwhile.
    """
    found = site_folders(prefix)
    if not found:
        raise FileError(f"no site directory in '{prefix}'")
    return [_build(prefix, tag, folders) for tag, folders in found.items()]


def write(index: Index) -> None:
    """Write an index. Raises `FileError`."""
    write_whole(Path(index.file), index.text.encode("utf-8", "surrogateescape"))


def remove(prefix: str) -> list[str]:
    """Remove an environment's indexes and return their paths. Raises `FileError`."""
    found = files(prefix)
    for file in found:
        remove_file(Path(file))
    share = Path(prefix) / "share"
    remove_folders([share / "popcon", share] if found else [share / "popcon"])
    return found


def files(prefix: str) -> list[str]:
    """Return the paths of an environment's indexes."""
    return [str(file) for file in sorted((Path(prefix) / "share" / "popcon").glob("index-*"))]


def state(prefix: str) -> str:
    """Return whether an environment's indexes are `fresh`, `stale` or `absent`."""
    found = site_folders(prefix)
    answers = set()
    for tag, folders in found.items():
        sites = read_index(index_file(prefix, tag))
        if not sites:
            return "absent"
        answers |= {_is_fresh(sites.get(folder), f"{prefix}/{folder}") for folder in folders}
    return "fresh" if answers == {True} else "stale" if answers else "absent"


def index_of(base: str, relative: str) -> str:
    """Return what the index says about a file in a site directory, in a sentence."""
    for prefix in dict.fromkeys((sys.prefix, sys.base_prefix)):
        if not base.startswith(prefix + "/"):
            continue
        file = index_file(prefix)
        if not os.path.exists(file):
            continue
        blocks = read_index(file).get(base[len(prefix) + 1 :])
        if blocks is None:
            return f"{file} is of no use: it doesn't have this directory, or is damaged"
        site = parse_site(blocks, state_of(base))
        if site is None:
            return f"{file} is stale or damaged, and ignored"
        return f"{file} is fresh and says {site.find(relative)[0] or 'nothing'}"
    return "there is none"


def site_folders(prefix: str) -> dict[str, list[str]]:
    """Return cache tag → the site directories of that Python, relative to the environment."""
    own_tag = str(sys.implementation.cache_tag)
    found: dict[str, list[str]] = {}
    folders: list[tuple[str, str]] = []
    if os.path.realpath(prefix) == os.path.realpath(sys.prefix):
        start = prefix.rstrip("/") + "/"
        for path in [*sys.path, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]:
            base = split_site(path.replace(os.sep, "/") + "/x")[0]
            if base.startswith(start):
                folders.append((base[len(start) :], own_tag))
    folders += [
        (folder.relative_to(prefix).as_posix(), _tag(folder.parent.name) or own_tag)
        for pattern in _PATTERNS
        for folder in sorted(Path(prefix).glob(pattern))
    ]
    # Debian's one folder for every Python 3 belongs to the one that asks.
    folders = [(folder, own_tag if tag == "cpython-3" else tag) for folder, tag in folders]
    seen: set[str] = set()
    for folder, tag in folders:
        real = os.path.realpath(f"{prefix}/{folder}")
        if real not in seen and os.path.isdir(real):  # lib64 is often a link to lib
            seen.add(real)
            found.setdefault(tag, []).append(folder)
    return found


def _build(prefix: str, tag: str, folders: list[str]) -> Index:
    blocks = [INDEX_HEAD]
    library_count = row_count = 0
    for folder in folders:
        base = f"{prefix}/{folder}"
        then, site = _read_at_rest(base)
        rows = {path: library for path, library in site.rows().items() if _fits(path)}
        libraries = {
            library: site.version(library) or ""
            for library in sorted({*site.distributions, *rows.values()})
        }
        projects = [item for item in site.projects.items() if _fits(item[0])]
        if state_of(base) != then:
            raise FileError(f"'{base}' is changing: try again when nothing is being installed")
        blocks += [
            f"{folder}\t{then}\t{len(rows)}\t{len(libraries)}",
            "\n".join(f"{path}\t{library}" for path, library in sorted(rows.items())),
            "\n".join(f"{library}\t{version}" for library, version in libraries.items()),
            "\n".join(f"{project}\t{library}" for project, library in projects),
        ]
        library_count += len(libraries)
        row_count += len(rows)
    text = "\n\n".join([*blocks, INDEX_END])
    return Index(index_file(prefix, tag), text, len(folders), library_count, row_count)


def _read_at_rest(base: str) -> tuple[int, SiteDirectory]:
    """Return a site directory's time of change, at least a tick ago, and its listing since."""
    then = state_of(base)
    age = time.time() - then / 1e9
    if 0 <= age < _TICK:
        time.sleep(_TICK)
        then = state_of(base)
    return then, SiteDirectory(base, then, exact=True)


def _is_fresh(blocks: list[str] | None, base: str) -> bool:
    then = (blocks or [""])[0].split("\t")[1:2]
    return bool(then and then[0].isdigit() and is_fresh(int(then[0]), state_of(base)))


def _fits(path: str) -> bool:
    """Return whether a path can stand in a row: no path of a module has these."""
    return bool(path) and not any(character in path for character in "\t\n")


def _tag(folder: str) -> str:
    """Return the cache tag of the Python that a folder `python3.9` belongs to, or an empty text."""
    for name, tag in (("python", "cpython-"), ("pypy", "pypy")):
        if folder.startswith(name):
            return tag + folder[len(name) :].rstrip("t").replace(".", "")
    return ""
