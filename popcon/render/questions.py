"""In: nothing. Out: PromQL for what people ask about libraries: new, gone, rising, never used, infrastructure.

What is added, and when, is in `queries.py`. `_other` and `_rare` are no libraries, and left out here.
"""

from __future__ import annotations

from popcon.catalog import (
    LIBRARY_DIRECT,
    LIBRARY_INSTALLED,
    LIBRARY_USED,
    LIBRARY_VERSION,
    OTHER,
    RARE,
    REPORTS,
    Metric,
)
from popcon.enough import FLOOR, MOST_DAYS
from popcon.render.queries import (
    LIBRARIES,
    RANGE,
    added,
    added_before,
    days_seen,
    past_week,
)
from popcon.well_known import BY_NAME, FOR_USERS, PATTERN

NAMED = f'library!~"{OTHER}|{RARE}"'
CHOSEN = 'library=~"$library"'
_LIBRARY = ("library",)
_HUB = ("namespace",)
_MOST_DAYS = f"{MOST_DAYS:g} * $__range_s / 86400"


def used() -> str:
    """Return the processes that used each library, 0 where it is known to be installed."""
    return added(LIBRARY_USED, _LIBRARY, NAMED)


def used_what_is_not_in_the_image() -> str:
    """Return the share of processes that used a library that isn't part of the image."""
    return f"{added(LIBRARY_USED, (), _exactly(OTHER))} / ({added(REPORTS)} > 0)"


def share() -> str:
    """Return the share of all processes that used each library, where any did."""
    return f"({used()} > 0) / on () group_left () ({added(REPORTS)} > 0)"


def share_of_past_week() -> str:
    """Return the share that used the chosen libraries in the seven days before each time."""
    reports = past_week(REPORTS)
    return f"{past_week(LIBRARY_USED, _LIBRARY, CHOSEN)} / on () group_left () ({reports} > 0)"


def new() -> str:
    """Return the processes that used what was not used in the range before, where that was observed."""
    observed = f"{days_seen(REPORTS, _HUB, before=True)} >= {_MOST_DAYS}"
    here = f"{added(LIBRARY_USED, ('namespace', 'library'), NAMED)} and on (namespace) ({observed})"
    before = added_before(LIBRARY_USED, _LIBRARY, NAMED)
    return f"sum by (library) ({here}) > 0 unless on (library) ({before} > 0)"


def gone() -> str:
    """Return the processes that used, in the range before, what was not used in this one.

    A hub that was not observed in this one, or from which nothing came, says nothing.
    """
    observed = f"{days_seen(REPORTS, _HUB)} >= {_MOST_DAYS}"
    alive = f"{added(REPORTS, _HUB)} > 0"
    before = (
        f"{added_before(LIBRARY_USED, ('namespace', 'library'), NAMED)} "
        f"and on (namespace) ({observed}) and on (namespace) ({alive})"
    )
    return f"sum by (library) ({before}) > 0 unless on (library) ({used()} > 0)"


def shares_to_compare() -> tuple[str, str]:
    """Return the shares in this range and in the one before, of what reaches the floor in one of them.

    Of hubs that reported in both: a new one moves every share.
    """
    reports, reports_before = added(REPORTS, _HUB), added_before(REPORTS, _HUB)
    both_now = f"({reports} and on (namespace) ({reports_before} > 0))"
    both_before = f"({reports_before} and on (namespace) ({reports} > 0))"
    by_hub = ("namespace", "library")
    used_now = added(LIBRARY_USED, by_hub, NAMED)
    used_before = added_before(LIBRARY_USED, by_hub, NAMED)
    now = f"sum by (library) ({used_now} and on (namespace) ({reports_before} > 0))"
    before = f"sum by (library) ({used_before} and on (namespace) ({reports} > 0))"
    enough = f"({now} >= {FLOOR} or {before} >= {FLOOR})"

    def share(of: str, other: str, reports: str) -> str:
        return (
            f"100 * (({of} or {other} * 0) and on (library) {enough}) "
            f"/ on () group_left () (sum {reports} > 0)"
        )

    return share(now, before, both_now), share(before, now, both_before)


def versions() -> str:
    """Return the processes by version of the chosen libraries."""
    return f"{added(LIBRARY_VERSION, ('library', 'version'), CHOSEN)} > 0"


def share_of_library() -> str:
    """Return the share that each version has in its library."""
    total = added(LIBRARY_VERSION, _LIBRARY, CHOSEN)
    return f"({versions()}) / on (library) group_left () ({total} > 0)"


def used_where_direct_is_counted() -> str:
    """Return the processes that used each library, in hubs that count direct imports too."""
    by_hub = added(LIBRARY_USED, ("namespace", "library"), NAMED)
    return f"sum by (library) ({by_hub} and on (namespace) {_days_of(LIBRARY_DIRECT)}) > 0"


def share_of_direct() -> str:
    """Return the share of these in which the user's own code imports the library."""
    whole = used_where_direct_is_counted()
    return f"({added(LIBRARY_DIRECT, _LIBRARY, NAMED)} or ({whole}) * 0) / on (library) ({whole})"


def installed(more: str = "") -> str:
    """Return the sizes that inventories gave: now, or at a midnight of the range."""
    series = f"{LIBRARY_INSTALLED.name}{{{LIBRARIES}{',' if more else ''}{more}}}"
    return f"(last_over_time({series}[15m]) or last_over_time({series}[{RANGE}:1d]))"


def sizes() -> str:
    """Return each library's bytes; where hubs differ, the largest."""
    return f"max by (library) {installed()}"


def infrastructure() -> str:
    """Return what is infrastructure, by library and part; the value says nothing.

    What is for users in one image is for users. Where no inventory came, names that are known tell.
    """
    known = added(LIBRARY_USED, _LIBRARY, f'library=~"{PATTERN}"')
    named = f'label_replace({known}, "part", "{BY_NAME}", "", "")'
    parts = f"max by (library, part) {installed(_part('!='))}"
    return f"({parts} or on (library) {named}) unless on (library) {installed(_part('='))}"


def never_used() -> str:
    """Return, with 0, what is for users and was used by no process."""
    return f"{used()} == 0 unless on (library) ({infrastructure()})"


def rarely_used() -> str:
    """Return what is for users and was used, by fewer processes than chosen."""
    return f"({used()} > 0) < $rarely unless on (library) ({infrastructure()})"


def for_users() -> str:
    """Return all that is for users, used or not."""
    return f"{used()} unless on (library) ({infrastructure()})"


def count_of_never_used() -> str:
    """Return how many were never used; 0 where none is, but what is installed is known."""
    return f"count({never_used()}) or count({sizes()}) * 0"


def size_of_never_used() -> str:
    """Return the bytes of what was never used; 0 where there is nothing but sizes are known."""
    return f"sum({sizes()} and on (library) ({never_used()})) or sum({sizes()}) * 0"


def days_observed(metric: Metric = REPORTS, by: tuple[str, ...] = ()) -> str:
    """Return the whole days of the range for which counts are there, in the hub with the fewest."""
    return days_seen(metric, by, NAMED if "library" in metric.labels else "", across="min")


def _days_of(metric: Metric) -> str:
    return f"({days_seen(metric, _HUB)} or {added(metric, _HUB)})"


def _exactly(library: str) -> str:
    return f'library="{library}"'


def _part(operator: str) -> str:
    return f'part{operator}"{FOR_USERS}"'
