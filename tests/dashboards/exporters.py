"""In: the made-up university. Out: its exporters, when each was there, and when Prometheus looked.

Times are seconds since 1970. An exporter's life is one process at one address: what Prometheus sees as a
target. The history has what happens to such: replicas, one replaced; a restart that forgets; a move with
the file of counts to another address; Prometheus itself away, once over midnight; a scrape that failed.
"""

from __future__ import annotations

import calendar
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.dashboards.site import DAYS, EARLIEST

DAY = 86_400
#: Day 0's midnight, a Wednesday's; when the history begins, and the moment at which it ends.
FIRST = calendar.timegm((2026, 1, 7, 0, 0, 0))
BEGIN = FIRST + EARLIEST * DAY
NOW = FIRST + DAYS * DAY + 15 * 3600 + 20 * 60

#: Scrapes are as far apart as rules in steps of five minutes allow, for the sake of a small history; not of late.
SCRAPES = 290
SCRAPES_OF_LATE = 60
OF_LATE = NOW - 26 * 3600
#: Prometheus was away: half a day, three hours of a day, and over a midnight.
AWAY = ((-200.63, -200.12), (12.42, 12.54), (26.88, 27.29))
#: Time in which nothing is counted around an exporter's end: what it would lose.
_QUIET = 600


def at(day: float) -> float:
    """Return when a day begins, or a moment of it."""
    return FIRST + day * DAY


class Life(NamedTuple):
    """One exporter's process. `keeps`: it goes on with the counts of the one before; `share`: of its hubs'."""

    kind: str
    instance: str
    hubs: tuple[str, ...]
    policy: str = "off"
    begin: float = at(EARLIEST - 40)
    end: float = NOW + DAY
    keeps: bool = False
    counting_since: float = at(EARLIEST - 40)
    part: int = 0
    """Which replica it is or stands for."""
    parts: int = 1
    failed: float = 0.0
    """When it was scraped in vain."""

    @property
    def target(self) -> dict[str, str]:
        """Return the labels that Prometheus gives it."""
        return {"job": "popcon", "instance": self.instance}


LIVES = (
    Life("statsd_exporter", "10.4.0.11:9102", ("datahub",), end=at(-250.4)),
    Life(
        "statsd_exporter",
        "10.4.0.11:9102",
        ("datahub",),
        begin=at(-250.395),
        counting_since=at(-250.395),
        end=at(-30.3),
    ),
    Life(
        "statsd_exporter",
        "10.4.0.11:9102",
        ("datahub",),
        parts=2,
        begin=at(-30.295),
        counting_since=at(-30.295),
        failed=at(40.5),
    ),
    Life(
        "statsd_exporter",
        "10.4.0.12:9102",
        ("datahub",),
        part=1,
        parts=2,
        begin=at(-30.295),
        counting_since=at(-30.295),
        end=at(45.46),
    ),
    Life(
        "statsd_exporter",
        "10.4.3.71:9102",
        ("datahub",),
        part=1,
        parts=2,
        begin=at(45.463),
        counting_since=at(45.463),
    ),
    Life(
        "statsd_exporter",
        "10.4.1.5:9102",
        ("biology",),
        begin=at(-185.4),
        counting_since=at(-185.4),
        end=at(33.6),
    ),
    Life(
        "statsd_exporter",
        "10.4.1.5:9102",
        ("biology",),
        begin=at(33.605),
        counting_since=at(33.605),
        end=at(58.08),
    ),
    Life(
        "statsd_exporter",
        "10.4.1.5:9102",
        ("biology",),
        begin=at(58.09),
        counting_since=at(58.09),
    ),
    Life(
        "popcon",
        "10.4.2.8:9102",
        ("statistics",),
        "strict",
        begin=at(-91.6),
        counting_since=at(-91.6),
        end=at(50.38),
    ),
    Life(
        "popcon",
        "10.4.5.30:9102",
        ("statistics",),
        "strict",
        begin=at(50.383),
        keeps=True,
        counting_since=at(-91.6),
    ),
    Life("popcon", "10.4.2.9:9102", ("physics",), "standard", end=at(-75.3)),
    Life(
        "popcon",
        "10.4.2.9:9102",
        ("physics", "economics"),
        "standard",
        begin=at(-75.297),
        keeps=True,
    ),
)


@cache
def scrapes(life: Life) -> tuple[float, ...]:
    """Return when Prometheus saw an exporter."""
    # Each target has a moment of its own within the interval.
    offset = 7.25 + 31 * LIVES.index(life)
    times: list[float] = []
    moment = BEGIN + offset
    while moment <= NOW:
        away = any(at(start) <= moment < at(end) for start, end in AWAY)
        if life.begin + 5 < moment < life.end and not away and not _failed(life, moment):
            times.append(moment)
        moment += SCRAPES if moment < OF_LATE else SCRAPES_OF_LATE
    return tuple(times)


def ends(life: Life) -> Iterator[float]:
    """Yield when Prometheus saw that it was not there, and marked its series as ended."""
    if life.failed:
        yield next(one for one in scrapes(life) if one > life.failed) - SCRAPES
    if life.end < NOW:
        yield scrapes(life)[-1] + SCRAPES


def seen(life: Life, moment: float) -> float | None:
    """Return when Prometheus first saw what happened at a moment; None if it was there at first sight."""
    times = scrapes(life)
    if life.begin < BEGIN and moment < times[0]:
        return None
    return times[bisect_right(times, moment)]


def quiet(hub: str, moment: float) -> float:
    """Return the moment, or a later one if it is about one at which a hub's exporter ended."""
    for life in LIVES:
        if hub in life.hubs and life.end - _QUIET <= moment < life.end + 2 * _QUIET:
            return life.end + 2 * _QUIET
    return moment


def _failed(life: Life, moment: float) -> bool:
    return life.failed <= moment < life.failed + SCRAPES
