"""In: the catalogue. Out: Prometheus' recording rules: what each counter rose by, in whole UTC days and today.

`increase()` isn't used. It extrapolates to the edges of its range, can't see a counter that is born
at 1, and loses what rose between the last sample of one range and the first of the next: exactly
where counts are published in steps. So a day is a sum of steps that leave nothing between them.
Numbers are exact, and the same in other engines, whose `increase()` counts otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

from popcon.catalog import METRICS, Metric
from popcon.promql.steps import STARTED, began, step

#: The midnight at which the day ends that `increase_today` is about.
ENDS = "popcon:today_ends:timestamp_seconds"

#: Keeps today apart where it is added to whole days.
TODAY = {"day": "today"}
#: A day's steps. Before Prometheus 3, a range of a whole day has the midnight that it begins at, too.
_STEPS = "[1439m:5m]"
#: Which day it is, since 1970. Midnight itself is the end of a day, as in Prometheus' ranges.
_DAY = "scalar(ceil(vector(time() / 86400)))"
#: How many binary digits an even day's number has behind it, and an odd day's.
_DIGITS = f"(26 * (1 - {_DAY} % 2))"


class Recording(NamedTuple):
    """One recording rule; `labels` are added to every series."""

    record: str
    expr: str
    labels: dict[str, str]


def recorded(metric: Metric, operation: str) -> str:
    """Return the name that a recording of a metric has: level, metric, operation.

    >>> from popcon.catalog import LIBRARY_DIRECT
    >>> recorded(LIBRARY_DIRECT, "increase1d")
    'namespace_library:python_popcon_library_direct:increase1d'
    """
    name = metric.name[: -len("_total")] if metric.name.endswith("_total") else metric.name
    return f"{'_'.join(('namespace', *metric.labels))}:{name}:{operation}"


def recordings() -> dict[str, tuple[str, tuple[Recording, ...]]]:
    """Return group → how often it is evaluated → its rules, in the order that they need each other.

    Days that are over are recorded each hour: who looks at a year reads all of it.
    """
    held = [metric for metric in METRICS if metric.held]
    today = [Recording(recorded(one, "increase_today"), _today(one), TODAY) for one in held]
    return {
        "popcon-started": ("1m", (Recording(STARTED, began(), {}),)),
        "popcon-today": ("5m", (*today, Recording(ENDS, f"vector(86400 * {_DAY})", {}))),
        "popcon-days": ("1h", tuple(rule for metric in held for rule in _days(metric))),
    }


def _days(metric: Metric) -> list[Recording]:
    """Return the last whole day, and the last seven of them."""
    steps = f"sum_over_time((\n{_indented(step(metric))}\n){_STEPS})"
    return [
        # A subquery in steps of a day has one point: the last midnight.
        Recording(
            recorded(metric, "increase1d"), f"last_over_time((\n{_indented(steps)}\n)[1d:1d])", {}
        ),
        Recording(recorded(metric, "increase1w"), f"sum_over_time({whole_days(metric, '7d')})", {}),
    ]


def whole_days(metric: Metric, range: str, matchers: str = "") -> str:
    """Return a subquery of the days that ended within a range, each at the midnight at which it ended."""
    return f"({whole_day(metric, matchers)})[{range}:1d]"


def whole_day(metric: Metric, matchers: str = "") -> str:
    """Return what the day added that ends at the midnight that is asked for.

    A day is what is recorded after it; not a whole day later, as at midnight sharp the next one is
    recorded. Until then it is what was recorded of it last as today.
    """
    chosen = f"{{{matchers}}}" if matchers else ""
    day = f"last_over_time({recorded(metric, 'increase1d')}{chosen}[23h] offset -23h)"
    today = f"last_over_time({recorded(metric, 'increase_today')}{chosen}[1h])"
    return f"sum without (day) ({day}) or sum without (day) ({today})"


def _today(metric: Metric) -> str:
    """Return what was added since midnight: a day's steps, less those that are yesterday's.

    No range can begin at midnight. But two days, one after the other, fit into one sum, each in digits
    of its own: odd days' steps below 2^26, even days' from there on. Both together are below 2^52,
    as long as fewer processes than 2^26 are added on a day, and so the sum is exact.
    """
    # A line may say a fraction, which would run into the other day's digits.
    steps = _indented(f"floor(\n{_indented(step(metric))}\n) * 2 ^ {_DIGITS}")
    both = _indented(f"sum_over_time((\n{steps}\n){_STEPS})")
    return f"floor(\n{both}\n  % 2 ^ (26 + {_DIGITS}) / 2 ^ {_DIGITS}\n)"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
