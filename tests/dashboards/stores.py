"""In: nothing. Out: an empty Prometheus or VictoriaMetrics on loopback that takes samples of any age."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import requests

from tests.e2e.servers import free_port, served
from tests.peers.found import program, system_program

ENGINES = ("prometheus", "victoria-metrics")


@contextmanager
def prometheus(folder: Path, *flags: str, retention: str = "100y") -> Iterator[str]:
    """Run Prometheus, and return its URL. It keeps all in one block: samples may be up to a year apart."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "prometheus.yml"
    config.write_text("global: {}\n")
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program("prometheus")),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={retention}",
        # Nothing is out of order below half a block, and nothing is compacted meanwhile.
        "--storage.tsdb.min-block-duration=800d",
        "--storage.tsdb.max-block-duration=800d",
        # What is not in a block is a list, which is walked for each chunk.
        "--storage.tsdb.samples-per-chunk=1000",
        "--web.enable-remote-write-receiver",
        f"--web.listen-address={address}",
        *flags,
    ]
    with served(command, f"http://{address}/-/ready"):
        yield f"http://{address}"


@contextmanager
def victoria_metrics(folder: Path, *flags: str, memory: str = "1GB") -> Iterator[str]:
    """Run VictoriaMetrics, with these flags besides, and return its URL."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(system_program("victoria-metrics")),
        f"-storageDataPath={folder}",
        f"-httpListenAddr={address}",
        "-retentionPeriod=100y",
        "-search.disableCache",
        "-search.latencyOffset=0s",
        f"-memory.allowedBytes={memory}",
        "-loggerLevel=ERROR",
        *flags,
    ]
    with served(command, f"http://{address}/health"):
        yield f"http://{address}"


STARTED: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "prometheus": prometheus,
    "victoria-metrics": victoria_metrics,
}


def settle(url: str) -> None:
    """Let a server show all that it was sent: VictoriaMetrics does so only after some seconds."""
    answer = requests.get(f"{url}/internal/force_flush", timeout=60)
    assert answer.status_code in (200, 404), answer.text
