"""In: a site's Prometheus. Out: how often reports moved by how few, and the rates that a simulation needs.

Which claims about its processes would be right nobody can know, so none is made. Libraries are only
ever counted, by the server: no name of one comes here.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from statistics import median
from typing import NamedTuple

from popcon.audit.hub import Numbers
from popcon.audit.published import SCRAPE
from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.exporter.privacy.policy import Policy, chosen
from popcon.insight.sources.prometheus import Labels, Prometheus
from popcon.insight.sources.scope import Scope
from popcon.insight.usage import DAY, Period
from popcon.promql.exporter_names import POLICY

#: Raw samples are asked for in pieces of so many seconds.
_PIECE = 6 * 3600
#: Hubs larger than that are simulated as of this size: the larger one gives away less.
_LARGEST = 400
#: Of each person in the simulation.
_SESSIONS = 2.0


class Moved(NamedTuple):
    """What is seen of a namespace's reports, scrape by scrape, each exporter's series by itself.

    `intervals` of which `moved` were not still, `few` of these by fewer reports than asked for and
    `alone` by one; `reports` in all, on so many `days` that had any; `scrape` is the usual distance
    of two scrapes in seconds.
    """

    namespace: str
    scrape: int
    intervals: int
    moved: int
    few: int
    alone: int
    reports: int
    days: int


class Rates(NamedTuple):
    """What a hub is like: reports on a day that has some, libraries of a process, libraries in all."""

    per_day: float
    typical: float
    libraries: int


class Site(NamedTuple):
    """All that is known of a site: how its namespaces moved, by fewer than how many is few, their rates."""

    few: int
    moved: list[Moved]
    rates: dict[str, Rates]
    policy: Policy | None


def looked_at(server: Prometheus, period: Period, scope: Scope, few: int | None) -> Site:
    """Return how counters of some hubs moved in a period.

    `few` is how many reports would not be few; None takes what the exporters say of their policy,
    else 10. Raises what `server` raises.
    """
    policy = shown_policy(server, period.end)
    if few is None:
        few = policy.min_processes if policy is not None and policy.holds else 10
    moved = _moved(server, period, scope, few)
    return Site(few, moved, _rates(server, period, scope, moved), policy)


def shown_policy(server: Prometheus, moment: float) -> Policy | None:
    """Return the policy that popcon's exporters say they have, None where they say none, or several."""
    found = {tuple(row.labels.get(name, "") for name in _SAID) for row in server.at(POLICY, moment)}
    if len(found) != 1:
        return None
    name, *texts = found.pop()
    try:
        if name == "off":
            return chosen(name)
        processes, interval, libraries = (float(text) for text in texts)
        return chosen(
            name,
            min_processes=int(processes),
            interval=None if name == "strict" and interval == DAY else interval,
            min_library_processes=int(libraries),
        )
    except (ValueError, ArithmeticError):
        return None


_SAID = ("policy", "min_processes", "interval_seconds", "min_library_processes")


def numbers_of(rates: Rates) -> Numbers:
    """Return the numbers of a simulated hub with about these rates."""
    users = max(2, min(_LARGEST, round(rates.per_day / _SESSIONS)))
    typical = max(3, min(200, round(rates.typical)))
    libraries = max(typical + 10, min(2000, rates.libraries))
    return Numbers(users, _SESSIONS, typical, libraries)


class _Count:
    """A namespace's counts while samples come in."""

    def __init__(self) -> None:
        self.rises: Counter[int] = Counter()
        self.by_day: Counter[int] = Counter()
        self.distances: Counter[int] = Counter()


def _moved(server: Prometheus, period: Period, scope: Scope, few: int) -> list[Moved]:
    counts: defaultdict[str, _Count] = defaultdict(_Count)
    last: dict[tuple[tuple[str, str], ...], tuple[float, float]] = {}
    for labels, points in _pieces(server, period, scope):
        series = tuple(sorted(labels.items()))
        count = counts[labels.get("namespace", "")]
        for time, value in points:
            before = last.get(series)
            if before is not None and time <= before[0]:
                continue  # an end that two pieces share
            last[series] = (time, value)
            if before is None:
                continue
            # A counter that is lower than before began again at 0.
            rise = round(value - before[1] if value >= before[1] else value)
            count.rises[rise] += 1
            count.distances[round(time - before[0])] += 1
            if rise:
                count.by_day[int(time // DAY)] += rise
    return [_summary(namespace, count, few) for namespace, count in sorted(counts.items())]


def _pieces(
    server: Prometheus, period: Period, scope: Scope
) -> Iterator[tuple[Labels, list[tuple[float, float]]]]:
    """Yield raw samples of reports, in order of time for each series."""
    selector = f"{REPORTS.name}{{{scope.matchers(REPORTS)}}}"
    moment = period.begin
    while moment < period.end:
        length = min(_PIECE, math.ceil(period.end - moment))
        for row in server.samples(selector, length, moment + length):
            yield row.labels, row.points
        moment += length


def _summary(namespace: str, count: _Count, few: int) -> Moved:
    rises = count.rises
    usual = median(count.distances.elements()) if count.distances else SCRAPE
    return Moved(
        namespace,
        int(usual),
        sum(rises.values()),
        sum(number for rise, number in rises.items() if rise),
        sum(number for rise, number in rises.items() if 0 < rise < few),
        rises[1],
        sum(rise * number for rise, number in rises.items()),
        len(count.by_day),
    )


def _rates(
    server: Prometheus, period: Period, scope: Scope, moved: Iterable[Moved]
) -> dict[str, Rates]:
    length, end = math.ceil(period.end - period.begin), period.end
    used, reports_then = (
        f"{metric.name}{{{scope.matchers(metric)}}}[{length}s]"
        for metric in (LIBRARY_USED, REPORTS)
    )
    uses = _by_namespace(server, f"sum by (namespace) (increase({used}))", end)
    reports = _by_namespace(server, f"sum by (namespace) (increase({reports_then}))", end)
    there = f"count by (namespace, library) (last_over_time({used}))"
    libraries = _by_namespace(server, f"count by (namespace) ({there})", end)
    found = {}
    for one in moved:
        name = one.namespace
        if one.days and reports.get(name, 0.0) > 0:
            found[name] = Rates(
                one.reports / one.days,
                uses.get(name, 0.0) / reports[name],
                round(libraries.get(name, 0.0)),
            )
    return found


def _by_namespace(server: Prometheus, promql: str, moment: float) -> dict[str, float]:
    return {row.labels.get("namespace", ""): row.value for row in server.at(promql, moment)}
