"""In: the root node of a mapping file. Out: its known keys with typed values, nothing filled in.

The tables at the end are the file's whole vocabulary. A key that was left out, or set to null, is
absent or empty in the result, so that `popcon.exporter.mapping.mapping` can tell what to take from where.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Callable

import yaml

from popcon.exporter.mapping.document import Problem, described, line_of, quoted, suggestion
from popcon.exporter.mapping.rules import KINDS
from popcon.exporter.mapping.scalars import (
    is_null,
    read_count,
    read_flag,
    read_float,
    read_seconds,
    read_text,
)

Fields = Mapping[str, Any]
#: Reads a node; the second argument is what a merge (`<<`) set for the same key before, or None.
Reader = Callable[[yaml.Node, Any], Any]

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]+")


def read_file(root: yaml.Node | None) -> dict[str, Any]:
    """`defaults` (keys and values) and `mappings` (a list of (line, keys and values)).

    Raises Problem for an unknown or repeated key and for a value of the wrong type.
    """
    return {} if root is None or is_null(root) else read_fields(root, _FILE)


def pairs(node: yaml.Node) -> Iterator[tuple[str, int, Any]]:
    """(key, its line, value) of a mapping, merges (`<<`) spread out where they stand.

    A later key wins over an earlier one, also where the later one comes from a merge: that isn't
    what YAML's merge page says, but what statsd_exporter does. Twice in one place is a Problem.
    """
    if not isinstance(node, yaml.MappingNode):
        raise Problem(f"{described(node)} where keys and values belong", line_of(node))
    seen = set()
    for key_node, value in node.value:
        if key_node.value == "<<" and key_node.style is None and not key_node.tag:
            sources = value.value[::-1] if isinstance(value, yaml.SequenceNode) else [value]
            for source in sources:
                yield from pairs(source)
            continue
        key = read_text(key_node)
        if key in seen:
            raise Problem(f"key {quoted(key)} is set twice", line_of(key_node))
        seen.add(key)
        yield key, line_of(key_node), value


def read_fields(
    node: yaml.Node,
    readers: Mapping[str, Reader],
    before: Mapping[str, Any] | None = None,
    hints: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A mapping whose keys are known: `before`, and on top of it what each key's reader returns."""
    fields = dict(before or {})
    for key, line, value in pairs(node):
        if key not in readers:
            hint = (hints or {}).get(key) or suggestion(key, readers)
            raise Problem(f"unknown key {quoted(key)}{hint}", line)
        try:
            fields[key] = readers[key](value, fields.get(key))
        except Problem as problem:
            raise problem.inside(key) from None
    return fields


def _read_list(node: yaml.Node, reader: Reader) -> list[Any]:
    """A list, each item by `reader`."""
    if not isinstance(node, yaml.SequenceNode):
        raise Problem(f"{described(node)} where a list belongs", line_of(node))
    items = []
    for index, item in enumerate(node.value):
        try:
            items.append(reader(item, None))
        except Problem as problem:
            raise problem.inside(f"[{index}]") from None
    return items


def one_of(*values: str, empty: str | None = None) -> Reader:
    """Reads one of `values`; the empty string means `empty`, if that is given. Null is ""."""

    def read(node: yaml.Node, before: object) -> str:
        word = read_text(node)
        if is_null(node) or word in values:
            return word if word in values else ""
        if word == "" and empty is not None:
            return empty
        known = ", ".join(quoted(value) for value in values)
        raise Problem(f"{quoted(word)} is none of {known}{suggestion(word, values)}", line_of(node))

    return read


def struct(readers: Mapping[str, Reader], hints: Mapping[str, str] | None = None) -> Reader:
    """Reads keys and values, on top of what a merge brought; null is None."""

    def read(node: yaml.Node, before: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if is_null(node) else read_fields(node, readers, before, hints)

    return read


def _list(reader: Reader) -> Reader:
    def read(node: yaml.Node, before: object) -> list[Any]:
        return [] if is_null(node) else _read_list(node, reader)

    return read


def _read_labels(node: yaml.Node, before: dict[str, str] | None) -> dict[str, str]:
    if is_null(node):
        return {}
    labels = dict(before or {})
    for name, line, value in pairs(node):
        if name in labels:
            raise Problem(f"label {quoted(name)} is set twice", line)
        if not _LABEL.fullmatch(name):
            raise Problem(
                f"{quoted(name)} can't be a label: two or more of a-z, A-Z, 0-9 and _ make one, "
                "and no digit comes first",
                line,
            )
        try:
            labels[name] = read_text(value)
        except Problem as problem:
            raise problem.inside(name) from None
    return labels


def _read_scale(node: yaml.Node, before: object) -> float | None:
    return None if is_null(node) else read_float(node)


def _read_rule(node: yaml.Node, before: object) -> tuple[int, dict[str, Any]]:
    return line_of(node), struct(_RULE, _MOVED)(node, None) or {}


_SUMMARY: dict[str, Reader] = {
    "quantiles": _list(struct({"quantile": read_float, "error": read_float})),
    "max_age": read_seconds,
    "age_buckets": read_count,
    "buf_cap": read_count,
}
_HISTOGRAM: dict[str, Reader] = {
    "buckets": _list(read_float),
    "native_histogram_bucket_factor": read_float,
    "native_histogram_max_buckets": read_count,
}
_SHARED: dict[str, Reader] = {
    "ttl": read_seconds,
    "observer_type": one_of("summary", "histogram", empty="summary"),
    "match_type": one_of("glob", "regex", empty="glob"),
    "summary_options": struct(_SUMMARY),
    "histogram_options": struct(_HISTOGRAM),
}
_RULE: dict[str, Reader] = {
    **_SHARED,
    "match": read_text,
    "name": read_text,
    "labels": _read_labels,
    "honor_labels": read_flag,
    "match_metric_type": one_of(*KINDS),
    "action": one_of("map", "drop", empty="map"),
    "help": read_text,
    "scale": _read_scale,
}
_FILE: dict[str, Reader] = {
    "defaults": struct({**_SHARED, "glob_disable_ordering": read_flag}),
    "mappings": _list(_read_rule),
}
#: Keys that older files have. statsd_exporter took them out; its README still names three.
_MOVED = {
    old: f", it is called {quoted(new)} now"
    for old, new in {
        "timer_type": "observer_type",
        "buckets": "histogram_options.buckets",
        "quantiles": "summary_options.quantiles",
        "max_summary_age": "summary_options.max_age",
        "summary_age_buckets": "summary_options.age_buckets",
        "stream_buffer_size": "summary_options.buf_cap",
    }.items()
}
