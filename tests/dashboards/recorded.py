"""In: a server with what was scraped. Out: in it, what popcon's rules record of that.

Months of rules take minutes to evaluate, so what a counter's recordings say is written as the truth has it;
`test_history.py` asks the servers for what the rules' expressions say, and it is the same. Other recordings
are asked for. Rules are evaluated every five minutes; here hourly where their values stand still.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import requests

from popcon.catalog import METRICS, REPORTS, Metric
from popcon.render.recordings import Recording, recorded, recordings
from tests.dashboards.counts import Key, counts, day_of
from tests.dashboards.exporters import DAY, FIRST, NOW, at
from tests.dashboards.remote_write import Sender, encoded, spelled_times
from tests.dashboards.stores import settle

#: When a group is evaluated: as long after each five minutes. No server does so at midnight sharp.
PHASE = 137
STEP = 300
#: Moments at which a range can end: now, and such in the past.
ENDS = (at(35) + 9 * 3600, at(49.5), at(60) + 600, NOW)
#: Since when every evaluation is there.
_CLOSELY = NOW - 3 * DAY
#: Prometheus answers no more points than that.
_POINTS = 11_000
_TIMEOUT = 300.0

#: The labels, and time → value.
Answer = tuple[dict[str, str], dict[float, float]]


def record(url: str) -> None:
    """Write what rules record, after the samples that they need."""
    sender = Sender(url)
    from_truth = {
        recorded(metric, operation): (metric, operation)
        for metric in METRICS
        if metric.held
        for operation in ("increase1d", "increase1w", "increase_today")
    }
    for every, rules in recordings().values():
        for rule in rules:
            if rule.record in from_truth:
                found = true_values(*from_truth[rule.record])
            else:
                found = _asked_closely(url, rule, 60 if every == "1m" else STEP)
            for labels, values in found:
                times = spelled_times(values)
                both = {**labels, **rule.labels}
                sender.add(encoded(rule.record, both, times, list(values.values())))
    sender.close()
    settle(url)


def true_values(metric: Metric, operation: str) -> Iterator[Answer]:
    """Yield what a recording of a counter has to say when it is evaluated."""
    truth = {"increase1d": true_day, "increase1w": true_week, "increase_today": true_today}
    value = truth[operation]
    times: Sequence[float] = evaluations()
    if operation == "increase_today":
        # Of reports, it is asked when they rose last within two days.
        hours = 50 if metric is REPORTS else 1
        times = [at(0) + PHASE + STEP * number for number in range(int(NOW - at(0)) // STEP)]
        times = [time for time in times if _closely(time, hours)]
    for key in counts().added:
        if key.metric == metric.name:
            labels = dict(zip(("namespace", *metric.labels), key.labels))
            found = ((time, value(key, time)) for time in times)
            yield labels, {time: number for time, number in found if number is not None}


@cache
def evaluations() -> tuple[float, ...]:
    """Return when rules were evaluated: hourly, around midnights, and where a dashboard looks closely."""
    every = (at(0) + PHASE + STEP * number for number in range(int(NOW - at(0)) // STEP))
    return tuple(time for time in every if _closely(time) or _hourly((time - FIRST) % DAY))


def _closely(moment: float, hours: int = 1) -> bool:
    return moment > _CLOSELY or any(0 <= end - moment < 3600 * hours for end in ENDS)


def _hourly(of_day: float) -> bool:
    return of_day % 3600 == PHASE or of_day > DAY - STEP


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


def _asked_closely(url: str, rule: Recording, step: int) -> Iterator[Answer]:
    start = at(0) + PHASE
    while start < NOW:
        end = min(start + (_POINTS - 1) * step, NOW)
        yield from ask_range(url, rule.expr, start, end, step)
        start += _POINTS * step


def _labels(answer: dict[str, Any]) -> dict[str, str]:
    return {name: text for name, text in answer["metric"].items() if name != "__name__"}


def _asked(url: str, path: str, **data: object) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{url}/api/v1/{path}", data=data, timeout=_TIMEOUT).json()
    if answer.get("status") != "success":
        raise OSError(f"{answer.get('error', answer)}: {data['query']}")
    return answer["data"]["result"]
