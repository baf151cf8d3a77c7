"""In: an empty folder. Out: a Kubernetes control plane of plain processes on loopback, and its Cluster.

etcd, the API server, the controllers, the scheduler, and kwok, which says of each pod that it runs:
no container is started, and no network is set up. `pods.py` runs a pod's own command line, at an
address that stands for the pod's (`network.py`).
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from tests.cluster.cluster import Cluster
from tests.cluster.network import OF_PODS
from tests.conftest import eventually
from tests.e2e.servers import free_port
from tests.peers.found import files, program

TOKEN = "a-token-of-this-run"  # of a server on loopback that ends with the run
HOST = "127.0.0.1"
#: Two families, so that a dual-stack Service gets both.
SERVICE_ADDRESSES = "10.96.0.0/16,fd00:10:96::/112"
NODES = ("node-1", "node-2")


class Part:
    """A process of the control plane, and what it says."""

    def __init__(self, folder: Path, name: str, *flags: str) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            # In a session of its own: at Ctrl-C tests have to be able to end as they always do.
            self.process = subprocess.Popen(
                [str(program(name)), *flags],
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
            )

    def check(self) -> None:
        """Fail with the end of its log if it has ended."""
        status = self.process.poll()
        assert status is None, f"{self.name} ended with {status}:\n{self.last_words()}"

    def last_words(self) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def end(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # what is left in it is of no use
            self.process.kill()
            self.process.wait()


@contextmanager
def control_plane(folder: Path) -> Iterator[Cluster]:
    """Run a control plane with Ready nodes; all of it has ended when this is left."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # else nothing would be left in order
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as parts:

        def start(name: str, *flags: str) -> Part:
            part = Part(folder, name, *flags)
            parts.callback(part.end)
            return part

        etcd = _etcd(folder)
        started = [start("etcd", *etcd)]
        port = free_port()
        started.append(start("kube-apiserver", *_api_server(folder, etcd[1], port)))
        url = f"https://{HOST}:{port}"
        authority = folder / "pki" / "apiserver.crt"
        _wait_for("kube-apiserver", started, lambda: _is_ready(url, authority))
        kubeconfig = _kubeconfig(folder, url, authority)
        started.append(start("kube-controller-manager", *_controllers(folder, kubeconfig)))
        started.append(
            start("kube-scheduler", *_serving(folder), f"--kubeconfig={kubeconfig}", _ALONE)
        )
        started.append(start("kwok", *_kwok(kubeconfig)))
        cluster = Cluster(folder, kubeconfig, url, TOKEN, authority)
        cluster.apply(*(_node(name) for name in NODES))
        _wait_for("a Ready node", started, lambda: _all_ready(cluster))
        yield cluster
        for part in started:
            part.check()


_ALONE = "--leader-elect=false"


def _etcd(folder: Path) -> tuple[str, ...]:
    client, peer = (f"http://{HOST}:{free_port()}" for _ in range(2))
    return (
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # nothing of this outlives the run
    )


def _api_server(folder: Path, etcd: str, port: int) -> tuple[str, ...]:
    key = folder / "accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    tokens = folder / "tokens.csv"
    tokens.write_text(f"{TOKEN},admin,admin,system:masters\n")
    return (
        f"--etcd-servers={etcd.partition('=')[2]}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'pki'}",
        f"--token-auth-file={tokens}",
        "--authorization-mode=AlwaysAllow",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--service-cluster-ip-range={SERVICE_ADDRESSES}",
        "--endpoint-reconciler-type=none",  # 127.0.0.1 is refused as an endpoint
        # etcd 3.5.1 can't do what such a list needs; kwok would ask for it again, ever later.
        "--feature-gates=WatchList=false",
    )


def _controllers(folder: Path, kubeconfig: Path) -> tuple[str, ...]:
    return (
        *_serving(folder),
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={folder / 'accounts.key'}",
        f"--root-ca-file={folder / 'pki' / 'apiserver.crt'}",
        # A machine that is busy for a minute should not lose its pods.
        "--node-monitor-grace-period=10m",
        _ALONE,
    )


def _serving(folder: Path) -> tuple[str, ...]:
    return (
        f"--bind-address={HOST}",
        f"--secure-port={free_port()}",
        f"--cert-dir={folder / 'pki' / 'parts'}",
    )


def _kwok(kubeconfig: Path) -> tuple[str, ...]:
    return (
        f"--kubeconfig={kubeconfig}",
        *(f"--config={stage}" for stage in files("kwok")),
        "--manage-all-nodes",
        f"--cidr={OF_PODS}",
        f"--node-ip={HOST}",
    )


def _kubeconfig(folder: Path, url: str, authority: Path) -> Path:
    path = folder / "kubeconfig"
    named = {
        "clusters": {"server": url, "certificate-authority": str(authority)},
        "users": {"token": TOKEN},
        "contexts": {"cluster": "here", "user": "here"},
    }
    singular = {"clusters": "cluster", "users": "user", "contexts": "context"}
    lists = {many: [{"name": "here", singular[many]: value}] for many, value in named.items()}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "here", **lists}
    path.write_text(json.dumps(config))  # JSON is YAML
    path.chmod(0o600)  # Helm warns of one that others can read
    return path


def _node(name: str) -> dict[str, object]:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    zone = {"topology.kubernetes.io/zone": f"zone-of-{name}"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**labels, **zone}},
    }


def _wait_for(what: str, started: list[Part], is_there: Callable[[], bool]) -> None:
    def check() -> bool:
        for part in started:
            part.check()
        return is_there()

    is_in_time = eventually(check, 90)
    said = "\n".join(part.last_words() for part in started)
    assert is_in_time, f"no {what}:\n{said}"


def _is_ready(url: str, authority: Path) -> bool:
    if not authority.is_file():
        return False
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        answer = requests.get(f"{url}/readyz", headers=headers, verify=str(authority), timeout=5)
    except requests.RequestException:
        return False
    return answer.status_code == 200


def _all_ready(cluster: Cluster) -> bool:
    conditions = [
        {one["type"]: one["status"] for one in node["status"].get("conditions", ())}
        for node in cluster.all("nodes")
    ]
    return len(conditions) == len(NODES) and all(one.get("Ready") == "True" for one in conditions)
