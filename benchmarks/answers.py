"""In: nothing. Out: how long `popcon top` and `unused` take over a year, from recording rules, from raw series, beside `increase()`.

500 libraries in 50 hubs: 25,000 counters, of exporters that were restarted four times. The commands run as
a person runs them; what they say is compared with what was written. The peer is what one would write
without popcon, `increase(…[365d])` by library: not exact (`popcon/promql/recordings.py` says why).

Samples are sparse, so that a year can be written in minutes: a counter and a recording have one each
three hours, where a Prometheus has 180 scrapes and three evaluations. Raw series are read at
the ends of stretches in which nothing moved, where the samples between hardly matter; `increase()` reads all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import requests

from benchmarks.measure import table
from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.promql.exporter_names import LINES, PROCESS_STARTED
from popcon.promql.recordings import recorded
from tests.dashboards.remote_write import Sender, encoded_runs, spelled_times
from tests.dashboards.stores import STARTED

DAY = 86_400
#: A midnight: the first of the year.
BEGIN = 1_735_689_600
LIBRARIES, HUBS, EXPORTERS = 500, 50, 5
#: Libraries from this one on are never used.
_UNUSED = 400
_HOURS = 3
#: On how many days, evenly spread, exporters are restarted at noon; and when they show a day's uses.
_RESTARTS = 4
_NOON, _RISES = 12 * 3600, 14 * 3600
_WEEK = (9, 8, 8, 7, 1, 2, 8)
#: After the last midnight, evaluations record the last day.
_EVALUATED = 137
_TIMEOUT = 900
#: How often each is asked: what takes minutes, once.
TIMES = {"rules": 3, "raw": 1, "increase()": 2}
_SAMPLES_READ = {
    "prometheus": "prometheus_engine_query_samples_total",
    "victoria-metrics": "vm_rows_read_per_query_sum",
}


class Year(NamedTuple):
    """The time that is written: `days` whole days."""

    days: int

    @property
    def end(self) -> int:
        """Return the midnight at its end."""
        return BEGIN + self.days * DAY

    @property
    def restarts(self) -> list[int]:
        """Return when exporters began anew."""
        each = self.days // (_RESTARTS + 1)
        return [BEGIN + number * each * DAY + _NOON for number in range(1, _RESTARTS + 1) if each]

    def scrapes(self) -> list[int]:
        """Return a counter's sample times: also where something moved, and when that is a day ago."""
        around = {
            at + later + step
            for at in self.restarts
            for later in (0, DAY)
            for step in range(-1800, 1801, 300)
        }
        return sorted({*range(BEGIN, self.end + 1, _HOURS * 3600), *around})


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--engine", choices=STARTED, nargs="+", default=list(STARTED))
    chosen = parser.parse_args(arguments)
    year = Year(chosen.days)
    rows = [row for engine in chosen.engine for row in _rows(engine, year)]
    head = ("server", "question", "from", "seconds", "of rules", "samples read", "peak MB")
    print(table(head, rows))
    return 0


def added(hub: int, library: int, day: int) -> int:
    """Return how many processes of a hub used a library on a day; `LIBRARIES` is how many reported."""
    if library == LIBRARIES:
        return 40 * _WEEK[day % 7] * (1 + hub % 5)
    if library >= _UNUSED:
        return 0
    return _WEEK[day % 7] * (1 + hub % 5) * 30 // (1 + library) + (hub + library + day) % 97 // 96


def _rows(engine: str, year: Year) -> Iterator[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder, STARTED[engine](Path(folder)) as url:
        start = time.perf_counter()
        raw, recordings = _fill(url, year)
        print(
            f"{engine}: {year.days} days, {raw:,} samples of counters, {recordings:,} of recordings, "
            f"written in {time.perf_counter() - start:.0f} s",
            flush=True,
        )
        pid = _process(folder)
        for question in ("top", "unused"):
            took: dict[str, float] = {}
            for kind, times in TIMES.items():
                before = _read(url, engine)
                Path(f"/proc/{pid}/clear_refs").write_text("5")
                took[kind] = median(_ask(url, question, kind, year) for _ in range(times))
                read = (_read(url, engine) - before) // times
                row = (
                    engine,
                    question,
                    kind,
                    f"{took[kind]:.2f}",
                    f"{took[kind] / took['rules']:.1f}",
                    f"{read:,.0f}",
                    f"{_peak(pid):,.0f}",
                )
                print("  ".join(row), file=sys.stderr, flush=True)
                yield row


def _ask(url: str, question: str, kind: str, year: Year) -> float:
    """Return the seconds until an answer is there, and check it."""
    start = time.perf_counter()
    if kind == "increase()":
        which = {"top": "topk(20, {})", "unused": "{} == 0"}[question]
        asked = which.format(f"sum by (library) (increase({LIBRARY_USED.name}[{year.days}d]))")
        answer = _get(f"{url}/api/v1/query", query=asked, time=year.end)
        found = json.loads(answer)["data"]["result"]
        _check(len(found), 20 if question == "top" else LIBRARIES - _UNUSED)
        return time.perf_counter() - start
    last = _date(year.end - DAY)
    command = [
        *(sys.executable, "-m", "popcon", question, "--json", "-n", "all"),
        *("--prometheus", url, "--from", kind, "--timeout", str(_TIMEOUT)),
        *("--since", _date(BEGIN), "--until", last),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{question} from {kind}: {done.stderr.strip()[-500:]}")
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    true = _true(year)
    if question == "top":
        _check({row["library"]: row["processes"] for row in rows}, dict(+true))
    else:
        never = {row["library"] for row in rows if row["kind"] == "never"}
        _check(never, {name for name, number in true.items() if not number})
    return seconds


@cache
def _true(year: Year) -> Counter[str]:
    return Counter(
        {
            f"library-{library}": sum(
                added(hub, library, day) for hub in range(HUBS) for day in range(year.days)
            )
            for library in range(LIBRARIES)
        }
    )


def _check(one: object, other: object) -> None:
    if one != other:
        raise SystemExit(f"not what was written: {str(one)[:300]} instead of {str(other)[:300]}")


def _fill(url: str, year: Year) -> tuple[int, int]:
    """Write everything; return how many samples of counters and of recordings that were."""
    sender = Sender(url)
    _fill_exporters(sender, year)
    times = year.scrapes()
    spelled = spelled_times(times)
    changes = sorted(
        [*((BEGIN + day * DAY + _RISES, day) for day in range(year.days))]
        + [(at, -1) for at in year.restarts]
    )
    places = [bisect_left(times, at) for at, _ in changes]
    evaluated = range(BEGIN + DAY + _EVALUATED, year.end + DAY, _HOURS * 3600)
    spelled_evaluated = spelled_times(evaluated)
    each = DAY // (_HOURS * 3600)
    for hub in range(HUBS):
        target = {"job": "popcon", "instance": f"exporter-{hub % EXPORTERS}:9102"}
        for library in range(LIBRARIES + 1):
            metric = REPORTS if library == LIBRARIES else LIBRARY_USED
            labels = {"namespace": f"hub{hub}"}
            if metric is LIBRARY_USED:
                labels["library"] = f"library-{library}"
            days = [added(hub, library, day) for day in range(year.days)]
            runs: list[tuple[float | None, int]] = []
            value = place = 0
            for after, (_, day) in zip(places, changes):
                runs.append((value, after - place))
                value, place = (0, after) if day < 0 else (value + days[day], after)
            runs.append((value, len(times) - place))
            sender.add(encoded_runs(metric.name, {**labels, **target}, spelled, _some(runs)))
            daily = [(float(number), each) for number in days]
            name = recorded(metric, "increase1d")
            sender.add(encoded_runs(name, labels, spelled_evaluated, daily))
    sender.close()
    _get(f"{url}/internal/force_flush", refused=True)
    series = HUBS * (LIBRARIES + 1)
    return series * len(times), series * len(evaluated)


def _some(
    runs: Sequence[tuple[float | None, int]],
) -> Iterator[tuple[float | None, int]]:
    return (run for run in runs if run[1])


def _fill_exporters(sender: Sender, year: Year) -> None:
    """Write what exporters show besides, as often as they have to be seen."""
    times = range(BEGIN - DAY, year.end + 1, 240)
    spelled = spelled_times(times)
    begins = [BEGIN - 40 * DAY, *year.restarts]
    ends = [bisect_left(times, at) for at in (*year.restarts, year.end + 1)]
    counts = [end - start for start, end in zip((0, *ends), ends)]
    for number in range(EXPORTERS):
        target = {"job": "popcon", "instance": f"exporter-{number}:9102"}
        starts = [(float(at), count) for at, count in zip(begins, counts)]
        sender.add(encoded_runs(PROCESS_STARTED, target, spelled, starts))
        lines = ((float(line), 1) for count in counts for line in range(count))
        sender.add(encoded_runs(LINES, target, spelled, lines))


def _process(folder: str) -> int:
    """Return the process that has a folder in its command line."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        number = int(place.parent.name)
        try:
            if number != os.getpid() and folder in place.read_text():
                return number
        except OSError:
            continue
    raise SystemExit(f"no server with its data in {folder}")


def _peak(pid: int) -> float:
    """Return the most memory that a process had at a time, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))


def _read(url: str, engine: str) -> float:
    """Return how many samples a server has read for queries."""
    page = _get(f"{url}/metrics")
    name = _SAMPLES_READ[engine]
    # VictoriaMetrics has it from the first query on.
    lines = (line for line in page.splitlines() if line.startswith(name))
    return next((float(line.split()[-1]) for line in lines), 0.0)


def _get(address: str, *, refused: bool = False, **asked: str | int) -> str:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(address, params=asked, timeout=_TIMEOUT)
    if answer.status_code != 200 and not refused:
        raise SystemExit(f"{address}: {answer.status_code} {answer.text[:300]}")
    return answer.text


def _date(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d}"


if __name__ == "__main__":
    sys.exit(main())
