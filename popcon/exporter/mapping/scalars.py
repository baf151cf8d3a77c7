"""In: a YAML scalar as it stands in the file. Out: text, a flag, a count, a number or seconds.

What counts as what is Go's go.yaml.in/yaml/v2 (resolve.go, decode.go), which statsd_exporter reads
its mapping with: `yes` is true but `"true"` isn't, `010` is eight, `1_000` a thousand, `1e-6` a
number (PyYAML thinks it a string), and the text of a label is what was typed.
"""

from __future__ import annotations

import math
import re
from typing import Union

import yaml

from popcon.exporter.mapping.document import Problem, described, line_of

Value = Union[None, bool, int, float, str]

_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TAG = "tag:yaml.org,2002:"
_TAGGED = {"null": (type(None),), "bool": (bool,), "int": (int,), "float": (int, float)}

#: Go's time.ParseDuration; nanoseconds. Both micro signs (U+00B5, U+03BC) are in use.
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_STEP = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_NANOSECONDS = 2**63  # a Go duration is a signed 64-bit integer


def is_null(node: yaml.Node) -> bool:
    """Whether the node stands for "not set"."""
    return isinstance(node, yaml.ScalarNode) and resolve(node) is None


def resolve(node: yaml.Node) -> Value:
    """What the scalar means; where it means nothing else, its text."""
    if not isinstance(node, yaml.ScalarNode):
        raise Problem(f"{described(node)} where one value belongs", line_of(node))
    text = str(node.value)
    if not node.tag:
        return _plain(text) if node.style is None else text
    kind = node.tag[len(_TAG) :] if node.tag.startswith(_TAG) else ""
    if kind == "binary":
        raise Problem(f"{described(node)}: !!binary isn't understood here", line_of(node))
    if kind not in _TAGGED:
        return text
    value = _plain(text)
    if type(value) not in _TAGGED[kind]:
        raise Problem(f"{described(node)} is not a !!{kind}", line_of(node))
    return float(value) if kind == "float" and isinstance(value, int) else value


def _plain(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    whole = _INTEGER.fullmatch(digits)
    if whole and len(digits) < 80:  # longer is past 64 bits in any base, and slow in Python
        sign, *bases = whole.groups()
        number = next(int(d, base) for d, base in zip(bases, (16, 2, 8, 10)) if d is not None)
        number = -number if sign == "-" else number
        if -(2**63) <= number < 2**64:
            return number
    if _FLOAT.fullmatch(digits) and math.isfinite(float(digits)):
        return float(digits)
    return text


def read_text(node: yaml.Node, before: object = None) -> str:
    """The characters of a scalar; "" for null."""
    return "" if resolve(node) is None else str(node.value)


def read_flag(node: yaml.Node, before: object = None) -> bool:
    """A boolean; null is False."""
    value = resolve(node)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Problem(f"{described(node)} is neither true nor false{_unquote(node)}", line_of(node))


def read_float(node: yaml.Node, before: object = None) -> float:
    """A number; null is 0."""
    value = resolve(node)
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return float(value or 0)
    raise Problem(f"{described(node)} is not a number{_unquote(node)}", line_of(node))


def read_count(node: yaml.Node, before: object = None) -> int:
    """A whole number from 0 to 2**32 - 1; null is 0, and a fraction is cut off."""
    value = resolve(node)
    if not isinstance(value, (bool, str)):
        whole = _cut(value or 0)
        if whole is not None and 0 <= whole < 2**32:
            return whole
    raise Problem(
        f"{described(node)} is not a whole number from 0 to 4294967295{_unquote(node)}",
        line_of(node),
    )


def read_seconds(node: yaml.Node, before: object = None) -> float:
    """A Go duration (`1h30m`) in seconds; a bare number is nanoseconds; null is 0."""
    value = resolve(node)
    if not isinstance(value, bool):
        nanoseconds = _duration(value) if isinstance(value, str) else _cut(value or 0)
        if nanoseconds is not None and -_NANOSECONDS <= nanoseconds < _NANOSECONDS:
            return nanoseconds / 1e9
    raise Problem(
        f"{described(node)} is not a duration such as 90s, 1h30m or 500ms (h is the longest unit)",
        line_of(node),
    )


def _duration(text: str) -> int | None:
    """Nanoseconds, None if `text` isn't a duration (Go's time.ParseDuration)."""
    sign = -1 if text[:1] == "-" else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if len(rest) > 200:  # nothing that long is a time; searching it would be slow
        return None
    total, position = 0, 0
    for step in _STEP.finditer(rest):
        whole, fraction, unit = step[1], step[2] or "", step[3]
        if step.start() != position or not whole + fraction:
            return None
        fraction = fraction[:18]  # finer than a nanosecond of an hour
        total += int(whole or 0) * _UNITS[unit]
        total += int(fraction or 0) * _UNITS[unit] // 10 ** len(fraction)
        position = step.end()
    return sign * total if rest and position == len(rest) else None


def _cut(value: float) -> int | None:
    return int(value) if math.isfinite(value) else None


def _unquote(node: yaml.Node) -> str:
    """The quotes are often all that is wrong."""
    quotes = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
    return " (leave out the quotes)" if quotes and not isinstance(_plain(node.value), str) else ""
