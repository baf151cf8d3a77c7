"""In: a source of random numbers. Out: what Prometheus saw of an exporter, and what its days counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from tests.render.recording_cases import DAY, LEAD

DAYS = 3
LIBRARIES = ("numpy", "xarray")
_LINES = "statsd_exporter_lines_total"
_STARTED = "process_start_time_seconds"
_SINCE = "popcon_exporter_counting_since_timestamp_seconds"


class Minute(NamedTuple):
    """What a scrape showed: when the process began, which of its beginnings that was, and counts."""

    began: int
    since: int
    counts: dict[str, int]


class History(NamedTuple):
    """Scrapes by the minute: None where Prometheus was down, False where the exporter was."""

    instance: str
    scrapes: list[Minute | bool | None]
    days: list[dict[str, int]]

    def series(self) -> list[dict[str, str]]:
        """Return what promtool is given."""
        of = f'job="popcon-metrics",instance="{self.instance}"'
        columns = {
            f"{_LINES}{{{of}}}": [_shown(one, 1) for one in self.scrapes],
            f"{_STARTED}{{{of}}}": [
                _shown(one, one.began if isinstance(one, Minute) else 0) for one in self.scrapes
            ],
            f"{_SINCE}{{{of}}}": [
                _shown(one, one.since if isinstance(one, Minute) else 0) for one in self.scrapes
            ],
        }
        for library in LIBRARIES:
            columns[f'python_popcon_library_used{{{of},namespace="h",library="{library}"}}'] = [
                _shown(one, one.counts.get(library) if isinstance(one, Minute) else None)
                for one in self.scrapes
            ]
        return [
            {"series": series, "values": f"_x{LEAD} {' '.join(values)}"}
            for series, values in columns.items()
        ]


def three(made: Callable[[Random, str], History], seed: int) -> list[History]:
    """Return the histories of three exporters, made by one of the functions below."""
    return [made(Random(f"{seed} {name}"), name) for name in "abc"]


def random_exporter(random: Random, instance: str) -> History:
    """Return three days of an exporter: at times it is restarted, or nobody scrapes it."""
    scrapes = list(_scrapes(random))
    return History(instance, scrapes, _days(scrapes))


def restless_exporter(random: Random, instance: str) -> History:
    """Return three days of a new exporter that hardly ever runs for long, as one that is just being set up."""
    scrapes = list(_short_lives(random))[: (DAYS + 1) * DAY]
    return History(instance, scrapes, _days(scrapes))


def _short_lives(random: Random) -> Iterator[Minute | bool | None]:
    """Return scrapes of one life after the other; without a file, counts rest before each end."""
    keeps_file = random.random() < 0.6
    minute = random.randint(1, 400)
    yield from [None] * minute
    since, counts = 0, dict[str, int]()
    while minute < (DAYS + 1) * DAY:
        began = (LEAD + minute - random.choice((0, 1))) * 60
        if not since or not keeps_file:
            since, counts = began, {}
        life = random.choice((1, 2, 3, 4, 6, 11, 30, 200))
        for left in range(life, 0, -1):
            for library in LIBRARIES:
                if (keeps_file or left == life or left > 7) and random.random() < 0.2:
                    counts = {**counts, library: counts.get(library, 0) + random.randint(1, 9)}
            yield Minute(began, since, counts)
        away = random.choice((1, 2, 3, 5, 8, 20, 60, 300) if keeps_file else (12, 20, 60, 300))
        yield from [False] * away
        minute += life + away


def _scrapes(random: Random) -> Iterator[Minute | bool | None]:
    """Return scrapes; before a restart the counts rest, as what isn't scraped can't be known."""
    keeps_file = random.random() < 0.5
    since = began = (LEAD - random.choice((0, 5 * DAY))) * 60
    counts: dict[str, int] = {library: 50 for library in LIBRARIES if random.random() < 0.5}
    away: list[bool | None] = []
    rests = 0
    for minute in range((DAYS + 1) * DAY):
        if not away and rests:
            rests -= 1
            if not rests:
                # Sooner, a counter that is above its old value again would be taken for the old one.
                away = [False] * random.choice((12, 30, 500))
                began = (LEAD + minute + len(away)) * 60
                if not keeps_file:
                    since, counts = began, {}
        elif not away and random.random() < 0.003:
            rests = 7
        elif not away and random.random() < 0.003:
            away = [random.choice((None, False))] * random.choice((1, 3, 8, 45, 700))
        for library in LIBRARIES:
            # Also while nobody looks, but not while the process is down. What is born then, after a
            # restart of that day, can't be told from what was there before it.
            runs = not rests and began <= (LEAD + minute) * 60
            if runs and (library in counts or not away) and random.random() < 0.02:
                counts = {**counts, library: counts.get(library, 0) + random.randint(1, 9)}
        yield away.pop() if away else Minute(began, since, counts)


def _days(scrapes: list[Minute | bool | None]) -> list[dict[str, int]]:
    """Return what the days count, by a look every five minutes."""
    days: list[dict[str, int]] = [{} for _ in range(DAYS + 1)]
    before: Minute | None = None
    for minute in range(0, len(scrapes), 5):
        now = _visible(scrapes, minute)
        if now is None:
            continue
        new = _has_begun(scrapes, minute)
        for library, value in now.counts.items():
            if before is None:
                rise = value if new and minute else 0
            elif now.since != before.since:
                rise = value
            else:
                rise = value - before.counts.get(library, 0)
            labels = f'{{namespace="h",library="{library}"}}'
            # A step at midnight is the last of its day; the first look is of the day before ours.
            if minute:
                day = days[(minute - 1) // DAY]
                day[labels] = day.get(labels, 0) + rise
        before = now
    return days[:DAYS]


def _has_begun(scrapes: list[Minute | bool | None], minute: int) -> bool:
    """Say whether an exporter was seen in a step, or soon after, that began to count within the day."""
    return any(
        isinstance(one, Minute)
        and one.began - 60 <= one.since
        and one.since / 60 > LEAD + minute - DAY
        for one in scrapes[max(0, minute - 4) : minute + 3]
    )


def _visible(scrapes: list[Minute | bool | None], minute: int) -> Minute | None:
    """Return the last scrape within five minutes, as the steps look back."""
    for one in reversed(scrapes[max(0, minute - 4) : minute + 1]):
        if isinstance(one, Minute):
            return one
    return None


def _shown(scrape: Minute | bool | None, value: int | None) -> str:
    """Return a sample in promtool's words; a scrape that fails ends a series at once."""
    if scrape is None:
        return "_"
    if scrape is False:
        return "stale"
    return "_" if value is None else str(value)
