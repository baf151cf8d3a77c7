"""In: what `popcon inventory` wrote, as JSON or as lines. Out: the lines that make it series.

A library that nobody uses is then a 0 and not missing, and the first count of one that is used is a rise.
Its size is a series, too. `docs/inventory.md` describes both forms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from popcon.catalog import LIBRARY_INSTALLED, LIBRARY_USED, OTHER, PREFIX, REPORTS
from popcon.errors import FileError
from popcon.exporter.privacy.refusals import MAX_SIZE
from popcon.well_known import FOR_USERS

#: What `popcon.inventory.environment` writes; wings don't import each other, a test compares.
FORMAT = "popcon-inventory 1"

_NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_LIBRARY = re.compile(rf"{OTHER}|{_NAME}")
#: What a library is part of. A newer inventory may know of more than we do.
_PART = re.compile(r"[a-z][a-z_]*")
_PREFIX = r"[A-Za-z_][A-Za-z0-9_.!+-]*"
_ZERO = re.compile(rf"{_PREFIX}:0\|c")
_SIZE = re.compile(
    rf"{_PREFIX}\.{LIBRARY_INSTALLED.wire}\.{_NAME}\.{_PART.pattern}:[0-9]{{1,15}}\|g"
)
_QUOTED = 80


class _WrongError(ValueError):
    """What is wrong, and where in the file."""


class _Installed(NamedTuple):
    """What an inventory's JSON says: the names that kernels can report, and bytes by (library, part)."""

    names: list[str]
    sizes: dict[tuple[str, str], int]


def lines(content: bytes, source: str, prefixes: Sequence[str] = (PREFIX,)) -> list[bytes]:
    """Return the lines, each once, in the file's order. Raises `FileError` naming file and place.

    `popcon inventory --json` names libraries: each becomes a zero, and a size, behind each of
    `prefixes`, which carry site labels (`python_popcon.namespace.hub1`), and so does `reports`. What
    `popcon inventory --send --dry-run` printed are such lines already, and they stay as they are.
    """
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip().startswith("{"):
            found = _behind(prefixes, _installed(text))
        else:
            found = _lines(text)
        each = list(dict.fromkeys(line.encode() for line in found))
    except UnicodeDecodeError as wrong:
        raise FileError(f"'{source}' is not UTF-8: {wrong.reason}") from None
    except _WrongError as wrong:
        raise FileError(f"'{source}', {wrong}") from None
    if not each:
        raise FileError(f"'{source}' is empty")
    return each


def _behind(prefixes: Iterable[str], installed: _Installed) -> Iterator[str]:
    for prefix in prefixes:
        yield f"{REPORTS.stat(prefix)}:0|c"
        for library in installed.names:
            yield f"{LIBRARY_USED.stat(prefix, library)}:0|c"
        for key, size in installed.sizes.items():
            yield f"{LIBRARY_INSTALLED.stat(prefix, *key)}:{size}|g"


def _lines(text: str) -> Iterator[str]:
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip("\r")
        if _ZERO.fullmatch(line) or _SIZE.fullmatch(line):
            yield line
        elif line:
            zero = f"{LIBRARY_USED.stat(PREFIX, 'numpy')}:0|c"
            size = f"{LIBRARY_INSTALLED.stat(PREFIX, 'numpy', FOR_USERS)}:5000|g"
            raise _WrongError(
                f"line {number}: neither a zero, '{zero}', nor a size, '{size}': {_quoted(line)}"
            )


def _installed(text: str) -> _Installed:
    try:
        said: Any = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise _WrongError(f"line {wrong.lineno}: not JSON: {wrong.msg}") from None
    except (RecursionError, ValueError) as wrong:  # too deep, or a number of too many digits
        raise _WrongError(f"line 1: not JSON: {wrong}") from None
    if said.get("format") != FORMAT:
        raise _WrongError(f"format: not {FORMAT!r}: {_quoted(said.get('format'))}")
    rows = said.get("libraries")
    if not isinstance(rows, list):
        raise _WrongError(f"libraries: not a list: {_quoted(rows)}")
    found = _Installed([], {})
    for index, row in enumerate(rows):
        try:
            _enter(row, found)
        except ValueError as wrong:
            raise _WrongError(f"libraries[{index}]: {wrong}") from None
    return found


def _enter(row: Any, found: _Installed) -> None:
    """Enter a row's name and size; a `ValueError` says what is wrong with it."""
    if not isinstance(row, dict) or "counted_as" not in row:
        raise ValueError(f"nothing is 'counted_as': {_quoted(row)}")
    name = row["counted_as"]
    if name is None:  # popcon, which doesn't count itself
        name = "popcon"
    elif isinstance(name, str) and _LIBRARY.fullmatch(name):
        found.names.append(name)
    else:
        raise ValueError(f"not a library's name: {_quoted(name)}")
    size, part = row.get("bytes"), row.get("infrastructure")
    if name == OTHER or size is None:
        return
    if type(size) is not int or not 0 <= size <= MAX_SIZE:
        raise ValueError(f"not a number of bytes: {_quoted(size)}")
    if part is not None and not (isinstance(part, str) and _PART.fullmatch(part)):
        raise ValueError(f"not what a library is part of: {_quoted(part)}")
    key = name, part or FOR_USERS
    found.sizes[key] = found.sizes.get(key, 0) + size


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 4]}...{text[-1]}"
