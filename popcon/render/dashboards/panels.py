"""In: a panel as a value: what it asks, says and looks like. Out: the JSON that Grafana has for it.

Only kinds of panels that Grafana's own components draw from plain data: stat, bargauge, table and
timeseries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from popcon.render.dashboards.looks import NO_VALUE
from popcon.render.dashboards.variables import SOURCE

#: Grafana's grid.
COLUMNS = 24

#: What Grafana calls the times of joined queries; a table has no use for them.
TIMES = ("Time", "Time 1", "Time 2", "Time 3", "Time 4")

_NOTHING: Mapping[str, Any] = {}


class Target(NamedTuple):
    """One query. `over_time` asks for a value at each step, else there is one, at the range's end."""

    expr: str
    legend: str = ""
    over_time: bool = False
    #: For tables: labels become columns.
    table: bool = False
    #: The least time between two values; Grafana takes it for the time between two scrapes.
    step: str = ""


class Panel(NamedTuple):
    """One panel; `unit` is Grafana's name of a unit, `missing` what it says where there is no data.

    `defaults` are laid over the field's defaults, `options` are those of the panel's kind.
    `interval` is the least time between two values of a target that is asked over time.
    """

    kind: str
    title: str
    description: str
    targets: tuple[Target, ...]
    width: int
    height: int
    unit: str
    missing: str = "No data"
    options: Mapping[str, Any] = _NOTHING
    defaults: Mapping[str, Any] = _NOTHING
    overrides: tuple[dict[str, Any], ...] = ()
    transformations: tuple[dict[str, Any], ...] = ()
    interval: str = ""


class Row(NamedTuple):
    """Panels below a heading."""

    title: str
    panels: tuple[Panel, ...]


def laid_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows' headings and panels as Grafana has them, each with its id and its place."""
    found: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        if row.title:
            found.append(_heading(row.title, len(found) + 1, top))
            top += 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, height = top + height, 0, 0
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            found.append(_panel(panel, len(found) + 1, place))
            left, height = left + panel.width, max(height, panel.height)
        top += height
    return found


def override(column: str, **properties: Any) -> dict[str, Any]:
    """Return the properties that one field has, by its name; `__` in a property stands for a dot.

    >>> override("Share", unit="percentunit")["properties"]
    [{'id': 'unit', 'value': 'percentunit'}]
    """
    return {
        "matcher": {"id": "byName", "options": column},
        "properties": [
            {"id": key.replace("__", "."), "value": value} for key, value in properties.items()
        ],
    }


def columns(*names: tuple[str, str], hidden: Sequence[str] = ("Time",)) -> dict[str, Any]:
    """Return the transformation that orders, renames and hides a table's columns: field, heading."""
    return {
        "id": "organize",
        "options": {
            "excludeByName": dict.fromkeys(hidden, True),
            "indexByName": {field: place for place, (field, _) in enumerate(names)},
            "renameByName": dict(names),
        },
    }


def sorted_by(heading: str, *, descending: bool = True) -> dict[str, Any]:
    """Return the transformation that sorts a table by a column."""
    return {"id": "sortBy", "options": {"sort": [{"field": heading, "desc": descending}]}}


def joined_by(field: str) -> dict[str, Any]:
    """Return the transformation that makes one table of several queries, by a label of theirs."""
    return {"id": "joinByField", "options": {"byField": field, "mode": "outer"}}


def merged() -> dict[str, Any]:
    """Return the transformation that makes one table of several queries, by all labels that they share."""
    return {"id": "merge", "options": {}}


def only_where(field: str) -> dict[str, Any]:
    """Return the transformation that keeps the rows in which a field has a value.

    In an outer join: the rows of one query, with what the others know of them.
    """
    return {
        "id": "filterByValue",
        "options": {
            "type": "include",
            "match": "all",
            "filters": [{"fieldName": field, "config": {"id": "isNotNull", "options": {}}}],
        },
    }


def computed(heading: str, left: str, operator: str, right: str) -> dict[str, Any]:
    """Return the transformation that adds a column: what comes of two others.

    They are said by their names alone, which all of Grafana's versions take; matchers came within 11.
    """
    return {
        "id": "calculateField",
        "options": {
            "alias": heading,
            "mode": "binary",
            "binary": {"left": left, "operator": operator, "right": right},
            "timeSeries": False,
        },
    }


def first_rows(count: int) -> dict[str, Any]:
    """Return the transformation that keeps a table's first rows."""
    return {"id": "limit", "options": {"limitField": count}}


def _heading(title: str, number: int, top: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
        "panels": [],
    }


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    defaults = {"unit": panel.unit, "min": 0, "noValue": panel.missing, **panel.defaults}
    overrides = [NO_VALUE, *panel.overrides] if panel.kind == "table" else list(panel.overrides)
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        **({"interval": panel.interval} if panel.interval else {}),
        "targets": [_target(target, place) for place, target in enumerate(panel.targets)],
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": dict(panel.options),
        "transformations": list(panel.transformations),
    }


def _target(target: Target, place: int) -> dict[str, Any]:
    return {
        "refId": "ABCDEFGH"[place],
        "datasource": SOURCE,
        "expr": target.expr,
        "instant": not target.over_time,
        "range": target.over_time,
        "format": "table" if target.table else "time_series",
        "legendFormat": target.legend,
        **({"interval": target.step} if target.step else {}),
    }
