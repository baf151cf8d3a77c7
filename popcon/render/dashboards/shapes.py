"""In: queries with their legends or headings. Out: Panels of the shapes that occur often: lines, tables."""

from __future__ import annotations

from typing import Any

from popcon.render.dashboards.looks import LINES, TIMELINE
from popcon.render.dashboards.panels import Panel, Target, columns, merged, sorted_by

#: How far scrapes may be apart, whatever the data source says: a rate needs two of them.
_SCRAPES = "1m"


def lines(
    title: str,
    description: str,
    asked: tuple[tuple[str, str], ...],
    width: int,
    unit: str,
    missing: str,
) -> Panel:
    """Return a timeseries of legends and what they stand for."""
    return Panel(
        "timeseries",
        title,
        description,
        tuple(Target(expr, legend, over_time=True, step=_SCRAPES) for legend, expr in asked),
        width,
        8,
        unit=unit,
        missing=missing,
        options=TIMELINE,
        defaults=LINES,
    )


def table(
    title: str,
    description: str,
    asked: tuple[str, ...],
    width: int,
    height: int,
    named: tuple[tuple[str, str], ...],
    missing: str,
    overrides: tuple[dict[str, Any], ...] = (),
    hidden: tuple[str, ...] = ("Time",),
    sort: str = "Instance",
    *,
    descending: bool = False,
) -> Panel:
    """Return a table of one or several queries, by the labels that they share; fields and headings."""
    one = () if len(asked) == 1 else (merged(),)
    return Panel(
        "table",
        title,
        description,
        tuple(Target(expr, table=True) for expr in asked),
        width,
        height,
        unit="short",
        missing=missing,
        overrides=overrides,
        transformations=(
            *one,
            columns(*named, hidden=hidden),
            sorted_by(sort, descending=descending),
        ),
    )
