"""The whole pipe: real kernels, both exporters, a real Prometheus for each, the dashboard's own queries."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from popcon.catalog import LIBRARY_USED
from popcon.cli.doctor import findings
from popcon.demo.kernels import kernel
from tests.conftest import became, clean_environ, eventually
from tests.dashboards.answers import of_panel
from tests.dashboards.engines import prometheus
from tests.e2e.servers import Running, exporter, popcon_families
from tests.peers.found import program

KINDS = ("statsd_exporter", "popcon")
#: What three kernels do: a hub, its cells, and whether it is killed one second after the last.
KERNELS = (
    ("hub1", ("import jinja2", "1 + 1", "import yaml, jinja2.ext"), False),
    ("hub1", ("import zope.interface, jinja2",), True),
    ("hub2", ("import ruamel.yaml", "def f(): import jinja2", "f()", "2 +"), False),
)
USED = {
    "hub1": {"jinja2": 2, "markupsafe": 2, "pyyaml": 1, "zope-interface": 1},
    "hub2": {"jinja2": 1, "markupsafe": 1, "ruamel-yaml": 1},
}
REPORTED = {"hub1": 2, "hub2": 1}


class Pipe:
    """What ran: the two exporters, and the Prometheus that scrapes each, by kind."""

    def __init__(self, exporters: dict[str, Running], prometheus: dict[str, Running]) -> None:
        self.exporters = exporters
        self.prometheus = prometheus

    def ask(
        self, panel: str, kind: str, hub: str = "$__all", letter: str = "A"
    ) -> dict[str, float]:
        """Return what a dashboard's panel shows of one exporter: library → value."""
        return of_panel(self.prometheus[kind].url, "popcon-libraries", panel, hub, letter)


@pytest.fixture(scope="module")
def pipe(hub_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipe]:
    """Three real kernels have run in two hubs, each sending to both exporters at once."""
    folder = tmp_path_factory.mktemp("pipe")
    with ExitStack() as stack:
        exporters = {kind: stack.enter_context(exporter(kind)) for kind in KINDS}
        # Both hold the same counts, so each is looked at by itself.
        walls = {
            kind: stack.enter_context(prometheus(folder / kind, {"popcon": [running.url]}))
            for kind, running in exporters.items()
        }
        sinks = " ".join(running.sink for running in exporters.values())
        for hub, cells, killed in KERNELS:
            _run_kernel(hub_python, sinks, hub, cells, killed, folder)
        pipe = Pipe(exporters, walls)
        total = float(sum(REPORTED.values()))
        for kind in KINDS:
            _shows(pipe, {"": total}, "Processes that reported", kind)
        yield pipe


def _run_kernel(
    python: str, sinks: str, hub: str, cells: tuple[str, ...], killed: bool, folder: Path
) -> None:
    environ = clean_environ(
        POPCON_SINK=sinks, POPCON_LABELS=f"namespace={hub}", IPYTHONDIR=str(folder / "ipython")
    )
    del environ["PYTHONPATH"]
    with kernel(environ, python) as session:
        for cell in cells:
            session.run(cell, may_raise=True)
        if killed:
            time.sleep(1)
            session.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_the_dashboard_counts_exactly(pipe: Pipe, kind: str) -> None:
    """Each library is counted once a kernel, from its birth on, also in the kernel that was killed."""
    everywhere = {
        library: sum(used.get(library, 0) for used in USED.values())
        for library in {library for used in USED.values() for library in used}
    }

    for hub, expected in {**USED, "$__all": everywhere}.items():
        _shows(pipe, expected, "Most used", kind, hub)
    _shows(pipe, {"": len(everywhere)}, "Libraries used", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_dashboards_shares(pipe: Pipe, kind: str) -> None:
    """A share is of the kernels of the chosen hubs that reported."""
    for hub, reported in REPORTED.items():
        shares = {library: count / reported for library, count in USED[hub].items()}
        _shows(pipe, pytest.approx(shares), "Share of processes", kind, hub, "B")
        _shows(pipe, {"": reported}, "Processes that reported", kind, hub)
    _shows(pipe, {"": len(KERNELS)}, "Processes that reported", kind)


def _shows(pipe: Pipe, expected: object, *asked: str) -> None:
    """Compare, once more in a while: today and yesterday are there from their rules' next evaluation on."""
    assert became(lambda: pipe.ask(*asked), expected) == expected


def test_both_exporters_show_the_same(pipe: Pipe) -> None:
    """Popcon's families are the same bytes on both exporters' pages, help and type included."""
    real, ours = (popcon_families(running.url) for running in pipe.exporters.values())

    assert real == ours
    assert f'{LIBRARY_USED.name}{{library="zope-interface",namespace="hub1"}} 1\n' in ours


def test_promtool_accepts_the_exposition(pipe: Pipe) -> None:
    """Promtool complains of the two inherited names, and of nothing else that it lets pass there."""
    real, ours = (_complaints(running.url) for running in pipe.exporters.values())

    assert {"python_popcon_library_used", "python_popcon_reports"} == {
        name for name in ours if name.startswith("python_popcon")
    }
    assert ours <= real


def _complaints(url: str) -> set[str]:
    """Return the names that promtool has a complaint of."""
    page = requests.get(f"{url}/metrics", timeout=10).text
    command = [str(program("promtool")), "check", "metrics"]
    checked = subprocess.run(command, input=page, capture_output=True, text=True, check=False)
    return {line.split()[0] for line in checked.stderr.splitlines()}


@pytest.mark.parametrize("kind", KINDS)
def test_doctor_proves_the_pipe(pipe: Pipe, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor's canary is seen on the exporter's page and in Prometheus."""
    monkeypatch.setenv("POPCON_SINK", pipe.exporters[kind].sink)
    monkeypatch.setenv("POPCON_LABELS", "namespace=hub1")
    found = list(
        findings(f"{pipe.exporters[kind].url}/metrics", pipe.prometheus[kind].url, timeout=30)
    )

    assert sum("the canary arrived" in finding.text for finding in found) == 2
    assert [finding for finding in found if finding.state == "FAIL"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_strangers_lines_are_dropped(pipe: Pipe, kind: str) -> None:
    """Whatever else a kernel sends to the port is not shown, whatever its type says."""
    host, port = pipe.exporters[kind].sink.removeprefix("statsd://").split(":")
    lines = (
        "evil:1|c",
        "python_popcon.reports:7|g",
        "python_popcon.library_used.a.b:1|c",
        "go_goroutines:1|g",
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto("\n".join(lines).encode(), (host, int(port)))
        sender.sendto(b"python_popcon.canary.job:1|c", (host, int(port)))
    url = pipe.exporters[kind].url

    assert eventually(lambda: 'id="job"' in popcon_families(url))
    page = requests.get(f"{url}/metrics", timeout=10).text
    assert requests.get(f"{url}/metrics", timeout=10).status_code == 200
    assert "evil" not in page
    assert "library_used_a_b" not in page
    assert "python_popcon_reports 7" not in page
