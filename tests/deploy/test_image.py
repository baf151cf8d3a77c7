"""The image of `popcon exporter`: built and run for real, as tightly confined as the chart has it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from stat import S_ISGID, S_ISLNK, S_ISUID
from typing import Any
from uuid import uuid4

import pytest

from popcon import __version__
from tests.conftest import ROOT, eventually
from tests.deploy.containers import (
    CONFINED,
    DOCKERFILE,
    PODMAN,
    Container,
    build,
    files_of,
    in_image,
    make_base,
    need_programs,
    podman,
)
from tests.peers.found import program

#: Asked inside: what is installed beside the exporter, as Python itself sees it.
INSTALLED = (
    "import importlib.metadata as m, json; "
    "print(json.dumps([[d.metadata['Name'], d.version] for d in m.distributions()]))"
)
#: What an engine may run in it to see that it is ready, as docs/image.md says. No proxy is asked.
HEALTHY = (
    "from http.client import HTTPConnection as C; c = C('127.0.0.1', {}, timeout=3); "
    "c.request('GET', '/-/ready'); raise SystemExit(c.getresponse().status != 200)"
)
#: The two places that belong to the image; all else is the base's.
OWN = ("/opt/popcon", "/var/lib/popcon")
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Debian with a Python, in place of the named base."""
    need_programs()
    return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def image(base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image, built on it."""
    return build(base, tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def config(image: str) -> dict[str, Any]:
    """What the image says to an engine that runs it."""
    found: dict[str, Any] = json.loads(podman("image", "inspect", image))[0]["Config"]
    return found


@pytest.fixture
def volume() -> Iterator[str]:
    """The name of a volume that an engine makes by itself, and that is gone afterwards."""
    name = f"popcon-test-{uuid4().hex[:8]}"
    yield name
    podman("volume", "rm", "--force", name)


def test_hadolint_has_nothing_to_say() -> None:
    """The Dockerfile keeps all of hadolint's rules, and none is switched off in it."""
    linted = subprocess.run(
        [program("hadolint"), "--disable-ignore-pragma", DOCKERFILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (linted.returncode, linted.stdout) == (0, "")


def test_a_stopped_container_loses_nothing(image: str, volume: str) -> None:
    """As process 1 and on a read-only root it counts, ends with 0 when stopped, and finds its counts again."""
    flags = ("--privacy=off", "--persistence.file=/var/lib/popcon/counts")
    first = Container(image, volume, *flags)
    try:
        assert eventually(first.is_ready, 60)
        first.send(*[b"python_popcon.namespace.hub1.library_used.numpy:1|c"] * 3)
        assert first.shows('python_popcon_library_used{library="numpy",namespace="hub1"}', 3)
        assert podman("exec", first.name, "cat", "/proc/1/comm").strip() == "popcon"
        podman("exec", first.name, "python", "-c", HEALTHY.format(first.web))
        status, said = first.stop()
        assert (status, "ERROR" in said) == (0, False)
    finally:
        first.remove()
    second = Container(image, volume, *flags)
    try:
        assert eventually(second.is_ready, 60)
        assert second.shows('python_popcon_library_used{library="numpy",namespace="hub1"}', 3)
    finally:
        second.remove()


def test_nobody_runs_it(image: str, config: dict[str, Any], volume: str) -> None:
    """Its user is 65534, as a number that the kubelet can check, and may write to the volume alone."""
    assert config["User"] == "65534:65534"
    assert in_image(image, "id", "-u") == "65534\n"
    mounted = ("--volume", f"{volume}:/var/lib/popcon")
    writable = "find / -xdev -writable -not -type l 2> /dev/null || true"  # some may not be read
    assert in_image(image, "sh", "-c", writable, options=mounted) == "/var/lib/popcon\n"


def test_what_is_in_it(image: str, base: str) -> None:
    """Beside the base's files there are its own two folders: no pip, tests or caches, nothing of the build."""
    with files_of(base) as before, files_of(image) as after:
        added = {path: stat for path, stat in after.items() if path not in before}
    assert [path for path in added if not path.startswith(OWN)] == []
    assert [path for path in added if path.startswith(OWN[1])] == [OWN[1]]
    unwanted = {"pip", "setuptools", "tests", "test", ".cache"}
    assert [path for path in added if unwanted & set(path.split("/"))] == []
    installed = {path: stat for path, stat in added.items() if path.startswith(OWN[0])}
    # Nor is it the read-only root alone that keeps its user from what is installed.
    assert {(one.st_uid, one.st_gid) for one in installed.values()} == {(0, 0)}
    modes = {path: one.st_mode for path, one in installed.items() if not S_ISLNK(one.st_mode)}
    assert [path for path, mode in modes.items() if mode & (S_ISUID | S_ISGID | 0o022)] == []
    assert (added[OWN[1]].st_uid, added[OWN[1]].st_gid) == (65534, 65534)


def test_it_is_small(image: str, base: str) -> None:
    """It adds less than 16 MiB to its base."""
    sizes = [json.loads(podman("image", "inspect", one))[0]["Size"] / MIB for one in (base, image)]
    print(f"base {sizes[0]:.1f} MiB, image {sizes[1]:.1f} MiB, added {sizes[1] - sizes[0]:.1f} MiB")
    assert sizes[1] - sizes[0] < 16


def test_the_bill_of_materials(image: str, config: dict[str, Any]) -> None:
    """A label says where it lies, and it lists what Python finds installed, in the pinned versions."""
    labels = config["Labels"]
    assert labels["popcon.sbom.media-type"] == "application/vnd.cyclonedx+json"
    bill = json.loads(in_image(image, "cat", labels["popcon.sbom.path"]))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    listed = sorted((one["name"], one["version"]) for one in bill["components"])
    installed = json.loads(in_image(image, "/opt/popcon/bin/python", "-c", INSTALLED))
    assert listed == sorted((name, version) for name, version in installed)
    pins = re.findall(r"^([^=;\s]+)==([^;\s]+)", (ROOT / "constraints.txt").read_text(), re.M)
    found = {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in listed}
    assert found - set(pins) == {("popcon", __version__)}


def test_what_it_says_of_itself(config: dict[str, Any], base: str) -> None:
    """Its labels, ports and program are those that documents and chart name; it declares no volume."""
    prefix = "org.opencontainers.image."
    said = {name: value for name, value in config["Labels"].items() if name.startswith(prefix)}
    assert said[f"{prefix}version"] == __version__
    assert said[f"{prefix}licenses"] == "BSD-3-Clause"
    assert said[f"{prefix}base.name"] == base
    assert {f"{prefix}{name}" for name in ("title", "description", "vendor")} < set(said)
    assert config["Entrypoint"] == ["popcon", "exporter"]
    assert sorted(config["ExposedPorts"]) == ["9102/tcp", "9125/tcp", "9125/udp"]
    assert not config.get("Volumes")
    assert not config.get("Cmd")


def test_the_other_commands_of_the_exporter(image: str) -> None:
    """The same image checks a mapping, in a job or on a laptop."""
    mounted = ("--volume", f"{ROOT / 'mappings'}:/etc/popcon:ro")
    checked = ("popcon", "mapping", "check", "/etc/popcon/popcon.yaml")
    assert in_image(image, *checked, options=mounted) != ""


def test_a_folder_that_is_not_there(image: str) -> None:
    """The start is refused in one line with status 3, as an operator reads it in the container's log."""
    refused = subprocess.run(
        [*PODMAN, "run", "--rm", *CONFINED, image, "--persistence.file=/nowhere/counts"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (refused.returncode, refused.stderr.count("\n")) == (3, 1)
    assert "/nowhere/counts" in refused.stderr
