"""In: a folder. Out: a Prometheus, or a VictoriaMetrics, with a year of a made-up university in it.

What kernels sent, exporters showed and Prometheus scraped is in `site`, `exporters` and `counts`, with the
truth; here it becomes samples, and what popcon's rules record of them is asked of the server itself.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from popcon.catalog import METRICS
from tests.dashboards.counts import counts
from tests.dashboards.exporters import BEGIN, DAY, LIVES, NOW, ends, scrapes
from tests.dashboards.of_prometheus import of_prometheus
from tests.dashboards.recorded import record
from tests.dashboards.remote_write import Sender, encoded, encoded_runs, spelled_times
from tests.dashboards.shown import shown
from tests.dashboards.stores import STARTED, settle

_LABELS = {metric.name: ("namespace", *metric.labels) for metric in METRICS}


@contextmanager
def serve(folder: Path, engine: str = "prometheus") -> Iterator[tuple[str, float]]:
    """Run a server that has the history and what popcon's rules record; return its URL and when it is there."""
    with STARTED[engine](folder) as url:
        send(url)
        record(url)
        yield url, NOW


def send(*urls: str) -> None:
    """Send all that was scraped."""
    sender = Sender(*urls)
    for life in LIVES:
        times = sorted({*scrapes(life), *ends(life)})
        gone = list(ends(life))
        for start, end in _pieces(times):
            spelled = spelled_times(times[start:end])
            for key, steps in counts().changes[life].items():
                first = bisect_left(times, steps[0][0], start, end)
                runs = _runs(steps, gone, times, first, end)
                labels = dict(zip(_LABELS[key.metric], key.labels))
                sender.add(
                    encoded_runs(
                        key.metric, {**labels, **life.target}, spelled[first - start :], runs
                    )
                )
    before: Sequence[float] = ()
    for one in (*shown(), *of_prometheus()):
        if one.times != before:  # many series have the same
            before, spelled = one.times, spelled_times(one.times)
        sender.add(encoded(one.name, one.labels, spelled, one.values))
    sender.close()
    for url in urls:
        settle(url)


def _pieces(times: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Yield ten days after ten days, so that no series runs far ahead of others."""
    for moment in range(BEGIN, int(NOW) + 10 * DAY, 10 * DAY):
        start, end = bisect_left(times, moment), bisect_left(times, moment + 10 * DAY)
        if start < end:
            yield start, end


def _runs(
    steps: Sequence[tuple[float, int]],
    gone: Sequence[float],
    times: Sequence[float],
    start: int,
    end: int,
) -> Iterator[tuple[float | None, int]]:
    """Yield a counter's values at some of the times and how often each comes; where it was gone, its end."""
    changes: list[tuple[float, float | None]] = [*steps, *((time, None) for time in gone)]
    for time in gone:  # of a scrape that failed; what was there goes on
        after = bisect_left(times, time) + 1
        if after < len(times):
            known = [value for moment, value in steps if moment < times[after]]
            changes += [(times[after], value) for value in known[-1:]]
    changes.sort(key=lambda change: change[0])
    places = [bisect_left(times, moment, start, end) for moment, _ in changes]
    for (_, value), place, after in zip(changes, places, [*places[1:], end]):
        if after > place:
            yield value, after - place
