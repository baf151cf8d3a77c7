"""In: a folder. Out: a Prometheus, or a VictoriaMetrics, with ten weeks of a made-up university in it.

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
from tests.dashboards.exporters import DAY, FIRST, LIVES, NOW, ends, scrapes
from tests.dashboards.of_prometheus import of_prometheus
from tests.dashboards.recorded import record
from tests.dashboards.remote_write import Sender, encoded, spelled_times
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
        gone = {bisect_left(times, end) for end in ends(life)}
        for start, end in _pieces(times):
            spelled = spelled_times(times[start:end])
            for key, steps in counts().changes[life].items():
                values = _values(steps, times[start:end])
                first = end - start - len(values)
                for place in gone & set(range(start + first, end)):
                    values[place - start - first] = None
                labels = dict(zip(_LABELS[key.metric], key.labels))
                sender.add(encoded(key.metric, {**labels, **life.target}, spelled[first:], values))
    for one in (*shown(), *of_prometheus()):
        sender.add(encoded(one.name, one.labels, spelled_times(one.times), one.values))
    sender.close()
    for url in urls:
        settle(url)


def _pieces(times: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Yield ten days after ten days, so that no series runs far ahead of others."""
    for moment in range(FIRST, int(NOW) + 10 * DAY, 10 * DAY):
        start, end = bisect_left(times, moment), bisect_left(times, moment + 10 * DAY)
        if start < end:
            yield start, end


def _values(steps: Sequence[tuple[float, int]], times: Sequence[float]) -> list[float | None]:
    """Return a counter's value at each time, from its first on."""
    found: list[float | None] = []
    for place, (moment, value) in enumerate(steps):
        until = steps[place + 1][0] if place + 1 < len(steps) else times[-1] + 1
        found += [value] * (bisect_left(times, until) - bisect_left(times, moment))
    return found
