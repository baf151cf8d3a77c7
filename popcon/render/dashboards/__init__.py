"""In: the catalogue. Out: the dashboards, as the JSON that Grafana imports.

Written in the dialect of jupyterhub/grafana-dashboards: the variables `PROMETHEUS_DS` and `hub`
(a namespace), fixed uids, a description on each panel, no user label anywhere.
"""

from __future__ import annotations

import json
from typing import Any

from popcon.render.dashboards.hubs import hubs
from popcon.render.dashboards.libraries import libraries
from popcon.render.dashboards.pipeline import pipeline
from popcon.render.dashboards.unused import unused


def boards() -> dict[str, dict[str, Any]]:
    """Return every dashboard by its uid."""
    all_of_them = (libraries(), unused(), hubs(), pipeline())
    return {board["uid"]: board for board in all_of_them}


def board_text(board: dict[str, Any]) -> str:
    """Return a dashboard file's text."""
    return json.dumps(board, indent=2, ensure_ascii=False) + "\n"


def expressions(board: dict[str, Any]) -> dict[str, list[str]]:
    """Return each panel's PromQL by its title."""
    return {
        panel["title"]: [target["expr"] for target in panel["targets"]]
        for panel in board["panels"]
        if panel["type"] != "row"
    }
