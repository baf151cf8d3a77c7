"""In: what `story.py` tells. Out: what each panel of each dashboard has to answer in the middle of its fifth day.

A range of two days is the third, the fourth, and the fifth so far. A new panel needs a line here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.dashboards import compressed

NOTHING: dict[str, float] = {}
DAY = compressed.DAY
#: Libraries that are chosen where a dashboard lets them be.
CHOSEN = ["jinja2", "pyyaml", "ruamel-yaml"]

#: Title and letter → what is equal to the right rows.
Expected = dict[tuple[str, str], object]


class Rows:
    """Equal to rows of these names, in any order, whose values are right, over time at each step."""

    def __init__(self, right: Callable[[float], bool], *names: str) -> None:
        self._right, self._names = right, names

    def __eq__(self, rows: object) -> bool:
        if not isinstance(rows, dict) or set(rows) != set(self._names):
            return False
        values = [
            one
            for row in rows.values()
            for one in (row.values() if isinstance(row, dict) else [row])
        ]
        return all(map(self._right, values))

    def __hash__(self) -> int:
        return hash(self._names)

    def __repr__(self) -> str:
        return f"rows of {self._names} with values as {self._right.__name__} says"


def number(value: float) -> bool:
    """Say whether it is one that can be drawn."""
    return math.isfinite(value) and value >= 0


def zero(value: float) -> bool:
    """Say whether it is 0."""
    return value == 0


def libraries(versions: Mapping[str, str]) -> Expected:
    """Return what Libraries shows of the chosen libraries; `versions` are those of the image."""
    used = {"jinja2": 3, "markupsafe": 3, "pyyaml": 2, "ruamel-yaml": 1}
    jinja, ruamel, yaml = (
        f"{name} {versions[name]}" for name in ("jinja2", "ruamel-yaml", "pyyaml")
    )
    return {
        ("Processes that reported", "A"): {"": 3},
        ("Libraries used", "A"): {"": 4},
        ("Used what the image lacks", "A"): {"": pytest.approx(1 / 3)},
        ("Whole days observed", "A"): {"": 2},
        ("Most used", "A"): used,
        ("Share of processes", "A"): used,
        ("Share of processes", "B"): _shares(used, 3),
        ("By day", "A"): {
            "jinja2": {3: 1, 4: 0},
            "pyyaml": {3: 1, 4: 1},
            "ruamel-yaml": {3: 0, 4: 1},
        },
        # The fourth day is shown at its beginning, with what was before.
        ("Share by week", "A"): Rows(number, *CHOSEN),
        ("New", "A"): {"ruamel-yaml": 1},
        # Not what hub3 alone used: it is silent.
        ("Gone", "A"): {"zope-interface": 1},
        # Of hub1 and hub2, which reported in both ranges: 2 of 3 processes, 22 of 23 before.
        ("Rising and falling", "A"): {"pyyaml": pytest.approx(100 * 2 / 3)},
        ("Rising and falling", "B"): {"pyyaml": pytest.approx(100 * 22 / 23)},
        ("Versions by day", "A"): {
            jinja: {3: 1, 4: 0},
            yaml: {3: 0, 4: 0},
            ruamel: {4: 1},
        },
        ("Versions", "A"): {jinja: 2, ruamel: 1},
        ("Versions", "B"): {jinja: 1, ruamel: 1},
        # In hub1 alone: the others' kernels don't count direct imports.
        ("Direct or dependency", "A"): {
            "jinja2": 3,
            "markupsafe": 3,
            "pyyaml": 1,
            "ruamel-yaml": 1,
        },
        ("Direct or dependency", "B"): {
            "jinja2": pytest.approx(2 / 3),
            "markupsafe": 0,
            "pyyaml": 0,
            "ruamel-yaml": 1,
        },
    }


def unused(inventory: Mapping[str, tuple[str, int]]) -> Expected:
    """Return what Unused shows; `inventory` is library → what it is part of, and its size."""
    sizes = {name: size for name, (_, size) in inventory.items()}
    counted = inventory.keys() - {"popcon"}
    days = dict.fromkeys(counted, 2)
    used = {
        **dict.fromkeys(counted, 0),
        "jinja2": 3,
        "markupsafe": 3,
        "pyyaml": 2,
        "ruamel-yaml": 1,
    }
    return {
        ("Enough to judge?", "A"): {"": 2},
        ("Whole days, at least", "A"): {"": 2},
        ("Processes that reported", "A"): {"": 3},
        ("Libraries for users", "A"): {"": 2},
        ("Libraries never used", "A"): {"": 1},
        ("Never used", "A"): {"zope-interface": 0},
        ("Never used", "B"): sizes,
        ("Never used", "C"): days,
        ("Space of never used", "A"): {"": sizes["zope-interface"]},
        ("Rarely used", "A"): {"ruamel-yaml": 1},
        ("Rarely used", "B"): sizes,
        ("Rarely used", "C"): days,
        ("Infrastructure", "A"): {
            f"{name} {part}": size for name, (part, size) in inventory.items() if part != "library"
        },
        ("Infrastructure", "B"): sizes,
        ("Infrastructure", "C"): used,
    }


def hubs(began: int) -> Expected:
    """Return what Hubs shows; the first day began at that time."""
    return {
        ("Hubs that report", "A"): {"": 2},
        # Seven days are not over since hub3 sent something.
        ("Silent for a week", "A"): {"": 0},
        ("Processes that reported", "A"): {"": 3},
        ("Whole days observed", "A"): {"": 2},
        ("Coverage", "A"): {"hub1": 2, "hub2": 1, "hub3": 0},
        ("Coverage", "B"): {"hub1": 4, "hub2": 1},  # hub2's `_other` is no library
        ("Coverage", "C"): {"hub1": 1, "hub2": 0.5, "hub3": 0},
        ("Coverage", "D"): {"hub1": 2, "hub2": 2, "hub3": 2},
        ("Coverage", "E"): {
            # Within the third day, to the step; hub2's may be too long ago for that.
            "hub1": pytest.approx(1000 * (began + 2.5 * DAY), abs=500 * DAY),
            "hub2": pytest.approx(1000 * (began + 2.5 * DAY), abs=500 * DAY),
            "hub3": 1000 * (began + DAY),
        },
        ("Coverage", "F"): {"hub1": 24, "hub2": 2, "hub3": 1},
        ("Reports by hub and day", "A"): {
            "hub1": {3: 2, 4: 0},
            "hub2": {3: 1, 4: 0},
            "hub3": {3: 0, 4: 0},
        },
        ("Hubs that never reported", "A"): NOTHING,
        ("Share of processes, by hub", "A"): {
            **_shares(_in("All chosen hubs", jinja2=3, markupsafe=3, pyyaml=2, ruamel_yaml=1), 3),
            **_shares(_in("hub1", jinja2=3, markupsafe=3, pyyaml=1, ruamel_yaml=1), 2),
            **_shares(_in("hub2", jinja2=0, markupsafe=0, pyyaml=1, ruamel_yaml=0), 1),
        },
    }


def _shares(used: Mapping[str, int], of: int) -> dict[str, Any]:
    return {name: pytest.approx(count / of) for name, count in used.items()}


def _in(hub: str, **used: int) -> dict[str, int]:
    return {f"{name.replace('_', '-')} {hub}": count for name, count in used.items()}
