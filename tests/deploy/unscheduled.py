"""In: rendered objects. Out: the exporter's pod as if a cluster ran it: its real program, at an address of its own.

`tests/cluster` runs pods of a real API server by the same function.
"""

from __future__ import annotations

import itertools
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tests.cluster.network import OF_PODS
from tests.cluster.pods import Running, running
from tests.conftest import eventually
from tests.deploy.chart import Object, exporter, of_kind, workload

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

#: A real cluster's pods begin at 0, and the same run may have one.
_NUMBERS = itertools.cycle(range(100, 250))


class Unscheduled:
    """What `running` asks a cluster for, of rendered objects and of others that are said to be there."""

    def __init__(self, folder: Path, objects: list[Object], *others: Object) -> None:
        if sys.platform != "linux":
            pytest.skip("pods get other addresses than 127.0.0.1, which only Linux has")
        self.folder = folder
        self._objects = [*objects, *others]
        self.pod = _pod(objects)

    def get(self, kind: str, name: str, namespace: str = "default") -> Object | None:
        """Return an object; a claim has a volume of its own name."""
        if kind == "pvc":
            return {"spec": {"volumeName": name}}
        for one in self._objects:
            same = (one["kind"].lower(), one["metadata"]["name"]) == (kind, name)
            if same and one["metadata"]["namespace"] == namespace:
                return one
        return None

    def all(
        self, kind: str, namespace: str = "", selector: Mapping[str, str] | None = None
    ) -> list[Object]:
        """Return nothing: no Service has an address here."""
        return []

    def mounted(self, volume: str) -> Path:
        """Return the folder that is mounted as a volume of the pod that runs."""
        return self.folder / "pods" / str(self.pod["metadata"]["uid"]) / volume

    @contextmanager
    def run(self) -> Iterator[Running]:
        """Run the exporter, each time as a new pod with the same claims."""
        number = next(_NUMBERS)
        self.pod["metadata"]["uid"] = str(uuid.uuid4())
        self.pod["status"] = {"podIP": OF_PODS.replace("0/24", str(number))}
        with running(cast("Cluster", self), self.pod) as found:
            yield found


def _pod(objects: list[Object]) -> Object:
    """Return the pod that the controller would make of the workload."""
    made = workload(objects)
    template = made["spec"]["template"]
    name = f"{made['metadata']['name']}-0"
    claims = [
        {"name": one, "persistentVolumeClaim": {"claimName": f"{one}-{name}"}}
        for one in (
            each["metadata"]["name"] for each in made["spec"].get("volumeClaimTemplates", ())
        )
    ]
    spec = {
        **template["spec"],
        "nodeName": "node-1",
        "containers": [exporter(objects)],
        "volumes": [*template["spec"]["volumes"], *claims],
    }
    metadata = {
        **template["metadata"],
        "name": name,
        "namespace": made["metadata"]["namespace"],
    }
    return {"kind": "Pod", "metadata": metadata, "spec": spec}


def config_map(name: str, data: Mapping[str, str], namespace: str = "monitoring") -> Object:
    """Return a ConfigMap that somebody else keeps."""
    metadata = {"name": name, "namespace": namespace}
    return {"kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def send(found: Running, *lines: str, tcp: bool = False) -> None:
    """Send lines to a port of the exporter's container, one a datagram."""
    ports = {
        one["name"]: one["containerPort"] for one in found.pod["spec"]["containers"][0]["ports"]
    }
    if tcp:
        with socket.create_connection((found.address, ports["statsd-tcp"]), timeout=5) as sender:
            sender.sendall("".join(f"{line}\n" for line in lines).encode())
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for line in lines:
            sender.sendto(line.encode(), (found.address, ports["statsd-udp"]))


def page(found: Running, path: str) -> dict[str, float]:
    """Return the page of metrics as sample → value."""
    lines = [line for line in found.page(path).split("\n") if line and line[0] != "#"]
    return {sample: float(value) for sample, _, value in (one.rpartition(" ") for one in lines)}


def shows(found: Running, expected: Mapping[str, float], path: str = "/metrics") -> bool:
    """Return whether the page comes to have these samples."""
    return bool(eventually(lambda: expected.items() <= page(found, path).items()))


def checksum(objects: list[Object]) -> str | None:
    """Return the annotation by which another mapping makes another pod, where there is one."""
    annotations: Mapping[str, str] = workload(objects)["spec"]["template"]["metadata"][
        "annotations"
    ]
    return annotations.get("checksum/mapping")


def rules(objects: list[Object]) -> str:
    """Return the rules in the chart's ConfigMap."""
    (found,) = [one for one in of_kind(objects, "ConfigMap") if "mapping.yaml" in one["data"]]
    return str(found["data"]["mapping.yaml"])
