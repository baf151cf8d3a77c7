"""In: the made-up university and its exporters. Out: what their counters show, and what each day truly added."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

from popcon.catalog import (
    CHECK_HITS,
    LIBRARY_DIRECT,
    LIBRARY_USED,
    LIBRARY_VERSION,
    OTHER,
    RARE,
    REPORTS,
    Metric,
)
from tests.dashboards import site
from tests.dashboards.exporters import (
    BEGIN,
    DAY,
    FIRST,
    LIVES,
    NOW,
    Life,
    at,
    quiet,
    scrapes,
    seen,
)
from tests.dashboards.site import DAYS, EARLIEST, Hub

#: Names that a `strict` exporter doesn't show.
_TOO_FEW = 5
#: When inventories are sent, each night.
_INVENTORY = 3 * 3600 + 7 * 60


class Key(NamedTuple):
    """One counter: its metric's name, and its namespace and further labels in their order."""

    metric: str
    labels: tuple[str, ...]


class Event(NamedTuple):
    """A hub's exporter showed more of a counter, or showed it for the first time."""

    time: float
    hub: str
    key: Key
    amount: int


class Risen(NamedTuple):
    """When Prometheus saw a counter rise, in order, and by how much in all until then."""

    times: list[float]
    totals: list[int]


class Counts(NamedTuple):
    """Each exporter's counters as they changed, and the truth: key → day → what was added, zeros too."""

    changes: dict[Life, dict[Key, list[tuple[float, int]]]]
    added: dict[Key, Counter[int]]
    risen: dict[Key, Risen]
    #: When Prometheus first saw it.
    born: dict[Key, float]

    def since_midnight(self, key: Key, moment: float) -> int:
        """Return what a recording of today shows: the steps of five minutes that have ended."""
        if key not in self.risen:
            return 0
        times, totals = self.risen[key]
        midnight, step = at(day_of(moment)), moment // 300 * 300
        before, after = bisect_right(times, midnight), bisect_right(times, step)
        return (totals[after - 1] if after else 0) - (totals[before - 1] if before else 0)


def day_of(moment: float) -> int:
    """Return a moment's day; midnight is the last moment of a day, as in Prometheus' ranges."""
    return int(-(-(moment - FIRST) // DAY)) - 1


@cache
def counts() -> Counts:
    """Return what happened."""
    changes: dict[Life, dict[Key, list[tuple[float, int]]]] = {}
    risen: dict[Key, list[tuple[float, int]]] = defaultdict(list)
    # The last ones before the end are seen by a scrape and by a recording.
    events = sorted(event for hub in site.HUBS for event in _events(hub) if event.time < NOW - 600)
    for number, life in enumerate(LIVES):
        shown: dict[Key, list[tuple[float, int]]] = {}
        if life.keeps:
            kept = changes[LIVES[number - 1]]
            shown = {key: [(life.begin, steps[-1][1])] for key, steps in kept.items()}
        for event in events:
            if event.hub in life.hubs and life.begin <= event.time < life.end:
                _show(life, event, shown, risen)
        changes[life] = shown
    return Counts(changes, _by_day(changes, risen), _in_order(risen), _born(changes))


def _show(
    life: Life,
    event: Event,
    shown: dict[Key, list[tuple[float, int]]],
    risen: dict[Key, list[tuple[float, int]]],
) -> None:
    """Add one event to what an exporter shows, or its replica's share of it."""
    amount = event.amount // 2 if life.part else event.amount - event.amount // life.parts
    if life.parts == 1:
        amount = event.amount
    if event.amount and not amount:
        return  # the other replica got it
    steps = shown.setdefault(event.key, [])
    steps.append((event.time, (steps[-1][1] if steps else 0) + amount))
    when = seen(life, event.time)
    if when is not None:
        risen[event.key].append((when, amount))


def _by_day(
    changes: dict[Life, dict[Key, list[tuple[float, int]]]],
    risen: dict[Key, list[tuple[float, int]]],
) -> dict[Key, Counter[int]]:
    added: dict[Key, Counter[int]] = defaultdict(Counter)
    for life, shown in changes.items():
        last = day_of(scrapes(life)[-1])
        for key, steps in shown.items():
            first = day_of(scrapes(life)[bisect_right(scrapes(life), steps[0][0])])
            added[key].update(dict.fromkeys(range(first, last + 1), 0))
    for key, times in risen.items():
        for time, amount in times:
            added[key][day_of(time)] += amount
    return dict(added)


def _born(changes: dict[Life, dict[Key, list[tuple[float, int]]]]) -> dict[Key, float]:
    born: dict[Key, float] = {}
    for life, shown in changes.items():
        for key, steps in shown.items():
            first = scrapes(life)[bisect_right(scrapes(life), steps[0][0])]
            born[key] = min(first, born.get(key, first))
    return born


def _in_order(risen: dict[Key, list[tuple[float, int]]]) -> dict[Key, Risen]:
    found: dict[Key, Risen] = {}
    for key, rises in risen.items():
        rises.sort()
        found[key] = Risen([time for time, _ in rises], list(accumulate(n for _, n in rises)))
    return found


def _events(hub: Hub) -> Iterator[Event]:
    """Yield what a hub's exporters were sent, or what they published of it."""
    if hub.since == EARLIEST:
        for key, amount in _amounts(hub, hub.since, hub.size * 30).items():
            yield Event(BEGIN - 3600, hub.name, key, amount)
    for day in range(hub.since, DAYS + 1):
        # The first one comes with the hub.
        night = at(day) + _INVENTORY
        for library in site.installed(hub):
            if library.since <= day:
                yield Event(night, hub.name, _key(LIBRARY_USED, hub, library.name), 0)
        yield from _batches(hub, day)


def _batches(hub: Hub, day: int) -> Iterator[Event]:
    """Yield a day's uses in some steps, or in one after midnight."""
    amounts = _amounts(hub, day)
    number = site.batches(hub, day) or 1
    for batch in range(number):
        luck = Random(f"{hub.name}/{day}/{batch}").random()
        time = at(day) + (8 + 12 * (batch + luck) / number) * 3600
        if not hub.batches:
            time = at(day + 1) + 20 + 30 * luck
        for key, amount in amounts.items():
            part = amount * (batch + 1) // number - amount * batch // number
            if part:
                yield Event(quiet(hub.name, time), hub.name, key, part)


def _amounts(hub: Hub, day: int, count: int | None = None) -> dict[Key, int]:
    """Return by how much a day raises a hub's counters; with a count, what that many processes are."""
    reports = site.processes(hub, day) if count is None else count
    found: Counter[Key] = Counter({_key(REPORTS, hub): reports})
    found[_key(LIBRARY_USED, hub, OTHER)] = int(reports * site.OTHER_SHARE)
    for library, number in site.used(hub, day, count):
        if not hub.batches and 0 < number < _TOO_FEW:
            found[_key(LIBRARY_USED, hub, RARE)] += number
            continue
        found[_key(LIBRARY_USED, hub, library.name)] = number
        if site.named(hub, day):
            direct = int(number * library.direct)
            found[_key(LIBRARY_DIRECT, hub, library.name)] = direct
            for version, part in site.by_version(library, hub, day, number).items():
                found[_key(LIBRARY_VERSION, hub, library.name, version)] = part
    for check, share in site.CHECKS.items():
        found[_key(CHECK_HITS, hub, check)] = int(reports * share) if site.named(hub, day) else 0
    return {key: amount for key, amount in found.items() if amount}


def _key(metric: Metric, hub: Hub, *labels: str) -> Key:
    return Key(metric.name, (hub.name, *labels))
