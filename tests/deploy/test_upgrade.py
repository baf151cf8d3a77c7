"""From one values file to any other Kubernetes lets the release be upgraded: what can't change doesn't."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.chart import CHART, NAMES, Object, mixed, of_kind, render, values_of, workload

#: Of a StatefulSet's spec, all that Kubernetes lets change (1.27; revisionHistoryLimit from 1.33 on); of a Deployment's everything but the selector.
CHANGEABLE = frozenset(
    (
        *("replicas", "ordinals", "template", "updateStrategy", "minReadySeconds"),
        "persistentVolumeClaimRetentionPolicy",
    )
)
#: What persistence says is what `helm upgrade` explains, see popcon.checkClaims.
CLAIMS = "volumeClaimTemplates"


def fixed(name: str) -> Object:
    """Return what Kubernetes never lets change in the workload of a values file; by one name, for another is another object."""
    made = workload(render(mixed(values_of(name), {"fullnameOverride": "popcon"})))
    if made["kind"] == "Deployment":
        return {"selector": made["spec"]["selector"]}
    return {key: value for key, value in made["spec"].items() if key not in CHANGEABLE}


def small(name: str) -> str:
    """Return the values file with nothing but the same kind in it."""
    return "popcon" if workload(render(name))["kind"] == "StatefulSet" else "default"


def test_what_is_fixed_stays() -> None:
    """Whatever a values file says, the fields that can't change are the same, but for the volume's."""
    for name in NAMES:
        before, after = fixed(small(name)), fixed(name)
        claims = before.pop(CLAIMS, None), after.pop(CLAIMS, None)
        assert before == after, name
        persistence: dict[str, Any] = values_of(name).get("persistence", {})
        assert (claims[0] != claims[1]) == bool(set(persistence) - {"keepOnUninstall"}), name


def test_the_scrape_service_stays_headless() -> None:
    """A Service can't become headless, nor stop being so: the scrape Service always is, the other never."""
    for name in NAMES:
        addresses = {
            service["metadata"]["labels"]["popcon/service"]: service["spec"].get("clusterIP")
            for service in of_kind(render(name), "Service")
        }
        assert addresses["metrics"] == "None", name
        assert addresses["ingest"] != "None", name


@pytest.mark.parametrize("name", ["default", "popcon", "all-popcon", "all-statsd-exporter"])
def test_a_new_chart_replaces_no_pod(tmp_path: Path, name: str) -> None:
    """Another version of the chart alone changes no pod, no claim and no selector."""
    newer = tmp_path / "popcon"
    shutil.copytree(CHART, newer)
    file = newer / "Chart.yaml"
    file.write_text(file.read_text().replace("\nversion: ", "\nversion: 9"))

    before, after = workload(render(name)), workload(render(name, chart=newer))

    assert before["metadata"] != after["metadata"]
    assert before["spec"] == after["spec"]
