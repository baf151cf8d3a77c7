"""In: a library in a site directory. Out: its files, and how many bytes they take; no file counts twice."""

from __future__ import annotations

import json
import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from popcon.metadata import names_of, parse_entry
from popcon.record import rows
from popcon.site_directory import SiteDirectory, environment_of


class Disk:
    """Files that were counted so far, by inode, and for whom.

    What several libraries list counts for the one that comes first, as its modules do.
    """

    def __init__(self) -> None:
        self._owners: dict[tuple[int, int], str] = {}

    def measure(self, site: SiteDirectory, library: str) -> tuple[int, dict[str, int]]:
        """Return the bytes of a library's files, and those that are counted for others, by whom."""
        own = 0
        shared: defaultdict[str, int] = defaultdict(int)
        inside = environment_of(site.base) + "/"
        for path in dict.fromkeys(files_of(site, library)):
            if not path.startswith(inside):  # a RECORD may say anything
                continue
            try:
                status = os.stat(path)
            except (OSError, ValueError):
                continue
            if not stat.S_ISREG(status.st_mode):
                continue
            inode = status.st_dev, status.st_ino
            if inode not in self._owners:
                self._owners[inode] = library
                own += status.st_size
            elif self._owners[inode] != library:
                shared[self._owners[inode]] += status.st_size
        return own, dict(shared)


def files_of(site: SiteDirectory, library: str) -> Iterator[str]:
    """Return the paths of a library's files, with the bytecode beside them; some may be missing."""
    for path in _files_of(site, library):
        yield path
        if path.endswith(".py"):
            folder, _, name = path.rpartition("/")
            yield from _bytecode(folder).get(name[:-3], ())


def in_order(site: SiteDirectory) -> list[str]:
    """Return a site directory's libraries: those first that list their files."""
    known = list(site.distributions)
    listed = [name for name in known if any(map(site.listing, site.distributions[name]))]
    more = sorted(set(site.rows().values()) - set(known))
    return list(dict.fromkeys([*listed, *known, *more]))


def _files_of(site: SiteDirectory, library: str) -> Iterator[str]:
    entries = site.distributions.get(library)
    if entries is None:
        yield from _conda_files(site, library)
        return
    for entry in entries:
        record = site.listing(entry)
        if record:
            for row in rows(record):
                yield os.path.normpath(os.path.join(site.base, row))
            continue
        yield from _walk(f"{site.base}/{entry}")
        if parse_entry(entry)[2] in ("dist-info", "egg-info"):
            for name, _ in names_of(site.base, entry):
                yield from _module(f"{site.base}/{name}")


def _conda_files(site: SiteDirectory, library: str) -> Iterator[str]:
    try:
        listed = json.loads(site.conda()[library])["files"]
    except (ValueError, LookupError, TypeError):
        return
    for path in listed:
        if isinstance(path, str):
            yield os.path.normpath(os.path.join(environment_of(site.base), path))


def _module(path: str) -> Iterator[str]:
    """Return the files of a package or of a single module, whatever its ending is."""
    yield from _walk(path)
    folder, _, name = path.rpartition("/")
    for entry in _entries(folder):
        if entry.startswith(name + ".") and entry.endswith((".py", ".so", ".pyd")):
            yield f"{folder}/{entry}"


def _walk(path: str) -> Iterator[str]:
    """Return the file, or all files below the folder; a link to a folder isn't followed."""
    yield path
    for folder, _, names in os.walk(path):
        for name in names:
            yield f"{folder}/{name}"


@lru_cache(maxsize=64)
def _entries(folder: str) -> tuple[str, ...]:
    try:
        return tuple(os.listdir(folder))
    except OSError:
        return ()


@lru_cache(maxsize=1024)
def _bytecode(folder: str) -> dict[str, list[str]]:
    """Return module → its compiled files in the folder's `__pycache__`."""
    found: dict[str, list[str]] = {}
    for name in _entries(f"{folder}/__pycache__"):
        if name.endswith(".pyc"):
            stem = name.partition(".")[0]
            found.setdefault(stem, []).append(f"{folder}/__pycache__/{name}")
    return found
