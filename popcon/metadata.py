"""In: a distribution's metadata in a site directory. Out: what its names and files say.

Sources: PEP 376 and 627 (RECORD), PEP 427 and 625 (directory names), PEP 503 (library names), PEP 610
(direct_url.json), setuptools' formats of eggs.
"""

import os
import stat

#: No RECORD is so large; what is, is not read.
_LARGE = 1 << 26


def normalise(name: str) -> str:
    """Return a distribution's name as PEP 503 writes it, or an empty text if it isn't one."""
    parts = name.replace("_", "-").replace(".", "-").lower().split("-")
    library = "-".join(part for part in parts if part)
    return library if library.isascii() and "".join(parts).isalnum() else ""


def parse_entry(entry: str) -> "tuple[str, str, str]":
    """Return the name, version and kind that a metadata entry's name tells; three empty texts if none.

    >>> parse_entry("PyYAML-6.0.dist-info")
    ('PyYAML', '6.0', 'dist-info')
    """
    stem, _, kind = entry.rpartition(".")
    if kind == "dist-info":
        name, _, version = stem.rpartition("-")
        return name, version, kind
    if kind in ("egg-info", "egg", "egg-link"):
        name, _, rest = stem.partition("-")
        return (stem if kind == "egg-link" else name), rest.partition("-")[0], kind
    return "", "", ""


def names_of(base: str, entry: str) -> "list[tuple[str, bool]]":
    """Return the modules that a distribution without a list of files has, and whether it says so.

    Where it says nothing its own name is left; `lazr.uri` is then the module `uri` in `lazr`.
    """
    name = parse_entry(entry)[0].replace("-", "_")
    own = name.replace(".", "/")
    listed = read(f"{base}/{entry}/top_level.txt").decode("utf-8", "replace").split()
    if not listed:
        return [(own, False)]
    # Several say no more than `lazr`: their own names then tell them apart.
    return [(own if own.startswith(top + "/") else top, True) for top in listed]


def is_own_code(folder: str) -> bool:
    """Return whether a distribution came from elsewhere than a package index.

    Editable, from a repository, from a file or an address: installers write down which (PEP 610).
    conda's packages were all installed from a local file once, when they were built.
    """
    return bool(read(f"{folder}/direct_url.json").strip()) and (
        read(f"{folder}/INSTALLER").strip() != b"conda"
    )


def editable_project(folder: str) -> "list[str]":
    """Return the folder that an editable install points to, in a list that is empty if it is none."""
    text = read(f"{folder}/direct_url.json")
    url = text.partition(b'"file://')[2].partition(b'"')[0].decode("utf-8", "replace")
    if not url or b'"editable":true' not in b"".join(text.split()):
        return []
    if "%" in url:
        from urllib.parse import unquote

        url = unquote(url)
    return [url]


def read(path: str) -> bytes:
    """Return a file's bytes; nothing if it can't be read, is no regular file, or is far too large."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.open(path, flags)
    except (OSError, ValueError):
        return b""
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGE:
            return b""
        return os.read(file, status.st_size)
    except OSError:
        return b""
    finally:
        os.close(file)


def installed_files(base: str, entry: str) -> bytes:
    """Return what installed-files.txt lists, as rows of a RECORD: its paths are seen from the metadata."""
    listed = read(f"{base}/{entry}/installed-files.txt").decode("utf-8", "surrogateescape")
    paths = [os.path.normpath(f"{entry}/{line.strip()}") for line in listed.splitlines() if line]
    text = "".join(f"{path.replace(os.sep, '/')},\n" for path in paths)
    return text.encode("utf-8", "surrogateescape")


def entries_of(folder: str) -> "list[str]":
    """Return what is in a folder, in order; nothing if it can't be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
