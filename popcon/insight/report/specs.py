"""In: rows of what is to be drawn, and how wide. Out: Vega-Lite specifications, as `vl-convert` draws them.

Texts in a chart are made here from rows, not by Vega's formats, so that a chart and its table say the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from popcon.insight.report.inks import ink

Spec = dict[str, Any]

_FONT = "sans-serif"
_TEXT = 13
_SMALL = 12
#: Of one bar with the space around it, and of the bar.
_STEP = 26
_BAR = 17
#: Readers have other fonts than the one that texts are measured with, and wider ones.
_SPARE = 26
#: Beside columns, for the halves of dates that are wider than what they name.
_EDGE = 16
#: What a digit of the small text takes, in pixels; also of the other.
_DIGIT = 6.6


_WHOLE_OR_HOLLOW: tuple[Spec, ...] = (
    {
        "transform": [{"filter": "datum.whole"}],
        "mark": {"type": "bar", "color": ink("bar"), "width": {"band": 0.72}},
    },
    {
        "transform": [{"filter": "!datum.whole"}],
        "mark": {
            "type": "bar",
            "fill": "none",
            "stroke": ink("bar"),
            "strokeWidth": 1.5,
            "strokeDash": [4, 3],
            "width": {"band": 0.72},
        },
    },
)


class Bar(NamedTuple):
    """A bar that lies, with its name before and its value behind it; `ink` is one of the inks'."""

    name: str
    value: float
    text: str
    ink: str = "bar"


class Column(NamedTuple):
    """A bar that stands, with its value above and its time below; a part of a week isn't `whole`."""

    time: str
    value: int
    text: str
    whole: bool


class Cell(NamedTuple):
    """What came from the hub of a row in one span: reports, or none; no cell where it wasn't watched."""

    row: int
    span: int
    reports: bool


def bars(rows: Sequence[Bar], width: int, names: int) -> Spec:
    """Return lying bars, in the order of the rows; `names` pixels are for their names."""
    longest = max((len(row.text) for row in rows), default=0)
    room = int(longest * _DIGIT) + 14
    values = [{"place": place, **row._asdict()} for place, row in enumerate(rows)]
    inks = sorted({row.ink for row in rows})
    return _chart(
        values,
        width=width - names - room,
        height={"step": _STEP},
        padding={"left": names, "right": room, "top": 2, "bottom": 2},
        autosize="none",
        encoding={
            "y": {
                "field": "place",
                "type": "ordinal",
                "axis": _row_names(_names(rows), names),
            },
            "x": {"field": "value", "type": "quantitative", "axis": None},
        },
        layer=[
            {
                # No round corners: these are made by clipping, which needs ids.
                "mark": {"type": "bar", "height": _BAR},
                "encoding": {
                    "color": {
                        "field": "ink",
                        "type": "nominal",
                        "scale": {"domain": inks, "range": [ink(name) for name in inks]},
                        "legend": None,
                    }
                },
            },
            {
                "mark": _text(align="left", dx=6, color=ink("text")),
                "encoding": {"text": {"field": "text", "type": "nominal"}},
            },
        ],
    )


def columns(rows: Sequence[Column], width: int, height: int = 170) -> Spec:
    """Return standing bars. What is no whole week is hollow, and says so in the table."""
    step = (width - 2 * _EDGE) / max(len(rows), 1)
    longest = max((len(row.text) for row in rows), default=0)
    # Values above each bar where they fit, else above every second one or so, and the last.
    every = _every(longest, step)
    labels = _every(max((len(row.time) for row in rows), default=0), step)
    last = len(rows) - 1
    values = [
        {
            "place": place,
            "value": row.value,
            "text": row.text if (last - place) % every == 0 else "",
            "whole": row.whole,
        }
        for place, row in enumerate(rows)
    ]
    times = [row.time if (last - place) % labels == 0 else "" for place, row in enumerate(rows)]
    return _chart(
        values,
        width=width - 2 * _EDGE,
        height=height,
        padding={"left": _EDGE, "right": _EDGE, "top": 22, "bottom": 26},
        autosize="none",
        encoding={
            "x": {
                "field": "place",
                "type": "ordinal",
                "axis": {
                    "labelExpr": _of_place(times),
                    "labelAngle": 0,
                    "labelOverlap": False,
                    "labelFontSize": _SMALL,
                    "labelColor": ink("muted"),
                    "labelPadding": 6,
                    "ticks": False,
                    "domainColor": ink("line"),
                    "title": None,
                },
            },
            "y": {"field": "value", "type": "quantitative", "axis": None},
        },
        layer=[
            *_WHOLE_OR_HOLLOW,
            {
                "mark": _text(baseline="bottom", dy=-4, color=ink("muted")),
                "encoding": {"text": {"field": "text", "type": "nominal"}},
            },
        ],
    )


def line(
    shares: Sequence[float | None], first: str, last: str, colour: str, since: int | None
) -> Spec:
    """Return one small line with the words at its ends; `since` is where a new time begins."""
    values = [
        {"place": place, "share": share} for place, share in enumerate(shares) if share is not None
    ]
    known = [row["place"] for row in values]
    ends = [{**values[0], "text": first}, {**values[-1], "text": last}] if values else []
    highest = max((share for share in shares if share is not None), default=0.0) or 1.0
    layer: list[Spec] = []
    if since is not None and known and known[0] < since:
        layer.append(
            {
                "data": {"values": [{"place": since - 0.5}]},
                "mark": {"type": "rule", "color": ink("line"), "strokeDash": [3, 3]},
                "encoding": {"x": _place(len(shares))},
            }
        )
    y = {
        "field": "share",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, highest], "nice": False},
    }
    both = {"x": _place(len(shares)), "y": y}
    layer += [
        {
            "mark": {"type": "area", "color": ink(colour), "fillOpacity": 0.13},
            "encoding": both,
        },
        {"mark": {"type": "line", "color": ink(colour), "strokeWidth": 2}, "encoding": both},
        {
            "data": {"values": ends},
            "mark": {
                "type": "point",
                "filled": True,
                "size": 34,
                "opacity": 1,
                "color": ink(colour),
            },
            "encoding": both,
        },
    ]
    return _chart(
        values,
        width=112,
        height=44,
        padding={"left": 48, "right": 48, "top": 6, "bottom": 6},
        autosize="none",
        layer=[
            *layer,
            *_ends(ends, both),
        ],
    )


def _ends(ends: Sequence[Spec], both: Spec) -> list[Spec]:
    """Return the words before a line's first point, and behind its last."""
    return [
        {
            "data": {"values": ends[index : index + 1]},
            "mark": _text(align=align, dx=dx, color=ink(name), fontWeight=weight),
            "encoding": {**both, "text": {"field": "text", "type": "nominal"}},
        }
        for index, align, dx, name, weight in (
            (0, "right", -7, "muted", "normal"),
            (1, "left", 7, "text", "bold"),
        )
    ]


def strip(
    hubs: Sequence[str], times: Sequence[str], cells: Sequence[Cell], width: int, names: int
) -> Spec:
    """Return a row for each hub, a cell for each span in which it was watched: hollow where nothing came."""
    step = (width - names - _EDGE) / max(len(times), 1)
    every = _every(max(map(len, times), default=0), step)
    shown = [name if place % every == 0 else "" for place, name in enumerate(times)]
    values = [cell._asdict() for cell in cells]
    return _chart(
        values,
        width=width - names - _EDGE,
        height={"step": 22},
        padding={"left": names, "right": _EDGE, "top": 2, "bottom": 24},
        autosize="none",
        encoding={
            "y": {
                "field": "row",
                "type": "ordinal",
                "scale": {"domain": list(range(len(hubs)))},
                "axis": _row_names(_of_place(list(hubs)), names),
            },
            "x": {
                "field": "span",
                "type": "ordinal",
                "scale": {"domain": list(range(len(times)))},
                "axis": {
                    "labelExpr": _of_place(shown),
                    "labelAngle": 0,
                    "labelAlign": "center",
                    "labelOverlap": False,
                    "labelFontSize": _SMALL,
                    "labelColor": ink("muted"),
                    "ticks": False,
                    "domain": False,
                    "title": None,
                },
            },
        },
        layer=[
            {
                "transform": [{"filter": "datum.reports"}],
                "mark": _cell(fill=ink("bar"), stroke=ink("bar")),
            },
            {
                "transform": [{"filter": "!datum.reports"}],
                "mark": _cell(fill="none", stroke=ink("fall"), strokeDash=[3, 2]),
            },
        ],
    )


def _row_names(words: str, room: int) -> Spec:
    """Return the axis that names rows; `words` are an expression, `room` is in pixels."""
    return {
        "labelExpr": words,
        "labelLimit": room - _SPARE,
        "labelPadding": 8,
        "labelFontSize": _TEXT,
        "labelColor": ink("text"),
        "ticks": False,
        "domain": False,
        "title": None,
    }


def _every(letters: int, step: float) -> int:
    """Return at every how many steps a text of so many letters stands, with a digit's room between two."""
    return int((letters + 1) * _DIGIT / step) + 1


def _cell(**more: Any) -> Spec:
    return {
        "type": "rect",
        "width": {"band": 0.86},
        "height": {"band": 0.62},
        "cornerRadius": 2,
        "strokeWidth": 1.2,
        **more,
    }


def _place(number: int) -> Spec:
    return {
        "field": "place",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, max(number - 1, 1)], "nice": False, "zero": False},
    }


def _text(**more: Any) -> Spec:
    return {"type": "text", "fontSize": _SMALL, **more}


def _names(rows: Sequence[Bar]) -> str:
    return _of_place([row.name for row in rows])


def _of_place(texts: Sequence[str]) -> str:
    """Return an expression that names a place; JSON is a way to write it that no text gets out of."""
    return f"{json.dumps(list(texts))}[datum.value]"


def _chart(values: Sequence[Any], **more: Any) -> Spec:
    return {
        "data": {"values": list(values)},
        "background": None,
        "config": {
            "aria": False,  # one text alternative for the whole of it, in place of one for each mark
            "font": _FONT,
            "view": {"stroke": None},
            "axis": {"grid": False},
        },
        **more,
    }
