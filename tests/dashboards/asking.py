"""In: a dashboard, the URL of a Prometheus-compatible server, a time. Out: each panel's answers, asked as Grafana asks.

What a variable's value becomes in a query is in `choosing.py`. Sources: Grafana's own code, versions
11 to 13: `pkg/promlib/models/query.go` (step, alignment, `$__…`), `pkg/promlib/client/client.go`
(an instant query's time is the range's end, not aligned), `rangeUtil.roundInterval`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from tests.dashboards.choosing import SCRAPE_SECONDS, VARIABLE, chosen, interpolated

#: The width of Grafana's grid on a screen of 1600 pixels, in pixels: a panel asks for as many points.
GRID_PIXELS = 1584
COLUMNS = 24
#: Grafana asks for no more points than Prometheus answers.
MOST_POINTS = 11_000
TIMEOUT = 60.0

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_592_000, "y": 31_536_000}
#: Below the first number of milliseconds, a step is rounded to the second.
_ROUNDED = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500),
    (1_500, 1_000), (3_500, 2_000), (7_500, 5_000), (12_500, 10_000), (17_500, 15_000),
    (25_000, 20_000), (45_000, 30_000), (90_000, 60_000), (210_000, 120_000),
    (450_000, 300_000), (750_000, 600_000), (1_050_000, 900_000), (1_500_000, 1_200_000),
    (2_700_000, 1_800_000), (5_400_000, 3_600_000), (9_000_000, 7_200_000),
    (16_200_000, 10_800_000), (32_400_000, 21_600_000), (86_400_000, 43_200_000),
    (604_800_000, 86_400_000), (1_814_400_000, 604_800_000), (3_628_800_000, 2_592_000_000),
)  # fmt: skip
_A_YEAR_MS = 31_536_000_000


class AskError(Exception):
    """A server refused what a panel asks, or didn't answer; says which panel."""


def ask(
    url: str,
    board: Mapping[str, Any],
    at: float,
    range_seconds: int,
    variables: Mapping[str, str | list[str]],
) -> dict[int, dict[str, Any]]:
    """Return panel id → refId → the server's answer, with what was asked under `asked`.

    `variables` says what a person chose; the rest has the value that the dashboard comes with.
    """
    with requests.Session() as session:
        session.trust_env = False  # no proxy reaches this machine's own addresses

        def get(path: str, **data: Any) -> Any:
            return _answer(session, url.rstrip("/") + path, data)

        values = chosen(board, variables, get, at, range_seconds)
        return {
            panel["id"]: {
                target["refId"]: _asked(get, panel, target, values, at, range_seconds)
                for target in panel.get("targets", ())
                if target.get("expr") and not target.get("hide")
            }
            for panel in panels(board)
        }


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each panel, also those of rows that are folded."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def range_of(board: Mapping[str, Any]) -> int:
    """Return the seconds that a dashboard shows when it is opened.

    >>> range_of({"time": {"from": "now-30d", "to": "now"}})
    2592000
    """
    start, end = board["time"]["from"], board["time"]["to"]
    if not start.startswith("now-") or end != "now":
        raise ValueError(f"not a range that ends now: {start!r} to {end!r}")
    return seconds(start[len("now-") :])


def seconds(span: str) -> int:
    """Return a span as Grafana writes it, in seconds.

    >>> seconds("1d"), seconds(">5m")
    (86400, 300)
    """
    found = re.fullmatch(r">?(\d+)([smhdwMy])", span)
    if found is None:
        raise ValueError(f"not a span: {span!r}")
    return int(found[1]) * _UNITS[found[2]]


def step_of(panel: Mapping[str, Any], target: Mapping[str, Any], range_seconds: int) -> int:
    """Return the step that Grafana takes: the range by the panel's points, rounded, not below its minimum.

    >>> step_of({"gridPos": {"w": 24}}, {}, 30 * 86_400)
    1800
    >>> step_of({"gridPos": {"w": 24}, "interval": "1d"}, {}, 30 * 86_400)
    86400
    """
    pixels = GRID_PIXELS * panel["gridPos"]["w"] // COLUMNS
    points = panel.get("maxDataPoints") or pixels
    least = seconds(target.get("interval") or panel.get("interval") or f"{SCRAPE_SECONDS}s")
    by_points = _round(range_seconds * 1000 / points) / 1000
    safe = _round(range_seconds * 1000 / MOST_POINTS) / 1000
    return max(1, math.ceil(max(by_points, least, safe)))


def _round(milliseconds: float) -> int:
    return next((to for below, to in _ROUNDED if milliseconds < below), _A_YEAR_MS)


def _asked(
    get: Any,
    panel: Mapping[str, Any],
    target: Mapping[str, Any],
    values: Mapping[str, str],
    at: float,
    range_seconds: int,
) -> dict[str, Any]:
    if panel.get("timeFrom"):
        range_seconds = seconds(panel["timeFrom"])
    step = step_of(panel, target, range_seconds)
    scrape = seconds(target["interval"]) if target.get("interval") else SCRAPE_SECONDS
    expr = interpolated(target["expr"], values, range_seconds, step, scrape)
    left = [found[0] for found in VARIABLE.finditer(expr) if not found[1].isdigit()]
    if left:
        raise AskError(f"panel {panel['title']!r}: no variable {', '.join(left)}")
    try:
        if target.get("instant"):
            asked = {"query": expr, "time": at}
            return {**get("/api/v1/query", **asked), "asked": {**asked, "step": step}}
        start, end = ((moment // step) * step for moment in (at - range_seconds, at))
        asked = {"query": expr, "start": start, "end": end, "step": step}
        return {**get("/api/v1/query_range", **asked), "asked": asked}
    except AskError as error:
        raise AskError(f"panel {panel['title']!r}, {target['refId']}: {error}: {expr}") from None


def _answer(session: requests.Session, address: str, data: Mapping[str, Any]) -> Any:
    # Expressions may be longer than an address can be; labels are only to be had by GET everywhere.
    is_query = "/query" in address
    try:
        if is_query:
            answer = session.post(address, data=data, timeout=TIMEOUT)
        else:
            answer = session.get(address, params=data, timeout=TIMEOUT)
        body = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise AskError(f"{address} gave no answer: {error}") from None
    if body.get("status") != "success":
        raise AskError(str(body.get("error", body)))
    return body
