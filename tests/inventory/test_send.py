"""`popcon inventory --send`: zeros and sizes at real exporters, and nothing else changes."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from popcon.catalog import LIBRARY_INSTALLED, LIBRARY_USED, REPORTS, Metric
from popcon.insight.ask import by_label, scraped
from popcon.outgoing import parse_destination, send_datagrams
from popcon.render.mapping import mapping_text
from popcon.sinks.statsd import MAX_DATAGRAM
from tests.conftest import Collector, eventually
from tests.e2e.servers import Running, exporter, popcon_families
from tests.libraries.cases import Site
from tests.load.conftest import popcon
from tests.peers.found import program


@pytest.fixture(params=["statsd_exporter", "popcon"])
def either(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Either exporter, with our rules."""
    with exporter(request.param) as running:
        yield running


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An image with two libraries, and one that is somebody's own."""
    site = Site(tmp_path).add("numpy-1.0", "numpy.py").add("PyYAML-6.0", "yaml/__init__.py")
    url = json.dumps({"url": "file:///x", "dir_info": {}})
    site.add("own_code-1.0", "own_code.py", direct_url__json=url)
    return tmp_path / "image"


def test_zeros_change_nothing(either: Running, small: Path) -> None:
    """Each library is a series at 0, sent however often; a count that is there stays."""
    page = f"{either.url}/metrics"
    host, port = either.sink.removeprefix("statsd://").split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
        kernel.sendto(b"python_popcon.namespace.hub1.library_used.numpy:1|c", (host, int(port)))
    for _ in range(3):
        environ = {"POPCON_SINK": either.sink, "POPCON_LABELS": "namespace=hub1"}
        sent = popcon("inventory", "--prefix", small, "--send", **environ)
        assert (sent.returncode, sent.stderr) == (0, "")
        assert sent.stdout.startswith(
            "sent 3 libraries with a count of 0, and 2 sizes, to 127.0.0.1 port "
        )
        assert eventually(lambda: len(by_label(page, LIBRARY_INSTALLED.name, "library")) == 2)

    found = by_label(page, LIBRARY_USED.name, "library")
    assert found == {"numpy": 1.0, "pyyaml": 0.0, "_other": 0.0}
    assert scraped(page, REPORTS.name, {"namespace": "hub1"}) == 0.0


def shows(running: Running, metric: Metric, expected: dict[str, float]) -> bool:
    """Return whether an exporter comes to show these values by library."""
    page = f"{running.url}/metrics"
    return bool(eventually(lambda: by_label(page, metric.name, "library") == expected))


@pytest.mark.parametrize("scheme", ["statsd", "statsd+tcp"])
def test_sizes_are_the_same_on_both_exporters(small: Path, scheme: str) -> None:
    """Sizes are what `--json` says, the latest where it was sent again, and promtool blames nothing."""
    (numpy,) = small.glob("lib/python*/site-packages/numpy.py")
    with exporter("statsd_exporter", tcp=True) as real, exporter("popcon", tcp=True) as ours:
        for file_size in (5, 123_456_789):
            numpy.write_bytes(b"#" * file_size)
            listed = json.loads(popcon("inventory", "--prefix", small, "--json").stdout)
            rows = [row for row in listed["libraries"] if row["counted_as"] != "_other"]
            sizes = {row["library"]: row["bytes"] for row in rows}
            assert sizes["numpy"] > file_size
            for running in (real, ours):
                to = running.sink.replace("statsd", scheme, 1)
                popcon("inventory", "--prefix", small, "--send", "--to", to)
                assert shows(running, LIBRARY_INSTALLED, sizes)
        pages = [popcon_families(running.url) for running in (real, ours)]
    command = [str(program("promtool")), "check", "metrics"]
    checked = subprocess.run(command, input=pages[1], capture_output=True, text=True, check=False)

    assert pages[0] == pages[1]
    assert f"# TYPE {LIBRARY_INSTALLED.name} gauge\n" in pages[0]
    assert 'library_installed_bytes{library="numpy",part="library"} 1.23456' in pages[0]
    assert LIBRARY_INSTALLED.name not in checked.stderr


@pytest.mark.parametrize("kind", ["statsd_exporter", "popcon"])
def test_an_older_mapping_drops_sizes(small: Path, tmp_path: Path, kind: str) -> None:
    """Rules that know of no sizes drop them, and take the zeros."""
    rules = tmp_path / "older.yaml"
    parts = mapping_text().split("- match: ")
    rules.write_text("- match: ".join(one for one in parts if LIBRARY_INSTALLED.name not in one))
    with exporter(kind, rules, tcp=True) as running:
        to = running.sink.replace("statsd", "statsd+tcp", 1)
        popcon("inventory", "--prefix", small, "--send", "--to", to)
        assert shows(running, LIBRARY_USED, {"numpy": 0, "pyyaml": 0, "_other": 0})
        dropped = 'statsd_exporter_events_actions_total{action="drop"} 2\n'
        page = f"{running.url}/metrics"
        assert eventually(lambda: dropped in requests.get(page, timeout=10).text)
        assert LIBRARY_INSTALLED.name not in requests.get(page, timeout=10).text


@pytest.mark.parametrize("scheme", ["statsd", "statsd+tcp"])
def test_two_thousand_libraries(tmp_path: Path, scheme: str) -> None:
    """A large image's inventory arrives whole at statsd_exporter with its default buffers."""
    site = Site(tmp_path)
    for number in range(2000):
        name = f"a-library-of-a-large-image-{number}"
        info = site.folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "RECORD").write_text(f"m{number}.py,,\n")
    with exporter("statsd_exporter", tcp=True) as running:
        to = running.sink.replace("statsd", scheme, 1)
        sent = popcon("inventory", "--prefix", tmp_path / "image", "--send", "--to", to)
        assert sent.stdout.startswith("sent 2000 libraries"), sent.stderr
        page = f"{running.url}/metrics"
        assert eventually(lambda: len(by_label(page, LIBRARY_USED.name, "library")) == 2000)
        assert set(by_label(page, LIBRARY_USED.name, "library").values()) == {0.0}
        assert eventually(lambda: len(by_label(page, LIBRARY_INSTALLED.name, "library")) == 2000)


def test_datagrams(collector: Collector) -> None:
    """The package's bytes, in datagrams that fit a packet, with a pause between two of them."""
    zeros = {f"python_popcon.library_used.library-{number}": 0 for number in range(100)}
    gauges = {f"python_popcon.library_installed.a-{number}.tool": number for number in range(30)}
    pauses: list[float] = []
    number = send_datagrams(parse_destination(collector.url), 20, zeros, gauges, pauses.append)
    arrived = collector.datagrams(1.0)

    assert b"\n".join(arrived).decode().split("\n") == [
        *(f"{name}:0|c" for name in zeros),
        *(f"{name}:{value}|g" for name, value in gauges.items()),
    ]
    assert number == len(arrived) == 4
    assert pauses == [0.05] * 3
    assert max(map(len, arrived)) <= MAX_DATAGRAM < len(arrived[0]) + 50


def test_a_buffer_that_nobody_reads(collector: Collector) -> None:
    """What a receiver of default size gets in half a second it can read later: nothing is lost."""
    zeros = {f"python_popcon.library_used.a-library-of-a-name-{n}": 0 for n in range(50 * 28)}
    where = parse_destination(collector.url)
    number = send_datagrams(where, 100, zeros, pause=lambda seconds: None)

    assert number >= 50
    assert len(collector.arrived()) == number
