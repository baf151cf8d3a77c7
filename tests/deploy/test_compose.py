"""deploy/compose: what Compose makes of each choice, and what it says to a wrong one."""

from __future__ import annotations

import filecmp
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.composed import HERE, compose, dockerfile, services
from tests.peers.found import program

WALL = {"prometheus", "grafana"}
#: Profiles → the services that they choose besides Prometheus and Grafana.
CHOICES = {
    "go,demo": {"exporter-go", "demo"},
    "python,demo": {"exporter-python", "demo"},
    "go": {"exporter-go"},
    "python": {"exporter-python"},
    "demo": {"demo"},
}
#: A wrong or missing value → what Compose says of it.
REFUSALS = {
    ("COMPOSE_PROFILES", ""): "set it in .env (go or python, and demo for data - go,demo)",
    ("COMPOSE_PROFILES", "go,python"): 'container name "popcon-exporter-go-or-python" is already',
    ("POPCON_LISTEN", ""): "set it in .env (127.0.0.1)",
    ("POPCON_LISTEN", "myhost"): "invalid IP address: myhost",
    ("POPCON_PORT", ""): "set it in .env (9125)",
    ("POPCON_PORT", "x"): "invalid hostPort: x",
    ("METRICS_PORT", ""): "set it in .env (9102)",
    ("METRICS_PORT", "70000"): "invalid hostPort: 70000",
    ("PROMETHEUS_PORT", ""): "set it in .env (9090)",
    ("GRAFANA_PORT", ""): "set it in .env (3000)",
    ("POPCON_PRIVACY", ""): "set it in .env (standard, strict or off)",
    ("DEMO_PAUSE", ""): "set it in .env (15, seconds between two kernels)",
}
#: What README.md's table begins its rows with, as far as it can be had without an engine.
IN_README = (
    "required variable",
    'container name "popcon-exporter-go-or-python" is already in use',
    "invalid IP address: ",
    "invalid hostPort: ",
    "demo: error: no address for 'exporter",
    "demo: error: DEMO_PAUSE is not a number of seconds",
    "popcon: error: not a privacy policy: ",
)


@pytest.fixture(scope="module")
def everything() -> dict[str, dict[str, Any]]:
    """Every service, once."""
    return {**services("python,demo"), **services("go,demo")}


@pytest.mark.parametrize("profiles", CHOICES)
def test_profiles_choose_services(profiles: str) -> None:
    """Compose takes each choice without a complaint, and there is one exporter at most."""
    assert set(services(profiles)) == WALL | CHOICES[profiles]


def test_a_plain_up_shows_data() -> None:
    """What the shipped .env chooses is statsd_exporter with the demo, for this machine alone."""
    done = compose("config", "--services")

    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == WALL | CHOICES["go,demo"]


def test_a_profile_on_the_command_line_takes_its_place() -> None:
    """`--profile python` is python alone, whatever .env says."""
    done = compose("--profile", "python", "config", "--services")

    assert set(done.stdout.split()) == WALL | CHOICES["python"]


@pytest.mark.parametrize(("variable", "value"), REFUSALS)
def test_a_wrong_value_is_refused(variable: str, value: str) -> None:
    """Compose says in one line what is wrong before anything starts, and README.md what to do."""
    done = compose("config", "--quiet", **{variable: value})

    assert done.returncode != 0
    assert REFUSALS[variable, value] in done.stderr
    assert value or variable in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert_explained(done.stderr)


def test_a_wrong_policy_is_refused_by_the_exporter() -> None:
    """The Python exporter ends with the value in quotes and the values that there are."""
    chosen = services("python", POPCON_PRIVACY="none")["exporter-python"]["command"]
    flags = [flag for flag in chosen if flag.startswith("--privacy")]
    done = _run(["-m", "popcon", "exporter", *flags])

    assert done.returncode == 2
    assert "'none' (off, standard, strict)" in done.stderr
    assert_explained(done.stderr)


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({"POPCON_SINK": "statsd://exporter.invalid:9125"}, 4, "COMPOSE_PROFILES in .env"),
        ({"DEMO_PAUSE": "soon"}, 2, "DEMO_PAUSE is not a number of seconds: 'soon'"),
    ],
)
def test_the_demo_says_what_is_wrong(said: dict[str, str], status: int, words: str) -> None:
    """Without an exporter, or with a wrong value, the demo ends with one line that helps."""
    environ = {"POPCON_SINK": "statsd://127.0.0.1:9", "POPCON_LABELS": "namespace=demo", **said}
    done = _run([str(HERE / "demo" / "notebooks.py")], **environ)

    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert_explained(done.stderr)


def test_every_variable_stands_in_env() -> None:
    """Each variable of compose.yaml is in .env below a comment, and .env has no other."""
    used = set(re.findall(r"\$\{(\w+)", (HERE / "compose.yaml").read_text()))
    paragraphs = (HERE / ".env").read_text().strip().split("\n\n")
    settings = [
        line.partition("=")[0]
        for paragraph in paragraphs
        for line in paragraph.splitlines()
        if not line.startswith("#")
    ]

    assert sorted(settings) == sorted(used)
    assert all(paragraph.startswith("# ") for paragraph in paragraphs)


def test_images_are_pinned(everything: dict[str, dict[str, Any]]) -> None:
    """Images have a whole version, the one that the tests run where they run it, or are built here."""
    pins = (ROOT / "tests" / "peers" / "go.mod").read_text()
    tested = {
        "statsd-exporter": _one(r"statsd_exporter v(\S+)", pins),
        # Prometheus 3.13.5 is the Go module v0.313.5.
        "prometheus": "{}.{}.{}".format(
            *_match(r"prometheus/prometheus v0\.(\d)(\d\d)\.(\d+)", pins).groups()
        ),
    }
    found = {}
    for service in everything.values():
        if "image" in service:
            name, _, tag = service["image"].rpartition(":")
            found[name.rpartition("/")[2]] = tag.removeprefix("v")
            assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)
        else:
            assert re.search(r"^ARG BASE=\S+:\d+\.\d+\.\d+", dockerfile(service), re.MULTILINE)

    assert tested.items() <= found.items()
    assert set(found) == {*tested, "grafana"}


def test_containers_are_restricted(everything: dict[str, dict[str, Any]]) -> None:
    """No root, no capability, nothing to write but volumes, bounded memory and logs."""
    for service in everything.values():
        user, _, group = service["user"].partition(":")
        assert user != "0"
        assert (user + group).isdigit()
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert (service["restart"], service["stop_grace_period"]) == ("unless-stopped", "30s")
        assert int(service["mem_limit"]) <= 2 << 30
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}
        assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)


def test_health_checks_ask_the_container_itself(everything: dict[str, dict[str, Any]]) -> None:
    """Each server has one, of words without spaces, that no proxy of Docker's client is asked for."""
    for name in ("exporter-go", "exporter-python", "prometheus", "grafana"):
        service = everything[name]
        assert [word for word in service["healthcheck"]["test"] if " " in word] == []
        assert any("127.0.0.1:" in word for word in service["healthcheck"]["test"])
        assert {"HTTP_PROXY": "", "http_proxy": ""}.items() <= service["environment"].items()


def test_only_reports_come_from_outside() -> None:
    """With POPCON_LISTEN=0.0.0.0 UDP 9125 is open, and every page still on 127.0.0.1."""
    for profiles in ("go", "python"):
        ports = {
            (port["target"], port["protocol"]): port["host_ip"]
            for service in services(profiles, POPCON_LISTEN="0.0.0.0").values()
            for port in service.get("ports", ())
        }
        assert ports.pop((9125, "udp")) == "0.0.0.0"
        assert set(ports) == {(9102, "tcp"), (9090, "tcp"), (3000, "tcp")}
        assert set(ports.values()) == {"127.0.0.1"}


def test_either_exporter_is_called_exporter(everything: dict[str, dict[str, Any]]) -> None:
    """They have one name, the same flags, no tag parsers, and no way round for the demo."""
    real, ours = everything["exporter-go"], everything["exporter-python"]

    assert real["networks"] == ours["networks"]
    assert {tuple(network["aliases"]) for network in real["networks"].values()} == {("exporter",)}
    assert ours["command"][: len(real["command"])] == real["command"]
    assert sum(flag.startswith("--no-statsd.parse-") for flag in real["command"]) == 4
    assert set(everything["demo"]["networks"]) == {"kernels"}
    assert set(everything["grafana"]["networks"]) == {"metrics"}


def test_files_are_the_repositorys_own(everything: dict[str, dict[str, Any]]) -> None:
    """Folders are mounted, read-only, where they lie in the repository; no file is a copy of another."""
    mounts = [
        mount
        for service in everything.values()
        for mount in service.get("volumes", ())
        if mount["type"] == "bind"
    ]
    for mount in mounts:
        assert Path(mount["source"]).is_dir()
        assert mount["read_only"]
        assert not mount.get("bind", {}).get("create_host_path", False)
        assert mount["target"] == f"/popcon/{Path(mount['source']).relative_to(ROOT)}"
    sources = {str(Path(mount["source"]).relative_to(ROOT)) for mount in mounts}
    assert {"mappings", "grafana"} <= sources

    originals = [file for top in ("mappings", "grafana") for file in (ROOT / top).iterdir()]
    ours = [file for file in HERE.rglob("*") if file.is_file()]
    assert not [(a, b) for a in ours for b in originals if filecmp.cmp(a, b, shallow=False)]


def test_every_path_is_mounted(everything: dict[str, dict[str, Any]]) -> None:
    """What a command, a variable or a file names below /popcon is there, and data goes to volumes."""
    texts = [json.dumps([s["command"], s.get("environment")]) for s in everything.values()]
    texts += [file.read_text() for file in (HERE / "grafana").rglob("*") if file.is_file()]
    named = {path for text in texts for path in re.findall(r"/popcon/([\w./-]+)", text)}
    volumes = {
        name: {mount["target"] for mount in service["volumes"] if mount["type"] == "volume"}
        for name, service in everything.items()
        if "volumes" in service
    }

    assert {"mappings/popcon.yaml", "grafana"} <= named
    assert [path for path in named if path != "counts" and not (ROOT / path).exists()] == []
    assert volumes == {
        "exporter-go": set(),
        "exporter-python": {"/var/lib/popcon"},
        "prometheus": {"/prometheus"},
        "grafana": {"/var/lib/grafana"},
    }


def test_prometheus_keeps_the_hubs_names(everything: dict[str, dict[str, Any]]) -> None:
    """Honour_labels is on, data is kept for over half a year, and the exporter is found by its alias."""
    config = yaml.safe_load((HERE / "prometheus" / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]

    assert job["honor_labels"]
    assert job["static_configs"] == [{"targets": ["exporter:9102"]}]
    assert int(config["storage"]["tsdb"]["retention"]["time"].removesuffix("d")) >= 190
    assert not [flag for flag in everything["prometheus"]["command"] if "retention" in flag]


def test_the_demos_dockerfile() -> None:
    """Hadolint has no complaint, and what is copied may be seen by the build."""
    folder = HERE / "demo"
    command = [str(program("hadolint")), str(folder / "Dockerfile")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    text = (folder / "Dockerfile").read_text()
    seen = {
        line[1:]
        for line in (folder / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        name
        for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
        for name in sources.split()
    }

    assert (checked.returncode, checked.stdout) == (0, "")
    assert copied == seen
    assert all((ROOT / name).exists() for name in copied)


def assert_explained(message: str) -> None:
    """README.md has a row for a message."""
    (words,) = (words for words in IN_README if words in message)
    assert words in (HERE / "README.md").read_text()


def _run(arguments: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _match(pattern: str, text: str) -> re.Match[str]:
    found = re.search(pattern, text)
    assert found is not None, pattern
    return found


def _one(pattern: str, text: str) -> str:
    return str(_match(pattern, text)[1])
