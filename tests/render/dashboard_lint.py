"""In: a dashboard's JSON. Out: where it breaks a rule of grafana/dashboard-linter, by that rule's name.

The rules are those of its documentation and source, as of 2026; the two for Loki's language can't apply. Where the tool
passes over something because of how it looks (it knows a counter by `_total` only where no label is asked for), the
rule here is taken at its word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.render.promql_tree import (
    RATE_INTERVAL_SECONDS,
    matchers,
    parsed,
    selectors,
    walked,
)

Board = dict[str, Any]


class Breach(NamedTuple):
    """A place that breaks a rule; without a panel it is the dashboard's."""

    dashboard: str
    panel: str
    what: str


def panels(board: Board) -> list[dict[str, Any]]:
    """Return the panels that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def targets(board: Board) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yield each target with its panel's title and its expression's tree."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel["title"], target, parsed(target["expr"], numbers_of(board))


def numbers_of(board: Board) -> dict[str, str]:
    """Return the variables whose values are numbers, which may stand outside of quotes."""
    return {
        f"${variable['name']}": variable["current"]["value"]
        for variable in board["templating"]["list"]
        if variable["type"] == "custom"
    }


def _variables(board: Board, kind: str) -> list[dict[str, Any]]:
    return [one for one in board["templating"]["list"] if one["type"] == kind]


def _data_source(board: Board) -> Iterator[Breach]:
    """The one data source is a variable named `datasource`, labelled 'Data source'."""
    found = _variables(board, "datasource")
    if [one["label"] for one in found] != ["Data source"]:
        yield Breach(board["title"], "", "label")
    if [one["name"] for one in found] not in (["datasource"], ["prometheus_datasource"]):
        yield Breach(board["title"], "", "name")


def _template(name: str) -> Callable[[Board], Iterator[Breach]]:
    """The variable exists, asks `$datasource`, several may be chosen, and all are `.+`."""

    def rule(board: Board) -> Iterator[Breach]:
        every = board["templating"]["list"]
        found: dict[str, Any] = next((one for one in every if one["name"] == name), {})
        good = (
            found.get("type") == "query"
            and found.get("label") == name.title()
            and found.get("multi")
            and found.get("allValue") == ".+"
            and found["datasource"]["uid"] in ("$datasource", "${datasource}")
        )
        if not good:
            yield Breach(board["title"], "", f"variable {name}")

    return rule


def _template_promql(board: Board) -> Iterator[Breach]:
    """A query variable's query is a function that Grafana has, of a selector that parses."""
    for variable in _variables(board, "query"):
        asked = re.fullmatch(r"label_values\((.+), \w+\)", variable["query"]["query"])
        if asked is None or not selectors(parsed(asked[1])):
            yield Breach(board["title"], "", f"variable {variable['name']}")


def _reload(board: Board) -> Iterator[Breach]:
    """A query variable asks again when the time range changes."""
    for variable in _variables(board, "query"):
        if variable["refresh"] != 2:
            yield Breach(board["title"], "", f"variable {variable['name']}")


def _panel_rule(broken: Callable[[dict[str, Any]], bool]) -> Callable[[Board], Iterator[Breach]]:
    def rule(board: Board) -> Iterator[Breach]:
        for panel in panels(board):
            if broken(panel):
                yield Breach(board["title"], panel["title"], "panel")

    return rule


def _without_unit(panel: dict[str, Any]) -> bool:
    """Each unit is one that Grafana's own code knows."""
    overridden = [
        one["value"]
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "unit"
    ]
    return not {panel["fieldConfig"]["defaults"].get("unit"), *overridden} <= UNITS


def _promql(board: Board) -> Iterator[Breach]:
    """Each target parses."""
    for title, _, tree in targets(board):
        if not selectors(tree):
            yield Breach(board["title"], title, "asks for nothing")


def _rate_interval(board: Board) -> Iterator[Breach]:
    """`rate` and `irate` have the range `$__rate_interval`, and only they and `increase` have it."""
    for title, _, tree in targets(board):
        for found in walked(tree):
            if found.kind != "MatrixSelector":
                continue
            is_rate = found.above[-1].func.name in ("rate", "irate")
            if is_rate != (found.node.range.total_seconds() == RATE_INTERVAL_SECONDS):
                yield Breach(board["title"], title, found.node.prettify())


def _matcher(name: str) -> Callable[[Board], Iterator[Breach]]:
    """Each selector asks for what the variable says."""

    def rule(board: Board) -> Iterator[Breach]:
        for title, _, tree in targets(board):
            for found in selectors(tree):
                if (name, "Re", f"${name}") not in matchers(found.node):
                    yield Breach(board["title"], title, found.node.prettify())

    return rule


def _counter(board: Board) -> Iterator[Breach]:
    """What ends in `_total` stands in `rate`, `irate` or `increase`."""
    for title, _, tree in targets(board):
        for found in selectors(tree):
            if not (found.node.name or "").endswith("_total"):
                continue
            call = getattr(found.above[-2], "func", None) if len(found.above) > 1 else None
            if call is None or call.name not in ("rate", "irate", "increase"):
                yield Breach(board["title"], title, found.node.prettify())


def _editable(board: Board) -> Iterator[Breach]:
    if board["editable"]:
        yield Breach(board["title"], "", "editable")


RULES: dict[str, Callable[[Board], Iterator[Breach]]] = {
    "template-datasource-rule": _data_source,
    "template-job-rule": _template("job"),
    "template-instance-rule": _template("instance"),
    "template-label-promql-rule": _template_promql,
    "template-on-time-change-reload-rule": _reload,
    "panel-datasource-rule": _panel_rule(
        lambda panel: panel["datasource"]["uid"] != "${PROMETHEUS_DS}"
    ),
    "panel-title-description-rule": _panel_rule(
        lambda panel: not (panel["title"] and panel["description"])
    ),
    "panel-units-rule": _panel_rule(_without_unit),
    "panel-no-targets-rule": _panel_rule(lambda panel: not panel["targets"]),
    "target-promql-rule": _promql,
    "target-rate-interval-rule": _rate_interval,
    "target-job-rule": _matcher("job"),
    "target-instance-rule": _matcher("instance"),
    "target-counter-agg-rule": _counter,
    "uneditable-dashboard": _editable,
}

#: Of Grafana's units (categories.ts of @grafana/data), those that we have a use for.
UNITS = {
    "none", "string", "short", "percent", "percentunit", "locale", "bool_yes_no", "bytes", "decbytes", "cps",
    "pps", "d", "h", "m", "s", "ms", "dateTimeFromNow", "dateTimeAsIso", "dateTimeAsLocal",
}  # fmt: skip
