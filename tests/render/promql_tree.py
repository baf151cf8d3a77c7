"""In: PromQL as a panel has it. Out: its nodes, its selectors with what stands around them, its labels.

promql-parser needs Python 3.10, so it is imported where a tree is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

#: What Grafana fills in outside of quoted strings, by something of the right kind.
_FILLED = {
    "$__rate_interval": "7m",
    "$__range_s": "86400",
    "$__range": "1d",
    "$__interval": "3m",
}
#: `$__rate_interval` as it is filled in here; no other range in the dashboards is as long.
RATE_INTERVAL_SECONDS = 420


class Node(NamedTuple):
    """A node of a tree, and those above it, the next one last."""

    node: Any
    above: tuple[Any, ...]

    @property
    def kind(self) -> str:
        """Return the kind of node, such as `VectorSelector`."""
        return type(self.node).__name__


def parsed(expr: str, numbers: dict[str, str] | None = None) -> Any:
    """Return the tree of an expression; `numbers` are variables that stand for a number.

    Variables in quotes stay as they are, so that a test can look for them.
    """
    import promql_parser

    for variable, value in {**_FILLED, **(numbers or {})}.items():
        expr = expr.replace(variable, value)
    return promql_parser.parse(expr)


def walked(node: Any, above: tuple[Any, ...] = ()) -> Iterator[Node]:
    """Yield a tree's nodes from the top."""
    yield Node(node, above)
    below = [
        getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector", "param")
    ]
    for child in (*below, *(getattr(node, "args", None) or ())):
        if hasattr(child, "prettify"):
            yield from walked(child, (*above, node))


def selectors(tree: Any) -> list[Node]:
    """Return the selectors of series."""
    return [found for found in walked(tree) if found.kind == "VectorSelector"]


def matchers(selector: Any) -> set[tuple[str, str, str]]:
    """Return a selector's labels, operators and values.

    >>> matchers(parsed('up{job=~"$job"}'))
    {('job', 'Re', '$job')}
    """
    return {
        (one.name, str(one.op).rpartition(".")[2], one.value) for one in selector.matchers.matchers
    }


def labels(tree: Any) -> set[str] | None:
    """Return the labels of an expression's series; None where its form doesn't say.

    >>> sorted(labels(parsed("1000 * max by (a, b) (x) or y")) or ())
    ['a', 'b']
    """
    kind = type(tree).__name__
    if kind == "AggregateExpr" and str(tree.op) in ("topk", "bottomk"):
        return labels(tree.expr)
    if kind == "AggregateExpr":
        return set(tree.modifier.labels) if tree.modifier else set()
    if kind == "ParenExpr":
        return labels(tree.expr)
    if kind == "Call" and tree.func.name == "label_replace":
        inner = labels(tree.args[0])
        return None if inner is None else inner | {tree.args[1].val}
    if kind == "Call" and tree.func.name in ("sort", "sort_desc"):
        return labels(tree.args[0])
    if kind == "BinaryExpr":
        if type(tree.lhs).__name__ == "NumberLiteral":
            return labels(tree.rhs)
        return labels(tree.lhs)
    return None
