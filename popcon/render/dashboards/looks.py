"""In: words, colours, numbers. Out: what fields of a panel look like, as the JSON that Grafana has for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: What a panel says that shows recordings, where there are none.
NO_RULES = "No data: has this Prometheus popcon's rules?"
#: A stat's or a bar's number: the last one that there is.
LAST = {"reduceOptions": {"calcs": ["lastNotNull"], "values": False, "fields": ""}}

_TOOLTIP = {"mode": "multi", "sort": "desc"}
_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}

#: Of a timeseries: all series in one tooltip, the largest first.
TIMELINE = {"tooltip": _TOOLTIP, "legend": _LEGEND}
#: The same, with a legend that says how much it was in all.
TIMELINE_SUMMED = {
    "tooltip": _TOOLTIP,
    "legend": {**_LEGEND, "displayMode": "table", "placement": "right", "calcs": ["sum"]},
}

LINES = {"custom": {"drawStyle": "line", "fillOpacity": 10, "showPoints": "never"}}
#: What is this or that, and nothing between.
STEPPED = {"custom": {**LINES["custom"], "lineInterpolation": "stepAfter"}}
#: Bars on each other, each to the right of its time: a day is drawn where it is.
STACKED_BARS = {
    "custom": {
        "drawStyle": "bars",
        "barAlignment": 1,
        "fillOpacity": 80,
        "lineWidth": 0,
        "stacking": {"mode": "normal", "group": "A"},
    }
}

#: A cell in the colour of its value.
COLOURED_CELL = {"type": "color-background", "mode": "basic"}
#: A cell whose text has the colour of its value.
COLOURED_TEXT = {"type": "color-text"}
PLAIN_CELL = {"type": "auto"}

#: A number that is neither good nor bad. Without it, Grafana has it red from 80 on.
NEUTRAL = {"color": {"mode": "fixed", "fixedColor": "text"}}
#: A cell without a value; what a panel says where it has no data is not for its cells.
NO_VALUE: dict[str, Any] = {
    "matcher": {"id": "byRegexp", "options": "/.*/"},
    "properties": [{"id": "noValue", "value": "–"}],
}


def words(texts: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the mappings that show a value by a word and a colour.

    >>> words({"0": ("no", "red")})
    [{'type': 'value', 'options': {'0': {'text': 'no', 'color': 'red', 'index': 0}}}]
    """
    options = {
        value: {"text": text, "color": colour, "index": place}
        for place, (value, (text, colour)) in enumerate(texts.items())
    }
    return [{"type": "value", "options": options}]


def from_on(*steps: tuple[float, str], below: str = "green") -> dict[str, Any]:
    """Return thresholds: the colour from each number on, and that of what is below all of them."""
    rest = [{"value": value, "color": colour} for value, colour in steps]
    return {"mode": "absolute", "steps": [{"value": None, "color": below}, *rest]}


def alarming(number: float = 1) -> dict[str, Any]:
    """Return a field's defaults that make it red from a number on."""
    return {"color": {"mode": "thresholds"}, "thresholds": from_on((number, "red"))}
