"""In: an environment's folder. Out: its inventory: a row for each library in each site directory.

Names and owners are those of `popcon.site_directory`, so that a row and a count mean the same library.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.metadata import Distribution
from typing import Any, NamedTuple

from popcon.catalog import OTHER
from popcon.errors import FileError
from popcon.index import site_folders
from popcon.indexed import OWN
from popcon.inventory.disk import Disk, in_order
from popcon.inventory.infrastructure import Facts, Part, infrastructure
from popcon.inventory.origin import origin
from popcon.libraries import Libraries, sites_on_path
from popcon.metadata import parse_entry
from popcon.record import rows
from popcon.site_directory import SiteDirectory
from popcon.well_known import FOR_USERS

FORMAT = "popcon-inventory 1"


class Row(NamedTuple):
    """A library in a site directory.

    `counted_as` is what a kernel would report: its name, `_other`, or an empty text for popcon.
    `size` is in bytes; `shared` are bytes that it lists too and that count for others, by whom.
    """

    name: str
    counted_as: str
    version: str
    size: int
    shared: dict[str, int]
    origin: str
    part: Part | None
    site: str


class Contents(NamedTuple):
    """What an environment's metadata says, read once.

    `installed` are libraries in each site directory, in order; `facts` those of the first of each
    name. `python` are markers of another one's Python, as `infrastructure` takes them. `is_own` where
    this runs in it.
    """

    prefix: str
    is_own: bool
    installed: list[tuple[SiteDirectory, str]]
    facts: dict[str, Facts]
    python: dict[str, str]


def contents(prefix: str) -> Contents:
    """Return what an environment has. Raises `FileError` where there is no site directory.

    For the environment that this runs in, also what it sees of others: a user's site directory, or
    the interpreter's own.
    """
    own = os.path.realpath(prefix) == os.path.realpath(sys.prefix)
    folders = site_folders(prefix)
    if not folders:
        raise FileError(f"no site directory in '{prefix}'")
    bases = [f"{prefix}/{folder}" for group in folders.values() for folder in group]
    real = {os.path.realpath(base) for base in bases}
    bases += [b for b in sites_on_path() if own and os.path.realpath(b) not in real]
    sites = [SiteDirectory(base, exact=True) for base in bases]
    installed = [(site, library) for site in sites for library in in_order(site)]
    facts = {library: _facts_of(site, library) for site, library in reversed(installed)}
    return Contents(prefix, own, installed, facts, {} if own else _python(folders))


def inventory(prefix: str, naming: Mapping[str, Any] | None = None) -> list[Row]:
    """Return what is installed, largest first. Raises `FileError` where there is no site directory.

    `naming` says which libraries are named, as `popcon.config.read_naming` returns it.
    """
    return inventory_of(contents(prefix), naming)


def inventory_of(there: Contents, naming: Mapping[str, Any] | None = None) -> list[Row]:
    """Return the rows of what an environment has, as `inventory` does."""
    names = Libraries(None if there.is_own else [there.prefix], **(naming or {}))
    disk = Disk()
    parts = infrastructure(there.facts, there.python)
    found = [
        Row(
            library,
            "" if library == "popcon" else names.public_name(site.base, library),
            _version(site, library),
            *disk.measure(site, library),
            origin(site, library),
            parts.get(library),
            site.base,
        )
        for site, library in there.installed
    ]
    return sorted(found, key=lambda row: (-row.size, row.name))


def counted_names(listed: list[Row]) -> list[str]:
    """Return the names that kernels can report, each once: what is somebody's own is one `_other`."""
    return sorted({row.counted_as for row in listed} - {""})


def sizes(listed: list[Row]) -> dict[tuple[str, str], int]:
    """Return the bytes of each library, by its name and what it is part of; of copies the sum.

    What is somebody's own has none: one number for all of it would say nothing.
    """
    found: dict[tuple[str, str], int] = {}
    for row in listed:
        if row.counted_as != OTHER:
            key = row.name, row.part.name if row.part else FOR_USERS
            found[key] = found.get(key, 0) + row.size
    return dict(sorted(found.items()))


def as_json(prefix: str, listed: list[Row]) -> dict[str, Any]:
    """Return the inventory as `--json` prints it."""
    return {
        "format": FORMAT,
        "prefix": prefix,
        "bytes": sum(row.size for row in listed),
        "libraries": [
            {
                "library": row.name,
                "counted_as": row.counted_as or None,
                "version": row.version or None,
                "bytes": row.size,
                "shared": row.shared,
                "origin": row.origin,
                "infrastructure": row.part and row.part.name,
                "why": row.part and row.part.why,
                "site": row.site,
            }
            for row in listed
        ],
    }


def _facts_of(site: SiteDirectory, library: str) -> Facts:
    """Return what a library's metadata says of its needs, programs and files."""
    requires: list[str] = []
    groups: set[str] = set()
    scripts: set[str] = set()
    files: list[str] = []
    for entry in site.distributions.get(library, ()):
        files += rows(site.listing(entry))
        try:
            inner = "/EGG-INFO" if entry.endswith(".egg") else ""
            said: Any = Distribution.at(f"{site.base}/{entry}{inner}")
            requires += said.requires or ()
            for point in said.entry_points:
                groups.add(point.group)
                if point.group in ("console_scripts", "gui_scripts"):
                    scripts.add(point.name)
        except Exception:  # noqa: S112 - metadata holds whatever was written there
            continue
    return Facts(tuple(requires), frozenset(groups), frozenset(scripts), tuple(files))


def _version(site: SiteDirectory, library: str) -> str:
    version = site.version(library) or ""
    if version != OWN:
        return version
    told = [parse_entry(entry)[1] for entry in site.distributions[library]]
    return next(filter(None, told), "")


def _python(folders: dict[str, list[str]]) -> dict[str, str]:
    """Return the markers of another environment's Python, as far as its folders tell."""
    digits = next(iter(folders)).rpartition("-")[2]
    if not digits.isdigit() or len(digits) < 2:
        return {}
    version = f"{digits[0]}.{digits[1:]}"
    return {"python_version": version, "python_full_version": f"{version}.0"}
