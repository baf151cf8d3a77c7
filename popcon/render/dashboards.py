"""In: the catalogue. Out: the Libraries dashboard, as the JSON that Grafana imports.

Written in the dialect of jupyterhub/grafana-dashboards: the variables `PROMETHEUS_DS` and `hub`
(a namespace), fixed uid, a description on each panel, no user label anywhere.
"""

from __future__ import annotations

import json

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.render.queries import added, libraries_added, share_of_processes

_SOURCE = {"type": "prometheus", "uid": "${PROMETHEUS_DS}"}


def dashboard_text() -> str:
    """Return the dashboard file's text."""
    return json.dumps(dashboard(), indent=2) + "\n"


def dashboard() -> dict[str, object]:
    """Return the Libraries dashboard."""
    return {
        "uid": "popcon-libraries",
        "title": "popcon / Libraries",
        "description": "Which installed libraries are really used. Rendered by `popcon render`.",
        "tags": ["jupyterhub", "popcon"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "",
        "timezone": "browser",
        "time": {"from": "now-30d", "to": "now"},
        "templating": {"list": [_source_variable(), _hub_variable()]},
        "panels": _panels(),
    }


def _panels() -> list[dict[str, object]]:
    return [
        _panel(
            1,
            "stat",
            "Processes that reported",
            "Kernels and scripts that reported in the range: what shares are shares of.",
            added(REPORTS),
            {"x": 0, "y": 0, "w": 6, "h": 5},
            unit="short",
        ),
        _panel(
            2,
            "stat",
            "Libraries used",
            "Different libraries that at least one process imported in the range.",
            f"count({libraries_added()} > 0)",
            {"x": 6, "y": 0, "w": 6, "h": 5},
            unit="short",
        ),
        _panel(
            3,
            "bargauge",
            "Most used",
            "The 20 libraries that most processes imported in the range, each process counted "
            "once. A library that another one imports counts too.",
            f"topk(20, {libraries_added()})",
            {"x": 0, "y": 5, "w": 12, "h": 18},
            unit="short",
            legend="{{library}}",
            options={
                "orientation": "horizontal",
                "displayMode": "basic",
                "reduceOptions": {"calcs": ["lastNotNull"], "values": False},
            },
        ),
        _panel(
            4,
            "table",
            "Share of processes",
            "The share of all processes that reported in the range which imported the library: "
            "the number to compare hubs and terms by.",
            share_of_processes(),
            {"x": 12, "y": 0, "w": 12, "h": 23},
            unit="percentunit",
            format="table",
            transformations=[
                {
                    "id": "organize",
                    "options": {
                        "excludeByName": {"Time": True},
                        "renameByName": {"library": "Library", "Value": "Share"},
                    },
                },
                {"id": "sortBy", "options": {"sort": [{"field": "Share", "desc": True}]}},
            ],
        ),
    ]


def expressions(board: dict[str, object]) -> dict[str, str]:
    """Return each panel's PromQL by its title."""
    found = {}
    panels = board["panels"]
    assert isinstance(panels, list)
    for panel in panels:
        for target in panel["targets"]:
            found[panel["title"]] = target["expr"]
    return found


def _panel(
    number: int,
    kind: str,
    title: str,
    description: str,
    expr: str,
    place: dict[str, int],
    *,
    unit: str,
    legend: str = "",
    format: str = "time_series",
    options: dict[str, object] | None = None,
    transformations: list[dict[str, object]] | None = None,
) -> dict[str, object]:
    # Instant: topk over time would pick a different twenty at each step.
    target = {
        "refId": "A",
        "datasource": _SOURCE,
        "expr": expr,
        "instant": True,
        "range": False,
        "format": format,
        "legendFormat": legend,
    }
    return {
        "id": number,
        "type": kind,
        "title": title,
        "description": description,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [target],
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": options or {},
        "transformations": transformations or [],
    }


def _source_variable() -> dict[str, object]:
    return {
        "name": "PROMETHEUS_DS",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
    }


def _hub_variable() -> dict[str, object]:
    query = f"label_values({LIBRARY_USED.name}, namespace)"
    return {
        "name": "hub",
        "label": "Hub",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": "hub"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }
