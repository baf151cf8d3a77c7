"""In: a CronJob or a pod of the chart. Out: its container and its labels; ports → values that say them."""

from __future__ import annotations

from typing import Any

from tests.deploy.chart import Object


def container(made: Object) -> Object:
    """Return the one container of a CronJob or a pod."""
    (found,) = _pod(made)["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def pod_labels(made: Object) -> dict[str, str]:
    """Return the labels of the pods of a CronJob, or of a pod."""
    labels = _pod(made)["metadata"]["labels"]
    assert isinstance(labels, dict)
    return labels


def ports(udp: int, web: int, *, tcp: bool = False) -> dict[str, Any]:
    """Return the values by which the chart's own exporter would listen on these ports."""
    return {
        "statsd": {"udpPort": udp, "tcpPort": udp - 1 if tcp else 0},
        "service": {"port": web},
    }


def _pod(made: Object) -> Any:
    return made["spec"]["jobTemplate"]["spec"]["template"] if made["kind"] == "CronJob" else made
