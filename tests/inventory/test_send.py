"""`popcon inventory --send`: zeros at real exporters, and nothing else changes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.insight.ask import by_label, scraped
from popcon.outgoing import parse_destination, send_datagrams
from popcon.sinks.statsd import MAX_DATAGRAM
from tests.conftest import Collector, eventually
from tests.e2e.servers import Running, exporter
from tests.libraries.cases import Site
from tests.load.conftest import popcon


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
        assert sent.stdout.startswith("sent 3 libraries with a count of 0 to 127.0.0.1 port ")
        assert eventually(lambda: len(by_label(page, LIBRARY_USED.name, "library")) == 3)

    found = by_label(page, LIBRARY_USED.name, "library")
    assert found == {"numpy": 1.0, "pyyaml": 0.0, "_other": 0.0}
    assert scraped(page, REPORTS.name, {"namespace": "hub1"}) == 0.0


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


def test_datagrams(collector: Collector) -> None:
    """The package's bytes, in datagrams that fit a packet, with a pause between two of them."""
    names = [f"python_popcon.library_used.library-{number}" for number in range(100)]
    pauses: list[float] = []
    number = send_datagrams(parse_destination(collector.url), names, 20, pauses.append)
    arrived = collector.datagrams(1.0)

    assert b"\n".join(arrived).decode().split("\n") == [f"{name}:0|c" for name in names]
    assert number == len(arrived) == 3
    assert pauses == [0.05] * 2
    assert max(map(len, arrived)) <= MAX_DATAGRAM < len(arrived[0]) + 50


def test_a_buffer_that_nobody_reads(collector: Collector) -> None:
    """What a receiver of default size gets in half a second it can read later: nothing is lost."""
    names = [f"python_popcon.library_used.a-library-of-a-name-{n}" for n in range(50 * 28)]
    number = send_datagrams(parse_destination(collector.url), names, 100, lambda seconds: None)

    assert number >= 50
    assert len(collector.arrived()) == number
