"""Every values file in `ci` is taken by Helm, and what comes of it by every Kubernetes."""

from __future__ import annotations

import json

import pytest

from tests.deploy import kubernetes_schemas
from tests.deploy.chart import (
    ALL_OPTIONS,
    CHART,
    KUBERNETES,
    NAMES,
    SUFFIX,
    Object,
    helm,
    of_kind,
    package,
    read,
    render,
    rendered_text,
    values_of,
)


def path(name: str) -> str:
    return str(CHART / "ci" / f"{name}{SUFFIX}")


def test_there_are_enough_of_them() -> None:
    """Forty values files and more, each beginning with what it is for, both kinds among them."""
    assert len(NAMES) >= 40
    texts = {name: (CHART / "ci" / f"{name}{SUFFIX}").read_text() for name in NAMES}
    assert [name for name, text in texts.items() if not text.startswith("# ")] == []
    kinds = {values_of(name).get("exporter", {}).get("kind", "") for name in NAMES}
    assert kinds == {"", "popcon", "statsd_exporter"}


@pytest.mark.parametrize("name", NAMES)
def test_helm_takes_it(name: str) -> None:
    """Helm renders it, its schema holds, and no number is written as 1e+06, which isn't an integer."""
    text = rendered_text(name)
    assert text.count("kind: Service\n") >= 2
    assert "e+0" not in text


def test_helm_lints_them_all() -> None:
    """`helm lint --strict` finds nothing in the chart, whatever the values."""
    kubernetes = f"--kube-version={KUBERNETES}"
    for name in NAMES:
        said = helm("lint", "--strict", "--quiet", kubernetes, f"--values={path(name)}", str(CHART))
        assert not [line for line in said.split("\n") if "[WARNING]" in line or "[ERROR]" in line]


@pytest.mark.parametrize("version", kubernetes_schemas.VERSIONS)
def test_kubernetes_takes_it(version: str) -> None:
    """Each manifest holds to this version's schema, which lets no unknown field through."""
    faults = [
        f"{name}: {fault}"
        for name in NAMES
        for fault in kubernetes_schemas.faults(render(name), version)
    ]
    assert faults == []


def test_a_wrong_manifest_would_be_found() -> None:
    """A misspelt field and a number in place of a text are found."""
    service: Object = of_kind(render("default"), "Service")[0]
    service["spec"]["clusterIp"] = "None"
    service["metadata"]["labels"]["a"] = 1

    (unknown, number) = kubernetes_schemas.faults([service], "1.29")

    assert "clusterIp" in unknown + number
    assert "labels" in unknown + number


@pytest.mark.parametrize("name", [*ALL_OPTIONS, "default", "popcon"])
def test_helm_4_renders_the_same(name: str) -> None:
    """Helm 4's engine makes the same objects, and lints the chart without a word."""
    engine = package("helm_python")
    with engine.Chart.load(str(CHART)) as chart:
        files = chart.render(values_of(name), name="popcon", namespace="monitoring")
    ours = [one for file, text in files.items() if not file.endswith(".txt") for one in read(text)]

    assert sorted(map(_key, ours)) == sorted(map(_key, render(name)))


def test_helm_4_lints_it() -> None:
    """Helm 4 finds nothing worth a warning."""
    found = package("helm_python").lint(str(CHART))
    said = [one["error"] for one in found["messages"]]
    assert (found["total_charts_linted"], said) == (1, ["icon is recommended"])


def _key(one: Object) -> str:
    return json.dumps(one, sort_keys=True)
