"""In: what `popcon inventory` wrote, as JSON or as lines. Out: the lines that make it series at 0.

A library that nobody uses is then a 0 and not missing, and `increase()` sees the first count of one
that is used. `docs/inventory.md` describes both forms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from popcon.catalog import LIBRARY_USED, OTHER, PREFIX, REPORTS
from popcon.errors import FileError

#: What `popcon.inventory.environment` writes; wings don't import each other, a test compares.
FORMAT = "popcon-inventory 1"

_LIBRARY = re.compile(rf"{OTHER}|[a-z0-9]+(?:-[a-z0-9]+)*")
_ZERO = re.compile(r"[A-Za-z_][A-Za-z0-9_.!+-]*:0\|c")
_QUOTED = 80


class _WrongError(ValueError):
    """What is wrong, and where in the file."""


def zeros(content: bytes, source: str, prefixes: Sequence[str] = (PREFIX,)) -> list[bytes]:
    """Return the lines, each once, in the file's order. Raises `FileError` naming file and place.

    `popcon inventory --json` names libraries: each becomes a line behind each of `prefixes`, which
    carry site labels (`python_popcon.namespace.hub1`), and so does `reports`. What
    `popcon inventory --send --dry-run` printed are such lines already, and they stay as they are.
    """
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip().startswith("{"):
            lines = _behind(prefixes, _libraries(text))
        else:
            lines = _lines(text)
        found = list(dict.fromkeys(line.encode() for line in lines))
    except UnicodeDecodeError as wrong:
        raise FileError(f"'{source}' is not UTF-8: {wrong.reason}") from None
    except _WrongError as wrong:
        raise FileError(f"'{source}', {wrong}") from None
    if not found:
        raise FileError(f"'{source}' is empty")
    return found


def _behind(prefixes: Iterable[str], libraries: Iterable[str]) -> Iterator[str]:
    wires = [REPORTS.wire, *(f"{LIBRARY_USED.wire}.{library}" for library in libraries)]
    return (f"{prefix}.{wire}:0|c" for prefix in prefixes for wire in wires)


def _lines(text: str) -> Iterator[str]:
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip("\r")
        if _ZERO.fullmatch(line):
            yield line
        elif line:
            example = LIBRARY_USED.line(PREFIX, "numpy").replace(":1|", ":0|")
            raise _WrongError(f"line {number}: not a zero such as '{example}': {_quoted(line)}")


def _libraries(text: str) -> list[str]:
    """The names that kernels can report, of an inventory's JSON."""
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
    names = []
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or "counted_as" not in row:
            raise _WrongError(f"libraries[{index}]: nothing is 'counted_as': {_quoted(row)}")
        name = row["counted_as"]
        if name is None:
            continue  # popcon, which doesn't count itself
        if not isinstance(name, str) or not _LIBRARY.fullmatch(name):
            raise _WrongError(f"libraries[{index}]: not a library's name: {_quoted(name)}")
        names.append(name)
    return names


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 4]}...{text[-1]}"
