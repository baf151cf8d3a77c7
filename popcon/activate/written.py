"""In: texts for files that run as Python or IPython starts. Out: those files, all or none; gone on demand.

The first line of each says which popcon wrote it, a checksum of the rest, and how many folders were
made for it. So a file that a person has edited is told from ours, whatever version wrote it, and
undoing leaves the tree as it was.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from popcon import __version__
from popcon.errors import FileError
from popcon.files import remove_file, remove_folders, write_whole

_MARK = "# Written by popcon "
_FIRST_LINE = re.compile(_MARK + r"(\S+), checksum ([0-9a-f]{16}), folders made: (\d{1,3})\n")

#: State → why such a file isn't written over, and what to do.
_NOT_WRITTEN = {
    "by hand": "was written by hand, and activates popcon already: leave it, or remove it yourself",
    "edited": "was edited since popcon wrote it: move it, then try again",
    "not ours": "is in the way (not ours): move it, then try again",
}
#: The same, where it would be removed.
_NOT_REMOVED = {
    "by hand": "was written by hand: remove it yourself",
    "edited": "was edited since popcon wrote it: remove it yourself",
    "not ours": "is not popcon's, and does not activate it: move it, then try again",
}


class Found(NamedTuple):
    """What is at a path.

    `state` is `absent`, `active`, `edited`, `by hand` (somebody else's file that calls popcon), `not ours`
    or why it can't be read. Of a file of ours also the version that wrote it, how many folders were made
    for it, and its text.
    """

    state: str
    version: str = ""
    folders: int = 0
    text: str = ""


def look(file: Path) -> Found:
    """Return what is at a path."""
    try:
        text = file.read_bytes().decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return Found("not ours" if file.is_symlink() else "absent")
    except OSError as error:
        return Found(f"unreadable: {error.strerror or error}")
    if not text.startswith(_MARK):
        return Found("by hand" if _calls_popcon(text) else "not ours")
    first = _FIRST_LINE.match(text)
    if first is None or first[2] != _checksum(text[first.end() :], first[3]):
        return Found("edited")
    return Found("active", first[1], int(first[3]), text[first.end() :])


def calls_popcon(file: Path) -> bool:
    """Return whether a file's code, not its comments, arms popcon."""
    return _calls_popcon(code_of(file))


def code_of(file: Path) -> str:
    """Return a file's text without lines that are comments; nothing where it can't be read."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return _code_in(text)


def would_write(texts: Mapping[Path, str]) -> list[Path]:
    """Return the files that don't hold these texts yet.

    Raises `FileError` where something not ours is in the way, or nobody may write there.
    """
    found = {file: _unless_in_the_way(file, _NOT_WRITTEN) for file in texts}
    wanted = [
        file
        for file, text in texts.items()
        if (found[file].version, found[file].text) != (__version__, text)
    ]
    for file in wanted:
        _check_writable(file)
    return wanted


def write(texts: Mapping[Path, str]) -> list[Path]:
    """Write the texts, each below its first line, and return the files that were changed.

    Raises `FileError` as `would_write` does; then, and where writing fails, all is as it was.
    """
    wanted = would_write(texts)
    before = {file: _bytes(file) for file in wanted}
    made = {file: _missing_folders(file) for file in wanted}
    try:
        for file in wanted:
            folders = look(file).folders or len(made[file])
            write_whole(file, _sealed(texts[file], folders).encode())
    except FileError:
        for file in wanted:
            _put_back(file, before[file])
            remove_folders(made[file])
        raise
    return wanted


def would_remove(files: Iterable[Path]) -> list[Path]:
    """Return those of the files that are there. Raises `FileError` as `would_write` does."""
    found = [file for file in files if _unless_in_the_way(file, _NOT_REMOVED).state == "active"]
    for file in found:
        _check_writable(file)
    return found


def remove(files: Iterable[Path]) -> list[Path]:
    """Remove the files and the folders that were made for them, and return the files.

    Raises `FileError` as `would_remove` does; then, and where removing fails, all is as it was.
    """
    found = would_remove(files)
    before = {file: _bytes(file) for file in found}
    folders = {file: look(file).folders for file in found}
    try:
        for file in found:
            remove_file(file)
    except FileError:
        for gone, content in before.items():
            _put_back(gone, content)
        raise
    for file in found:
        _remove_bytecode(file)
        remove_folders(list(file.parents)[: folders[file]])
    return found


def _sealed(text: str, folders: int) -> str:
    checksum = _checksum(text, str(folders))
    return f"{_MARK}{__version__}, checksum {checksum}, folders made: {folders}\n{text}"


def _checksum(text: str, folders: str) -> str:
    return hashlib.sha256(f"{folders}\n{text}".encode()).hexdigest()[:16]


def _unless_in_the_way(file: Path, refusals: Mapping[str, str]) -> Found:
    found = look(file)
    if found.state in ("active", "absent"):
        return found
    reason = f"is in the way ({found.state}): move it, then try again"  # it can't be read
    raise FileError(f"'{file}' {refusals.get(found.state, reason)}")


def _calls_popcon(text: str) -> bool:
    code = _code_in(text)
    return "popcon" in code and "setup_reporter" in code


def _code_in(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def _check_writable(file: Path) -> None:
    folder = next(parent for parent in file.parents if os.path.lexists(parent))
    if not folder.is_dir():
        raise FileError(f"can't write '{file}': '{folder}' is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FileError(f"can't write '{file}': no permission to write to '{folder}'")


def _missing_folders(file: Path) -> list[Path]:
    """Return the folders above a file that aren't there, the innermost first."""
    return [folder for folder in file.parents if not folder.exists()]


def _remove_bytecode(file: Path) -> None:
    """Remove what Python compiled from a file that is gone."""
    folder = file.parent / "__pycache__"
    with suppress(OSError):
        for compiled in folder.glob(f"{file.stem}.*.pyc"):
            compiled.unlink()
            remove_folders([folder])


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _put_back(file: Path, content: bytes | None) -> None:
    with suppress(OSError, FileError):
        if content is None:
            file.unlink()
        elif _bytes(file) != content:
            write_whole(file, content)
