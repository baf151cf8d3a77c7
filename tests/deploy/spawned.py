"""In: on standard input values for z2jh, as JSON. Out: labels and environment of the pod that KubeSpawner makes.

It runs in an environment of its own, with KubeSpawner and without popcon, and does with
`hub.extraConfig` what z2jh's hub does: `c` is the configuration, keys come in their order.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from jupyterhub import orm  # type: ignore[import-not-found]
from jupyterhub.objects import Hub  # type: ignore[import-not-found]
from jupyterhub.user import User  # type: ignore[import-not-found]
from kubespawner import KubeSpawner  # type: ignore[import-not-found]
from traitlets.config import Config


def configured(values: dict[str, Any]) -> Config:
    """Return the configuration that the values lead to, beside what z2jh sets before."""
    config = Config()
    config.KubeSpawner.common_labels = {"app": "jupyterhub"}
    config.KubeSpawner.environment = values["singleuser"].get("extraEnv", {})
    config.KubeSpawner.profile_list = values["singleuser"].get("profileList", [])
    for _, code in sorted(values["hub"]["extraConfig"].items()):
        exec(code, {"c": config})
    return config


async def pod(config: Config) -> dict[str, Any]:
    """Return what a user's pod is made of, under the first profile where there are any."""
    database = orm.new_session_factory("sqlite:///:memory:")()
    row = orm.User(name="ada")
    database.add(row)
    database.commit()
    hub = Hub(ip="127.0.0.1", port=8081, base_url="/hub/")
    settings = {
        "config": config,
        "hub": hub,
        "spawner_class": KubeSpawner,
        "base_url": "/",
        "authenticator": None,
    }
    spawner = User(row, settings, database).spawner
    if spawner.profile_list:
        await spawner.load_user_options()
    made = await spawner.get_pod_manifest()
    (container,) = made.spec.containers
    return {
        "labels": made.metadata.labels,
        "environment": {each.name: each.value for each in container.env},
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(pod(configured(json.load(sys.stdin))))))
