"""In: nothing. Out: what recording popcon's days costs a Prometheus, by number of series, beside `increase()`.

The peer is what one would write without the rules, `sum by (…) (increase(…[1d]))`: cheaper, and not
exact (`popcon/promql/recordings.py` says why). Samples are what Prometheus says that a query held at
its peak, of which `--query.max-samples` allows 50 million.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median

import requests

from benchmarks.measure import table
from popcon.catalog import LIBRARY_USED
from popcon.promql.recordings import recorded, recordings
from tests.dashboards.remote_write import Sender, encoded, spelled_times
from tests.dashboards.stores import prometheus

SIZES = (300, 1500, 5000)
LIBRARIES = 100
#: Two days and a half, a scrape each minute, with their end at noon.
END = 1_767_225_600 + 12 * 3600
MINUTES = 60 * 60
TIMES = 5
ALLOWED = 50_000_000
#: What each exporter shows besides.
_BESIDE = {"statsd_exporter_lines_total": 1.0, "process_start_time_seconds": END - 1e6}
_TARGET = {"job": "popcon", "instance": "exporter:9102"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="SERIES")
    sizes = parser.parse_args(arguments).sizes
    rows = [row for size in sizes for row in _rows(size)]
    head = ("series", "query", "seconds", "of increase()", "peak samples", "series at 50 million")
    print(table(head, rows))
    return 0


def _rows(size: int) -> list[tuple[str, ...]]:
    rules = {rule.record: rule.expr for _, group in recordings().values() for rule in group}
    name = LIBRARY_USED.name
    asked = {
        "increase()": f"sum by (namespace, library) (increase({name}[1d]))",
        "increase_today": rules[recorded(LIBRARY_USED, "increase_today")],
        "increase1d": rules[recorded(LIBRARY_USED, "increase1d")],
    }
    with tempfile.TemporaryDirectory() as folder, prometheus(Path(folder)) as url:
        fill(url, size)
        took: dict[str, list[float]] = {query: [] for query in asked}
        peak = dict.fromkeys(asked, 0)
        for _ in range(TIMES):  # in turn, so that a slow moment slows all of them
            for query, expr in asked.items():
                seconds, peak[query] = ask(url, expr, size)
                took[query].append(seconds)
    least = median(took["increase()"])
    return [
        (
            f"{size:,}",
            query,
            f"{median(took[query]):.3f}",
            f"{median(took[query]) / least:.1f}",
            f"{peak[query]:,}",
            f"{ALLOWED * size // peak[query]:,}",
        )
        for query in asked
    ]


def fill(url: str, size: int) -> None:
    """Write counters that rise in one scrape of a hundred."""
    draw = Random(size)  # noqa: S311
    times = spelled_times(range(END - 60 * MINUTES, END, 60))
    sender = Sender(url)
    for name, value in _BESIDE.items():
        sender.add(encoded(name, _TARGET, times, [value] * MINUTES))
    for number in range(size):
        labels = {
            **_TARGET,
            "namespace": f"hub{number // LIBRARIES}",
            "library": f"library-{number % LIBRARIES}",
        }
        value, values = 0, []
        for _ in range(MINUTES):
            value += draw.random() < 0.01
            values.append(float(value))
        sender.add(encoded(LIBRARY_USED.name, labels, times, values))
    sender.close()


def ask(url: str, expr: str, size: int) -> tuple[float, int]:
    """Return the seconds that an evaluation took, and the samples that it held at its peak."""
    start = time.perf_counter()
    answer = requests.post(
        f"{url}/api/v1/query", data={"query": expr, "time": END, "stats": "all"}, timeout=600
    ).json()
    seconds = time.perf_counter() - start
    if answer["status"] != "success" or len(answer["data"]["result"]) != size:
        raise SystemExit(f"not {size} answers: {str(answer)[:200]}")
    return seconds, int(answer["data"]["stats"]["samples"]["peakSamples"])


if __name__ == "__main__":
    sys.exit(main())
