"""In: scrape jobs. Out: the real Prometheus, which finds its targets by the API server, and what it knows of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import requests

from tests.cluster.cluster import Object
from tests.cluster.monitors import configuration
from tests.conftest import eventually
from tests.dashboards import compressed
from tests.dashboards.answers import of_panel
from tests.e2e.servers import free_port
from tests.peers.found import program


class Prometheus(NamedTuple):
    """A running Prometheus."""

    url: str

    def targets(self, count: int = 1) -> list[dict[str, str]]:
        """Return the labels of its targets, once there are so many and all are up."""

        def up() -> list[dict[str, str]] | None:
            found = requests.get(f"{self.url}/api/v1/targets?state=active", timeout=10).json()
            active = found["data"]["activeTargets"]
            health = {one["health"] for one in active}
            return [one["labels"] for one in active] if (len(active), health) == (count, {"up"}) else None  # fmt: skip

        found = eventually(up, 60)
        assert isinstance(found, list), requests.get(f"{self.url}/api/v1/targets", timeout=10).text
        return found

    def panel(self, name: str, hub: str) -> dict[str, float]:
        """Return what a dashboard's panel shows of a hub: library → value."""
        return of_panel(self.url, "popcon-libraries", name, hub)

    def labels_of(self, metric: str) -> set[str]:
        """Return the names of the labels that a metric's series have here."""
        found = requests.get(f"{self.url}/api/v1/series?match[]={metric}", timeout=10).json()
        return {label for series in found["data"] for label in series}


@contextmanager
def watching(folder: Path, *jobs: Object) -> Iterator[Prometheus]:
    """Run Prometheus over these jobs until this is left."""
    made = Prometheus(f"http://127.0.0.1:{free_port()}")
    command = [
        str(program("prometheus")),
        f"--config.file={configuration(folder, *jobs)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={made.url.removeprefix('http://')}",
        f"--query.lookback-delta={compressed.STEP}s",
    ]
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return requests.get(f"{made.url}/-/ready", timeout=1).status_code == 200
            except requests.RequestException:
                return False

        assert eventually(ready), log.read_text()
        yield made
    finally:
        process.terminate()
        process.wait(timeout=20)
