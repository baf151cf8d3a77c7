"""In: a configuration. Out: a real server that runs with it, on free ports, until the test ends."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import requests

from tests.conftest import ROOT, clean_environ, eventually
from tests.peers.found import program

MAPPING = ROOT / "mappings" / "popcon.yaml"


class Running(NamedTuple):
    """A server: its root URL, and the sink that it receives, if it does."""

    url: str
    sink: str = ""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of 127.0.0.1 that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _served(command: list[str], health: str) -> Iterator[None]:
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
def exporter(kind: str, mapping: Path = MAPPING) -> Iterator[Running]:
    """Run `statsd_exporter` or `popcon` with a mapping: the same flags for either."""
    udp, web = free_port(socket.SOCK_DGRAM), free_port()
    own = [sys.executable, "-m", "popcon", "exporter"]
    start = own if kind == "popcon" else [str(program("statsd_exporter")), "--statsd.listen-tcp="]
    flags = [
        f"--statsd.mapping-config={mapping}",
        f"--statsd.listen-udp=127.0.0.1:{udp}",
        f"--web.listen-address=127.0.0.1:{web}",
        "--no-statsd.parse-dogstatsd-tags",
    ]
    root = f"http://127.0.0.1:{web}"
    with _served([*start, *flags], f"{root}/-/healthy"):
        yield Running(root, f"statsd://127.0.0.1:{udp}")


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
    with _served(command, f"{root}/-/ready"):
        yield Running(root)


def popcon_families(url: str) -> str:
    """Return the part of an exporter's page that is popcon's own, as it stands there."""
    page = requests.get(f"{url}/metrics", timeout=10).text
    return "".join(line for line in page.splitlines(True) if "python_popcon" in line)
