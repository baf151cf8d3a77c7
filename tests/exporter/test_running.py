"""The exporter as a process: what it takes, what it keeps, and what ends it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from popcon import __version__
from tests.conftest import clean_environ, eventually
from tests.e2e.servers import exporter, free_port
from tests.exporter.running import Process, running
from tests.peers.found import program

OLD = "mappings:\n- {match: a.*, name: old, labels: {key: $1}}\n"
NEW = "mappings:\n- {match: a.*, name: new, labels: {key: $1}}\n"
USED = 'python_popcon_library_used{library="numpy",namespace="hub1"}'
FIRST = (
    b"python_popcon.namespace.hub1.library_used.numpy:1|c\npython_popcon.namespace.hub1.reports:1|c"
)
#: A second of saving, and one more for a busy machine.
SAVED = 2.0


def test_every_door() -> None:
    """UDP, TCP and a Unix socket end in the same counters."""
    path = f"/tmp/popcon-{os.getpid()}.sock"
    with running("--privacy=off", f"--statsd.listen-unixgram={path}") as process:
        process.send(b"python_popcon.reports:1|c")
        with socket.create_connection(("127.0.0.1", process.tcp)) as stream:
            stream.sendall(b"python_popcon.reports:1|c\r\npython_popcon.repo")
            stream.sendall(b"rts:1|c")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"python_popcon.reports:1|c", path)
        assert process.shows("python_popcon_reports", 4)
        page = process.page()
        assert page["statsd_exporter_udp_packets_total"] == 1
        assert page["statsd_exporter_unixgram_packets_total"] == 1
        assert page["statsd_exporter_tcp_connections_total"] == 1
        process.end()
    assert not Path(path).exists()


def test_what_is_relayed_counts_there_too() -> None:
    """A real statsd_exporter behind the relay counts the same lines; canaries stay here."""
    with exporter("statsd_exporter") as behind:
        target = behind.sink.removeprefix("statsd://")
        with running(
            "--privacy=off", f"--statsd.relay.address={target}", "--canary-interval=1s"
        ) as process:
            process.send(*[b"python_popcon.reports:1|c\npython_popcon.canary.doctor:1|c"] * 50)
            assert process.shows("python_popcon_reports", 50)
            assert eventually(
                lambda: "\npython_popcon_reports 50\n" in requests.get(f"{behind.url}/metrics").text
            )
            assert eventually(lambda: process.page()['python_popcon_canary_total{id="exporter"}'])
            sent = process.page()["popcon_exporter_canaries_sent_total"]
            assert process.page()['python_popcon_canary_total{id="exporter"}'] >= sent
            assert process.page()[f'statsd_exporter_relay_lines_relayed_total{{target="{target}"}}']
        text = requests.get(f"{behind.url}/metrics").text
        assert 'python_popcon_canary_total{id="doctor"} 50' in text
        assert 'id="exporter"' not in text


def test_a_relay_to_itself_is_refused() -> None:
    """Lines that come back would go round for ever."""
    port = free_port(socket.SOCK_DGRAM)
    made = Process(f"--statsd.listen-udp=:{port}", f"--statsd.relay.address=127.0.0.1:{port}")
    status, said = made.end(signal.SIGCONT)
    assert (status, "--statsd.relay.address" in said) == (2, True)


def test_counts_survive_kill_9(tmp_path: Path) -> None:
    """What came a second before the end is there again, with what the policy held and how long."""
    state = f"--persistence.file={tmp_path / 'state'}"
    policy = ("--privacy.min-processes=3", "--privacy.interval=0s")
    rules = tmp_path / "rules.yaml"
    rules.write_text("defaults: {observer_type: histogram}\n")
    mapped = f"--statsd.mapping-config={rules}"
    with running(state, mapped, *policy) as process:
        process.send(*[b"jobs:2|c\nlasted:0.3|h"] * 10, FIRST, FIRST)
        assert process.shows("jobs", 20)
        time.sleep(SAVED)
        before = process.held()
        since = process.page()["popcon_exporter_counting_since_timestamp_seconds"]
        process.end(signal.SIGKILL)
    with running(state, mapped, *policy) as process:
        page = process.page()
        assert (page["jobs"], page["lasted_count"]) == (20, 10)
        assert page['lasted_bucket{le="0.5"}'] == 10
        assert page['lasted_bucket{le="0.25"}'] == 0
        assert not [sample for sample in page if "hub1" in sample]
        assert page["popcon_exporter_counting_since_timestamp_seconds"] == since
        assert process.held() == before
        assert before[0]["processes"] == 2
        process.send(FIRST, b"jobs:1|c")
        assert process.shows("python_popcon_namespace_hub1_library_used_numpy", 3)
        assert process.shows("jobs", 21)
        assert process.held() == []


def test_a_size_waits_for_the_next_inventory(tmp_path: Path) -> None:
    """A restart keeps an inventory's zeros and forgets its sizes; what is gone from the image is gone."""
    state = f"--persistence.file={tmp_path / 'state'}"
    listed = tmp_path / "listed"
    zero = 'python_popcon_library_used{library="numpy"}'
    size = 'python_popcon_library_installed_bytes{library="numpy",part="library"}'
    lines = (
        b"python_popcon.library_used.numpy:0|c\n"
        b"python_popcon.library_installed.numpy.library:31000000|g\n"
    )
    with running(state) as process:
        process.send(lines)
        assert process.shows(size, 31_000_000)
        assert process.end()[0] == 0
    with running(state) as process:
        page = process.page()
        assert (page[zero], size in page) == (0, False)
        assert process.end()[0] == 0
    listed.write_bytes(lines)
    with running(state, f"--inventory={listed}") as process:
        assert process.page()[size] == 31_000_000


def test_an_end_loses_nothing(tmp_path: Path) -> None:
    """SIGTERM takes what waits in the socket, saves it, and flushes nothing that is held."""
    state = f"--persistence.file={tmp_path / 'state'}"
    with running(state) as process:
        process.process.send_signal(signal.SIGSTOP)
        process.send(*[b"python_popcon.canary.doctor:1|c"] * 100, *[FIRST] * 20)
        process.process.send_signal(signal.SIGTERM)
        process.process.send_signal(signal.SIGCONT)
        assert process.end()[0] == 0
    with running(state) as process:
        page = process.page()
        assert page['python_popcon_canary_total{id="doctor"}'] == 100
        assert USED not in page
        assert page['popcon_exporter_privacy_holding{reason="interval"}'] == 1
        process.end()
    with running(state, "--privacy=off") as process:  # the admin's choice
        assert process.page()[USED] == 20


def test_one_exporter_for_one_file(tmp_path: Path) -> None:
    """A second exporter on the same file is refused, and takes no port from the first."""
    state = f"--persistence.file={tmp_path / 'state'}"
    with running(state):
        status, said = Process(state).end(signal.SIGCONT)
    assert (status, said.count("\n")) == (3, 1)
    assert "is in use" in said


def test_a_file_that_is_not_ours(tmp_path: Path) -> None:
    """It is refused in one line, and stays as it was."""
    (tmp_path / "state").write_text("something else\n" * 100)
    status, said = Process(f"--persistence.file={tmp_path / 'state'}").end(signal.SIGCONT)
    assert (status, said.count("\n")) == (3, 1)
    assert (tmp_path / "state").read_text() == "something else\n" * 100


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """Scraping goes on, the errors are counted, and a restart has what was saved before."""
    state = tmp_path / "state"
    limit = "import resource as r,runpy,sys; r.setrlimit(r.RLIMIT_FSIZE, (40960, 40960)); "
    code = f"{limit}sys.argv[0] = 'popcon'; runpy.run_module('popcon', run_name='__main__')"
    process = Process.__new__(Process)
    process.udp, process.web = free_port(socket.SOCK_DGRAM), free_port()
    flags = (
        f"--persistence.file={state}",
        f"--statsd.listen-udp=127.0.0.1:{process.udp}",
        "--statsd.listen-tcp=",
        f"--web.listen-address=127.0.0.1:{process.web}",
        "--web.admin-address=",
        "--privacy=off",
    )
    process.process = subprocess.Popen(
        [sys.executable, "-c", code, "exporter", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean_environ(),
    )
    try:
        assert eventually(process.is_ready)
        process.send(b"python_popcon.reports:1|c")
        assert process.shows("popcon_exporter_persistence_writes_total")
        process.send(*[b"python_popcon.library_used.library-%d:1|c" % n for n in range(2000)])
        assert eventually(lambda: process.page()["popcon_exporter_persistence_errors_total"] > 1)
        assert process.shows('python_popcon_library_used{library="library-1999"}')
        assert process.end()[0] == 0
    finally:
        process.end(signal.SIGKILL)
    with running(f"--persistence.file={state}", "--privacy=off") as again:
        assert again.page()["python_popcon_reports"] == 1


def test_rules_change_while_it_runs(tmp_path: Path) -> None:
    """A changed file is noticed, a swapped ConfigMap too; wrong rules leave the old ones in place."""
    first, second = tmp_path / "..1", tmp_path / "..2"
    for folder, rules in ((first, OLD), (second, NEW)):
        folder.mkdir()
        (folder / "mapping.yaml").write_text(rules)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "mapping.yaml").symlink_to("..data/mapping.yaml")
    with running(
        "--privacy=off", f"--statsd.mapping-config={tmp_path / 'mapping.yaml'}"
    ) as process:
        process.send(b"a.x:1|c")
        assert process.shows('old{key="x"}')
        (tmp_path / "swap").symlink_to("..2")
        (tmp_path / "swap").rename(tmp_path / "..data")
        assert process.shows('statsd_exporter_config_reloads_total{outcome="success"}')
        process.send(b"a.x:1|c")
        assert process.shows('new{key="x"}')
        (second / "mapping.yaml").write_text("mappings: [{match: a.*, nme: x}]")
        assert process.shows("popcon_exporter_config_last_reload_successful", 0)
        process.send(b"a.y:1|c")
        assert process.shows('new{key="y"}')
        (second / "mapping.yaml").write_text(OLD)
        assert process.shows("popcon_exporter_config_last_reload_successful", 1)
        process.process.send_signal(signal.SIGHUP)
        assert process.shows('statsd_exporter_config_reloads_total{outcome="success"}', 3)
        _, said = process.end()
        assert "unknown key" in said


def test_a_mapping_file_that_goes_away(tmp_path: Path) -> None:
    """The old rules stay, the log says so once and a gauge until it is back, with whatever in it."""
    file = tmp_path / "mapping.yaml"
    file.write_text(OLD)
    with running("--privacy=off", f"--statsd.mapping-config={file}") as process:
        file.rename(tmp_path / "away")
        assert process.shows("popcon_exporter_config_last_reload_successful", 0)
        time.sleep(3)
        process.send(b"a.x:1|c")
        assert process.shows('old{key="x"}')
        (tmp_path / "away").rename(file)
        assert process.shows("popcon_exporter_config_last_reload_successful", 1)
        _, said = process.end()
        assert said.count("the old rules stay") == 1


def test_an_end_comes_before_reloads_that_wait(tmp_path: Path) -> None:
    """Many SIGHUPs while rules are read ask for one reload more, and SIGTERM doesn't wait for it."""
    file = tmp_path / "mapping.yaml"
    rules = [f"- {{match: a{n}.*, name: old{n}, labels: {{key: $1}}}}\n" for n in range(2000)]
    file.write_text("mappings:\n" + "".join(rules))
    with running(f"--statsd.mapping-config={file}") as process:
        for _ in range(500):
            process.process.send_signal(signal.SIGHUP)
            time.sleep(0.001)
        status, said = process.end()
        assert status == 0
        assert 1 <= said.count("mapping reloaded") < 50


def test_what_is_held_and_why() -> None:
    """/metrics says that something is held and why; how much is on the admin's page alone."""
    with running() as process:
        assert process.held() == []
        process.send(*[FIRST] * 4)
        assert process.shows('popcon_exporter_privacy_holding{reason="processes"}', 1)
        assert eventually(lambda: process.held()[0]["processes"] == 4)
        (held,) = process.held()
        assert held["labels"] == {"namespace": "hub1"}
        assert held["min_processes"] == 10
        assert "4 of 10" in requests.get(f"http://127.0.0.1:{process.admin}/").text
        page = process.page()
        assert not [sample for sample in page if "hub1" in sample]
        info = 'popcon_exporter_privacy_info{interval_seconds="900",min_library_processes="1"'
        assert page[f'{info},min_processes="10",policy="standard"}}'] == 1
        doctor = subprocess.run(
            [
                *(sys.executable, "-m", "popcon", "doctor", "--timeout=5"),
                f"--metrics-url={process.url('/metrics')}",
                f"--admin-url=http://127.0.0.1:{process.admin}",
            ],
            env={**clean_environ(), "POPCON_SINK": f"statsd://127.0.0.1:{process.udp}"},
            capture_output=True,
            text=True,
        )
        assert "namespace=hub1: held, 4 of 10 processes, since" in doctor.stdout


def test_drops_are_seen() -> None:
    """What the kernel dropped because nobody read is counted: nothing is lost unseen."""
    with running("--privacy=off", "--statsd.read-buffer=4096") as process:
        process.process.send_signal(signal.SIGSTOP)
        process.send(*[b"python_popcon.reports:1|c"] * 2000)
        process.process.send_signal(signal.SIGCONT)

        def all_is_accounted_for() -> bool:
            page = process.page()
            dropped = page['popcon_exporter_kernel_drops_total{listener="udp"}']
            return dropped > 0 and dropped + page.get("python_popcon_reports", 0) == 2000

        assert eventually(all_is_accounted_for)


def test_what_is_installed_begins_at_zero(tmp_path: Path) -> None:
    """An inventory makes zeros and sizes, with site labels, that the policy doesn't hold."""
    listed = subprocess.run(
        [sys.executable, "-m", "popcon", "inventory", "--json"],
        env=clean_environ(),
        capture_output=True,
        check=True,
    )
    (tmp_path / "inventory.json").write_bytes(listed.stdout)
    with running(
        f"--inventory={tmp_path / 'inventory.json'}", "--inventory.labels=namespace=hub1"
    ) as process:
        page = process.page()
    assert page['python_popcon_library_used{library="requests",namespace="hub1"}'] == 0
    assert page['python_popcon_reports{namespace="hub1"}'] == 0
    size = 'python_popcon_library_installed_bytes{library="pip",namespace="hub1",part="tool"}'
    assert page[size] > 1_000_000


def test_lifecycle() -> None:
    """With its flag, POST /-/quit ends the exporter as SIGTERM does."""
    with running("--web.enable-lifecycle", "--web.enable-openmetrics", "--log.format=json") as one:
        openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
        answer = requests.get(one.url("/metrics"), headers=openmetrics, timeout=10)
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert answer.text.endswith("# EOF\n")
        assert requests.post(one.url("/-/quit"), timeout=10).status_code == 200
        assert one.process.wait(timeout=20) == 0
        _, said = one.end()
    assert {json.loads(line)["level"] for line in said.splitlines()} == {"INFO"}


def test_an_end_while_passwords_are_checked(tmp_path: Path) -> None:
    """Wrong passwords that are being looked at make the end neither an abort nor long."""
    bcrypt = pytest.importorskip("bcrypt")
    hashed = bcrypt.hashpw(b"right", bcrypt.gensalt(11)).decode()
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{someone: {hashed}}}\n")
    process = Process(f"--web.config.file={tmp_path / 'web.yml'}")
    asked = b"GET /metrics HTTP/1.1\r\nAuthorization: Basic c29tZW9uZTp3cm9uZw==\r\n\r\n"
    with contextlib.ExitStack() as stack:
        stack.callback(process.end, signal.SIGKILL)

        def answers() -> bool:
            try:
                return requests.get(process.url("/-/ready"), timeout=5).status_code == 401
            except requests.ConnectionError:
                return False

        assert eventually(answers)
        clients = []
        for _ in range(40):
            client = socket.create_connection(("127.0.0.1", process.web), timeout=10)
            stack.enter_context(client).sendall(asked * 50)
            clients.append(client)
        # One of them has its answer, whichever: they stand in no line, and the last may wait for long.
        assert select.select(clients, [], [], 60)[0]
        status, said = process.end()
    assert (status, "FATAL" in said) == (0, False)


def test_the_flags_of_statsd_exporter_are_taken(tmp_path: Path) -> None:
    """Whatever its help lists is taken here, so that one can stand for the other in a unit file."""
    help = subprocess.run(
        [str(program("statsd_exporter")), "--help"], capture_output=True, text=True
    )
    listed = re.findall(
        r"^ +(?:-h, )?--(\[no-\])?([a-z.-]+)(=\S+)?", help.stderr + help.stdout, re.M
    )
    rules = tmp_path / "rules.yaml"
    rules.write_text(OLD)
    given = {
        "statsd.mapping-config": f"={rules}",
        "statsd.read-buffer": "=4096",
        "statsd.relay.address": "=127.0.0.1:9",
    }
    flags: list[str] = []
    for negatable, name, default in listed:
        if name.startswith("help"):
            continue
        value = given.get(name, default.replace('"', ""))
        # These two end it: what is written last holds, and it is to get to the end.
        ends = name in ("version", "check-config")
        both = [f"--no-{name}"] if ends else [f"--{name}", f"--no-{name}"]
        flags += both if negatable else [f"--{name}{value}"]
    flags.append("--check-config")
    assert len(flags) > 25
    ours = subprocess.run(
        [sys.executable, "-m", "popcon", "exporter", *flags],
        env=clean_environ(),
        capture_output=True,
        text=True,
    )
    assert (ours.returncode, ours.stderr) == (0, "")
    assert ours.stdout == "1 rules, all well formed\n"
    version = subprocess.run(
        [sys.executable, "-m", "popcon", "exporter", "--version"],
        env=clean_environ(),
        capture_output=True,
        text=True,
    )
    assert (version.returncode, version.stdout) == (0, f"popcon {__version__}\n")


@pytest.mark.parametrize(
    ("flags", "status", "quoted"),
    [
        (("--privacy=none",), 2, "'none'"),
        (("--privacy.interval=5x",), 2, "'5x'"),
        (("--privacy=off", "--privacy.min-processes=5"), 2, "'off'"),
        (("--privacy.timezone=Nowhere/Atall",), 2, "'Nowhere/Atall'"),
        (("--statsd.unixsocket-mode=9", "--statsd.listen-unixgram=/tmp/x.sock"), 2, "'9'"),
        (("--statsd.relay.address=nowhere.invalid:1",), 4, "'nowhere.invalid'"),
        (("--persistence.file=/nowhere/state",), 3, "'/nowhere/state'"),
        (("--inventory=/nowhere/list",), 3, "'/nowhere/list'"),
        (("--inventory.labels=x",), 2, "'x'"),
        (("--web.config.file=/nowhere/web",), 3, "'/nowhere/web'"),
        (("--limits.series=0",), 2, "'0'"),
        (("--prefix=a b",), 2, "'a b'"),
        (("--statsd.listen-udp=", "--statsd.listen-tcp="), 2, "listen"),
    ],
)
def test_what_is_refused(flags: tuple[str, ...], status: int, quoted: str) -> None:
    """Bad flags are refused before anything is served, with the value in quotes."""
    ended, said = Process(*flags).end(signal.SIGCONT)
    assert ended == status, said
    assert quoted in said.splitlines()[-1]
