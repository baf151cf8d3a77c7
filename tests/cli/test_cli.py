"""The command line: what is refused, in which words, with which status; and what is printed."""

from __future__ import annotations

import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from popcon.cli import main
from popcon.errors import EXIT_STATUSES, PopconError
from tests.conftest import clean_environ, eventually


def popcon(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command and return how it ended."""
    command = [sys.executable, "-m", "popcon", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=clean_environ(**environ),
        timeout=60,
        check=False,
    )


@pytest.fixture
def busy_port() -> object:
    """A port of 127.0.0.1 that somebody has, by UDP and TCP."""
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(tcp.getsockname())
        yield tcp.getsockname()[1]


@pytest.mark.parametrize(
    ("arguments", "status", "quoted"),
    [
        (("exporter", "--statsd.listen-udp=127.0.0.1:x"), 2, "'x'"),
        (("exporter", "--web.listen-address=9102"), 2, "'9102'"),
        (("exporter", "--statsd.mapping-config=/no/such.yaml"), 3, "'/no/such.yaml'"),
        (("exporter", "--statsd.listen-udp=no-such-host.invalid:1"), 4, "no-such-host.invalid"),
        (("exporter", "--log.level=loud"), 2, "'loud'"),
        (("exporter", "--persist=/tmp/x"), 2, "--persist=/tmp/x"),
        (("exporter", "--statsd.listen-udp=a..b:1"), 4, "'a..b:1'"),
        (("exporter", f"--statsd.listen-udp=:{'1' * 5000}"), 2, "'1111"),
        (("exporter", "--statsd.read-buffer=-5"), 2, "'-5'"),
        (("exporter", "--statsd.read-buffer=99999999999"), 2, "'99999999999'"),
        (("exporter", "--web.telemetry-path=metrics"), 2, "'metrics'"),
        (("doctor", "--timeout=nan"), 2, "'nan'"),
        (("enable", "ipython", "--prefix", "/no/such/folder"), 3, "'/no/such/folder'"),
        (("enable", "ipython", "--prefix", "a\nb"), 3, "'a\\nb'"),
        (("render", "mapping", "--labels", "n"), 2, "'n'"),
        (("render", "--root", "/no/such"), 3, "/no/such"),
        (("enable", "ipython", "--prefix", "/dev/null"), 3, "/dev/null"),
        (("enable", "sitecustomise"), 2, "'sitecustomise'"),
        (("enable", "pth", "--system"), 2, "'--system'"),
        (("enable", "pth", "--prefix", "/no/such/folder"), 3, "'/no/such/folder'"),
        (("enable", "pth", "--prefix", "a\nb"), 3, "'a\\nb'"),
        (("disable", "sitecustomize", "--prefix", "/dev/null"), 3, "'/dev/null'"),
        (("nonsense",), 2, "'nonsense'"),
    ],
)
def test_refusals(arguments: tuple[str, ...], status: int, quoted: str) -> None:
    """Bad input is one line with the value in quotes, and a listed exit status."""
    done = popcon(*arguments)

    assert status == done.returncode
    assert status in EXIT_STATUSES
    assert quoted in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("flag", ["--statsd.listen-udp", "--web.listen-address"])
def test_a_busy_port(busy_port: int, flag: str) -> None:
    """A busy port is refused with its flag."""
    other = {"--statsd.listen-udp", "--statsd.listen-tcp", "--web.listen-address"} - {flag}
    done = popcon(
        "exporter", f"{flag}=127.0.0.1:{busy_port}", *(f"{name}=127.0.0.1:0" for name in other)
    )

    assert done.returncode == 4
    assert done.stderr == (
        f"popcon: error: {flag}: can't listen on '127.0.0.1:{busy_port}': Address already in use\n"
    )


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("mappings:\n- match: a\n  name: b\n  lables: {}\n", "lables"),
        ("mappings: [\n", "mapping.yaml"),
        ("mappings:\n- match: a..b\n  name: b\n", "a..b"),
    ],
)
def test_a_mapping_that_is_wrong(tmp_path: Path, text: str, quoted: str) -> None:
    """A mapping with an unknown key, or one that isn't YAML, is refused in one line, and checked so."""
    file = tmp_path / "mapping.yaml"
    file.write_text(text)
    for more in ((), ("--check-config",)):
        done = popcon("exporter", f"--statsd.mapping-config={file}", *more)

        assert done.returncode == 3
        assert len(done.stderr.splitlines()) == 1
        assert quoted in done.stderr
        assert str(file) in done.stderr


def test_check_config_warns_of_rules_that_the_real_one_loses(tmp_path: Path) -> None:
    """--check-config accepts what is well formed, and warns of statsd_exporter's order defect."""
    file = tmp_path / "mapping.yaml"
    file.write_text("mappings:\n- {match: a.b.c, name: x}\n- {match: a.b, name: y}\n")
    done = popcon("exporter", f"--statsd.mapping-config={file}", "--check-config")

    assert (done.returncode, done.stderr) == (0, "")
    assert "warning: mappings[1]" in done.stdout
    assert (
        "2 rules, all well formed"
        in popcon("exporter", f"--statsd.mapping-config={file}", "--check-config").stdout
    )


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_exporter_ends_on_a_signal_and_reloads_on_another(
    tmp_path: Path, end: signal.Signals
) -> None:
    """SIGHUP reads the mapping again and says whether it could; SIGTERM and SIGINT end with 0."""
    file = tmp_path / "mapping.yaml"
    file.write_text("mappings: []\n")
    log = tmp_path / "log"
    listen = ("statsd.listen-udp", "statsd.listen-tcp", "web.listen-address")
    flags = [f"--{flag}=127.0.0.1:0" for flag in listen]
    command = [
        sys.executable,
        "-m",
        "popcon",
        "exporter",
        f"--statsd.mapping-config={file}",
        *flags,
    ]
    with log.open("w") as stream:
        process = subprocess.Popen(command, stderr=stream, env=clean_environ())
    assert eventually(lambda: "listening" in log.read_text())
    file.write_text("nonsense: 1\n")
    process.send_signal(signal.SIGHUP)
    assert eventually(lambda: "the old rules stay" in log.read_text())
    file.write_text("mappings: []\n")
    process.send_signal(signal.SIGHUP)
    assert eventually(lambda: "mapping reloaded" in log.read_text())
    process.send_signal(end)

    assert process.wait(timeout=20) == 0


def test_every_status_is_listed() -> None:
    """Every error that popcon can end with has its status in the table."""
    kinds: list[type[PopconError]] = [PopconError, *PopconError.__subclasses__()]

    assert {kind.status for kind in kinds} <= set(EXIT_STATUSES)


def test_no_command_at_all() -> None:
    """Without a command the help is shown, and that is a usage error."""
    done = popcon()

    assert done.returncode == 2
    assert "enable" in done.stderr
    assert "exit status" in done.stderr


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        ((), "python_popcon_reports 1"),
        (
            ("--statsd.parse-dogstatsd-tags",),
            'statsd_exporter_events_error_total{reason="popcon_with_tags"} 1',
        ),
    ],
)
def test_popcons_own_rules_get_no_tags(tmp_path: Path, flags: tuple[str, ...], shown: str) -> None:
    """No kernel can add a label: tags aren't parsed, and where they are, the line is refused."""
    with (
        listening(tmp_path, "--privacy=off", *flags) as (udp, web),
        socket.socket(type=socket.SOCK_DGRAM) as sender,
    ):
        sender.sendto(b"python_popcon.reports:1|c|#user:bob", ("127.0.0.1", udp))
        url = f"http://127.0.0.1:{web}/metrics"

        assert eventually(lambda: f"\n{shown}\n" in requests.get(url, timeout=5).text)
        assert "bob" not in requests.get(url, timeout=5).text


@contextmanager
def listening(folder: Path, *flags: str) -> Iterator[tuple[int, int]]:
    """Run an exporter and yield its UDP and its HTTP port."""
    log = folder / "log"
    listen = ("statsd.listen-udp", "statsd.listen-tcp", "web.listen-address", "web.admin-address")
    ports = [f"--{flag}=127.0.0.1:0" for flag in listen]
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "popcon", "exporter", *ports, *flags],
            stderr=stream,
            env=clean_environ(),
        )
    try:
        assert eventually(lambda: "listening" in log.read_text()), log.read_text()
        found = re.search(r"udp port (\d+), .* http on port (\d+)", log.read_text())
        assert found is not None
        yield int(found[1]), int(found[2])
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_a_reader_that_has_seen_enough() -> None:
    """`popcon render mapping | head -1` ends without a word."""
    command = f"{sys.executable} -m popcon render mapping | head -1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=clean_environ(), check=False
    )

    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [
        (("show",), ""),
        (("show",), "1"),
        (("show", "yaml"), ""),
        (("render", "mapping"), ""),
        (("render", "mapping"), "1"),
        (("--help",), ""),  # argparse says nothing of what fails at once
        (("show", "--help"), ""),
    ],
)
def test_a_disk_that_is_full(arguments: tuple[str, ...], unbuffered: str) -> None:
    """Output that can't be written is one line and a status; nothing is said as Python ends either."""
    command = [sys.executable, "-m", "popcon", *arguments]
    environ = clean_environ(PYTHONUNBUFFERED=unbuffered)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=environ, check=False
        )
        both = subprocess.run(command, stdout=full, stderr=full, env=environ, check=False)

    assert done.stderr == "popcon: error: can't write: No space left on device\n"
    assert (done.returncode, both.returncode) == (3, 3)


def test_a_log_line_is_keys_and_values(tmp_path: Path) -> None:
    """The exporter's log can be split at its spaces: a message with spaces is in quotes."""
    with listening(tmp_path):
        lines = (tmp_path / "log").read_text().splitlines()

    for line, message in zip(lines, ("listening: udp port ", "privacy standard: ")):
        words = dict(word.split("=", 1) for word in shlex.split(line))
        assert list(words) == ["time", "level", "msg"]
        assert words["msg"].startswith(message)


def test_render_prints_a_mapping_for_a_sites_labels(capsys: pytest.CaptureFixture[str]) -> None:
    """A site that adds labels renders its own mapping."""
    assert main(["render", "mapping", "--labels", "namespace,course"]) == 0

    assert '- match: "python_popcon.namespace.*.course.*.library_used.*"' in capsys.readouterr().out
