"""In: a pod of which the API server says that it runs. Out: its container's command as a process, at its address.

What the kubelet would do is done here as far as it reaches without containers: environment, `$(NAME)`
in arguments, and mounted volumes, as folders. What runs is what the image would run. Paths that are
mounted become those folders, and addresses without a host, or on the pod's own loopback, the pod's.
There is no DNS and no kube-proxy: a Service's name becomes the address of the first pod behind it.
"""

from __future__ import annotations

import base64
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import requests

from tests.cluster.cluster import Cluster, Object
from tests.cluster.network import here
from tests.conftest import ROOT, eventually
from tests.peers.found import program

#: What an image's name begins with, but for the registry → what it runs.
ENTRYPOINTS: dict[str, Callable[[], list[str]]] = {
    "statsd-exporter": lambda: [str(program("statsd_exporter"))],
    "popcon": lambda: [sys.executable, "-m", "popcon", "exporter"],
    "python": lambda: [sys.executable],
}


class Command(NamedTuple):
    """What a container would run."""

    arguments: list[str]
    environ: dict[str, str]


class Running(NamedTuple):
    """A pod's process, and where it listens."""

    pod: Object
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        """Where the pod's address is on this machine."""
        return here(self.pod["status"]["podIP"])

    def page(self, path: str = "/metrics", port: str = "http-metrics") -> str:
        """Return a page of it, on a port by its name."""
        answer = self._asked(path, port)
        assert answer.status_code == 200, answer.text
        return answer.text

    def _asked(self, path: str, port: str) -> requests.Response:
        return requests.get(f"http://{self.address}:{self._ports[port]}{path}", timeout=10)

    def is_ready(self) -> bool:
        """Return whether its probes are answered; one that has ended fails the test with what it said."""
        if self.process.poll() is not None:
            raise AssertionError(self.process.communicate()[0])
        names = [name for name in self._container if name.endswith("Probe")]
        assert {"livenessProbe", "readinessProbe"} <= set(names)
        return all(self._is_answered(self._container[name]) for name in names)

    def _is_answered(self, probe: Object) -> bool:
        try:
            if "tcpSocket" in probe:
                port = self._ports[probe["tcpSocket"]["port"]]
                socket.create_connection((self.address, port), timeout=5).close()
                return True
            asked = probe["httpGet"]
            # While it starts it may answer already, and say that it isn't ready.
            return self._asked(asked["path"], asked["port"]).status_code == 200
        except (OSError, requests.ConnectionError):
            return False

    @property
    def _ports(self) -> dict[str, int]:
        return {one["name"]: one["containerPort"] for one in self._container["ports"]}

    @property
    def _container(self) -> Object:
        return container_of(self.pod)


@contextmanager
def running(cluster: Cluster, pod: Object) -> Iterator[Running]:
    """Run a pod's exporter until it is ready; it has ended as a pod ends when this is left."""
    command = command_of(cluster, pod)
    process = subprocess.Popen(
        command.arguments,
        env=command.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
    )
    made = Running(pod, process)
    try:
        assert eventually(made.is_ready), f"no answer of {command.arguments}"
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=pod["spec"]["terminationGracePeriodSeconds"])
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def command_of(cluster: Cluster, pod: Object) -> Command:
    """Return what the pod's container runs, as a process of this machine can run it."""
    container = container_of(pod)
    folders = _mounted(cluster, pod, container)
    environ = _environ(cluster, pod, container)
    words = _Here(folders, here(pod["status"]["podIP"]), _services(cluster, pod), environ)
    asked = container.get("command")
    entrypoint = [_program(asked[0])] if asked else ENTRYPOINTS[_image(container)]()
    own = [*(asked or ())[1:], *container.get("args", ())]
    return Command(
        [*entrypoint, *(words.told(one) for one in own)],
        {
            # The machine's own, as a process needs them; then what the pod says.
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            **{name: words.told(value) for name, value in environ.items()},
        },
    )


def container_of(pod: Object) -> Object:
    """Return the only container of a pod."""
    (container,) = pod["spec"]["containers"]
    found: Object = container
    return found


class _Here(NamedTuple):
    """What a pod's words mean on this machine."""

    folders: dict[str, Path]
    address: str
    services: dict[str, str]
    environ: dict[str, str]

    def told(self, text: str) -> str:
        """Return an argument or a value, in this machine's words."""
        text = re.sub(r"\$\(([\w.-]+)\)", lambda found: self.environ.get(found[1], found[0]), text)
        # In one go, because a folder of this machine may begin like a path of the pod.
        paths = "|".join(re.escape(path) for path in sorted(self.folders, key=len, reverse=True))
        if paths:
            text = re.sub(
                rf"(?<![\w/])({paths})(?=/|$)", lambda found: str(self.folders[found[1]]), text
            )
        text = re.sub(
            r"^(--[\w.-]+=)?(?:127\.0\.0\.1|localhost)?(:\d+)$", rf"\g<1>{self.address}\2", text
        )
        # The longest first: a Service's name begins others.
        for name in sorted(self.services, key=len, reverse=True):
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?=:\d)", self.services[name], text)
        return text


def _image(container: Object) -> str:
    name = str(container["image"]).rpartition("/")[2]
    return re.split("[:@]", name)[0]


def _program(name: str) -> str:
    return sys.executable if Path(name).name.startswith("python") else name


def _environ(cluster: Cluster, pod: Object, container: Object) -> dict[str, str]:
    found = {} if pod["spec"].get("enableServiceLinks") is False else _links(cluster, pod)
    for one in container.get("env", ()):
        source = one.get("valueFrom")
        value = one.get("value", "") if source is None else _value(cluster, pod, source)
        found[one["name"]] = re.sub(
            r"\$\(([\w.-]+)\)", lambda name: found.get(name[1], name[0]), value
        )
    return found


def _value(cluster: Cluster, pod: Object, source: Object) -> str:
    if "fieldRef" in source:
        value = pod
        for part in source["fieldRef"]["fieldPath"].split("."):
            value = value[part]
        return str(value)
    ((kind, wanted),) = source.items()
    held = _held(cluster, pod, {"configMapKeyRef": "configmap", "secretKeyRef": "secret"}[kind], wanted["name"])  # fmt: skip
    return held[wanted["key"]]


def _held(cluster: Cluster, pod: Object, kind: str, name: str) -> dict[str, str]:
    """Return what is in a ConfigMap or a Secret; one that isn't there would keep the pod from starting."""
    found = cluster.get(kind, name, pod["metadata"]["namespace"])
    assert found, f"no {kind} {name}"
    data: dict[str, str] = found.get("data", {})
    if kind == "secret":
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    return data


def _links(cluster: Cluster, pod: Object) -> dict[str, str]:
    """Return the variables that Kubernetes sets for each Service that has an address."""
    found = {}
    for service in cluster.all("services", pod["metadata"]["namespace"]):
        address = service["spec"]["clusterIP"]
        if address == "None":
            continue
        prefix = service["metadata"]["name"].upper().replace("-", "_")
        ports = service["spec"]["ports"]
        links = [f"{one['protocol'].lower()}://{address}:{one['port']}" for one in ports]
        found[f"{prefix}_SERVICE_HOST"] = address
        found[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
        found[f"{prefix}_PORT"] = links[0]
        for one, link in zip(ports, links):
            found[f"{prefix}_PORT_{one['port']}_{one['protocol']}"] = link
    return found


def _mounted(cluster: Cluster, pod: Object, container: Object) -> dict[str, Path]:
    """Return the folder of each mounted path."""
    volumes = {one["name"]: one for one in pod["spec"].get("volumes", ())}
    return {
        mount["mountPath"]: _folder(cluster, pod, volumes[mount["name"]])
        for mount in container.get("volumeMounts", ())
    }


def _folder(cluster: Cluster, pod: Object, volume: Object) -> Path:
    """Return a volume's folder: a claim's is kept from pod to pod, another's is the pod's own."""
    namespace = pod["metadata"]["namespace"]
    if "persistentVolumeClaim" in volume:
        claim = cluster.get("pvc", volume["persistentVolumeClaim"]["claimName"], namespace)
        assert claim, volume
        folder = cluster.folder / "volumes" / str(claim["spec"]["volumeName"])
    else:
        folder = cluster.folder / "pods" / pod["metadata"]["uid"] / volume["name"]
    folder.mkdir(parents=True, exist_ok=True)
    for kind, told, named in (
        ("configmap", "configMap", "name"),
        ("secret", "secret", "secretName"),
    ):
        if told in volume:
            held = _held(cluster, pod, kind, volume[told][named])
            items = {one["key"]: one["path"] for one in volume[told].get("items", ())}
            for key, value in held.items():
                if not items or key in items:
                    (folder / items.get(key, key)).write_text(value)
    return folder


def _services(cluster: Cluster, pod: Object) -> dict[str, str]:
    """Return each of the names that DNS would know a Service by → the address of a pod behind it."""
    found = {}
    namespace = pod["metadata"]["namespace"]
    for service in cluster.all("services", namespace):
        slices = _slices(cluster, namespace, service["metadata"]["name"])
        addresses = [
            here(one["addresses"][0]) for part in slices for one in part["endpoints"] or ()
        ]
        first = f"{service['metadata']['name']}.{namespace}"
        names = (service["metadata"]["name"], first, f"{first}.svc", f"{first}.svc.cluster.local")
        found.update(dict.fromkeys(names, addresses[0]) if addresses else {})
    return found


def _slices(cluster: Cluster, namespace: str, service: str) -> list[Object]:
    """Return what is behind a Service by IPv4, which is what pods have here."""
    slices = cluster.all("endpointslices", namespace, {"kubernetes.io/service-name": service})
    return [one for one in slices if one["addressType"] == "IPv4"]


def behind(cluster: Cluster, host: str, port: int, protocol: str) -> str:
    """Return address:port of the first pod behind a port of a Service, whose name is `service.namespace`."""
    name, namespace = host.split(".")
    service = cluster.get("service", name, namespace)
    assert service, host
    (asked,) = (
        one["name"]
        for one in service["spec"]["ports"]
        if (one["port"], one["protocol"]) == (port, protocol)
    )
    (part,) = _slices(cluster, namespace, name)
    (number,) = (one["port"] for one in part["ports"] if one["name"] == asked)
    return f"{here(part['endpoints'][0]['addresses'][0])}:{number}"


def send(process: Running, *lines: bytes) -> None:
    """Send a datagram to the pod's port for counts."""
    ports = {one["name"]: one["containerPort"] for one in container_of(process.pod)["ports"]}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"\n".join(lines), (process.address, ports["statsd-udp"]))
