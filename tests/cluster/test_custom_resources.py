"""prometheus-operator's own definitions take each monitor and each rule of every values file."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import yaml

from tests.deploy.chart import LOADER, NAMES, Object, of_kind, package, render
from tests.peers.found import files

KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")


def definitions() -> dict[str, Any]:
    """Return kind → the schema of its objects, in which unknown fields are refused."""
    found = {}
    for path in files("crds"):
        for one in yaml.load_all(path.read_text(encoding="utf-8"), LOADER):
            (version,) = one["spec"]["versions"]
            schema = version["schema"]["openAPIV3Schema"]
            del schema["properties"]["metadata"]
            found[one["spec"]["names"]["kind"]] = _closed(schema)
    return found


def _closed(node: Any) -> Any:
    """Return a schema that refuses what an API server would drop without a word."""
    if isinstance(node, list):
        return [_closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    is_schema = isinstance(node.get("properties"), dict) and node.get("type") == "object"
    return {"additionalProperties": False, **closed} if is_schema else closed


def faults(schema: Any, one: Object) -> Iterator[str]:
    """Yield what a definition has against an object."""
    validator = package("jsonschema").validators.Draft202012Validator(schema)
    spec = {key: value for key, value in one.items() if key != "metadata"}
    for error in validator.iter_errors(spec):
        yield f"{one['kind']}: {error.json_path}: {error.message}"


def test_each_is_taken() -> None:
    """Each custom resource holds to its definition, and there is one of each kind."""
    schemas = definitions()
    found = [(name, one) for name in NAMES for one in of_kind(render(name), *KINDS)]

    assert {one["kind"] for _, one in found} == set(KINDS)
    assert [
        (name, fault) for name, one in found for fault in faults(schemas[one["kind"]], one)
    ] == []


def test_a_wrong_one_would_be_found() -> None:
    """A misspelt field of an endpoint and a rule without an expression are found."""
    (monitor,) = of_kind(render("service-monitor"), "ServiceMonitor")
    (rule,) = of_kind(render("pod-monitor"), "PrometheusRule")
    wrong = copy.deepcopy(monitor)
    wrong["spec"]["endpoints"][0]["honourLabels"] = True
    del rule["spec"]["groups"][0]["rules"][0]["expr"]

    schemas = definitions()

    assert "'honourLabels' was unexpected" in "".join(faults(schemas["ServiceMonitor"], wrong))
    assert "'expr' is a required property" in "".join(faults(schemas["PrometheusRule"], rule))
