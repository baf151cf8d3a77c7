"""In: names of loaded modules. Out: the libraries they belong to, by who installed the file.

A module belongs to the distribution whose RECORD lists its file: a name alone would credit all
owners of `google` with one of them. Only text is read, and only below the site directory that
the file lies in; `importlib.metadata` would cost a stat for each of 100,000 rows. A module that
lies in no site directory is a person's own and has no library.

Sources: PEP 376 (RECORD), PEP 427 and 625 (directory names), PEP 503 (library names), PEP 610
(direct_url.json).
"""

import os
import sys

from popcon.catalog import OTHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Optional

_SITE_FOLDERS = ("/site-packages/", "/dist-packages/")
#: First parts of RECORD rows that are no module: scripts, and bytecode beside single files.
_NO_MODULES = ("", "..", "__pycache__")


class Libraries:
    """Names the libraries of modules; what was read of a site directory is kept.

    `prefixes` are the roots of the image (`sys.prefix` and the interpreter's own). What is
    installed elsewhere is a person's own and reads `_other`, unless the image has that library
    too.
    """

    __slots__ = ("_public", "_roots", "_sites")

    def __init__(self, prefixes: "Optional[Iterable[str]]" = None) -> None:
        if prefixes is None:
            prefixes = (sys.prefix, sys.base_prefix)
        self._roots = tuple(_slashed(prefix).rstrip("/") + "/" for prefix in prefixes)
        self._sites: "dict[str, dict[str, str]]" = {}
        self._public: "dict[str, str]" = {}

    def used_by(self, names: "Iterable[str]", modules: "Mapping[str, object]") -> "set[str]":
        """Return the libraries of those of the named modules that have one."""
        found = set()
        settled = set()
        for name in names:
            path = file_of(modules.get(name))
            if path is None:
                continue
            folder = path.rpartition("/")[0]
            if folder in settled:
                continue
            base, relative = split_site(path)
            if not base:
                continue
            library, whole = find_owner(self._owners(base), relative)
            if whole:
                settled.add(folder)
            if library is not None:
                found.add(self._public_name(base, library))
        found.discard("popcon")
        return found

    def _owners(self, base: str) -> "dict[str, str]":
        owners = self._sites.get(base)
        if owners is None:
            owners = self._sites[base] = read_owners(base)
        return owners

    def _public_name(self, base: str, library: str) -> str:
        """Return the library's name, or `_other` where the name is a person's own affair."""
        key = f"{base}\n{library}"
        name = self._public.get(key)
        if name is None:
            if base.startswith(self._roots):
                name = OTHER if is_own_code(base, library) else library
            else:
                name = library if self._image_has(library) else OTHER
            self._public[key] = name
        return name

    def _image_has(self, library: str) -> bool:
        for entry in sys.path:
            base = split_site(_slashed(entry) + "/x")[0]
            if base.startswith(self._roots) and library in distributions(base):
                return True
        return False


def file_of(module: object) -> "Optional[str]":
    """Return the file that a loaded module came from, with slashes, or None.

    Only the module's own dictionary is looked at: asking an attribute of a lazy module loads it.
    """
    try:
        path = object.__getattribute__(module, "__dict__").get("__file__")
    except Exception:  # sys.modules holds whatever people put there
        return None
    return _slashed(path) if isinstance(path, str) else None


def split_site(path: str) -> "tuple[str, str]":
    """Return a file's site directory and its path below it; two empty texts if there is none.

    The outermost site directory counts: a copy that a library brings along is that library's.
    """
    for folder in _SITE_FOLDERS:
        before, mark, relative = path.partition(folder)
        if mark:
            return before + mark[:-1], relative
    return "", ""


def find_owner(owners: "Mapping[str, str]", relative: str) -> "tuple[Optional[str], bool]":
    """Return who installed the file, and whether its whole folder is theirs."""
    end = relative.find("/")
    while end >= 0:
        library = owners.get(relative[:end])
        if library is not None:
            return library, True
        end = relative.find("/", end + 1)
    return owners.get(relative), False


def read_owners(base: str) -> "dict[str, str]":
    """Return, for a site directory, the shortest paths below it that only one library claims.

    A path that several share (`google`, `google/cloud`) is followed down to where they part.
    One broken distribution costs only itself.
    """
    claims: "dict[str, list[str]]" = {}
    records = distributions(base)
    for library, folder in records.items():
        for top in _tops(base, folder, library):
            claims.setdefault(top, []).append(library)
    owners = {top: libraries[0] for top, libraries in claims.items() if len(libraries) == 1}
    shared = {top: libraries for top, libraries in claims.items() if len(libraries) > 1}
    if shared:
        rows = {
            library: _rows(base, records[library])
            for library in {library for libraries in shared.values() for library in libraries}
        }
        for top, libraries in shared.items():
            below = {
                library: [row for row in rows[library] if row == top or row.startswith(top + "/")]
                for library in libraries
            }
            _part(top, below, owners)
    return owners


def _part(path: str, below: "dict[str, list[str]]", owners: "dict[str, str]") -> None:
    """Enter into `owners` where those who share a path part, the first of several at a file."""
    if len(below) == 1 or any(rows == [path] for rows in below.values()):
        owners[path] = next(iter(below))
        return
    depth = len(path) + 1
    children: "dict[str, dict[str, list[str]]]" = {}
    for library, rows in below.items():
        for row in rows:
            child = row[: depth + len(row[depth:].partition("/")[0])]
            children.setdefault(child, {}).setdefault(library, []).append(row)
    for child, parts in children.items():
        _part(child, parts, owners)


def distributions(base: str) -> "dict[str, str]":
    """Return library → metadata folder for each distribution of a site directory."""
    found: "dict[str, str]" = {}
    try:
        entries = sorted(os.listdir(base))
    except OSError:
        return found
    for entry in entries:
        stem, _, kind = entry.rpartition(".")
        if kind == "dist-info":
            name = stem.rpartition("-")[0]
        elif kind == "egg-info":
            name = stem.partition("-")[0]
        else:
            continue
        library = normalise(name)
        if library:
            found.setdefault(library, entry)
    return found


def claimants(base: str, top: str) -> "list[str]":
    """Return the libraries of a site directory that install a module or package of this name."""
    return [
        library
        for library, folder in distributions(base).items()
        if {top, f"{top}.py"} & _tops(base, folder, library)
    ]


def normalise(name: str) -> str:
    """Return a distribution's name as PEP 503 writes it, or an empty text if it isn't one."""
    parts = name.replace("_", "-").replace(".", "-").lower().split("-")
    library = "-".join(part for part in parts if part)
    return library if library.isascii() and "".join(parts).isalnum() else ""


def is_own_code(base: str, library: str) -> bool:
    """Return whether a distribution was installed editable or from a repository (PEP 610)."""
    text = _read(f"{base}/{distributions(base).get(library)}/direct_url.json")
    squeezed = b"".join(text.split())
    return b'"vcs_info":' in squeezed or b'"editable":true' in squeezed


def _tops(base: str, folder: str, library: str) -> "set[str]":
    """Return the first path parts that a distribution installs, metadata and scripts left out."""
    record = _read(f"{base}/{folder}/RECORD")
    if not record:  # Debian, conda, eggs: there may be a list of names, or the name itself
        listed = _read(f"{base}/{folder}/top_level.txt").decode("utf-8", "replace").split()
        stems = listed or [library.replace("-", "_")]
        return {top for stem in stems for top in (stem, f"{stem}.py")}
    heads = {line.partition(b"/")[0] for line in record.splitlines()}
    tops = {head.partition(b",")[0].decode("utf-8", "replace").strip('"') for head in heads}
    return {top for top in tops if top not in _NO_MODULES and not top.endswith(".dist-info")}


def _rows(base: str, folder: str) -> "list[str]":
    record = _read(f"{base}/{folder}/RECORD").decode("utf-8", "replace")
    return [line.partition(",")[0] for line in record.splitlines()]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _slashed(path: str) -> str:
    return path if os.sep == "/" else path.replace(os.sep, "/")
