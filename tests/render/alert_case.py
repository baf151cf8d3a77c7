"""In: a history of exporters. Out: a row for `test_rules.py`."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """Series by what promtool takes for them, looked at at `at`; the labels of each alert that fires.

    `step` is the time between two scrapes.
    """

    what: str
    series: dict[str, str]
    at: str
    fires: list[dict[str, str]]
    step: str = "1m"


def named(name: str, labels: str = "", of: str = 'job="popcon-metrics",instance="a"') -> str:
    """Return a series of the chart's exporter."""
    return f"{name}{{{of}{',' if labels else ''}{labels}}}"
