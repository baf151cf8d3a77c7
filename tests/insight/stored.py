"""In: what hubs counted each day. Out: a server that has it, as popcon's rules record it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Optional

from popcon.catalog import Metric
from popcon.promql.recordings import ENDS, TODAY, recorded
from tests.dashboards.remote_write import Sender, encoded, spelled_times

#: 2026-06-01, the first day; today is the last one, until noon.
FIRST = 1_780_272_000
DAY = 86_400
_FIVE = 300
_HOUR = 3600

#: What was added on each day, None where nothing was known; the last one is today.
Days = Sequence[Optional[int]]
Key = tuple[Metric, tuple[str, ...]]


def now(days: int) -> int:
    """Return noon of the last of so many days."""
    return FIRST + days * DAY - DAY // 2


def record(sender: Sender, history: Mapping[Key, Days], first: int = FIRST) -> None:
    """Send what rules record of it: whole days each hour of the day after, today for two days."""
    length = max(len(days) for days in history.values())
    end = first + length * DAY - DAY // 2
    lately = range(end - 2 * DAY, end + 1, _FIVE)
    for (metric, (hub, *values)), days in history.items():
        labels = {"namespace": hub, **dict(zip(metric.labels, values))}
        hours = [
            (at, float(added))
            for day, added in enumerate(days)
            if added is not None
            # At midnight sharp, the day before is still there.
            for at in range(first + (day + 1) * DAY + _HOUR, first + (day + 2) * DAY + 1, _HOUR)
            if at <= end
        ]
        _send(sender, recorded(metric, "increase1d"), labels, hours)
        today = [
            (at, float(added) if at % DAY > DAY // 4 or at % DAY == 0 else 0.0)
            for at in lately
            if (added := days[(at - 1 - first) // DAY]) is not None
        ]
        _send(sender, recorded(metric, "increase_today"), {**labels, **TODAY}, today)
    _send(sender, ENDS, {}, [(at, float(-(-at // DAY) * DAY)) for at in lately])


def _send(
    sender: Sender, name: str, labels: Mapping[str, str], points: Sequence[tuple[int, float]]
) -> None:
    times = spelled_times([at for at, _ in points])
    sender.add(encoded(name, labels, times, [value for _, value in points]))
