"""The services of deploy/compose as processes: the same command lines, files, variables and health checks."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.conftest import eventually
from tests.dashboards.answers import of_panel
from tests.deploy.composed import HERE, Stand, services
from tests.e2e.servers import free_port
from tests.peers.found import program

PROFILES = ("go,demo", "python,demo")


class Wall:
    """What ran: a stand, its services, and which profiles chose them."""

    def __init__(self, profiles: str, stand: Stand, logs: dict[str, Path]) -> None:
        self.profiles = profiles
        self.stand = stand
        self.logs = logs

    def ask(self, panel: str, letter: str = "A") -> dict[str, float]:
        """Return what a dashboard's panel shows of the demo's hub: library → value."""
        return of_panel(self.url(9090), "popcon-libraries", panel, "demo", letter)

    def url(self, port: int) -> str:
        """Return the root of the pages that a container shows at a port."""
        return f"http://127.0.0.1:{self.stand.ports[port]}"


@pytest.fixture(scope="module", params=PROFILES)
def wall(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Wall]:
    """An exporter, Prometheus and the demo, with no pause between kernels, and nothing held back."""
    ports = {9125: free_port(socket.SOCK_DGRAM), 9102: free_port(), 9090: free_port()}
    stand = Stand(tmp_path_factory.mktemp("wall"), ports)
    chosen = services(request.param, DEMO_PAUSE="0", POPCON_PRIVACY="off")
    del chosen["grafana"]
    with ExitStack() as stack:
        logs = {}
        for name in sorted(chosen, key=lambda name: name == "demo"):
            logs[name] = stack.enter_context(stand.running(name, chosen[name]))
        yield Wall(request.param, stand, logs)


def test_the_demo_shows_in_the_dashboard(wall: Wall) -> None:
    """What the demo's kernels import comes out of the dashboard's queries, by either exporter."""
    wanted = {"pyyaml", "requests", "rich", "jinja2", "joblib"}

    assert eventually(
        lambda: wanted <= {name for name, n in wall.ask("Most used").items() if n}, 90
    )
    assert eventually(lambda: wall.ask("Processes that reported").get("", 0) >= 4)
    assert eventually(lambda: 0 < wall.ask("Share of processes", "B").get("pyyaml", 0) < 1)


def test_what_is_never_used_is_a_zero(wall: Wall) -> None:
    """The demo's inventory makes a series at 0 for each library that is installed."""
    page = f"{wall.url(9102)}/metrics"
    line = 'python_popcon_library_used{library="prometheus-client",namespace="demo"} 0'

    assert eventually(lambda: line in requests.get(page, timeout=10).text.splitlines())


def test_no_kernel_can_add_a_label(wall: Wall) -> None:
    """A tag in a line is not read: neither exporter shows a user."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for line in (b"python_popcon.canary.job:1|c|#user:ada", b"python_popcon.canary.agent:1|c"):
            sender.sendto(line, ("127.0.0.1", wall.stand.ports[9125]))
    page = f"{wall.url(9102)}/metrics"

    assert eventually(lambda: 'id="agent"' in requests.get(page, timeout=10).text)
    assert 'user="' not in requests.get(page, timeout=10).text


def test_prometheus_has_our_rules_and_keeps_its_data(wall: Wall) -> None:
    """The rules that Prometheus loaded are those of grafana/, and it keeps over 190 days."""
    groups = requests.get(f"{wall.url(9090)}/api/v1/rules", timeout=10).json()["data"]["groups"]
    status = requests.get(f"{wall.url(9090)}/api/v1/status/runtimeinfo", timeout=10).json()
    days, _, size = status["data"]["storageRetention"].partition(" or ")

    assert {Path(group["file"]).name for group in groups} == {"popcon-rules.yaml"}
    assert _days(days) >= 190
    assert size


def test_counts_outlive_the_python_exporter(tmp_path: Path) -> None:
    """What the Python exporter has counted is there again when another one gets its volume."""
    ports = {9125: free_port(socket.SOCK_DGRAM), 9102: free_port()}
    stand = Stand(tmp_path, ports)
    service = services("python")["exporter-python"]
    page = f"http://127.0.0.1:{ports[9102]}/metrics"
    sample = 'python_popcon_canary_total{id="job"} 1'

    def shown() -> bool:
        return sample in requests.get(page, timeout=10).text

    with stand.running("first", service), socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"python_popcon.canary.job:1|c", ("127.0.0.1", ports[9125]))
        assert eventually(shown)
    with stand.running("second", service):
        assert shown()


def test_promtool_accepts_the_configuration() -> None:
    """The configuration and the rules are right as they lie in the repository."""
    config = HERE / "prometheus" / "prometheus.yml"
    checked = subprocess.run(
        [str(program("promtool")), "check", "config", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "1 rule files found" in checked.stdout


def _days(text: str) -> float:
    units = {"y": 365.0, "w": 7.0, "d": 1.0, "h": 1 / 24, "m": 1 / 1440, "s": 1 / 86400}
    total, number = 0.0, ""
    for letter in text:
        if letter.isdigit():
            number += letter
        else:
            total, number = total + int(number) * units[letter], ""
    return total
