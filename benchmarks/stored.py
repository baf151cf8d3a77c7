"""In: how often a site is scraped. Out: bytes that its counters take on the disks of Prometheus and VictoriaMetrics.

Some days of counters are written to both, hour after hour, so that Prometheus makes blocks of two hours
and compacts them as it does in life. Popular libraries rise all day long, most hardly ever.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import requests

from benchmarks.loads import ZIPF
from popcon.catalog import LIBRARY_USED
from tests.dashboards.remote_write import Sender, encoded, spelled_times
from tests.dashboards.stores import settle, victoria_metrics
from tests.e2e.servers import free_port, served
from tests.peers.found import program

LIBRARIES, HUBS = 250, 4
#: Kernels of a hub on a day, all of them within these hours of it.
KERNELS, OPEN = 3000, (8, 22)
_HOUR, _DAY = 3600, 86_400


class Kind(NamedTuple):
    """What is written: how many days, the seconds between samples, and the steps in which they rise, if not at once.

    `daily`: begins at 0 at each midnight, as the recording of today does.
    """

    name: str
    days: int
    interval: int
    step: int = 0
    daily: bool = False


KINDS = (
    Kind("scraped each 15 s", 1, 15),
    Kind("scraped each 60 s", 3, 60),
    Kind("each 60 s, published each 15 min", 3, 60, step=900),
    Kind("recorded: today, each 5 min", 14, 300, daily=True),
)


class Stored(NamedTuple):
    """Bytes: of a sample, and of a series' labels in a block (Prometheus) or at all (VictoriaMetrics)."""

    sample: float
    labels: float


def stored(kind: Kind) -> tuple[Stored, Stored]:
    """Return what a kind takes in Prometheus, and in VictoriaMetrics."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _prometheus(folder / "p") as url, victoria_metrics(folder / "v") as other:
            samples = _write(kind, url, other)
            ours = _of_blocks(folder / "p" / "data")
            _merge(other)
            settle(other)
        data, index = (_size(folder / "v" / part) for part in ("data", "indexdb"))
        return ours, Stored(data / samples, index / (LIBRARIES * HUBS))


@contextmanager
def _prometheus(folder: Path) -> Iterator[str]:
    """Run Prometheus with blocks as they are by default, for 400 days."""
    folder.mkdir()
    (folder / "prometheus.yml").write_text("global: {}\n")
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program("prometheus")),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=400d",
        "--web.enable-remote-write-receiver",
        f"--web.listen-address={address}",
    ]
    with served(command, f"http://{address}/-/ready"):
        yield f"http://{address}"


def _write(kind: Kind, *urls: str) -> int:
    """Write all series up to now, and return how many samples that were."""
    draw = Random(1)  # noqa: S311
    begin = int(time.time()) // _DAY * _DAY - kind.days * _DAY
    rising = [(labels, _moments(kind, draw, share)) for labels, share in _series()]
    values = [0] * len(rising)
    places = [0] * len(rising)
    sender = Sender(*urls)
    hours = range(0, kind.days * _DAY, _HOUR)
    for hour in hours:
        offsets = range(hour, hour + _HOUR, kind.interval)
        times = spelled_times(begin + offset for offset in offsets)
        for number, (labels, moments) in enumerate(rising):
            seen = []
            for offset in offsets:
                if kind.daily and offset % _DAY == 0:
                    values[number] = 0
                while places[number] < len(moments) and moments[places[number]] <= offset:
                    values[number] += 1
                    places[number] += 1
                seen.append(float(values[number]))
            sender.add(encoded(LIBRARY_USED.name, labels, times, seen))
        sender.flush()  # all series are equally far: nothing is older than what was written
    sender.close()
    return len(rising) * len(hours) * (_HOUR // kind.interval)


def _series() -> Iterator[tuple[dict[str, str], float]]:
    """Yield labels, and the share of kernels that use the library."""
    for hub in range(HUBS):
        for rank in range(LIBRARIES):
            labels = {
                "job": "popcon",
                "instance": "popcon-0.popcon-metrics.monitoring:9102",
                "namespace": f"hub-{hub}",
                "library": f"library-{rank}",
            }
            yield labels, min(0.9, 6 / (rank + 1) ** ZIPF)


def _moments(kind: Kind, draw: Random, share: float) -> list[float]:
    """Return when a library is counted, in seconds since the first midnight."""
    first, last = (hour * _HOUR for hour in OPEN)
    rate = KERNELS * share / (last - first)
    found: list[float] = []
    for day in range(kind.days):
        moment = first + draw.expovariate(rate)
        while moment < last:
            shown = -(-moment // kind.step) * kind.step if kind.step else moment
            found.append(day * _DAY + shown)
            moment += draw.expovariate(rate)
    return found


def _of_blocks(data: Path) -> Stored:
    """Return what Prometheus' blocks take, once none is made or merged any more."""
    before, calm = None, 0
    while calm < 4:
        time.sleep(1)
        now = sorted(path.parent.name for path in data.glob("*/meta.json"))
        calm = calm + 1 if now and now == before else 0
        before = now
    chunks = index = samples = series = 0
    for meta in data.glob("*/meta.json"):
        told = json.loads(meta.read_text())["stats"]
        samples += told["numSamples"]
        series += told["numSeries"]
        chunks += _size(meta.parent / "chunks")
        index += _size(meta.parent / "index")
    return Stored(chunks / samples, index / series)


def _merge(url: str) -> None:
    """Let VictoriaMetrics merge its parts, as it does by itself in time."""
    settle(url)
    requests.get(f"{url}/internal/force_merge", timeout=60).raise_for_status()
    time.sleep(1)
    while True:
        page = requests.get(f"{url}/metrics", timeout=10).text
        if "vm_active_force_merges 0" in page:
            return
        time.sleep(0.5)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)
