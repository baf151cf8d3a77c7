"""In: a metric and labels. Out: PromQL that reads the recordings: whole UTC days, and today so far.

A range of Grafana's is taken as whole days: the one that it begins in, whole, and all up to its end.
"""

from __future__ import annotations

from popcon.catalog import LIBRARY_USED, REPORTS, Metric
from popcon.render.recordings import ENDS, recorded, whole_days

RANGE = "$__range"
#: The chosen hubs. An empty regular expression would leave out those without a namespace.
HUBS = 'namespace=~"$hub",namespace!~"$without_hub"'
#: Of these hubs, the libraries that are not left out by name.
LIBRARIES = f'{HUBS},library!~"$without_library"'

#: A range that begins at midnight has that day and not the one before, also where Grafana rounds its
#: length up; and one that ends at the last second of a day has that day whole.
_LATER = "offset -2s"
#: What was recorded of today is of a day that has ended, and counts as that.
_OVER = f"last_over_time({ENDS}[1h]) <= time() + 2"


def where(metric: Metric) -> str:
    """Return the labels that a dashboard's variables choose by."""
    return LIBRARIES if "library" in metric.labels else HUBS


def added(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much a counter rose in the dashboard's range, summed by labels.

    `more` are further matchers, such as `library=~"$library"`.
    """
    days = f"sum_over_time({_days(metric, more)} {_LATER})"
    today = f"last_over_time({_series(metric, 'increase_today', more)}[1h])"
    return f"{_total(by)} ({days} or {today} unless on () {_OVER})"


def added_before(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much it rose in the range of the same length before that one."""
    return f"{_total(by)} (sum_over_time({_days(metric, more)} offset {RANGE}))"


def days_seen(
    metric: Metric,
    by: tuple[str, ...] = (),
    more: str = "",
    *,
    across: str = "max",
    before: bool = False,
) -> str:
    """Return on how many whole days of the range a counter was there, also where it stood still.

    Of several series, that of the one with most days, or with fewest: `across="min"`. `before` asks
    of the range before.
    """
    total = _total(by).replace("sum", across, 1)
    offset = f"offset {RANGE}" if before else _LATER
    return f"{total} (count_over_time({_days(metric, more)} {offset}))"


def by_day(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much it rose in each whole day, at the time at which the day begins."""
    return f"{_total(by)} ({_recorded_after(_series(metric, 'increase1d', more), 1)})"


def by_week(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much it rose in each seven whole days, at the time at which they begin."""
    return f"{_total(by)} ({_recorded_after(_series(metric, 'increase1w', more), 7)})"


def past_week(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much it rose in the seven whole days before the time that is asked for."""
    return f"{_total(by)} ({_recorded_after(_series(metric, 'increase1w', more), 0)})"


def daily_mean(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much it rose on a whole day of the range, on an average."""
    return f"{_total(by)} (avg_over_time({_days(metric, more)} {_LATER}))"


def libraries_added(more: str = "") -> str:
    """Return the processes that used each library."""
    return added(LIBRARY_USED, ("library",), more)


def share_of_processes(more: str = "") -> str:
    """Return which share of the processes that reported used each library, from 0 to 1."""
    return f"{libraries_added(more)} / on () group_left () {added(REPORTS)}"


def _recorded_after(series: str, days: int) -> str:
    """Return what is recorded on the day after so many days that begin at the time that is asked for.

    Grafana asks at midnights. The last value at a midnight sharp is still the one of the day before.
    """
    return f"last_over_time({series}[23h] offset -{24 * days + 23}h)"


def _days(metric: Metric, more: str) -> str:
    return whole_days(metric, RANGE, _matchers(metric, more))


def _series(metric: Metric, operation: str, more: str) -> str:
    return f"{recorded(metric, operation)}{{{_matchers(metric, more)}}}"


def _matchers(metric: Metric, more: str) -> str:
    return f"{where(metric)}{',' if more else ''}{more}"


def _total(by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)})" if by else "sum"
