"""In: the chart's `values.schema.json`. Out: each of its keys, what it must be, and what is its empty value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.deploy.chart import CHART

Node = Mapping[str, Any]

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
EMPTY: dict[str, Any] = {"string": "", "array": [], "object": {}, "integer": 0, "boolean": False}


class Key(NamedTuple):
    """A key by its path, its node with references resolved, and whether it may be missing."""

    path: str
    node: Node
    is_required: bool

    @property
    def is_section(self) -> bool:
        """Whether it has no value of its own, but keys below it."""
        return "default" not in self.node

    @property
    def types(self) -> tuple[str, ...]:
        """The types that it takes."""
        found = self.node["type"]
        return (found,) if isinstance(found, str) else tuple(found)

    @property
    def empty(self) -> Any:
        """What null stands for."""
        return EMPTY[self.types[0]]


def keys(node: Node = SCHEMA, prefix: str = "") -> Iterator[Key]:
    """Yield the keys of a section and all below, sections too."""
    for name, written in node.get("properties", {}).items():
        key = Key(f"{prefix}{name}", resolved(written), name in node.get("required", ()))
        yield key
        if key.is_section:
            yield from keys(key.node, f"{key.path}.")


def leaves() -> list[Key]:
    """Return the keys that have a value."""
    return [key for key in keys() if not key.is_section]


def resolved(node: Node) -> Node:
    """Return what a `$ref` names, with what stands beside it."""
    if "$ref" not in node:
        return node
    beside = {key: said for key, said in node.items() if key != "$ref"}
    return {**resolved(SCHEMA["definitions"][node["$ref"].rpartition("/")[2]]), **beside}
