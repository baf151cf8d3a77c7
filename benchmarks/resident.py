"""In: a number of series. Out: what they take in the memory of both exporters, and of a Prometheus that scrapes one."""

from __future__ import annotations

import socket
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import requests

from benchmarks.exporters import Running, exporter
from benchmarks.loads import LIBRARIES, libraries
from popcon.catalog import LIBRARY_USED, PREFIX
from popcon.sinks.statsd import pack
from tests.e2e import servers

EXPORTERS = ("statsd_exporter", "popcon")
FEW, MANY = 300, 30_000
#: Scrapes before memory is looked at, a second apart: garbage was collected several times.
SCRAPES = 20
#: So many datagrams at once: both exporters bear that with the smallest receive buffer.
_AT_ONCE = 10


class Memory(NamedTuple):
    """Bytes of resident memory: with hardly any series, and for each one more."""

    base: float
    series: float


def measured() -> dict[str, Memory]:
    """Return what each exporter takes, and `Prometheus`."""
    found: dict[str, list[float]] = {}
    for size in (FEW, MANY):
        for name in EXPORTERS:
            flags = ("--privacy=off",) if name == "popcon" else ()
            with exporter(name, *flags) as running, tempfile.TemporaryDirectory() as folder:
                _fill(running, size)
                target = {"popcon": f"http://127.0.0.1:{running.web}"}
                with servers.prometheus(Path(folder), target) as prometheus:
                    time.sleep(SCRAPES)
                    found.setdefault(name, []).append(running.rss() * 2**20)
                    found.setdefault("Prometheus", []).append(resident(prometheus.url))
    # Both exporters were scraped: Prometheus has two numbers of each size.
    found["Prometheus"] = [max(found["Prometheus"][:2]), max(found["Prometheus"][2:])]
    return {name: Memory(few, (many - few) / (MANY - FEW)) for name, (few, many) in found.items()}


def resident(url: str) -> float:
    """Return the bytes of memory that a server says it takes."""
    page = requests.get(f"{url}/metrics", timeout=10).text
    lines = dict(line.split() for line in page.splitlines() if line.startswith("process_resident"))
    return float(lines["process_resident_memory_bytes"])


def _fill(running: Running, size: int) -> None:
    """Make so many series, and see that they are there."""
    known = libraries()
    lines = [
        LIBRARY_USED.line(
            f"{PREFIX}.namespace.course-{number // LIBRARIES}", known[number % LIBRARIES]
        )
        for number in range(size)
    ]
    datagrams = pack(lines)
    before = running.counted()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for start in range(0, len(datagrams), _AT_ONCE):
            for datagram in datagrams[start : start + _AT_ONCE]:
                sender.sendto(datagram, ("127.0.0.1", running.udp))
            time.sleep(0.02)
    came, _ = running.settle(size, before)
    if came != size:
        raise SystemExit(f"{running.name}: {came} of {size} lines came")
