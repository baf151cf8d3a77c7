"""In: a metric and labels. Out: PromQL that counts what was added in a range, births included.

`increase()` can't see a counter that is born at 1: its first sample is no increase, and "used
once" would read as "never used". So the first value of a series that did not exist when the range
began is added to its increase. That it did not exist is known only of an exporter that was seen
then, or that started later; of others Prometheus may just not have looked, because it is younger
than the range or was down. The first value is the smallest one: a restart of an exporter that was
itself new loses what it had counted before its first scrape. The rest is extrapolated by
Prometheus, hence the rounding.
"""

from __future__ import annotations

from popcon.catalog import LIBRARY_USED, REPORTS, Metric

RANGE = "$__range"
HUBS = 'namespace=~"$hub"'

#: Both exporters say when they started; `job` and `instance` are Prometheus' name for them. Ours
#: also says since when it counts: one that was restarted with its file goes on under a new instance.
_STARTED = "process_start_time_seconds"
_SINCE = "popcon_exporter_counting_since_timestamp_seconds"
_KNOWN = (
    f"and on (job, instance) "
    f"((max_over_time({_SINCE}[{RANGE}]) or max_over_time({_STARTED}[{RANGE}])) > time() - $__range_s"
    f" or {_STARTED} offset {RANGE})"
)


def added(metric: Metric, by: tuple[str, ...] = (), where: str = HUBS) -> str:
    """Return how much a counter rose over a range, summed by labels."""
    series = f"{metric.name}{{{where}}}"
    total = f"sum by ({', '.join(by)}) " if by else "sum "
    rise = f"{total}(increase({series}[{RANGE}]))"
    born = f"{total}((min_over_time({series}[{RANGE}]) unless {series} offset {RANGE}) {_KNOWN})"
    # Either side may be empty: a series with one sample has no increase, an old one no birth.
    return f"round(({rise} or 0 * {born}) + ({born} or 0 * {rise}))"


def libraries_added(where: str = HUBS) -> str:
    """Return the processes that used each library."""
    return added(LIBRARY_USED, ("library",), where)


def share_of_processes() -> str:
    """Return which share of the processes that reported used each library, from 0 to 1."""
    return f"{libraries_added()} / on () group_left () {added(REPORTS)}"
