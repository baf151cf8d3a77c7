"""In: rows of panels, variables. Out: a whole dashboard, with what all of them have."""

from __future__ import annotations

from typing import Any

from popcon.render.dashboards import variables
from popcon.render.dashboards.panels import Row, laid_out

#: Every dashboard has it: they find each other by it.
TAG = "popcon"
_MONTH = "now-30d"


def board(
    uid: str,
    title: str,
    description: str,
    rows: tuple[Row, ...],
    more: tuple[dict[str, Any], ...] = (),
    *,
    timezone: str = "utc",
    since: str = _MONTH,
) -> dict[str, Any]:
    """Return a dashboard; `more` are its variables besides the data source and the hub.

    Days are UTC days, so that is the time zone of what is shown by days.
    """
    return {
        "uid": uid,
        "title": f"popcon / {title}",
        "description": f"{description} Rendered by `popcon render`.",
        "tags": ["jupyterhub", TAG],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "",
        "timezone": timezone,
        "time": {"from": since, "to": "now"},
        # A range of hours, taken along, would be too short for what is shown by days.
        "links": [{**_LINKS, "keepTime": since == _MONTH}],
        "templating": {"list": [variables.source(), variables.hub(), *more]},
        "panels": laid_out(rows),
    }


_LINKS = {
    "title": "popcon",
    "type": "dashboards",
    "tags": [TAG],
    "asDropdown": False,
    "icon": "external link",
    "includeVars": True,
    "targetBlank": False,
    "tooltip": "",
    "url": "",
}
