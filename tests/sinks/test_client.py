"""A statsd client that the caller hands in."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
import statsd

from popcon.config import read
from popcon.report import Report
from popcon.sinks.client import ClientSink
from tests.conftest import Collector, run_python

REPORT = Report(("a", "b"), True, (("a", "1!2.0"),))
NAMES = ["library_used.a", "library_used.b", "library_version.a.1!2.0", "reports"]


@pytest.mark.parametrize(
    ("theirs", "ours"), [(None, "p"), ("hub1", "p"), ("x.y", "python_popcon.namespace.a")]
)
def test_udp_and_both_prefixes(collector: Collector, theirs: str | None, ours: str) -> None:
    """The client's own prefix, if it has one, stands before popcon's."""
    client = statsd.StatsClient("127.0.0.1", collector.port, theirs)
    ClientSink(client, ours).send(REPORT, final=False)
    client.close()
    start = f"{theirs}.{ours}" if theirs else ours

    assert collector.lines(wait=5) == [f"{start}.{name}:1|c" for name in NAMES]


@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_streams(tmp_path: Path, family: str) -> None:
    """The package's clients for TCP and for a socket in the file system work as well."""
    path = str(tmp_path / "socket")
    if family == "tcp":
        server = socket.create_server(("127.0.0.1", 0))
        client = statsd.TCPStatsClient("127.0.0.1", server.getsockname()[1])
    else:
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        client = statsd.UnixSocketStatsClient(path)
    with server:
        sink = ClientSink(client, "p")
        sink.send(REPORT, final=False)
        sink.send(Report(("c",), False), final=True)
        sink.end(1)
        connection, _ = server.accept()
        client.close()
        with connection, connection.makefile() as stream:
            said = stream.read().splitlines()

    assert said == [f"p.{name}:1|c" for name in (*NAMES, "library_used.c")]


def test_a_client_takes_the_place_of_the_environments_sinks() -> None:
    """With a client `POPCON_SINK` is not read, and `sink` is served beside it."""
    client = object()
    environ = {"POPCON_SINK": "statsd://a"}

    assert read(environ, client=client).sinks == ()
    assert read(environ, client=client, sink="statsd://b").sinks == ("statsd://b",)
    assert read(environ, client=client).client is client


def test_in_a_script(collector: Collector) -> None:
    """setup_reporter takes a client, and a sink beside it; each gets every report."""
    done = run_python(
        sys.executable,
        "import popcon, statsd\n"
        f"client = statsd.StatsClient('127.0.0.1', {collector.port}, 'hub1')\n"
        "popcon.setup_reporter(client=client, sink='print:')\n"
        "import yaml",
        POPCON_SINK="statsd://127.0.0.1:9",
    )

    assert collector.lines(wait=5) == [
        "hub1.python_popcon.library_used.pyyaml:1|c",
        "hub1.python_popcon.reports:1|c",
    ]
    assert done.stdout == "popcon: library_used.pyyaml\npopcon: reports\n"


@pytest.mark.parametrize(
    "client", ["object()", "statsd.TCPStatsClient('127.0.0.1', 1)", "type('C', (), {})"]
)
def test_one_that_fails_costs_only_itself(collector: Collector, client: str) -> None:
    """What a client raises ends at the reporter, and the sink beside it is served."""
    done = run_python(
        sys.executable,
        "import popcon, statsd, sys\n"
        f"popcon.setup_reporter(client={client}, sink={collector.url!r})\n"
        "sys.exit(7)",
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 7)
    assert collector.lines(wait=5) == ["python_popcon.reports:1|c"]


@pytest.mark.parametrize("variable", ["DO_NOT_TRACK", "POPCON_DISABLED"])
def test_an_opt_out_silences_it(collector: Collector, variable: str) -> None:
    """A client sends over the network, so an opt-out goes before it, also beside a local sink."""
    code = (
        "import popcon, statsd\n"
        f"client = statsd.StatsClient('127.0.0.1', {collector.port})\n"
        "popcon.setup_reporter(client=client, sink=%r)"
    )
    for sink in (None, collector.url, f"file:{os.devnull}"):
        run_python(sys.executable, code % sink, **{variable: "1"})

    assert collector.lines(wait=0.3) == []
