"""In: kubectl's and Helm's arguments. Out: what they answer about a real API server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import eventually
from tests.peers.found import program

Object = dict[str, Any]


class Answer(NamedTuple):
    """What a command printed, apart."""

    out: str
    err: str


class RefusedError(AssertionError):
    """A command's status was not 0; the message is what it said."""


class Cluster(NamedTuple):
    """A running API server, and how to talk to it."""

    folder: Path
    kubeconfig: Path
    url: str
    token: str
    authority: Path

    def kubectl(self, *arguments: str, stdin: str = "") -> Answer:
        """Run kubectl; a failure raises RefusedError."""
        return self._run([str(program("kubectl")), *arguments], stdin)

    def helm(self, *arguments: str, stdin: str = "") -> Answer:
        """Run Helm; a failure raises RefusedError."""
        return self._run([str(program("helm")), *arguments], stdin)

    def environ(self) -> dict[str, str]:
        """Return an environment in which either finds this API server, and nothing of this machine's."""
        home = str(self.folder / "home")
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HELM_", "KUBE")) and name != "XDG_CONFIG_HOME"
        }
        return {**kept, "HOME": home, "KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": home}

    def _run(self, command: list[str], stdin: str) -> Answer:
        done = subprocess.run(
            command, input=stdin, env=self.environ(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RefusedError(
                f"{' '.join(command[1:])}: {done.stderr.strip()}\n{done.stdout.strip()}"
            )
        return Answer(done.stdout, done.stderr)

    def apply(self, *objects: Object) -> Answer:
        """Make or change objects."""
        text = "\n---\n".join(json.dumps(one) for one in objects)  # JSON is YAML
        return self.kubectl("apply", "--filename=-", stdin=text)

    def get(self, kind: str, name: str, namespace: str = "default") -> Object | None:
        """Return an object, or None where there is none."""
        found = self.kubectl(
            "get", kind, name, f"--namespace={namespace}", "--output=json", "--ignore-not-found"
        ).out
        return json.loads(found) if found.strip() else None

    def all(
        self, kind: str, namespace: str = "", selector: Mapping[str, str] | None = None
    ) -> list[Object]:
        """Return the objects of a kind: of a namespace, or of all; those with these labels."""
        where = f"--namespace={namespace}" if namespace else "--all-namespaces"
        labels = ",".join(f"{key}={value}" for key, value in (selector or {}).items())
        found = self.kubectl("get", kind, where, f"--selector={labels}", "--output=json").out
        items: list[Object] = json.loads(found)["items"]
        return items

    def pods(self, namespace: str, selector: Mapping[str, str], count: int = 1) -> list[Object]:
        """Return the running pods with these labels, once there are so many and no others."""

        def found() -> list[Object] | None:
            pods = self.all("pods", namespace, selector)
            live = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
            running = [pod for pod in live if pod["status"].get("podIP")]
            return running if len(running) == count == len(pods) else None

        pods = eventually(found, 60)
        assert isinstance(pods, list), self.kubectl("get", "pods", f"--namespace={namespace}").out
        return sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))

    def volume(self, name: str, size: str = "1Gi", storage_class: str = "") -> None:
        """Make a volume that a claim can have: nothing provisions volumes here."""
        spec = {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": storage_class,
            "hostPath": {"path": f"/nowhere/{name}"},
        }
        self.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": spec,
            }
        )

    @contextmanager
    def namespace(self, name: str, labels: Mapping[str, str] | None = None) -> Iterator[str]:
        """Make a namespace; it is being removed when this is left."""
        metadata = {"name": name, "labels": dict(labels or {})}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        try:
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")
