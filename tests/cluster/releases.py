"""In: values. Out: a release of the chart in a namespace of its own, as Helm makes, changes and removes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

from tests.cluster.cluster import Answer, Cluster, Object
from tests.conftest import ROOT

CHART = ROOT / "deploy" / "helm" / "popcon"
KINDS = ("statsd_exporter", "popcon")
_COMPONENT = "app.kubernetes.io/component"
EXPORTER = {
    "app.kubernetes.io/name": "popcon",
    "app.kubernetes.io/instance": "popcon",
    _COMPONENT: "exporter",
}
#: What Pod Security has to say is either refused or a warning; there may be none of either.
RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/warn": "restricted",
}
#: What a namespace has of itself; events tell of what happened, and go by themselves.
_OF_THE_NAMESPACE = {
    "configmaps/kube-root-ca.crt",
    "serviceaccounts/default",
}
_number = count(1)


class Release(NamedTuple):
    """The release `popcon` of a namespace."""

    cluster: Cluster
    namespace: str

    def install(self, values: Object, *, wait: bool = True) -> Answer:
        """Install it, and wait until it is ready."""
        return self._helm("install", values, *(("--wait", "--timeout=90s") if wait else ()))

    def upgrade(self, values: Object) -> Answer:
        """Change it and wait until it is ready."""
        return self._helm("upgrade", values, "--wait", "--timeout=90s")

    def rollback(self) -> Answer:
        """Take the change before back, and wait until it is ready."""
        where = (f"--namespace={self.namespace}", "--wait", "--timeout=90s")
        return self.cluster.helm("rollback", "popcon", *where)

    def uninstall(self) -> Answer:
        """Remove it and wait until it is gone."""
        where = (f"--namespace={self.namespace}", "--wait", "--timeout=90s")
        return self.cluster.helm("uninstall", "popcon", *where)

    def manifest(self) -> str:
        """Return what Helm has made of the chart."""
        return self.cluster.helm("get", "manifest", "popcon", f"--namespace={self.namespace}").out

    def _helm(self, verb: str, values: Object, *flags: str) -> Answer:
        where = (f"--namespace={self.namespace}", "--values=-", *flags)
        return self.cluster.helm(verb, "popcon", str(CHART), *where, stdin=json.dumps(values))

    def pods(self, count: int = 1) -> list[Object]:
        """Return the exporter's pods, once there are so many and no others."""
        return self.cluster.pods(self.namespace, EXPORTER, count)

    def pods_of(self, component: str) -> list[Object]:
        """Return the pod of another component, once it is there."""
        return self.cluster.pods(self.namespace, {**EXPORTER, _COMPONENT: component})

    def jobs(self) -> dict[str, Object]:
        """Return a run of each of its CronJobs, once it has ended well; what was said must be nothing."""
        found = {}
        for schedule in self.cluster.all("cronjobs", self.namespace):
            name = schedule["metadata"]["name"]
            where = f"--namespace={self.namespace}"
            made = self.cluster.kubectl("create", "job", name, f"--from=cronjob/{name}", where)
            assert made.err == ""
            self.cluster.kubectl(
                "wait", f"job/{name}", "--for=condition=Complete", "--timeout=60s", where
            )
            (found[name],) = self.cluster.all("pods", self.namespace, {"job-name": name})
        return found

    def workload(self, kind: str) -> Object:
        """Return what makes the exporter's pods."""
        found = self.cluster.get(WORKLOADS[kind], "popcon", self.namespace)
        assert found, kind
        return found

    def left(self) -> set[str]:
        """Return what is in the namespace that an empty one doesn't have."""
        kinds = self.cluster.kubectl(
            "api-resources", "--namespaced", "--verbs=list", "--output=name"
        )
        asked = [kind for kind in kinds.out.split() if not kind.startswith("events")]
        # Each row is the kind with its group, and the name: "deployments.apps/popcon".
        found = self.cluster.kubectl(
            "get", ",".join(asked), f"--namespace={self.namespace}", "--output=name"
        ).out.split()
        return {_plain(one) for one in found} - _OF_THE_NAMESPACE


WORKLOADS = {"statsd_exporter": "deployment", "popcon": "statefulset"}


def _plain(name: str) -> str:
    kind, _, rest = name.partition("/")
    return f"{kind.partition('.')[0]}s/{rest}"


@contextmanager
def namespaced(cluster: Cluster, volumes: int = 0) -> Iterator[Release]:
    """Make a namespace that enforces the restricted level, with volumes that its claims can have."""
    name = f"monitoring-{next(_number)}"
    with cluster.namespace(name, RESTRICTED):
        for number in range(volumes):
            # Of a class of its own, so that no other namespace's claim takes it.
            cluster.volume(f"{name}-{number}", storage_class=name)
        yield Release(cluster, name)
