"""In: a metric and labels. Out: PromQL about a dashboard's range and what is chosen there: what was added, and when."""

from __future__ import annotations

from popcon.catalog import Metric
from popcon.promql import days

RANGE = "$__range"
#: The chosen hubs. An empty regular expression would leave out those without a namespace.
HUBS = 'namespace=~"$hub",namespace!~"$without_hub"'
#: Of these hubs, the libraries that are not left out by name.
LIBRARIES = f'{HUBS},library!~"$without_library"'


def chosen(metric: Metric, more: str = "") -> str:
    """Return the matchers of what the variables choose; `more` are others, such as `library=~"$library"`."""
    matchers = LIBRARIES if "library" in metric.labels else HUBS
    return f"{matchers},{more}" if more else matchers


def added(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much a counter rose in the range, summed by labels."""
    return days.added(metric, RANGE, chosen(metric, more), by)


def added_before(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much it rose in the range of the same length before that one."""
    return days.added_before(metric, RANGE, chosen(metric, more), by)


def days_seen(
    metric: Metric,
    by: tuple[str, ...] = (),
    more: str = "",
    *,
    across: str = "max",
    before: bool = False,
) -> str:
    """Return on how many whole days of the range, or of the one before, a counter was there."""
    return days.days_seen(metric, RANGE, chosen(metric, more), by, across=across, before=before)


def by_day(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much it rose in each whole day, at the time at which the day begins."""
    return days.by_day(metric, chosen(metric, more), by)


def past_week(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much it rose in the seven whole days before the time that is asked for."""
    return days.past_week(metric, chosen(metric, more), by)


def daily_mean(metric: Metric, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much it rose on a whole day of the range, on an average."""
    return days.daily_mean(metric, RANGE, chosen(metric, more), by)
