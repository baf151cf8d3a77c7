"""In: what a server answered to a dashboard's panels. Out: short plain values, which can be compared and read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Union

from popcon.render.dashboards import boards
from tests.dashboards import compressed
from tests.dashboards.asking import ask, panels

#: One series: its labels' values, apart by a space, → its value; or its value at each step, by the step's time.
Rows = dict[str, Union[float, dict[int, float]]]
#: A panel's title and a target's letter → its rows.
Answers = dict[tuple[str, str], Rows]


def plain(board: Mapping[str, Any], answers: Mapping[int, Mapping[str, Any]]) -> Answers:
    """Return each target's rows; labels' values are in the order of their names."""
    titles = {panel["id"]: panel["title"] for panel in panels(board)}
    return {
        (titles[number], letter): _rows(answer["data"])
        for number, targets in answers.items()
        for letter, answer in targets.items()
    }


def of_panel(
    url: str, uid: str, title: str, hub: str = "$__all", letter: str = "A", days: int = 30
) -> dict[str, float]:
    """Return what one target of a dashboard's panel answers now, of a range of compressed days."""
    board = compressed.board(boards()[uid])
    (panel,) = (panel for panel in board["panels"] if panel["title"] == title)
    board["panels"] = [panel]
    answers = plain(board, ask(url, board, time.time(), days * compressed.DAY, {"hub": [hub]}))
    rows = answers[title, letter].items()
    return {labels: value for labels, value in rows if isinstance(value, float)}


def _rows(data: Mapping[str, Any]) -> Rows:
    rows: Rows = {}
    for one in data["result"]:
        labels = " ".join(
            value for name, value in sorted(one["metric"].items()) if name != "__name__"
        )
        assert labels not in rows, f"two rows of {labels!r}"
        if data["resultType"] == "matrix":
            rows[labels] = {round(float(when)): float(value) for when, value in one["values"]}
        else:
            rows[labels] = float(one["value"][1])
    return rows
