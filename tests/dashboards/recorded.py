"""In: a server with what was scraped. Out: in it, what popcon's rules record of that.

Months of rules take minutes to evaluate, so what recordings say is written as the truth has it;
`test_history.py` asks the servers for what the rules' expressions say, and it is the same. Rules are evaluated every five minutes; here hourly where their values stand still, and
before day 0 four times a day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import requests

from popcon.catalog import METRICS, REPORTS, Metric
from popcon.promql.recordings import ENDS as ENDS_OF_DAYS
from popcon.promql.recordings import recorded, recordings
from popcon.promql.steps import STARTED
from tests.dashboards.counts import Key, counts, day_of
from tests.dashboards.exporters import (
    BEGIN,
    DAY,
    FIRST,
    LIVES,
    NOW,
    Life,
    at,
    ends,
    scrapes,
)
from tests.dashboards.remote_write import Sender, encoded, spelled_times
from tests.dashboards.stores import settle

#: When a group is evaluated: as long after each five minutes. No server does so at midnight sharp.
PHASE = 137
STEP = 300
#: Moments at which a range can end: now, and such in the past.
ENDS = (at(-60.4), at(35) + 9 * 3600, at(49.5), at(60) + 600, NOW)
#: Since when every evaluation is there.
_CLOSELY = NOW - 3 * DAY
_TIMEOUT = 300.0

#: The labels, and time → value.
Answer = tuple[dict[str, str], dict[float, float]]


def record(*urls: str) -> None:
    """Write what rules record, after the samples that they need."""
    sender = Sender(*urls)
    from_truth = {
        recorded(metric, operation): true_values(metric, operation)
        for metric in METRICS
        if metric.held
        for operation in ("increase1d", "increase1w", "increase_today")
    }
    from_truth[STARTED] = true_starts()
    from_truth[ENDS_OF_DAYS] = iter([({}, {time: at(day_of(time) + 1) for time in _every()})])
    for _, rules in recordings().values():
        for rule in rules:
            for labels, values in from_truth[rule.record]:
                times = [_spelled(time) for time in values]
                both = {**labels, **rule.labels}
                sender.add(encoded(rule.record, both, times, list(values.values())))
    sender.close()
    for url in urls:
        settle(url)


@cache
def _spelled(time: float) -> bytes:
    return spelled_times([time])[0]


def true_values(metric: Metric, operation: str) -> Iterator[Answer]:
    """Yield what a recording of a counter has to say when it is evaluated."""
    # Of reports, it is asked within two days when they rose last.
    hours = 50 if metric is REPORTS else 1
    today = _closely_every(hours)
    for key in counts().added:
        if key.metric != metric.name:
            continue
        labels = dict(zip(("namespace", *metric.labels), key.labels))
        if operation == "increase_today":
            found = [(time, true_today(key, time)) for time in today]
        else:
            value = true_day if operation == "increase1d" else true_week
            days = {day: value(key, times[0]) for day, times in evaluations().items()}
            found = [(time, days[day]) for day, times in evaluations().items() for time in times]
        yield labels, {time: number for time, number in found if number is not None}


def true_starts() -> Iterator[Answer]:
    """Yield when each exporter began that counted from nothing, as long as it was seen."""
    for life in LIVES:
        if not life.keeps:
            yield life.target, dict.fromkeys(_there(life), life.begin)


def _there(life: Life) -> Iterator[int]:
    """Yield when Prometheus knows an exporter's values: for five minutes, or until a scrape fails."""
    times, gone, minutes = scrapes(life), list(ends(life)), _minutes()
    for time, after in zip(times, (*times[1:], NOW)):
        until = min((time + STEP, after, *(end for end in gone if end > time)))
        yield from minutes[bisect_left(minutes, time) : bisect_left(minutes, until)]


@cache
def _minutes() -> list[int]:
    """Return each minute from day 0 on and after an exporter began; every four minutes otherwise."""
    begins = [life.begin for life in LIVES]
    return [
        time
        for time in range(BEGIN + PHASE, int(NOW), 60)
        if time >= FIRST
        or (time - PHASE) % 240 == 0
        or any(0 <= time - begin < 7200 for begin in begins)
    ]


@cache
def evaluations() -> dict[int, list[int]]:
    """Return when rules were evaluated, by day: hourly, around midnights, and where a dashboard looks closely."""
    found: dict[int, list[int]] = defaultdict(list)
    for time in _every():
        if _closely(time) or _seldom(time):
            found[day_of(time)].append(time)
    return found


@cache
def _closely_every(hours: int) -> list[int]:
    return [time for time in _every() if _closely(time, hours)]


def _every() -> Iterator[int]:
    return iter(range(BEGIN + PHASE, int(NOW), STEP))


def _closely(moment: float, hours: int = 1) -> bool:
    return moment > _CLOSELY or any(0 <= end - moment < 3600 * hours for end in ENDS)


def _seldom(moment: float) -> bool:
    of_day = (moment - FIRST) % DAY
    return of_day % (3600 if moment >= FIRST else 6 * 3600) == PHASE or of_day > DAY - STEP


def true_day(key: Key, moment: float) -> int | None:
    """Return what the whole day before a moment added."""
    return counts().added[key].get(day_of(moment) - 1)


def true_week(key: Key, moment: float) -> int | None:
    """Return what the seven days before a moment's day added."""
    added, today = counts().added[key], day_of(moment)
    days = [day for day in range(today - 7, today) if day in added]
    return sum(added[day] for day in days) if days else None


def true_today(key: Key, moment: float) -> int | None:
    """Return what was added since a moment's midnight, where it was there by then."""
    there = day_of(moment) in counts().added[key] and counts().born[key] <= moment // STEP * STEP
    return counts().since_midnight(key, moment) if there else None


def ask_range(url: str, expr: str, start: float, end: float, step: float) -> list[Answer]:
    """Return an expression's values over time."""
    answer = _asked(url, "query_range", query=expr, start=start, end=end, step=step)
    return [(_labels(one), {float(t): float(v) for t, v in one["values"]}) for one in answer]


def ask_once(url: str, expr: str, moment: float) -> list[tuple[dict[str, str], float]]:
    """Return an expression's values at a moment."""
    answer = _asked(url, "query", query=expr, time=moment)
    return [(_labels(one), float(one["value"][1])) for one in answer]


def _labels(answer: dict[str, Any]) -> dict[str, str]:
    return {name: text for name, text in answer["metric"].items() if name != "__name__"}


def _asked(url: str, path: str, **data: object) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{url}/api/v1/{path}", data=data, timeout=_TIMEOUT).json()
    if answer.get("status") != "success":
        raise OSError(f"{answer.get('error', answer)}: {data['query']}")
    return answer["data"]["result"]
