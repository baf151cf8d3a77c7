"""In: names of loaded modules. Out: the libraries they belong to, by who installed the file.

A module belongs to the distribution whose RECORD lists its file: a name alone would credit all
owners of `google` with one of them. Only text is read, and only below the site directory that
the file lies in; `importlib.metadata` would cost a stat for each of 100,000 rows. A module that
lies in no site directory is a person's own and has no library, or `_other` if it is installed editable.

Sources: PEP 376 (RECORD), PEP 427 and 625 (directory names), PEP 503 (library names), PEP 610
(direct_url.json).
"""

import os
import sys

from popcon.catalog import OTHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Optional

_SITE_FOLDERS = ("/site-packages/", "/dist-packages/")
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_OURS = os.path.dirname(__file__) + os.sep
#: First parts of RECORD rows that are no module: scripts, and bytecode beside single files.
_NO_MODULES = ("", "..", "__pycache__")


class Libraries:
    """Names the libraries of modules; what was read of a site directory is kept.

    `roots` are the folders that the image is made of, `image_roots()` by default. What is installed
    elsewhere, or below a person's home, is a person's own and reads `_other`, unless the image has
    that library too.
    """

    __slots__ = ("_editable", "_found", "_homes", "_owners", "_public", "_roots")

    def __init__(
        self, roots: "Optional[Iterable[str]]" = None, homes: "Optional[Iterable[str]]" = None
    ) -> None:
        self._found: "dict[str, dict[str, list[str]]]" = {}
        self._roots = _folders(image_roots(self._distributions) if roots is None else roots)
        # A home counts only inside the image: an environment below a home is still an image.
        inside = _folders(_user_folders() if homes is None else homes)
        self._homes = tuple(
            home for home in inside if home.startswith(self._roots) and home not in self._roots
        )
        self._owners: "dict[str, dict[str, str]]" = {}
        self._public: "dict[tuple[str, str], str]" = {}
        self._editable: "Optional[tuple[str, ...]]" = None

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
                if self._is_editable(path):
                    found.add(OTHER)
                continue
            library, whole = find_owner(self._owners_in(base), relative)
            if whole:
                settled.add(folder)
            if library is not None and library != "popcon":
                found.add(self._public_name(base, library))
        return found

    def _owners_in(self, base: str) -> "dict[str, str]":
        owners = self._owners.get(base)
        if owners is None:
            owners = self._owners[base] = read_owners(base, self._distributions(base))
        return owners

    def _distributions(self, base: str) -> "dict[str, list[str]]":
        found = self._found.get(base)
        if found is None:
            found = self._found[base] = distributions(base)
        return found

    def _public_name(self, base: str, library: str) -> str:
        """Return the library's name, or `_other` where the name is a person's own affair."""
        name = self._public.get((base, library))
        if name is None:
            if self._is_image(base):
                own = is_own_code(base, self._distributions(base).get(library, []))
                name = OTHER if own else library
            else:
                name = library if self._image_has(library) else OTHER
            self._public[base, library] = name
        return name

    def _is_image(self, base: str) -> bool:
        folder = base + "/"
        if folder.startswith(self._homes):
            return False
        return folder.startswith(self._roots) or (os.path.realpath(base) + "/").startswith(
            self._roots
        )

    def _is_editable(self, path: str) -> bool:
        """Return whether a file outside every site directory is an editable install's."""
        if path.startswith((_STANDARD_LIBRARY, _OURS, "<")):
            return False
        if self._editable is None:
            self._editable = tuple(
                project
                for base in sites_on_path()
                for folders in self._distributions(base).values()
                for project in editable_projects(base, folders)
            )
        return path.startswith(self._editable)

    def _image_has(self, library: str) -> bool:
        return any(
            library in self._distributions(base) for base in sites_on_path() if self._is_image(base)
        )


def sites_on_path() -> "set[str]":
    """Return the site directories that this process imports from."""
    bases = {split_site(_slashed(entry) + "/x")[0] for entry in sys.path}
    return bases - {""}


def image_roots(look: "Callable[[str], Mapping[str, list[str]]]") -> "list[str]":
    """Return the folders that the image is made of: this environment's, and the interpreter's own.

    An environment that popcon is not installed in is a person's own, on top of the image's
    packages (`python -m venv --system-site-packages`). `look` is `distributions`, or remembers it.
    """
    if sys.prefix == sys.base_prefix:
        return [sys.prefix]
    inside = _slashed(sys.prefix) + "/"
    ours = any("popcon" in look(base) for base in sites_on_path() if base.startswith(inside))
    return [sys.prefix, sys.base_prefix] if ours else [sys.base_prefix]


def _user_folders() -> "list[str]":
    user_base = getattr(sys.modules.get("site"), "USER_BASE", None)
    return [folder for folder in (os.path.expanduser("~"), user_base) if folder]


def _folders(paths: "Iterable[str]") -> "tuple[str, ...]":
    """Return the paths and what they are links to, each with a slash behind; never the whole disk."""
    ends = {_slashed(path).rstrip("/") + "/" for path in paths}
    ends |= {_slashed(os.path.realpath(path)).rstrip("/") + "/" for path in ends}
    return tuple(sorted(ends - {"/"}))


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
    splits = [path.partition(folder) for folder in _SITE_FOLDERS]
    before, mark, relative = min(splits, key=lambda split: len(split[0]))
    return (before + mark[:-1], relative) if mark else ("", "")


def find_owner(owners: "Mapping[str, str]", relative: str) -> "tuple[Optional[str], bool]":
    """Return who installed the file, and whether its whole folder is theirs."""
    end = relative.find("/")
    if end < 0:  # a single file; where there was no RECORD, its name is all that is known
        return owners.get(relative) or owners.get(relative.partition(".")[0]), False
    while end >= 0:
        library = owners.get(relative[:end])
        if library is not None:
            return library, True
        end = relative.find("/", end + 1)
    return owners.get(relative), False


def read_owners(base: str, found: "Mapping[str, list[str]]") -> "dict[str, str]":
    """Return, for a site directory, the shortest paths below it that only one library claims.

    `found` is what `distributions` returns for it. A path that several share (`google`,
    `google/cloud`) is followed down to where they part. One broken distribution costs only itself.
    """
    claims: "dict[str, list[str]]" = {}
    for library, folders in found.items():
        for top in _tops(base, folders):
            claims.setdefault(top, []).append(library)
    owners = {top: libraries[0] for top, libraries in claims.items() if len(libraries) == 1}
    shared = {top: libraries for top, libraries in claims.items() if len(libraries) > 1}
    several = {library for libraries in shared.values() for library in libraries}
    rows = {library: _rows(base, found[library]) for library in several}
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


def distributions(base: str) -> "dict[str, list[str]]":
    """Return library → metadata folders for each distribution of a site directory.

    A broken uninstall leaves an empty folder beside the real one, hence the list.
    """
    found: "dict[str, list[str]]" = {}
    try:
        entries = sorted(os.listdir(base))
    except OSError:
        return found
    for entry in entries:
        library = normalise(_stem(entry))
        if library:
            found.setdefault(library, []).append(entry)
    return found


def claimants(base: str, top: str) -> "list[str]":
    """Return the libraries of a site directory that install a module or package of this name."""
    return [
        library
        for library, folders in distributions(base).items()
        if {top, f"{top}.py"} & _tops(base, folders)
    ]


def normalise(name: str) -> str:
    """Return a distribution's name as PEP 503 writes it, or an empty text if it isn't one."""
    parts = name.replace("_", "-").replace(".", "-").lower().split("-")
    library = "-".join(part for part in parts if part)
    return library if library.isascii() and "".join(parts).isalnum() else ""


def is_own_code(base: str, folders: "list[str]") -> bool:
    """Return whether a distribution was installed editable, from a repository or from a local file.

    PEP 610. conda's packages were all installed from a local file once, when they were built.
    """
    for folder in folders:
        text = b"".join(_read(f"{base}/{folder}/direct_url.json").split())
        if b'"vcs_info":' in text or b'"editable":true' in text:
            return True
        if b'"url":"file:' in text and _read(f"{base}/{folder}/INSTALLER").strip() != b"conda":
            return True
    return False


def editable_projects(base: str, folders: "list[str]") -> "list[str]":
    """Return the folders that a distribution's editable installs point to, a slash behind each."""
    found = []
    for folder in folders:
        text = _read(f"{base}/{folder}/direct_url.json")
        url = text.partition(b'"file://')[2].partition(b'"')[0].decode("utf-8", "replace")
        if url and b'"editable":true' in b"".join(text.split()):
            if "%" in url:
                from urllib.parse import unquote

                url = unquote(url)
            found.append(url.rstrip("/") + "/")
    return found


def _stem(entry: str) -> str:
    """Return the distribution's name as a metadata folder spells it, or an empty text."""
    stem, _, kind = entry.rpartition(".")
    if kind == "dist-info":
        return stem.rpartition("-")[0]
    return stem.partition("-")[0] if kind == "egg-info" else ""


def _tops(base: str, folders: "list[str]") -> "set[str]":
    """Return the first path parts that a distribution installs, metadata and scripts left out."""
    found = set()
    for folder in folders:
        record = _read(f"{base}/{folder}/RECORD")
        if record:
            heads = {line.partition(b"/")[0] for line in record.splitlines()}
            found |= {
                head.partition(b",")[0].decode("utf-8", "replace").strip('"') for head in heads
            }
        else:  # Debian, conda, eggs: there may be a list of names, or the name itself
            names = _listed(base, folder)
            found |= {top for name in names for top in (name.partition(".")[0], f"{name}.py")}
    return {top for top in found if top not in _NO_MODULES and not top.endswith(".dist-info")}


def _rows(base: str, folders: "list[str]") -> "list[str]":
    """Return the files that a distribution installs; without RECORD, what its name says."""
    rows = []
    for folder in folders:
        record = _read(f"{base}/{folder}/RECORD").decode("utf-8", "replace")
        rows += [line.partition(",")[0] for line in record.splitlines()]
        if not record:
            rows.append(_stem(folder).replace(".", "/") + "/__init__.py")
    return rows


def _listed(base: str, folder: str) -> "list[str]":
    listed = _read(f"{base}/{folder}/top_level.txt").decode("utf-8", "replace").split()
    return listed or [_stem(folder).replace("-", "_")]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _slashed(path: str) -> str:
    return path if os.sep == "/" else path.replace(os.sep, "/")
