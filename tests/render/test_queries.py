"""The dashboards' queries, run by the real promtool over recordings: each day counts once, and whole."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from popcon.catalog import REPORTS
from popcon.promql.recordings import ENDS, recorded
from popcon.render.queries import added, days_seen
from tests.peers.found import program

DAY = 86400
STEP = 300
#: How many processes reported in each five minutes, by the day.
RATES = (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)
HOUR = 3600
#: When today is recorded, in seconds after each five minutes, and whole days after each hour.
SLOTS = (0, 60, 240)
#: When somebody looks, in seconds after a midnight. Grafana's "yesterday" ends a millisecond before.
LOOKS = (-150.0, -1.0, -0.001, 0.0, 120.0, 420.0, 43200.0)

ONE = {"labels": "{}", "value": 1}


@pytest.mark.parametrize("later", [False, True])
def test_each_day_counts_once(tmp_path: Path, later: bool) -> None:
    """A range has each of its days once, asked at that time or later, and at each second of a day."""
    tests = [
        question(slot, 4 * DAY + look, length, later)
        for slot, look, length in itertools.product(SLOTS, LOOKS, (6 * 3600, DAY, 2 * DAY))
    ]
    (tmp_path / "test.json").write_text(json.dumps({"tests": tests}))  # JSON is YAML
    command = [str(program("promtool")), "test", "rules", str(tmp_path / "test.json")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def question(slot: int, at: float, length: int, later: bool) -> dict[str, object]:
    """Return a range that ends at a moment, when recordings go on until then, or for two days more."""
    moments = list(range(slot, int(at) + (2 * DAY if later else 0) + 1, STEP))
    columns: dict[str, list[Any]] = {
        recorded(REPORTS, "increase1d"): [
            whole(day_of(moment) - 1) if moment % HOUR == slot else "_" for moment in moments
        ],
        f'{recorded(REPORTS, "increase_today")}{{day="today"}}': [today(one) for one in moments],
        ENDS: [(day_of(moment) + 1) * DAY for moment in moments],
    }
    days, processes = expected([m for m in moments if later or m <= at], slot, at, length)
    lead = f"_x{slot // 60} " if slot else ""
    return {
        "name": f"recorded {slot} s after, seen at {at - 4 * DAY} s, {length} s long",
        "interval": "1m",
        "input_series": [
            {"series": series, "values": lead + " ".join(f"{value} _x4" for value in values)}
            for series, values in columns.items()
        ],
        "promql_expr_test": [
            {
                "expr": query.replace("$__range", f"{length}s").replace("$hub", ".*"),
                "eval_time": f"{round(at * 1000)}ms",
                "exp_samples": [{"labels": "{}", "value": value}] if value else [],
            }
            for query, value in ((added(REPORTS), processes), (days_seen(REPORTS), days))
        ]
        # promtool reads samples up to the last question alone.
        + [{"expr": "count(absent(x))", "eval_time": f"{moments[-1]}s", "exp_samples": [ONE]}],
    }


def expected(moments: list[int], slot: int, at: float, length: int) -> tuple[int, int]:
    """Return how many whole days a range has, and all that they and today counted.

    A day that isn't recorded whole yet is what was recorded last of it as today.
    """
    newest = max(moment for moment in moments if moment <= at)
    days = total = 0
    for day in range(day_of(at - length + 2), day_of(at + 2) + 1):
        end = (day + 1) * DAY
        if end <= at + 2:
            recorded_whole = end + (slot or HOUR) <= moments[-1]
            last = max(moment for moment in moments if moment <= end)
            days, total = days + 1, total + (whole(day) if recorded_whole else today(last))
        elif day_of(newest) == day:
            total += today(newest)
    return days, total


def day_of(moment: float) -> int:
    """Return the day that a moment is in; midnight is the end of one."""
    return int(-(-moment // DAY)) - 1


def whole(day: int) -> int:
    """Return what a day counted."""
    return RATES[day] * DAY // STEP if day >= 0 else 0


def today(moment: int) -> int:
    """Return what its day had counted by the last whole five minutes."""
    day = day_of(moment)
    return RATES[day] * ((moment - day * DAY) // STEP) if day >= 0 else 0
