"""In: a title, a query. Out: a panel with one number; columns with shares; colours and words for numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from popcon.enough import ENOUGH_DAYS, HINT_DAYS
from popcon.render.dashboards.looks import LAST, LINES, NEUTRAL, STEPPED, from_on
from popcon.render.dashboards.panels import (
    TIMES,
    Panel,
    Target,
    columns,
    joined_by,
    override,
    sorted_by,
)

#: A count in full, as it is exact; big numbers of their own are shortened.
COUNT = "locale"
#: Columns that fit beside each other in a narrow table.
NARROW = {"custom": {"minWidth": 70}}
#: Lines without an area: several of them would lie on each other.
BARE_LINES = {"custom": {**LINES["custom"], "fillOpacity": 0}}
BARE_STEPS = {"custom": {**STEPPED["custom"], "fillOpacity": 0}}
_BAR = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}


def number(
    title: str,
    description: str,
    expr: str,
    width: int,
    *,
    height: int = 4,
    unit: str = "short",
    missing: str,
    defaults: Mapping[str, Any] = NEUTRAL,
    background: bool = False,
) -> Panel:
    """Return one number; `background` paints the whole panel in its colour."""
    return Panel(
        "stat",
        title,
        description,
        (Target(expr),),
        width,
        height,
        unit=unit,
        missing=missing,
        options={
            "colorMode": "background_solid" if background else "value",
            "graphMode": "none",
            **LAST,
        },
        defaults=defaults,
    )


def shares_of_libraries(
    title: str,
    description: str,
    asked: tuple[str, str],
    share: str,
    width: int,
    height: int,
    *,
    missing: str,
    defaults: Mapping[str, Any] | None = None,
) -> Panel:
    """Return a table of libraries: their processes, and a share as a bar; `share` is its heading."""
    return Panel(
        "table",
        title,
        description,
        tuple(Target(expr, table=True) for expr in asked),
        width,
        height,
        unit=COUNT,
        missing=missing,
        defaults=defaults or {},
        overrides=(share_column(share),),
        transformations=(
            joined_by("library"),
            columns(
                ("library", "Library"),
                ("Value #A", "Processes"),
                ("Value #B", share),
                hidden=TIMES,
            ),
            sorted_by("Processes"),
        ),
    )


def share_column(heading: str) -> dict[str, Any]:
    """Return the override that draws a share, from 0 to 1, as a bar."""
    return override(heading, unit="percentunit", min=0, max=1, decimals=1, custom__cellOptions=_BAR)


def coloured(first: str, *steps: tuple[float, str]) -> dict[str, Any]:
    """Return a field's colours: the first one, and those from a value on."""
    return {"color": {"mode": "thresholds"}, "thresholds": from_on(*steps, below=first)}


def in_words(*ranges: tuple[float, float, str, str]) -> list[dict[str, Any]]:
    """Return mappings of a field's values: from, to, the text in their place, its colour."""
    return [
        {
            "type": "range",
            "options": {
                "from": start,
                "to": end,
                "result": {"text": text, "color": color, "index": place},
            },
        }
        for place, (start, end, text, color) in enumerate(ranges)
    ]


#: Whole days, and whether they are enough.
WEEKS = coloured("red", (HINT_DAYS, "orange"), (ENOUGH_DAYS, "green"))
