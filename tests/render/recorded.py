"""In: what was counted on each day. Out: what Prometheus had recorded by then, as promtool's tests take it.

Day 0 begins at promtool's time 0. A day's value stands on the day after it, hour by hour; at midnight
sharp the one before is still there.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from popcon.catalog import LIBRARY_INSTALLED, Metric
from popcon.promql.recordings import recorded
from tests.peers.found import program

#: What was added on each day, `None` where nothing was known; the last one is today.
Days = Sequence["int | None"]

CHOICES = {"hub": ".*", "without_hub": "none", "without_library": "none"}


def series(metric: Metric, days: Days, **labels: str) -> list[dict[str, str]]:
    """Return the recordings of one counter: whole days, seven of them, today."""
    *whole, today = days
    weeks = [
        sum(day or 0 for day in whole[max(0, last - 6) : last + 1]) for last in range(len(whole))
    ]
    known = [None if day is None else week for day, week in zip(whole, weeks)]
    now = {**labels, "day": "today"}
    return [
        _series(recorded(metric, "increase1d"), labels, _hours(whole)),
        _series(recorded(metric, "increase1w"), labels, _hours(known)),
        _series(
            recorded(metric, "increase_today"), now, f"_x{24 * len(whole) + 1} {_steady(today, 23)}"
        ),
    ]


def size(library: str, part: str, bytes: int, days: int, **labels: str) -> dict[str, str]:
    """Return a library's size, there on so many days and today."""
    named = {"library": library, "part": part, **labels}
    return _series(LIBRARY_INSTALLED.name, named, f"{bytes}x{24 * (days + 1) - 1}")


def answers(
    folder: Path,
    known: Sequence[Mapping[str, str]],
    expected: Mapping[str, Mapping[str, float]],
    *,
    at: str,
    range_days: float,
    until: str = "",
    **choices: str,
) -> str:
    """Return what promtool says against expressions that have to give these samples, by their labels.

    It reads no further than the time that is asked for, or `until`.
    """
    tests: list[dict[str, Any]] = [
        {
            "expr": filled_in(expr, range_days, **choices),
            "eval_time": at,
            "exp_samples": [
                {"labels": labels, "value": value} for labels, value in samples.items()
            ],
        }
        for expr, samples in expected.items()
    ]
    if until:
        samples = [{"labels": "{}", "value": 1}]
        tests.append({"expr": "vector(1)", "eval_time": until, "exp_samples": samples})
    test = {"interval": "1h", "input_series": list(known), "promql_expr_test": tests}
    file = folder / "test.json"  # JSON is YAML
    file.write_text(json.dumps({"tests": [test]}))
    command = [str(program("promtool")), "test", "rules", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if checked.returncode == 0 else checked.stdout + checked.stderr


def filled_in(expr: str, range_days: float, **choices: str) -> str:
    """Return an expression with Grafana's variables replaced, as Grafana sends it."""
    seconds = int(range_days * 86400)
    for name, value in {
        "__range_s": str(seconds),
        "__range": f"{seconds}s",
        **CHOICES,
        **choices,
    }.items():
        expr = expr.replace(f"${name}", value)
    return expr


def _series(name: str, labels: Mapping[str, str], values: str) -> dict[str, str]:
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{inside}}}", "values": values}


def _hours(days: Days) -> str:
    # A day's last hour is the midnight at which the next one begins.
    return " ".join(["_x25", *(_steady(day, 24) for day in days)])


def _steady(value: int | None, hours: int) -> str:
    return f"_x{hours}" if value is None else f"{value}x{hours - 1}"
