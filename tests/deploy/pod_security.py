"""In: a pod's spec. Out: what the `restricted` level of Pod Security has against it, and this chart besides.

The rules are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/ (baseline
and restricted). The real check runs in tests/cluster; this one runs over every values file.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.deploy.chart import Object

VOLUMES = frozenset(
    (
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
        *("persistentVolumeClaim", "projected", "secret"),
    )
)


def violations(spec: Object) -> Iterator[str]:
    """Yield what `restricted` refuses."""
    pod = spec.get("securityContext") or {}
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield key
    for volume in spec.get("volumes") or ():
        if not set(volume) - {"name"} <= VOLUMES:
            yield f"volume {volume}"
    for key in ("sysctls", "hostProcess", "seLinuxOptions", "windowsOptions"):
        if pod.get(key):
            yield key
    for container in (*spec["containers"], *(spec.get("initContainers") or ())):
        yield from (f"{container['name']}: {one}" for one in _of_container(container, pod))


def _of_container(container: Object, pod: Object) -> Iterator[str]:
    own = container.get("securityContext") or {}
    effective = {**pod, **own}
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if effective.get("runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if effective.get("runAsUser") == 0:
        yield "runAsUser 0"
    if (effective.get("seccompProfile") or {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()):
        yield "capabilities that are not dropped"
    if not set(capabilities.get("add") or ()) <= {"NET_BIND_SERVICE"}:
        yield "capabilities that are added"
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield "hostPort"


def carelessness(spec: Object) -> Iterator[str]:
    """Yield what this chart has none of: a writable root, a token, a pod without bounds, `latest`."""
    if spec.get("automountServiceAccountToken") is not False:
        yield "a service account's token"
    if spec.get("enableServiceLinks") is not False:
        yield "variables of each Service"
    for container in spec["containers"]:
        name, resources = container["name"], container.get("resources") or {}
        if not container.get("securityContext", {}).get("readOnlyRootFilesystem"):
            yield f"{name}: a writable root"
        if not {"cpu", "memory"} <= set(resources.get("requests") or {}):
            yield f"{name}: no requests"
        if "memory" not in (resources.get("limits") or {}):
            yield f"{name}: no limit of memory"
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            yield f"{name}: image {container['image']}"


def loose_ends(spec: Object) -> Iterator[str]:
    """Yield mounts without a volume, volumes without a mount, and what is there twice."""
    volumes = [one["name"] for one in spec.get("volumes") or ()]
    mounted = set()
    for container in spec["containers"]:
        mounts = container.get("volumeMounts") or ()
        mounted |= {one["name"] for one in mounts}
        for what, every in (
            ("mount", [one["mountPath"] for one in mounts]),
            ("variable", [one["name"] for one in container.get("env") or ()]),
            ("port", [one["name"] for one in container.get("ports") or ()]),
        ):
            yield from (f"{what} {one} twice" for one in set(every) if every.count(one) > 1)
    yield from (f"volume {one} twice" for one in set(volumes) if volumes.count(one) > 1)
    yield from (f"nothing is mounted as {one}" for one in mounted - set(volumes))
    yield from (f"nobody mounts {one}" for one in set(volumes) - mounted)
