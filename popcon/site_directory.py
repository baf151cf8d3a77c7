"""In: a site directory. Out: who installed a file in it, found out from its metadata.

A chain: what lists files comes before what lists names, and that before a distribution's own name.

1. RECORD, installed-files.txt and egg folders say which files are whose.
2. top_level.txt says which names are whose, where there is no list of files.
3. conda-meta says which files are whose, where no distribution has anything to say.
4. The distribution's own name is left.

Raw bytes are read, once for each distribution, and nothing is asked for each row: `importlib.metadata`
would cost a stat for each of 100,000. One broken distribution costs only itself. This module is
imported only where no fresh index is.
"""

import os

from popcon.indexed import OWN, find_owner
from popcon.metadata import (
    editable_project,
    entries_of,
    installed_files,
    is_own_code,
    names_of,
    normalise,
    parse_entry,
    read,
)
from popcon.record import all_tops, has_row, has_top, rows_below, tops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

#: An editable install's RECORD lists no more than its metadata.
_SMALL = 1 << 15
#: No package is so deep.
_DEEP = 60


class SiteDirectory:
    """What is installed in one site directory, found out as questions come.

    `exact` looks at each row of each RECORD at once; otherwise runs of rows are hopped over, and
    an answer that the credited RECORD does not bear out makes all rows be looked at.
    """

    __slots__ = (
        "_claims", "_conda", "_eggs", "_exact", "_links", "_names", "_records", "_rows",
        "_versions", "base", "distributions", "state",
    )  # fmt: skip

    def __init__(self, base: str, state: int = 0, *, exact: bool = False) -> None:
        self.base = base
        self.state = state
        self.distributions: "dict[str, list[str]]" = {}
        self._eggs: "dict[str, str]" = {}
        self._links: "dict[str, str]" = {}
        for entry in entries_of(base):
            stem, kind = parse_entry(entry)[::2]
            library = normalise(stem) if kind else ""
            if not library:
                continue
            if kind == "egg":
                self._eggs[entry] = library
            elif kind == "egg-link":
                self._links[entry] = library
            self.distributions.setdefault(library, []).append(entry)
        self._exact = exact
        self._records: "dict[str, bytes]" = {}
        self._claims: "Optional[dict[str, list[str]]]" = None
        self._names: "dict[str, list[tuple[str, str, bool]]]" = {}
        self._conda: "Optional[dict[str, bytes]]" = None
        self._rows: "dict[str, dict[str, str]]" = {}
        self._versions: "dict[str, str]" = {}

    def find(self, relative: str) -> "tuple[Optional[str], bool]":
        """Return who installed a file, and whether its whole folder is theirs."""
        answer = self._find(relative)
        if not self._exact and not self._is_borne_out(relative, answer[0]):
            self._exact = True
            self._claims = None
            self._rows.clear()
            answer = self._find(relative)
        return answer

    def version(self, library: str) -> "Optional[str]":
        """Return a library's version, empty if unknown, `*` if it is own code, None if not here.

        Where several metadata folders with files of their own differ, the version isn't known.
        """
        entries = self.distributions.get(library)
        if entries is None:
            return self._versions.get(library)  # conda's
        version = self._versions.get(library)
        if version is None:
            if any(
                entry in self._links or is_own_code(f"{self.base}/{entry}") for entry in entries
            ):
                version = OWN
            else:
                told = {entry: parse_entry(entry)[1] for entry in entries}
                if len(set(told.values())) > 1:  # a broken uninstall leaves a husk beside it
                    told = {entry: told[entry] for entry in entries if self.listing(entry)} or told
                known = set(told.values()) - {""}
                version = known.pop() if len(known) == 1 else ""
            self._versions[library] = version
        return version

    @property
    def projects(self) -> "dict[str, str]":
        """Return the folders that editable installs and egg-links point to → whose they are."""
        found: "dict[str, str]" = {}
        for library, entries in self.distributions.items():
            for entry in entries:
                folders: "list[str]" = []
                record = b"" if entry in self._links else self.listing(entry)
                if entry in self._links:
                    lines = read(f"{self.base}/{entry}").splitlines()
                    folders = [os.fsdecode(line.strip()) for line in lines[:1] if line.strip()]
                elif not record or (len(record) < _SMALL and b"/direct_url.json" in record):
                    folders = editable_project(f"{self.base}/{entry}")
                found.update(dict.fromkeys(folders, library))
        return found

    def release(self) -> None:
        """Let go of what was read: a kernel lives long."""
        self._records = {}
        self._conda = None

    def listing(self, entry: str) -> bytes:
        """Return a distribution's list of files, as rows of a RECORD; empty if it has none."""
        record = self._records.get(entry)
        if record is None:
            folder = f"{self.base}/{entry}"
            record = read(f"{folder}/RECORD") if entry.endswith("-info") else b""
            if not record and entry.endswith(".egg-info"):
                record = installed_files(self.base, entry)
            self._records[entry] = record
        return record

    def rows(self) -> "dict[str, str]":
        """Return the shortest paths that only one library claims: what an index holds."""
        found: "dict[str, str]" = {}
        claims = self.claims()
        for top in [*claims, *self._names, *self._conda_tops()]:
            found.update(self._rows_of(top))
        return found

    def claims(self) -> "dict[str, list[str]]":
        """Return first path part → the libraries that list files there."""
        if self._claims is None:
            self._claims = {egg: [library] for egg, library in self._eggs.items()}
            self._names = {}
            parse = all_tops if self._exact else tops
            for library, entries in self.distributions.items():
                found: "set[str]" = set()
                for entry in entries:
                    if entry in self._eggs or entry in self._links:
                        continue
                    record = self.listing(entry)
                    if record:
                        found |= parse(record)
                    else:
                        for path, listed in names_of(self.base, entry):
                            claim = (library, path, listed)
                            self._names.setdefault(path.partition("/")[0], []).append(claim)
                for top in found:
                    self._claims.setdefault(top, []).append(library)
        return self._claims

    def claimants(self, top: str) -> "list[str]":
        """Return the libraries that install a module or package of this name."""
        claims = self.claims()
        found = [*claims.get(top, []), *claims.get(f"{top}.py", [])]
        return found + [library for library, path, _ in self._names.get(top, []) if path == top]

    def conda(self) -> "dict[str, bytes]":
        """Return conda package → what its conda-meta file says, where the directory is conda's."""
        if self._conda is None:
            folder = f"{environment_of(self.base)}/conda-meta"
            self._conda = {}
            for entry in entries_of(folder):
                name, _, version = entry.rpartition("-")[0].rpartition("-")
                library = normalise(name)
                if library and entry.endswith(".json"):
                    self._conda[library] = read(f"{folder}/{entry}")
                    if library not in self.distributions:
                        self._versions[library] = version
        return self._conda

    def conda_rows(self, top: str) -> "dict[str, list[str]]":
        """Return conda package → the files that it installs in this folder, or by this name."""
        start = self.base[len(environment_of(self.base)) + 1 :]
        found: "dict[str, list[str]]" = {}
        for library, text in self.conda().items():
            for end in ("/", '"'):
                for path in _quoted(text, f"{start}/{top}{end}"):
                    found.setdefault(library, []).append(path[len(start) + 1 :])
        return found

    def _find(self, relative: str) -> "tuple[Optional[str], bool]":
        self.claims()
        top, slash, _ = relative.partition("/")
        found = self._rows_of(top)
        if not slash:  # a list of names says `apt_pkg`, whatever the file's ending is
            found = {**self._rows_of(top.partition(".")[0]), **found}
        return find_owner(found, relative)

    def _is_borne_out(self, relative: str, library: "Optional[str]") -> bool:
        """Return whether hopping has missed nothing that matters for this file."""
        top = relative.partition("/")[0]
        if library is not None:
            listings = [self.listing(entry) for entry in self.distributions.get(library, ())]
            if top in self._eggs or any(has_row(record, relative) for record in listings):
                return True
        missed: "Callable[[bytes, str], bool]" = has_row if library is not None else has_top
        about = relative if library is not None or "/" not in relative else top
        return not any(
            missed(self.listing(entry), about)
            for entries in self.distributions.values()
            for entry in entries
        )

    def _rows_of(self, top: str) -> "dict[str, str]":
        """Return the rows for one first path part."""
        found = self._rows.get(top)
        if found is None:
            found = self._rows[top] = self._part_top(top)
        return found

    def _part_top(self, top: str) -> "dict[str, str]":
        listing = self.claims().get(top, [])
        named = [claim for claim in self._names.get(top, []) if claim[0] not in listing]
        if len(listing) == 1 and not named:
            return {top: listing[0]}
        below = {
            library: list(
                dict.fromkeys(
                    row
                    for entry in self.distributions[library]
                    for row in rows_below(self.listing(entry), top)
                )
            )
            for library in listing
        }
        listed = [claim for claim in named if claim[2]]
        if not listing and not listed:
            below = self.conda_rows(top)
        if below or listed:  # a bare name has nothing to add, unless it goes deeper
            named = [claim for claim in named if claim[2] or claim[1] != top]
        libraries = dict.fromkeys([*below, *(claim[0] for claim in named)])
        if not libraries:
            return {}
        if len(libraries) == 1:
            return {top: next(iter(libraries))}
        found: "dict[str, str]" = {}
        for library, path, _ in named:
            if path != top:
                below.setdefault(library, []).append(f"{path}/__init__.py")
        rest = [library for library, path, _ in named if path == top and library not in below]
        part(top, below, found, split=bool(rest))
        if rest:
            found[top + "/"] = rest[0]
        return found

    def _conda_tops(self) -> "list[str]":
        start = self.base[len(environment_of(self.base)) + 1 :]
        found = {
            path[len(start) + 1 :].partition("/")[0]
            for text in self.conda().values()
            for path in _quoted(text, start + "/")
        }
        return sorted(top for top in found if not top.endswith(("-info", ".egg", "__pycache__")))


def part(
    path: str,
    below: "dict[str, list[str]]",
    found: "dict[str, str]",
    *,
    split: bool = False,
    depth: int = 0,
) -> None:
    """Enter into `found` where those who share a path part, the first of several at a file.

    `below` is library → its files at or below the path. A path is split though only one
    library is left there, if `split` says so: the rest of it is somebody else's.
    """
    if not below:
        return
    alone = len(below) == 1 and not split
    if alone or depth > _DEEP or any(rows == [path] for rows in below.values()):
        found[path] = next(iter(below))
        return
    children: "dict[str, dict[str, list[str]]]" = {}
    for library, rows in below.items():
        for row in rows:
            if row != path:
                child = f"{path}/{row[len(path) + 1 :].partition('/')[0]}"
                children.setdefault(child, {}).setdefault(library, []).append(row)
    parted: "dict[str, str]" = {}
    for child, shares in children.items():
        part(child, shares, parted, depth=depth + 1)
    if not split and len(set(parted.values())) == 1:  # all the same files, installed twice
        parted = {path: next(iter(parted.values()))}
    found.update(parted)


def environment_of(base: str) -> str:
    """Return the folder of the environment that a site directory is in: `lib/python3.9` is cut off."""
    folder = base.rpartition("/")[0]
    parent, _, name = folder.rpartition("/")
    return parent if name in ("lib", "Lib", "lib64") else parent.rpartition("/")[0]


def _quoted(text: bytes, start: str) -> "list[str]":
    """Return the texts in quotes that start like this, in a JSON file that isn't parsed."""
    needle = b'"' + start.encode("utf-8", "surrogateescape").rstrip(b'"')
    found = []
    position = text.find(needle)
    while position >= 0:
        end = text.find(b'"', position + 1)
        path = text[position + 1 : end]
        if start[-1] != '"' or path == needle[1:]:
            found.append(path.decode("utf-8", "surrogateescape"))
        position = text.find(needle, max(end, position + 1))
    return found
