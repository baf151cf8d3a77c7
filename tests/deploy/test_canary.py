"""The canary and `helm test`, as Helm renders them and a pod runs them: what comes through, and which hop failed."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest
import requests

from popcon.catalog import CANARY, PREFIX
from popcon.insight.ask import scraped
from tests.conftest import Collector, interpreters
from tests.deploy.chart import CHART, named, render
from tests.deploy.jobs import container, pod_labels, ports
from tests.deploy.pod import Pod
from tests.e2e.servers import Running, exporter, free_port, free_ports

SCRIPT = CHART / "files" / "canary.py"
KINDS = ("statsd_exporter", "popcon")
#: As the chart runs them: a policy that holds counts back holds no canary.
POLICY = {"statsd_exporter": (), "popcon": ("--privacy=standard",)}
INGEST, METRICS = "popcon.monitoring", "popcon-metrics.monitoring"
NAMES = {INGEST: ("127.0.0.1",), METRICS: ("127.0.0.1",)}


class Ports(NamedTuple):
    """Where an exporter listens."""

    udp: int
    web: int


@pytest.fixture
def free() -> Ports:
    """Ports that nobody listens on."""
    return Ports(*free_ports())


def command(free: Ports, kind: str, name: str, *, tcp: bool = False) -> list[str]:
    """Return the command of the rendered container, whose Python is the running one."""
    values = {"canary": {"enabled": True}, **ports(*free, tcp=tcp)}
    made = container(named(render(values), kind, name))
    assert made["command"][0] == "python3"
    # The chart gives each protocol a number of its own; the exporter of these tests has one.
    port = values["statsd"]["tcpPort"]
    arguments = [one.replace(f"--tcp={INGEST}:{port}", f"--tcp={INGEST}:{free.udp}") for one in made["args"]]  # fmt: skip
    return [sys.executable, *made["command"][1:], *arguments]


def by_hand(free: Ports, *more: str, python: str = sys.executable) -> list[str]:
    """Return a command as the chart runs it, which gives up soon."""
    where = [f"--udp={INGEST}:{free.udp}", f"--metrics=http://{METRICS}:{free.web}/metrics"]
    return [python, "-I", "-c", SCRIPT.read_text(), *where, "--id=job", "--timeout=1", *more]


def shown(running: Running, id: str) -> float:
    """Return how many of a canary an exporter has counted."""
    return scraped(f"{running.url}/metrics", CANARY.name, {"id": id}) or 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("made", "name", "id"),
    [("CronJob", "popcon-canary", "job"), ("Pod", "popcon-test", "helm-test")],
    ids=["canary", "helm test"],
)
def test_it_comes_through(
    tmp_path: Path, free: Ports, kind: str, made: str, name: str, id: str
) -> None:
    """The rendered command sends one count by UDP and one by TCP, sees each, and says so."""
    with exporter(kind, ports=free, tcp=True, flags=POLICY[kind]) as running:
        done = Pod(tmp_path, NAMES).run(command(free, made, name, tcp=True))
        count = shown(running, id)

    line = CANARY.line(PREFIX, id)
    assert done.stdout.splitlines() == [
        f"'{line}' by {protocol} to '{INGEST}' port {free.udp}: came out at 127.0.0.1"
        for protocol in ("UDP", "TCP")
    ]
    assert (done.stderr, done.returncode, count) == ("", 0, 2)


@pytest.mark.parametrize(
    ("kind", "name", "gates"),
    [
        ("CronJob", "popcon-canary", [9125, 9102]),
        ("Pod", "popcon-test", [9125, 9102]),
        ("CronJob", "popcon-inventory-base", [9125]),
    ],
)
def test_the_exporter_lets_them_in(kind: str, name: str, gates: list[int]) -> None:
    """The exporter's NetworkPolicy lets each of the chart's own pods through to the ports that it needs."""
    images = [{"name": "base", "image": "example.org/base:1"}]
    values = {"canary": {"enabled": True}, "inventory": {"images": images}}
    objects = render(values)
    labels = pod_labels(named(objects, kind, name))
    policy = named(objects, "NetworkPolicy", "popcon")
    assert gates == [
        rule["ports"][0]["port"]
        for rule in policy["spec"]["ingress"]
        if any(
            "namespaceSelector" not in peer
            and peer["podSelector"]["matchLabels"].items() <= labels.items()
            for peer in rule["from"]
        )
    ]


def test_names_are_popcons() -> None:
    """The script, which can't import popcon, spells the canary as the catalogue does."""
    names: dict[str, object] = {"__name__": "canary"}
    exec(compile(SCRIPT.read_text(), str(SCRIPT), "exec"), names)

    assert str(names["LINE"]).format("x") == CANARY.line(PREFIX, "x") + "\n"
    assert str(names["SERIES"]).format("x") == CANARY.name + '{id="x"}'
    assert "$" not in SCRIPT.read_text(), "Kubernetes would look for a variable's name there"


@pytest.mark.parametrize("python", interpreters(few=True))
def test_each_python_runs_it(tmp_path: Path, free: Ports, python: str) -> None:
    """The oldest and the newest Python run it, with their standard library alone."""
    with exporter("statsd_exporter", ports=free, tcp=True):
        tcp = f"--tcp={INGEST}:{free.udp}"
        done = Pod(tmp_path, NAMES).run(by_hand(free, "--timeout=60", tcp, python=python))

    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("second", ["127.0.0.2", "::1"])
def test_several_exporters(tmp_path: Path, free: Ports, second: str) -> None:
    """A count that goes to one of several exporters is seen there, of either family, though one is gone."""
    host = f"[{second}]" if ":" in second else second
    try:
        socket.getaddrinfo(second, 0, flags=socket.AI_NUMERICHOST | socket.AI_ADDRCONFIG)
        socket.create_server(
            (second, 0), family=socket.AF_INET6 if ":" in second else socket.AF_INET
        ).close()
    except OSError:
        pytest.skip(f"no address {second} on this machine")
    everywhere = ("127.0.0.1", "127.0.0.3", second)
    with exporter("statsd_exporter", ports=free), exporter("popcon", ports=free, host=host):
        for target in ("127.0.0.1", second):
            pod = Pod(tmp_path, {INGEST: (target,), METRICS: everywhere})
            done = pod.run(by_hand(free, "--timeout=60"))
            assert (done.stderr, done.returncode) == ("", 0)
            assert done.stdout.endswith(f": came out at {target}\n")


@pytest.mark.parametrize("kind", KINDS)
def test_a_count_that_was_lost(
    tmp_path: Path, free: Ports, kind: str, collector: Collector
) -> None:
    """What counted before says nothing: the count has to rise by what was sent now."""
    with exporter(kind, ports=free) as running:
        pod = Pod(tmp_path, NAMES)
        assert pod.run(by_hand(free, "--timeout=60")).returncode == 0
        assert shown(running, "job") == 1
        done = pod.run(by_hand(Ports(collector.port, free.web)))

    assert done.returncode == 1
    assert "was sent 1 times, and 'python_popcon_canary_total{id=\"job\"}' at " in done.stderr


def test_a_datagram_that_is_lost(tmp_path: Path, free: Ports) -> None:
    """UDP may lose one: it is sent again, and the second is enough."""
    with exporter("statsd_exporter", ports=free) as running:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lossy:
            lossy.bind(("127.0.0.1", 0))
            lossy.settimeout(60)

            def lose_one() -> None:
                lossy.recv(1000)
                lossy.sendto(lossy.recv(1000), ("127.0.0.1", free.udp))

            loser = Thread(target=lose_one)
            loser.start()
            where = Ports(lossy.getsockname()[1], free.web)
            done = Pod(tmp_path, NAMES).run(by_hand(where, "--timeout=60"))
            loser.join()
        assert (done.stderr, done.returncode, shown(running, "job")) == ("", 0, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exporter_that_is_late(tmp_path: Path, free: Ports, kind: str) -> None:
    """An exporter that gets ready while the canary waits is found, as after `helm install`."""
    command = Pod(tmp_path, NAMES).wrapped(by_hand(free, "--timeout=60"))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as waiting:
        try:
            with exporter(kind, ports=free):
                said, complaint = waiting.communicate(timeout=90)
        finally:
            waiting.kill()
    assert (complaint, waiting.returncode) == ("", 0)
    assert said.endswith(": came out at 127.0.0.1\n")


@contextmanager
def _answering(port: int, status: int) -> Iterator[None]:
    """Run a web server that has one answer."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Page) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield
        server.shutdown()


def _said(tmp_path: Path, names: Mapping[str, Iterable[str]], command: list[str]) -> str:
    """Return the one line of a canary that failed."""
    done = Pod(tmp_path, names).run(command)
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("canary failed, 'python_popcon.canary.job:1|c' by UDP to '")
    return done.stderr


def test_the_metrics_have_no_name(tmp_path: Path, free: Ports) -> None:
    """A headless Service has no address before its exporter is ready: the line names Service and namespace."""
    said = _said(tmp_path, {INGEST: ("127.0.0.1",)}, by_hand(free))
    assert f"the name '{METRICS}' has no address (" in said
    assert said.endswith(
        "): is there such a Service in that namespace, with an exporter that is ready?\n"
    )


def test_nothing_shows_metrics(tmp_path: Path, free: Ports) -> None:
    """Where nobody listens on the metrics' port, or the page is an error, the line has the reason."""
    url = f"no metrics from 'http://{METRICS}:{free.web}/metrics' (127.0.0.1: "
    assert f"{url}Connection refused): what does" in _said(tmp_path, NAMES, by_hand(free))
    with _answering(free.web, 500):
        assert f"{url}HTTP status 500): what does" in _said(tmp_path, NAMES, by_hand(free))


def test_the_ingest_has_no_name(tmp_path: Path, free: Ports) -> None:
    """Where the Service of the counts has no name, the line says so, though metrics answer."""
    with exporter("statsd_exporter", ports=free):
        said = _said(tmp_path, {METRICS: ("127.0.0.1",)}, by_hand(free))
    assert f"the name '{INGEST}' has no address (" in said


def test_nobody_receives(tmp_path: Path, free: Ports) -> None:
    """A UDP port that is refused, as behind a Service with no exporter, is named."""
    with exporter("statsd_exporter", ports=free):
        other = Ports(free_port(socket.SOCK_DGRAM), free.web)
        said = _said(tmp_path, NAMES, by_hand(other))
    assert f": UDP port {other.udp} of '{INGEST}' (127.0.0.1): Connection refused: is an" in said


def test_tcp_is_refused(tmp_path: Path, free: Ports) -> None:
    """Where UDP comes through and TCP is refused, one line says the one and one the other."""
    with exporter("statsd_exporter", ports=free):
        tcp = f"--tcp={INGEST}:{free.udp}"
        done = Pod(tmp_path, NAMES).run(by_hand(free, tcp, "--timeout=5"))
    assert done.stdout.endswith(": came out at 127.0.0.1\n")
    assert f"TCP port {free.udp} of '{INGEST}' (127.0.0.1): Connection refused: " in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rules", "hint"),
    [
        ("", "it shows as 'python_popcon_canary_job': the rules lack popcon's for canaries"),
        (
            "mappings: [{match: python_popcon.canary.*, name: x, action: drop}]",
            "does a NetworkPolicy let this pod through, do rules of your own drop it, ",
        ),
    ],
    ids=["unmapped", "dropped"],
)
def test_rules_of_ones_own(tmp_path: Path, free: Ports, kind: str, rules: str, hint: str) -> None:
    """Rules that don't have the canary, and rules that drop it, are told apart."""
    mapping = tmp_path / "rules.yaml"
    mapping.write_text(rules)
    with exporter(kind, mapping, ports=free):
        said = _said(tmp_path, NAMES, by_hand(free, "--timeout=3"))
    assert f"does not rise: {hint}" in said


def test_nobody_looks(tmp_path: Path, free: Ports, collector: Collector) -> None:
    """Without an address of the metrics, as where they need a password, it sends, and claims no more."""
    where = f"--udp={INGEST}:{collector.port}"
    script = [sys.executable, "-I", "-c", SCRIPT.read_text(), where, "--id=job"]
    done = Pod(tmp_path, NAMES).run(script)

    assert done.stdout.endswith(": sent; nobody looked if it came out\n")
    assert collector.lines(5) == [CANARY.line(PREFIX, "job"), ""]


def test_a_proxy_is_not_asked(tmp_path: Path, free: Ports) -> None:
    """A proxy of the environment is for the world outside, not for the cluster."""
    with exporter("statsd_exporter", ports=free) as running:
        done = Pod(tmp_path, NAMES).run(
            by_hand(free, "--timeout=60"), http_proxy="http://127.0.0.1:9"
        )
        assert (done.returncode, shown(running, "job")) == (0, 1)
        assert requests.get(f"{running.url}/metrics", timeout=10).status_code == 200
