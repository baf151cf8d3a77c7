"""The chart as a part of another one: switched by a condition, with its globals, and twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.deploy.chart import CHART, HERE, Object, exporter, of_kind, render, values_of, workload


def parent(folder: Path, *dependencies: Object) -> Path:
    """Return a chart that has ours as a part, once for each dependency."""
    shutil.copytree(CHART, folder / "charts" / "popcon")
    (version,) = {yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]}
    ours = {"name": "popcon", "version": version, "repository": ""}
    about: Object = {"apiVersion": "v2", "name": "hub", "version": "1.0.0"}
    about["dependencies"] = [{**ours, **one} for one in dependencies]
    (folder / "Chart.yaml").write_text(yaml.safe_dump(about))
    return folder


@pytest.mark.parametrize("enabled", [True, False])
def test_a_condition(tmp_path: Path, enabled: bool) -> None:
    """`condition: popcon.enabled`, as charts have it, switches the chart, and is no unknown value."""
    chart = parent(tmp_path, {"condition": "popcon.enabled"})
    objects = render({"popcon": {"enabled": enabled}}, HERE, chart)
    assert len(of_kind(objects, "Deployment")) == enabled


def test_globals_and_nulls(tmp_path: Path) -> None:
    """Globals of others are let be, the registry is ours too, and a null of the parent takes a default out."""
    values: Object = {
        "global": {"storageClass": "fast", "imageRegistry": "mirror:5000"},
        "popcon": {**values_of("openshift"), "resources": None},
    }
    objects = render(values, HERE, parent(tmp_path, {}))
    assert exporter(objects)["image"].startswith("mirror:5000/prometheus/statsd-exporter:")
    assert exporter(objects)["resources"] == {}
    context = workload(objects)["spec"]["template"]["spec"]["securityContext"]
    assert "runAsUser" not in context


def test_twice(tmp_path: Path) -> None:
    """Under two aliases in one release, neither takes the other's pods or names."""
    chart = parent(tmp_path, {"alias": "popcon-go"}, {"alias": "popcon-py"})
    objects = render({"popcon-py": values_of("popcon")}, HERE, chart)

    keys = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(set(keys)) == len(keys)
    (one,) = of_kind(objects, "Deployment")
    (other,) = of_kind(objects, "StatefulSet")
    assert one["spec"]["selector"] != other["spec"]["selector"]
    for made in (one, other):
        wanted = made["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= made["spec"]["template"]["metadata"]["labels"].items()
        services = [s for s in of_kind(objects, "Service") if s["spec"]["selector"] == wanted]
        assert len(services) == 2
