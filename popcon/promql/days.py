"""In: a metric, a range, matchers. Out: PromQL that reads the recordings: whole UTC days, and today so far.

A range is taken as whole days: the one that it begins in, whole, and all up to its end, which is the
time that is asked for. `range` is a duration as PromQL writes it, `matchers` stand between a
selector's braces, `by` are the labels to sum by.
"""

from __future__ import annotations

from popcon.catalog import Metric
from popcon.promql.recordings import ENDS, recorded, whole_day, whole_days

#: A range that begins at midnight has that day and not the one before, also where Grafana rounds its
#: length up; and one that ends at the last second of a day has that day whole.
_LATER = "offset -2s"
#: What was recorded of today is of a day that has ended, and counts as that.
_OVER = f"last_over_time({ENDS}[1h]) <= time() + 2"


def added(metric: Metric, range: str, matchers: str = "", by: tuple[str, ...] = ()) -> str:
    """Return how much a counter rose in a range."""
    days = f"sum_over_time({whole_days(metric, range, matchers)} {_LATER})"
    return f"{total(by)} ({days} or {_so_far(metric, matchers)})"


def added_today(metric: Metric, matchers: str = "", by: tuple[str, ...] = ()) -> str:
    """Return how much it rose since midnight; nothing at midnight itself, at which a day is over."""
    return f"{total(by)} ({_so_far(metric, matchers)})"


def ended(metric: Metric, matchers: str = "", by: tuple[str, ...] = ()) -> str:
    """Return how much it rose in the day that ends at the midnight that is asked for."""
    return f"{total(by)} ({whole_day(metric, matchers)})"


def added_before(metric: Metric, range: str, matchers: str = "", by: tuple[str, ...] = ()) -> str:
    """Return how much it rose in the range of the same length before that one."""
    return f"{total(by)} (sum_over_time({whole_days(metric, range, matchers)} offset {range}))"


def days_seen(
    metric: Metric,
    range: str,
    matchers: str = "",
    by: tuple[str, ...] = (),
    *,
    across: str = "max",
    before: bool = False,
) -> str:
    """Return on how many whole days of a range a counter was there, also where it stood still.

    Of several series, that of the one with most days, or with fewest: `across="min"`. `before` asks
    of the range before.
    """
    offset = f"offset {range}" if before else _LATER
    days = f"count_over_time({whole_days(metric, range, matchers)} {offset})"
    return f"{total(by, across)} ({days})"


def daily_mean(metric: Metric, range: str, matchers: str = "", by: tuple[str, ...] = ()) -> str:
    """Return how much it rose on a whole day of a range, on an average."""
    return f"{total(by)} (avg_over_time({whole_days(metric, range, matchers)} {_LATER}))"


def by_day(metric: Metric, matchers: str = "", by: tuple[str, ...] = ()) -> str:
    """Return how much it rose in each whole day, at the time at which the day begins."""
    return f"{total(by)} ({_recorded_after(_series(metric, 'increase1d', matchers), 1)})"


def past_week(metric: Metric, matchers: str = "", by: tuple[str, ...] = ()) -> str:
    """Return how much it rose in the seven whole days before the time that is asked for."""
    return f"{total(by)} ({_recorded_after(_series(metric, 'increase1w', matchers), 0)})"


def rose_lately(metric: Metric, matchers: str = "", by: tuple[str, ...] = ("namespace",)) -> str:
    """Return when it rose last, to five minutes, where that was in the last two days.

    Today's number is looked at, which a restart or a new address of an exporter leaves as it is.
    """
    today = _series(metric, "increase_today", matchers)
    before = f"last_over_time({today}[1d] offset 5m)"
    lately = f"({today} > 0 unless {today} == {before}) * 0 + time()"
    return f"{total(by, 'max')} (max_over_time(({lately})[2d:5m]))"


def total(by: tuple[str, ...], how: str = "sum") -> str:
    """Return an aggregation without its argument.

    >>> total(("namespace",)), total((), "max")
    ('sum by (namespace)', 'max')
    """
    return f"{how} by ({', '.join(by)})" if by else how


def _recorded_after(series: str, days: int) -> str:
    """Return what is recorded on the day after so many days that begin at the time that is asked for.

    That is asked at midnights. The last value at a midnight sharp is still the one of the day before.
    """
    return f"last_over_time({series}[23h] offset -{24 * days + 23}h)"


def _so_far(metric: Metric, matchers: str) -> str:
    return f"last_over_time({_series(metric, 'increase_today', matchers)}[1h]) unless on () {_OVER}"


def _series(metric: Metric, operation: str, matchers: str) -> str:
    return recorded(metric, operation) + (f"{{{matchers}}}" if matchers else "")
