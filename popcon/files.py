"""In: a file's content. Out: the file, whole or not at all, readable by everybody; or gone.

Kernels are other people's: what an admin with a strict umask writes here must be open to them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from popcon.errors import FileError


def write_whole(file: Path, content: bytes) -> None:
    """Write a file in one step, and the folders above it where they are missing. Raises `FileError`."""
    try:
        _make_folder(file.parent)
        handle, draft = tempfile.mkstemp(prefix=".popcon-", dir=file.parent)
        try:
            with open(handle, "wb") as stream:
                stream.write(content)
            os.chmod(draft, 0o644)
            os.replace(draft, file)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        raise FileError(f"can't write '{file}': {error.strerror or error}") from None


def write_output(file: Path, content: bytes) -> bool:
    """Write what somebody asked for, where they said; return whether it is a file now. Raises `FileError`.

    What is a device or a pipe, as `/dev/stdout`, gets the content and stays: root could put a file in
    its place. A link stays one, and the file behind it is written.
    """
    try:
        if not file.exists() or file.is_file() or file.is_dir():
            write_whole(Path(os.path.realpath(file)) if file.is_symlink() else file, content)
            return True
        with file.open("wb") as stream:
            stream.write(content)
    except BrokenPipeError:  # somebody has seen enough
        raise
    except OSError as error:
        raise FileError(f"can't write '{file}': {error.strerror or error}") from None
    return False


def remove_file(file: Path) -> None:
    """Remove a file. Raises `FileError`."""
    try:
        file.unlink()
    except OSError as error:
        raise FileError(f"can't remove '{file}': {error.strerror or error}") from None


def remove_folders(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, as far as they are empty."""
    with suppress(OSError):  # somebody else's file is in it by now
        for folder in folders:
            folder.rmdir()


def _make_folder(folder: Path) -> None:
    for parent in reversed([folder, *folder.parents]):
        if not parent.exists():
            try:
                parent.mkdir()
            except FileExistsError:  # somebody else was quicker
                continue
            parent.chmod(0o755)
