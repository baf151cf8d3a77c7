"""In: the chart's `values.schema.json`. Out: its `values.yaml`, and the table of values in its README.

The schema is the manual: each key has a description there, and each value a default. A key with a
`default` is a value, whatever else the schema says of it; one without is a section of `properties`.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from popcon.errors import FileError
from popcon.render.docs import table
from popcon.render.yaml_text import entry, scalar

_HEAD = """\
# Rendered from values.schema.json by `popcon render`; edits are lost. Write your own values into a
# file of your own. This is the first sentence on each key, and what it may be; README.md and the
# schema have the rest.
"""
_WIDTH = 100
_FIRST_SENTENCE = re.compile(r".+?\.(?=\s|$)", re.DOTALL)


class Key(NamedTuple):
    """One key of the values: `path` as `--set` takes it, what it is for, and what stands below it.

    A section has `below` alone. A value has a `default`; what stands below it describes its inside.
    """

    path: str
    description: str
    default: Any
    is_section: bool
    allowed: tuple[Any, ...]
    below: tuple[Key, ...]

    @property
    def name(self) -> str:
        """The key's own name, without those of the sections around it."""
        return self.path.rpartition(".")[2]


class Absent:
    """Stands where the schema gives no default: `null` is one."""


def keys(file: Path) -> tuple[Key, ...]:
    """Read a schema's keys, in its order; a `FileError` names the key that is not described."""
    try:
        schema = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"can't read '{file}': {error.strerror}") from None
    except ValueError as error:
        raise FileError(f"'{file}' is not JSON: {error}") from None
    try:
        return tuple(_below("", schema, schema, inside=False))
    except _IncompleteError as error:
        raise FileError(f"'{file}': {error}") from None


def values_text(found: tuple[Key, ...]) -> str:
    """Return `values.yaml`: every key with its default, and what it is for above it."""
    blocks = ["\n".join(_commented(key, 0)) + "\n" for key in found]
    return "\n".join([_HEAD, *blocks])


def values_table(found: tuple[Key, ...]) -> str:
    """Return the values as tables: first those that stand alone, then each section's."""
    head = ("value", "default", "what it says")
    parts = [table(head, (row for key in found if not key.is_section for row in _rows(key)))]
    for key in found:
        if key.is_section:
            rows = (row for part in key.below for row in _rows(part))
            parts.append(f"### `{key.path}`\n\n{key.description}\n\n{table(head, rows)}")
    return "\n" + "\n".join(parts) + "\n"


class _IncompleteError(Exception):
    """What a schema lacks, and at which key."""


def _below(path: str, node: Any, schema: Any, *, inside: bool) -> Iterator[Key]:
    for name, written in node.get("properties", {}).items():
        yield _key(f"{path}.{name}" if path else name, written, schema, inside=inside)


def _key(path: str, written: Any, schema: Any, *, inside: bool) -> Key:
    """Return a key and all below it; inside of a value nothing has to have a default."""
    node = _resolved(path, written, schema)
    if not node.get("description"):
        raise _IncompleteError(f"'{path}' has no description")
    default = node.get("default", Absent)
    is_section = default is Absent and "properties" in node and not inside
    if default is Absent and not is_section and not inside:
        raise _IncompleteError(f"'{path}' has neither a default nor properties")
    below = list(_below(path, node, schema, inside=not is_section))
    items = node.get("items")
    if isinstance(items, Mapping):
        resolved = _resolved(path, items, schema)
        below += _below(f"{path}[]", resolved, schema, inside=True)
    allowed = tuple(node.get("enum", ()))
    return Key(path, node["description"], default, is_section, allowed, tuple(below))


def _resolved(path: str, node: Any, schema: Any) -> Mapping[str, Any]:
    """Return what a `$ref` names, with what stands beside it."""
    if "$ref" not in node:
        found: Mapping[str, Any] = node
        return found
    where, _, name = node["$ref"].rpartition("/")
    if where != "#/definitions" or name not in schema.get("definitions", {}):
        raise _IncompleteError(f"'{path}' refers to {node['$ref']!r}, which is not there")
    beside = {key: said for key, said in node.items() if key != "$ref"}
    return {**_resolved(path, schema["definitions"][name], schema), **beside}


def _commented(key: Key, indent: int) -> list[str]:
    sentence = _FIRST_SENTENCE.match(key.description)
    said = (sentence[0] if sentence else key.description) + _choice(key, scalar)
    margin = " " * indent
    comment = textwrap.wrap(" ".join(said.split()), _WIDTH - indent - 2)
    lines = [f"{margin}# {line}" for line in comment]
    if not key.is_section:
        return [*lines, *entry(key.name, key.default, indent)]
    below = (line for part in key.below for line in _commented(part, indent + 2))
    return [*lines, f"{margin}{key.name}:", *below]


def _choice(key: Key, written: Callable[[Any], str]) -> str:
    """Return what a value may be, where the schema lists that."""
    return f" One of {', '.join(map(written, key.allowed))}." if key.allowed else ""


def _rows(key: Key) -> Iterator[tuple[str, ...]]:
    said = key.description + _choice(key, lambda one: f"`{json.dumps(one)}`")
    default = "" if key.default is Absent else _code(json.dumps(key.default, ensure_ascii=False))
    yield (
        f"`{key.path}`",
        default if not key.is_section else "",
        " ".join(said.split()).replace("|", "\\|"),
    )
    for part in key.below:
        yield from _rows(part)


def _code(text: str) -> str:
    """Return a text as code in a table's cell, where a bar would end the cell."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", "\\|")
