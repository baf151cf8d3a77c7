"""Sinks in a real kernel: what stands under a cell, what the files tell meanwhile, what arrives."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.demo.kernels import KernelSession, kernel, reporting_profile
from popcon.insight.ask import scraped
from tests.conftest import ROOT, clean_environ, eventually
from tests.e2e.servers import MAPPING, free_port
from tests.peers.found import program

CELLS = ("import yaml", "1 + 1", "import statsd", "raise SystemExit")


class Tcp(NamedTuple):
    """A statsd_exporter that listens on TCP: its page, and the sink."""

    page: str
    sink: str


@pytest.fixture
def wall() -> Iterator[Tcp]:
    """The real exporter with the shipped mapping, on TCP."""
    tcp, web = free_port(), free_port()
    process = subprocess.Popen(
        [
            str(program("statsd_exporter")),
            f"--statsd.mapping-config={MAPPING}",
            "--statsd.listen-udp=",
            f"--statsd.listen-tcp=127.0.0.1:{tcp}",
            f"--web.listen-address=127.0.0.1:{web}",
        ],
        stderr=subprocess.DEVNULL,
        env=clean_environ(),
    )
    page = f"http://127.0.0.1:{web}/metrics"

    def ready() -> bool:
        try:
            return requests.get(page, timeout=1).ok
        except requests.RequestException:
            return False

    try:
        assert eventually(ready)
        yield Tcp(page, f"statsd+tcp://127.0.0.1:{tcp}")
    finally:
        process.terminate()
        process.wait(timeout=20)


def shown(session: KernelSession, code: str) -> list[str]:
    """Run a cell and return popcon's lines under it."""
    texts: list[str] = []

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    session.client.execute_interactive(code, timeout=60, output_hook=keep)
    return [line for line in "".join(texts).splitlines() if line.startswith("popcon: ")]


def test_a_kernel(tmp_path: Path, wall: Tcp) -> None:
    """After each cell that brought something, it is shown, told by the files, and delivered."""
    sink = f"print: jsonl:{tmp_path}/new/ file:{tmp_path}/text {wall.sink}"
    with (
        reporting_profile(sink, "namespace=hub1") as environ,
        kernel({**environ, "PYTHONPATH": str(ROOT)}) as session,
    ):
        said = [shown(session, cell) for cell in CELLS]
        delivered = eventually(
            lambda: scraped(wall.page, LIBRARY_USED.name, {"library": "statsd"}) == 1.0
        )
        session.kill()
    (file,) = (tmp_path / "new").iterdir()
    head, *increments = map(json.loads, file.read_text().splitlines())
    labels = {"namespace": "hub1"}

    assert said == [
        ["popcon: library_used.pyyaml", "popcon: reports"],
        [],
        ["popcon: library_used.statsd"],
        [],
    ]
    assert head["prefix"] == "python_popcon.namespace.hub1"
    assert increments == [
        {"first": True, "libraries": ["pyyaml"]},
        {"libraries": ["statsd"]},
    ]
    assert (tmp_path / "text").read_text().splitlines()[1:] == [
        f"{head['prefix']}.{line.removeprefix('popcon: ')}:1|c" for lines in said for line in lines
    ]
    assert delivered
    assert scraped(wall.page, REPORTS.name, labels) == 1.0
    for library in ("pyyaml", "statsd"):
        assert scraped(wall.page, LIBRARY_USED.name, {**labels, "library": library}) == 1.0
