"""In: nothing but the dashboards' variables. Out: PromQL that says of each hub how well it is covered.

Everything is by `namespace`; what was sent without one has a name too, or tables would lose it.
"""

from __future__ import annotations

from popcon.catalog import LIBRARY_USED, NO_NAMESPACE, REPORTS
from popcon.promql.days import rose_lately
from popcon.promql.recordings import recorded, whole_days
from popcon.render.queries import HUBS, added, by_day, daily_mean, days_seen
from popcon.render.questions import NAMED, used

#: What stands in the place of a hub's name for all that are chosen.
TOGETHER = "All chosen hubs"

_BY_HUB = ("namespace",)
_DAYS = f"{recorded(REPORTS, 'increase1d')}{{{HUBS}}}"
_WEEKS = f"{recorded(REPORTS, 'increase1w')}{{{HUBS}}}"
_TODAY = f"{recorded(REPORTS, 'increase_today')}{{{HUBS}}}"
#: How far back a hub is remembered that sends nothing any more, and longer than any range that is usual.
_MEMORY = "365d"


def named(expr: str) -> str:
    """Return an expression whose series without a namespace have a name too."""
    return f'label_replace({expr}, "namespace", "{NO_NAMESPACE}", "namespace", "")'


def _known() -> str:
    """Return 0 for each hub that was there within a year."""
    return f"0 * sum by (namespace) (last_over_time({whole_days(REPORTS, _MEMORY, HUBS)}))"


def processes() -> str:
    """Return the processes that reported from each hub; 0 where it was there within a year."""
    return named(f"({added(REPORTS, _BY_HUB)} or {_known()})")


def hubs_reporting() -> str:
    """Return from how many hubs a process reported."""
    return f"count({added(REPORTS, _BY_HUB)} > 0)"


def libraries_by_hub() -> str:
    """Return how many libraries were used in each hub."""
    return named(
        f"count by (namespace) ({added(LIBRARY_USED, ('namespace', 'library'), NAMED)} > 0)"
    )


def mean_by_hub() -> str:
    """Return how many processes reported on a whole day, on an average."""
    return named(daily_mean(REPORTS, _BY_HUB))


def days_by_hub() -> str:
    """Return on how many whole days of the range each hub was watched."""
    return named(days_seen(REPORTS, _BY_HUB))


def reports_by_day() -> str:
    """Return each hub's reports of each whole day."""
    return named(by_day(REPORTS, _BY_HUB))


def in_a_week() -> str:
    """Return each hub's reports of seven whole days and today; 0 where it was there within a year."""
    week = f"(last_over_time({_WEEKS}[2h]) or last_over_time({_TODAY}[1h]))"
    return f"(sum by (namespace) {week} or {_known()})"


def silent() -> str:
    """Return how many hubs have sent nothing for a week."""
    return f"count({in_a_week()} == 0) or 0 * count({in_a_week()})"


def week_by_hub() -> str:
    """Return `in_a_week`, each hub with a name."""
    return named(in_a_week())


def last_report() -> str:
    """Return when each hub's reports rose last, in milliseconds: to five minutes, or to the day.

    A value of more than two days ago is the end of a day, as that is what is kept for long.
    """
    day = f"(last_over_time({_DAYS}[23h] offset -23h) > 0) * 0 + time()"
    return named(
        f"1000 * ({rose_lately(REPORTS, HUBS)}"
        f" or max by (namespace) (max_over_time(({day})[{_MEMORY}:1d])))"
    )


def never_reported() -> str:
    """Return the JupyterHubs that kube-state-metrics knows, and popcon doesn't.

    By `kube_service_info`: `kube_service_labels` has to be asked for since its 2.10 (issue 2297 there).
    """
    days = f"max_over_time({whole_days(REPORTS, _MEMORY, HUBS)}) > 0"
    today = f"last_over_time({_TODAY}[1h]) > 0"
    hubs = f'kube_service_info{{service="hub",{HUBS}}}'
    return f"group by (namespace) ({hubs}) unless on (namespace) ({days} or {today})"


def shares() -> str:
    """Return the share of each hub's processes that used each of the top libraries, and of all of them."""
    top = f"topk($top, {used()} > 0)"
    together = f"{used()} / on () group_left () {added(REPORTS)}"
    by_hub = added(LIBRARY_USED, ("library", "namespace"), NAMED)
    each = f"{by_hub} / on (namespace) group_left () ({added(REPORTS, _BY_HUB)} > 0)"
    all_of_them = f'label_replace({together}, "namespace", "{TOGETHER}", "", "")'
    return f"({all_of_them} or {named(f'({each})')}) and on (library) {top}"
