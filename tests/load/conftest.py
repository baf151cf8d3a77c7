"""In: nothing. Out: files as jobs write them, a real statsd_exporter that listens on TCP, its sums."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from popcon.catalog import CANARY, METRICS, PREFIX
from popcon.insight.ask import scraped
from tests.conftest import clean_environ, eventually
from tests.e2e.servers import Running, exporter

LIBRARIES = [f"library-{number}" for number in range(120)]


@pytest.fixture(scope="module", params=["statsd_exporter", "popcon"])
def tcp_exporter(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Either exporter with our rules; its sink is for TCP."""
    with exporter(request.param, tcp=True) as running:
        yield Running(running.url, running.sink.replace("statsd:", "statsd+tcp:"))


def sums(running: Running, namespace: str) -> Counter[str]:
    """Return what an exporter shows of a namespace: metric and last label → value.

    A canary is sent behind the rest: statsd_exporter shows in order what it has read.
    """
    page_url = f"{running.url}/metrics"
    before = scraped(page_url, CANARY.name, {}) or 0
    host, port = running.sink.rpartition("//")[2].split(":")
    with socket.create_connection((host, int(port))) as sender:
        sender.sendall(CANARY.line(PREFIX, "job").encode() + b"\n")
    assert eventually(lambda: (scraped(page_url, CANARY.name, {}) or 0) > before), "no canary"
    page = requests.get(page_url, timeout=10).text
    names = {metric.name.removesuffix("_total") for metric in METRICS}
    return Counter(
        {
            " ".join(
                [family.name, *(v for k, v in sample.labels.items() if k != "namespace")]
            ): int(sample.value)
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if family.name in names and sample.labels.get("namespace") == namespace
        }
    )


def popcon(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a popcon command and return how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "popcon", *map(str, arguments)],
        env=clean_environ(**environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class Job:
    """A process without a network: an account of what it used, and the file that it writes."""

    def __init__(self, chance: random.Random, namespace: str) -> None:
        self.id = f"{chance.getrandbits(128):032x}"
        self.prefix = f"python_popcon.namespace.{namespace}"
        self.increments = [
            {"libraries": sorted(part)}
            for part in _parts(chance.sample(LIBRARIES, chance.randint(1, 30)))
        ]
        self.is_text = chance.random() < 0.5

    def write(self, folder: Path, *, increments: int | None = None) -> Path:
        """Write the file, as of its first so many increments."""
        told = self.increments[:increments]
        if self.is_text:
            file = folder / f"popcon-{self.id}.txt"
            names = ["reports", *(f"library_used.{n}" for part in told for n in part["libraries"])]
            lines = [f"# popcon report 1 prefix={self.prefix}"]
            lines += sorted(f"{self.prefix}.{name}:1|c" for name in names)
        else:
            file = folder / f"popcon-{self.id}.jsonl"
            head = {"format": "popcon-reports 1", "id": self.id, "prefix": self.prefix}
            first: dict[str, object] = {"first": True, **told[0]}
            lines = [json.dumps(line) for line in (head, first, *told[1:])]
        file.write_text("\n".join(lines) + "\n")
        return file

    def expected(self, increments: int | None = None) -> Counter[str]:
        """Return what these increments are in Prometheus."""
        told = self.increments[:increments]
        used = Counter(f"python_popcon_library_used {n}" for p in told for n in p["libraries"])
        return used + Counter({"python_popcon_reports": 1})


def jobs(number: int, namespace: str, seed: int = 1) -> list[Job]:
    """Return so many jobs, the same for the same seed but for their namespace."""
    chance = random.Random(f"{seed} {namespace}")
    return [Job(chance, namespace) for _ in range(number)]


def _parts(names: list[str]) -> list[list[str]]:
    cut = max(1, len(names) // 2)
    return [part for part in (names[:cut], names[cut:]) if part]
