"""In: a configuration. Out: a real server that runs with it, on free ports, until the test ends."""

from __future__ import annotations

import itertools
import os
import random
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import requests
from prometheus_client.parser import text_string_to_metric_families

from popcon.catalog import CANARY, LIBRARY_USED, PREFIX, REPORTS
from popcon.insight.ask import scraped
from tests.conftest import ROOT, clean_environ, eventually
from tests.peers.found import program

MAPPING = ROOT / "mappings" / "popcon.yaml"


class Counted(NamedTuple):
    """What an exporter holds of a namespace: processes by library, and processes that reported."""

    libraries: dict[str, int]
    reports: int

    def since(self, before: Counted) -> Counted:
        """Return what has come since an earlier count."""
        new = Counter(self.libraries)
        new.subtract(before.libraries)
        return Counted(dict(+new), self.reports - before.reports)


class Running(NamedTuple):
    """A server: its root URL, and the sink that it receives, if it does."""

    url: str
    sink: str = ""


def _numbers() -> Iterator[int]:
    """Yield ports to try: none that the system gives to others, and none again before 5,000 others.

    Linux gives 32768 and above to whoever names no port. Each of pytest's processes has a stretch of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 10_000 + 5_000 * (worker % 4)
    for number in itertools.count(random.randrange(5_000)):
        yield first + number % 5_000


_NUMBERS = _numbers()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of 127.0.0.1 that is free, and that nobody gets by chance before it is listened on."""
    for number in _NUMBERS:
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", number))
            return number
    raise AssertionError("there is always one more")


def free_ports() -> tuple[int, int]:
    """Return an exporter's ports: one that is free for UDP and TCP, and one for its metrics."""
    while True:
        number = free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", number))
            return number, free_port()


@contextmanager
def served(command: list[str], health: str) -> Iterator[None]:
    """Run a program until its health page answers, and end it at the end."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_environ(), text=True
    )
    try:

        def ready() -> bool:
            assert process.poll() is None, process.stderr and process.stderr.read()
            try:
                return requests.get(health, timeout=1).status_code == 200
            except requests.RequestException:
                return False

        assert eventually(ready), f"no answer from {health}"
        yield
    finally:
        process.terminate()
        process.communicate(timeout=20)


@contextmanager
def exporter(
    kind: str,
    mapping: Path = MAPPING,
    ports: tuple[int, int] | None = None,
    *,
    tcp: bool = False,
    flags: tuple[str, ...] = (),
    host: str = "127.0.0.1",
) -> Iterator[Running]:
    """Run `statsd_exporter` or `popcon` with a mapping: the same flags for either.

    `ports` are those for UDP and for HTTP, free ones where none are given. With `tcp` it listens on
    the UDP port's number there too. popcon shows all at once, unless `flags` say otherwise. `host`
    is one of loopback's addresses.
    """
    udp, web = ports or free_ports()
    own = [sys.executable, "-m", "popcon", "exporter", "--privacy=off"]
    command = [
        *(own if kind == "popcon" else [str(program("statsd_exporter"))]),
        f"--statsd.mapping-config={mapping}",
        f"--statsd.listen-udp={host}:{udp}",
        f"--statsd.listen-tcp={f'{host}:{udp}' if tcp else ''}",
        f"--web.listen-address={host}:{web}",
        "--no-statsd.parse-dogstatsd-tags",
        *flags,
    ]
    root = f"http://{host}:{web}"
    with served(command, f"{root}/-/healthy"):
        yield Running(root, f"statsd://{host}:{udp}")


@contextmanager
def prometheus(folder: Path, targets: dict[str, str]) -> Iterator[Running]:
    """Run Prometheus over job → exporter URL, scraping each second."""
    config = folder / "prometheus.yml"
    jobs = "".join(
        f"- job_name: {job}\n  honor_labels: true\n  static_configs:\n"
        f"  - targets: ['{url.removeprefix('http://')}']\n"
        for job, url in targets.items()
    )
    config.write_text(
        f"global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{jobs}"
    )
    root = f"http://127.0.0.1:{free_port()}"
    command = [
        str(program("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={root.removeprefix('http://')}",
    ]
    with served(command, f"{root}/-/ready"):
        yield Running(root)


def popcon_families(url: str) -> str:
    """Return the part of an exporter's page that is popcon's own, as it stands there."""
    page = requests.get(f"{url}/metrics", timeout=10).text
    return "".join(line for line in page.splitlines(True) if "python_popcon" in line)


def counted(exporter: Running, namespace: str) -> Counted:
    """Return what an exporter has counted in a namespace, once it has read all that was sent so far.

    A canary is sent behind the rest: the exporter reads its socket in order.
    """
    page = f"{exporter.url}/metrics"
    before = scraped(page, CANARY.name, {}) or 0
    host, port = exporter.sink.removeprefix("statsd://").split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(CANARY.line(PREFIX, "job").encode(), (host, int(port)))
    assert eventually(lambda: (scraped(page, CANARY.name, {}) or 0) > before), "no canary"
    used: dict[str, int] = {}
    reports = 0
    for family in text_string_to_metric_families(requests.get(page, timeout=10).text):
        for sample in family.samples:
            if sample.labels.get("namespace") != namespace:
                continue
            if family.name == LIBRARY_USED.name:
                used[sample.labels["library"]] = int(sample.value)
            elif family.name == REPORTS.name:
                reports = int(sample.value)
    return Counted(used, reports)
