"""In: a mapping file, or its bytes. Out: the mapping."""

from __future__ import annotations

import os

from popcon.errors import FileError
from popcon.exporter.mapping.mapping import Mapping, load
from popcon.exporter.mapping.watched import WatchedFile


def parse_mapping(content: bytes, path: str) -> Mapping:
    """Return the mapping of a file's content. Raises `FileError`, the path in quotes or in front."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"the mapping '{path}' is not UTF-8: {error.reason}") from None
    return load(text, source=path)


def read_mapping_file(path: str | os.PathLike[str]) -> Mapping:
    """Return the mapping of a file. Raises `FileError`, the path in quotes or in front."""
    watched = WatchedFile(path)
    return parse_mapping(watched.read(), watched.path)
