"""In: plain values. Out: the YAML that a person would have written, the same on every machine.

Any YAML reader takes it back as the same values: what is not surely a word stands in quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_WORD = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*|[0-9]+[smhdw]")
#: What readers of YAML 1.1 take for something else than a text.
_OTHERS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def entry(key: str, value: Any, indent: int = 0) -> list[str]:
    """Return the lines of one key and its value."""
    first, *rest = _lines(value, indent)
    return [f"{' ' * indent}{scalar(key)}:{first}", *rest]


def scalar(value: Any) -> str:
    """Return a value in one line."""
    if isinstance(value, str):
        plain = _WORD.fullmatch(value) and value.lower() not in _OTHERS
        return value if plain else _quoted(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(key)}: {scalar(value[key])}' for key in value)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(scalar(item) for item in value)}]"
    return json.dumps(value)


def _quoted(text: str) -> str:
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in shown)


def _lines(value: Any, indent: int) -> list[str]:
    """Return what follows a key's colon, and the lines below."""
    if isinstance(value, Mapping) and value:
        return ["", *(line for key in value for line in entry(key, value[key], indent + 2))]
    if isinstance(value, (list, tuple)) and value:
        return ["", *(line for item in value for line in _item(item, indent))]
    if isinstance(value, str) and _is_block(value):
        texts = value.removesuffix("\n").split("\n")
        margin = " " * (indent + 2)
        return [
            " |" if value.endswith("\n") else " |-",
            *(f"{margin}{text}" if text else "" for text in texts),
        ]
    return [f" {scalar(value)}"]


def _item(item: Any, indent: int) -> Sequence[str]:
    """Return a list's item: its dash stands where its first key would."""
    if isinstance(item, Mapping) and item:
        first, *rest = (line for key in item for line in entry(key, item[key], indent + 2))
        return [f"{' ' * indent}- {first[indent + 2 :]}", *rest]
    return [f"{' ' * indent}- {scalar(item)}"]


def _is_block(text: str) -> bool:
    """Say whether a text has lines that a block shows as they are."""
    whole = text.removesuffix("\n")
    lines = whole.split("\n")
    return len(lines) > 1 and whole == whole.strip() and all(line.isprintable() for line in lines)
