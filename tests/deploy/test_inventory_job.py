"""The inventory's CronJob, as Helm renders it and a pod runs it: zeros and sizes at real exporters."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import packaging
import pytest
import requests
import statsd
from prometheus_client.parser import text_string_to_metric_families

from popcon.catalog import LIBRARY_INSTALLED, LIBRARY_USED, REPORTS
from tests.conftest import ROOT, Collector, clean_environ, eventually
from tests.deploy.chart import named, render
from tests.deploy.jobs import container, ports
from tests.deploy.pod import Pod
from tests.e2e.servers import Running, exporter, free_ports

KINDS = ("statsd_exporter", "popcon")
#: As the chart runs them: a policy that holds counts back holds no zeros.
POLICY = {"statsd_exporter": (), "popcon": ("--privacy=standard",)}
HOST = "popcon.monitoring"


def job(udp: int, **image: str) -> dict[str, Any]:
    """Return the container of the CronJob for an image with the running Python."""
    row = {"name": "base", "image": "example.org/base:1", "labels": "namespace=hub1"}
    row = {**row, "python": sys.executable, **image}
    objects = render({"inventory": {"images": [row]}, **ports(udp, 9102)})
    return container(named(objects, "CronJob", "popcon-inventory-base"))


def ran(folder: Path, made: dict[str, Any], **more: str) -> subprocess.CompletedProcess[str]:
    """Run a container's command with its environment."""
    environ = {each["name"]: each["value"] for each in made["env"]}
    return Pod(folder, {HOST: ("127.0.0.1",)}).run(made["command"], **environ, **more)


def series(running: Running) -> dict[str, dict[str, float]]:
    """Return the series of hub1, by metric and library."""
    found: dict[str, dict[str, float]] = {}
    page = requests.get(f"{running.url}/metrics", timeout=10).text
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if family.name.startswith("python_popcon"):
                assert sample.labels.pop("namespace") == "hub1"
                at = found.setdefault(family.name, {})
                at[sample.labels.get("library", "")] = sample.value
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_arrive_and_come_back(tmp_path: Path, kind: str) -> None:
    """Each library of the image is a 0 with a size under the hub's namespace, and after a restart the
    next run's.
    """
    udp, web = free_ports()
    made = job(udp)
    listed = clean_environ(POPCON_LABELS="namespace=hub1")
    dry = [sys.executable, "-m", "popcon", "inventory", "--send", "--dry-run"]
    lines = subprocess.run(dry, env=listed, capture_output=True, text=True, check=True).stdout
    said = [line.rpartition(":") for line in lines.splitlines()[1:]]
    names = {name.rpartition(".")[2] for name, _, value in said if value == "0|c"}
    sizes = {
        name.split(".")[-2]: float(value.removesuffix("|g"))
        for name, _, value in said
        if value != "0|c"
    }
    assert {"pyyaml", "requests"} <= names & sizes.keys()
    assert sizes["popcon"] > 0

    for _ in range(2):
        with exporter(kind, ports=(udp, web), flags=POLICY[kind]) as running:
            assert series(running) == {}
            done = ran(tmp_path, made, PYTHONPATH=str(ROOT))
            assert (done.stderr, done.returncode) == ("", 0)
            assert eventually(
                lambda: len(series(running).get(LIBRARY_INSTALLED.name, ())) == len(sizes)
            )
            assert series(running) == {
                LIBRARY_INSTALLED.name: sizes,
                LIBRARY_USED.name: dict.fromkeys(names, 0),
                REPORTS.name: {"": 0},
            }
    assert done.stdout.startswith(
        f"sent {len(names)} libraries with a count of 0, and {len(sizes)} sizes, to {HOST} port {udp}, "
        "UDP, as python_popcon.namespace.hub1.…: "
    )
    assert done.stdout.count("\n") == 1


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing in it."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    return folder


def _said(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line of a run that failed."""
    assert done.returncode != 0
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    return done.stderr


def test_what_an_image_lacks(tmp_path: Path, bare: Path) -> None:
    """Without popcon, and without the one package that this command needs, a line says so."""
    made = job(9125, python=str(bare / "bin" / "python"))
    assert _said(ran(tmp_path, made)).endswith(": No module named popcon\n")
    assert _said(ran(tmp_path, made, PYTHONPATH=str(ROOT))) == (
        "popcon: error: this command needs the package 'packaging': pip install 'popcon[cli]'\n"
    )


def test_what_an_image_needs(tmp_path: Path, bare: Path, collector: Collector) -> None:
    """Popcon, what it brings, and `packaging`, which every image with ipykernel has, are enough."""
    site = tmp_path / "site"
    site.mkdir()
    for package in (packaging, statsd):
        (site / package.__name__).symlink_to(Path(str(package.__file__)).parent)
    made = job(collector.port, python=str(bare / "bin" / "python"))
    done = ran(tmp_path, made, PYTHONPATH=f"{ROOT}:{site}")
    assert (done.stderr, done.returncode) == ("", 0)
    assert "python_popcon.namespace.hub1.reports:0|c" in collector.lines(5)


def test_the_exporter_has_no_address(tmp_path: Path) -> None:
    """Where the Service has no name, the job fails, and the line names it."""
    made = job(9125)
    environ = {each["name"]: each["value"] for each in made["env"]}
    done = Pod(tmp_path, {}).run(made["command"], **environ, PYTHONPATH=str(ROOT))
    assert f"the host '{HOST}' does not resolve" in _said(done)


def test_labels_of_an_image(tmp_path: Path) -> None:
    """Labels are the image's own; without any there are none, whatever the image's environment has."""
    for labels in ("namespace=hub1", ""):
        made = job(9125, labels=labels)
        assert {"name": "POPCON_LABELS", "value": labels} in made["env"]
