"""In: rules and dashboards, whose days are days. Out: the same with days of half a minute, for servers that really wait.

A day is `DAY` seconds, one of its steps `STEP`; midnight is each multiple of `DAY` since 1970, as
real midnights are of real days. Every span and every number of seconds has to be in the tables.
"""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Mapping
from typing import Any

import yaml

from popcon.render.rules import rules_text

DAY = 30
STEP = 2
#: How often a Prometheus scrapes, so that a step has several scrapes, as a real one has.
SCRAPE = "500ms"

#: A span in our rules and dashboards → a compressed one.
SPANS = {
    "2s": "100ms",
    "1m": "500ms",
    "2m": "1500ms",
    "5m": "2s",
    "7m": "3500ms",
    "10m": "3s",
    "15m": "4s",
    "30m": "4500ms",
    "1h": "5s",
    "2h": "7s",
    "3h": "8s",
    "23h": "27s",
    "1439m": "29s",
    "1d": "30s",
    "47h": "57s",
    "2d": "60s",
    "3d": "90s",
    "7d": "210s",
    "191h": "237s",
    "365d": "10950s",
}
#: Seconds in our rules and dashboards → compressed ones.
SECONDS = {60: STEP, 3600: 5, 86400: DAY}
#: Numbers that are no seconds: thresholds, and how many milliseconds are a second.
NO_SECONDS = (100, 1000)

_TEXT = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_SPAN = re.compile(r"(?<![\w.$])\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*\b")
_NUMBER = re.compile(r"(?<![\w.$])\d{2,}(?![\w.])")


def compressed(expr: str) -> str:
    """Return an expression in compressed time; a span or a number that no table has is a KeyError.

    >>> compressed('increase(x:increase1d{a="1d"}[1d] offset -1d) > time() - 86400')
    'increase(x:increase1d{a="1d"}[30s] offset -30s) > time() - 30'
    """
    return "".join(
        part if place % 2 else _NUMBER.sub(_seconds, _SPAN.sub(_span, part))
        for place, part in enumerate(_TEXT.split(expr))
    )


def rules() -> str:
    """Return the rule file, all in compressed time."""
    text = yaml.safe_load(rules_text())
    for group in text["groups"]:
        group["interval"] = SPANS[group.get("interval", "1m")]
        for rule in group["rules"]:
            rule["expr"] = compressed(rule["expr"])
            if "for" in rule:
                rule["for"] = SPANS[rule["for"]]
    return json.dumps(text, indent=1)


def board(real: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dashboard whose panels ask in compressed time."""
    made: dict[str, Any] = copy.deepcopy(dict(real))
    for panel in made["panels"]:
        if "interval" in panel:
            panel["interval"] = SPANS[panel["interval"]]
        for target in panel.get("targets", ()):
            target["expr"] = compressed(target["expr"])
            target.pop("interval", None)  # scrapes are half a second apart, not a minute
    return made


def days_old(count: float) -> int:
    """Return so many days in seconds."""
    return round(count * DAY)


def midnight(day: int = 0) -> int:
    """Return when this day began, or the one that comes so many days later."""
    return (int(time.time()) // DAY + day) * DAY


def wait(when: float) -> None:
    """Sleep until a time, if it is to come."""
    time.sleep(max(0.0, when - time.time()))


def _span(found: re.Match[str]) -> str:
    return SPANS[found[0]]


def _seconds(found: re.Match[str]) -> str:
    number = int(found[0])
    return str(SECONDS[number] if number not in NO_SECONDS and number >= 60 else number)
