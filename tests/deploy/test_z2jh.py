"""The values for Zero to JupyterHub: what a real KubeSpawner and real kernels make of them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from popcon.activate.ipython import FILE_NAME, startup_text, system_folder
from popcon.demo.kernels import kernel
from tests.conftest import ROOT, clean_environ
from tests.deploy.chart import HERE, named, render
from tests.deploy.notes import notes, with_notes
from tests.deploy.pod import Pod
from tests.e2e.servers import counted, exporter, free_ports
from tests.peers.found import missing
from tests.peers.wheels import last_line

SNIPPET = ROOT / "deploy" / "helm" / "z2jh.yaml"
VALUES: dict[str, Any] = yaml.safe_load(SNIPPET.read_text())
KINDS = ("statsd_exporter", "popcon")
HOST = f"{HERE.release}.{HERE.namespace}"
_KUBECONFIG = """\
clusters: [{name: none, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
current-context: none
users: [{name: none, user: {}}]
"""


@pytest.fixture(scope="session")
def hub_python() -> str:
    """The interpreter of an environment with KubeSpawner, as in z2jh's hub; kept between runs."""
    if sys.version_info < (3, 10):
        pytest.skip("KubeSpawner's client needs Python 3.10")
    constraints = ROOT / "constraints.txt"
    key = hashlib.sha256(constraints.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / ".peers" / f"kubespawner-{key}"
    python = folder / "bin" / "python"
    if not (folder / "installed").is_file():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        command = [*pip, "--constraint", str(constraints), "jupyterhub-kubespawner"]
        done = subprocess.run(
            command, env=_without_popcon(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            missing(f"no KubeSpawner: {last_line(done.stderr)}")
        (folder / "installed").touch()
    return str(python)


def _without_popcon(**more: str) -> dict[str, str]:
    environ = clean_environ(**more)
    del environ["PYTHONPATH"]
    return environ


def spawned(python: str, folder: Path, values: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the labels and the environment of a user's pod, on a hub in the namespace hub1."""
    (folder / "kubeconfig").write_text(_KUBECONFIG)
    done = subprocess.run(
        [python, "-W", "ignore", str(ROOT / "tests" / "deploy" / "spawned.py")],
        input=json.dumps(values),
        env=_without_popcon(KUBECONFIG=str(folder / "kubeconfig"), POD_NAMESPACE="hub1"),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    assert set(selector) == {"matchLabels"}
    return bool(selector["matchLabels"].items() <= labels.items())


def test_a_pod_of_kubespawner(hub_python: str, tmp_path: Path) -> None:
    """A pod gets where to send and the hub's namespace, and the chart's NetworkPolicy lets it through."""
    pod = spawned(hub_python, tmp_path, VALUES)
    assert _ours(pod) == {
        "POPCON_SINK": f"statsd://{HOST}:9125",
        "POPCON_LABELS": "namespace=hub1",
    }
    policy = named(render({}), "NetworkPolicy", HERE.release)
    assert any(
        peer.get("namespaceSelector") == {} and _selects(peer["podSelector"], pod["labels"])
        for peer in policy["spec"]["ingress"][0]["from"]
    )


def _ours(pod: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: text for name, text in pod["environment"].items() if "POPCON" in name}


def test_beside_a_hubs_own_environment(hub_python: str, tmp_path: Path) -> None:
    """A hub's own environment, and a profile's, stand beside ours."""
    profile = {
        "display_name": "small",
        "default": True,
        "kubespawner_override": {"environment": {"SIZE": "small"}},
    }
    own = {"singleuser": {"extraEnv": {"COURSE": "x"}, "profileList": [profile]}}
    pod = spawned(hub_python, tmp_path, {**VALUES, **own})
    assert {"COURSE": "x", "SIZE": "small"}.items() <= pod["environment"].items()
    assert set(_ours(pod)) == {"POPCON_SINK", "POPCON_LABELS"}


def _file() -> dict[str, str]:
    (found,) = VALUES["singleuser"]["extraFiles"].values()
    assert isinstance(found, dict)
    return found


def test_the_startup_file() -> None:
    """It is what `popcon enable ipython --system` writes, at the place where that writes it."""
    assert _file() == {
        "mountPath": str(system_folder() / FILE_NAME),
        "stringData": startup_text("take it out of singleuser.extraFiles"),
    }


@pytest.fixture(params=[False, True], ids=["mounted", "mounted and enabled"])
def kernels_python(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A Python in a pod that has the startup file, by itself or beside the image's own."""
    files = {_file()["mountPath"]: _file()["stringData"]}
    pod = Pod(tmp_path, {HOST: ("127.0.0.1",)}, files, restricted=False)
    if request.param:
        own = tmp_path / "profile_default" / "startup"
        own.mkdir(parents=True)
        (own / FILE_NAME).write_text(startup_text())
    wrapper = tmp_path / "python"
    command = " ".join(f"'{part}'" for part in pod.wrapped([sys.executable]))
    wrapper.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kernel(kernels_python: str, hub_python: str, tmp_path: Path, kind: str) -> None:
    """A kernel with that environment and that file is counted once, under the hub's namespace."""
    udp, web = free_ports()
    environ = _ours(spawned(hub_python, tmp_path, VALUES))
    environ["POPCON_SINK"] = environ["POPCON_SINK"].replace(":9125", f":{udp}")
    with exporter(kind, ports=(udp, web)) as running:
        session_environ = clean_environ(IPYTHONDIR=str(tmp_path), **environ)
        with kernel(session_environ, kernels_python) as session:
            session.run("assert not [name for name in globals() if 'popcon' in name]\nimport yaml")
        assert counted(running, "hub1") == ({"pyyaml": 1}, 1)


def test_the_way_out() -> None:
    """The egress rule leads to the exporter's pods in their namespace, on the port that they listen on."""
    (rule,) = VALUES["singleuser"]["networkPolicy"]["egress"]
    (peer,) = rule["to"]
    made = named(render({}), "Deployment", HERE.release)
    template = made["spec"]["template"]
    assert made["metadata"]["namespace"] == HERE.namespace
    assert _selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": HERE.namespace})
    assert _selects(peer["podSelector"], template["metadata"]["labels"])
    opened = [
        {"port": port["containerPort"], "protocol": port["protocol"]}
        for port in template["spec"]["containers"][0]["ports"]
        if port["name"] == "statsd-udp"
    ]
    assert opened == rule["ports"]


def _yaml_in(text: str, first: str) -> Any:
    """Return the indented YAML that begins with a line."""
    block = []
    for line in text[text.index(first) :].splitlines():
        if line and not line.startswith(first[: len(first) - len(first.lstrip())]):
            break
        block.append(line)
    return yaml.safe_load(dedent("\n".join(block)))


def test_notes_say_the_same(tmp_path: Path) -> None:
    """What `helm install` prints is the same YAML, but for the startup file; the README's is part of it."""
    printed = _yaml_in(notes(with_notes(tmp_path), {}), "   hub:\n")
    expected = json.loads(json.dumps(VALUES))
    del expected["singleuser"]["extraFiles"]
    assert printed == expected

    readme = _yaml_in((ROOT / "README.md").read_text(), "    hub:\n")
    assert readme == {"hub": VALUES["hub"]}
