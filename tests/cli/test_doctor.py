"""doctor: each step that can fail says what to do; each that can't be seen says so."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from popcon.cli.doctor import Finding, findings, namesakes
from popcon.exporter.listen.address import Address
from popcon.exporter.mapping.mapping import load
from popcon.exporter.options import Options
from popcon.exporter.server import Exporter
from popcon.render.mapping import mapping_text
from tests.activate.conftest import Venv
from tests.conftest import ROOT, Collector, clean_environ

LOOPBACK = Options(listen_udp=Address("127.0.0.1", 0), listen_web=Address("127.0.0.1", 0))


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that this machine says about popcon counts, nor a popcon that is installed from elsewhere."""
    for name in set(os.environ) - set(clean_environ()):
        monkeypatch.delenv(name)
    others = [
        folder for folder in map(Path, sys.path) if (folder / "popcon").is_dir() and folder != ROOT
    ]
    monkeypatch.setattr(sys, "path", [one for one in sys.path if Path(one) not in others])


def failures(found: list[Finding]) -> list[Finding]:
    """Return the findings that failed; each has advice."""
    failed = [finding for finding in found if finding.state == "FAIL"]
    assert all(finding.advice for finding in failed)
    return failed


def test_the_canary_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """With popcon's rules the canary is seen on the exporter's page, under this hub's label."""
    monkeypatch.setenv("POPCON_LABELS", "namespace=hub1")
    with Exporter(lambda: load(mapping_text()), LOOPBACK) as exporter:
        monkeypatch.setenv("POPCON_SINK", f"statsd://127.0.0.1:{exporter.udp_port}")
        found = list(findings(f"http://127.0.0.1:{exporter.web_port}/metrics", None, timeout=20))

    assert failures(found) == []
    assert 'shows python_popcon_canary_total{namespace="hub1",id="doctor"}' in found[-1].text
    assert any("(from POPCON_SINK)" in finding.text for finding in found)
    assert any("(from default, POPCON_LABELS)" in finding.text for finding in found)


def test_the_canary_does_not_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter without popcon's rules, or another one, does not show the canary, and that fails."""
    with Exporter(lambda: load(""), LOOPBACK) as exporter:
        monkeypatch.setenv("POPCON_SINK", f"statsd://127.0.0.1:{exporter.udp_port}")
        found = list(findings(f"http://127.0.0.1:{exporter.web_port}/metrics", None, timeout=1))

    assert [f.text.partition(":")[0] for f in failures(found)] == [
        "the canary did not arrive in 1 s"
    ]
    assert "mappings/popcon.yaml" in failures(found)[0].advice


def test_each_sink_is_proved(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    """Of two sinks one that leads nowhere is found, though the other one's canary arrives."""
    with Exporter(lambda: load(mapping_text()), LOOPBACK) as exporter:
        sink = f"statsd://127.0.0.1:{exporter.udp_port}"
        monkeypatch.setenv("POPCON_SINK", f"{sink} {collector.url}")
        found = list(findings(f"http://127.0.0.1:{exporter.web_port}/metrics", None, timeout=2))

    assert len([finding for finding in found if "the canary arrived" in finding.text]) == 1
    assert len(failures(found)) == 1


def test_localhost_is_what_kernels_take_it_for(
    monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    """The canary goes to the address that reports go to."""
    monkeypatch.setenv("POPCON_SINK", f"statsd://localhost:{collector.port}")

    assert failures(list(findings(None, None, 1))) == []
    assert collector.lines(wait=5)[0].startswith("python_popcon.canary.doctor:")


def test_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    """A name that popcon doesn't read is told, with the one that is meant; what Kubernetes sets is not."""
    monkeypatch.setenv("POPCON_SINK", collector.url)
    for name in ("POPCON_DENNY", "POPCON_COLOUR"):
        monkeypatch.setenv(name, "numpy")
    for name in ("SERVICE_HOST", "PORT", "PORT_9125_UDP_ADDR", "SERVICE_PORT_STATSD"):
        monkeypatch.setenv(f"POPCON_{name}", "10.96.0.10")
        monkeypatch.setenv(f"POPCON_METRICS_{name}", "10.96.0.11")  # the chart's other Service

    assert [
        (found.text, found.advice) for found in findings(None, None, 1) if "variable" in found.text
    ] == [
        (
            "the variable POPCON_COLOUR says nothing to popcon",
            "docs/reference.md lists those that do",
        ),
        ("the variable POPCON_DENNY says nothing to popcon", "is POPCON_DENY meant?"),
    ]


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    """A port that nobody listens on is found, where the other side says so."""
    collector.close()
    monkeypatch.setenv("POPCON_SINK", collector.url)

    assert ["nobody listens" in f.text for f in failures(list(findings(None, None, 1)))] == [True]


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"POPCON_SINK": "statsd://a..b:1"}, "'a..b' does not resolve"),
        ({"POPCON_SINK": "statsd://h:http"}, "not a port: 'http'"),
        (
            {"POPCON_SINK": "statsd://no-such-host.invalid:1"},
            "'no-such-host.invalid' does not resolve",
        ),
    ],
)
def test_settings_that_fail(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], text: str
) -> None:
    """A port that is none and a host that does not resolve fail with the value in quotes."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert [text in finding.text for finding in failures(list(findings(None, None, 1)))] == [True]


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"DO_NOT_TRACK": "1"}, "DO_NOT_TRACK is set"),
        (
            {"PYTHON_POPCONTEST_STATSD_PREFIX": "mine"},
            "'mine' is not matched by the shipped mapping",
        ),
        ({"POPCON_LABELS": "course=x"}, "no rules for the site labels 'course'"),
        ({}, "whether it arrived can't be seen from here"),
    ],
)
def test_notes(
    monkeypatch: pytest.MonkeyPatch, collector: Collector, environ: dict[str, str], text: str
) -> None:
    """What is allowed but worth knowing is a note, not a failure."""
    monkeypatch.setenv("POPCON_SINK", collector.url)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    found = list(findings(None, None, 1))

    assert failures(found) == []
    assert any(text in finding.text for finding in found if finding.state == "note")


class Answers(BaseHTTPRequestHandler):
    """A server that is not what the URL says."""

    def do_GET(self) -> None:
        status = int(self.path.split("/")[1])
        body = {200: b"<html>hello", 201: json.dumps({"status": "success"}).encode()}.get(
            status, b""
        )
        self.send_response(200 if status == 201 else status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def other_server() -> Iterator[str]:
    """The root of that server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("metrics", "prometheus", "text"),
    [
        ("{}/401/metrics", None, "401 Unauthorized"),
        ("{}/200/metrics", None, "is not a metrics page"),
        (None, "{}/404", "404 Not Found"),
        (None, "{}/200", "does not answer as Prometheus does"),
        (None, "{}/201", "does not answer as Prometheus does"),
        ("http://127.0.0.1:1/metrics", None, "Connection refused"),
        ("http://no-such-host.invalid/", None, "no-such-host.invalid"),
        ("no-url", None, "not a URL: 'no-url'"),
        ("http://a..b/", None, "not a URL: 'http://a..b/'"),
    ],
)
def test_urls_that_fail(
    other_server: str, metrics: str | None, prometheus: str | None, text: str
) -> None:
    """A URL that is wrong, refuses or is something else fails before anything is sent."""
    metrics_url = metrics and metrics.format(other_server)
    prometheus_url = prometheus and prometheus.format(other_server)
    found = list(findings(metrics_url, prometheus_url, timeout=1))

    assert [text in finding.text for finding in failures(found)] == [True], found
    assert not any("sent to" in finding.text for finding in found)
    assert not any("\n" in finding.text for finding in found)


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (["popcon.py"], "another module is called popcon: "),
        (["popcon/__init__.py"], "another module is called popcon: "),
        (["python_popcon-3.0.3.dist-info/RECORD"], "the package 'python-popcon' in "),
    ],
)
def test_namesakes(tmp_path: Path, files: list[str], text: str) -> None:
    """Another package or file that owns the import name is found wherever Python looks."""
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("popcon.py,sha256=x,1\n")
    found = list(namesakes([str(tmp_path)]))

    assert [finding.text.startswith(text) for finding in failures(found)] == [True]
    assert failures(list(namesakes(["/no/such/folder"]))) == []


@pytest.mark.parametrize("flag", ["--metrics-url", "--prometheus-url"])
def test_without_the_extra(tmp_path: Path, flag: str) -> None:
    """What a URL needs and isn't installed is said before the first line."""
    done = Venv(sys.executable, tmp_path / "venv").popcon("doctor", flag, "http://127.0.0.1:1/")

    assert (done.returncode, done.stdout) == (5, "")
    assert "pip install 'popcon[cli]'" in done.stderr


def test_a_canary_over_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over TCP the canary has a connection, and where nobody listens that fails."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("POPCON_SINK", f"statsd+tcp://127.0.0.1:{port}")
        found = list(findings(None, None, timeout=0))
        connection, _ = server.accept()
        with connection, connection.makefile() as stream:
            said = stream.read()
    assert failures(found) == []
    assert said.startswith("python_popcon.canary.doctor:")

    (refused,) = failures(list(findings(None, None, timeout=0)))
    assert f"no connection to 127.0.0.1 port {port}, TCP" in refused.text


def test_sinks_that_take_no_canary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a file the folder is looked at; a print has nothing to be proved."""
    local = f"print: file:{tmp_path} json:{tmp_path}/new/ pickle:{tmp_path}/a"
    monkeypatch.setenv("POPCON_SINK", f"{local} jsonl:{tmp_path}/no/such")
    found = list(findings(None, None, timeout=0))

    (failed,) = failures(found)
    assert failed.text.startswith(f"'{tmp_path}/no' is no folder that one can write to")
    assert [f.state for f in found if f.text.startswith("no canary goes to ")] == ["ok"] * 4
    assert list(tmp_path.iterdir()) == []
    assert "can't be seen from here" not in found[-1].text
