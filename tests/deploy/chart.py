"""In: values of the chart. Out: the objects that the real Helm renders of them, or why it refuses."""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.conftest import ROOT
from tests.peers.found import missing, program

Object = dict[str, Any]
Values = Mapping[str, Any]

CHART = ROOT / "deploy" / "helm" / "popcon"
SUFFIX = "-values.yaml"
#: The names of the values files in the chart's `ci`, as chart-testing names them.
NAMES = sorted(path.name[: -len(SUFFIX)] for path in (CHART / "ci").glob(f"*{SUFFIX}"))
#: Those that set every key, one for each kind of exporter.
ALL_OPTIONS = ("all-popcon", "all-statsd-exporter")

#: The C loader, where PyYAML has it, reads a manifest in a tenth of the time.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
KUBERNETES = "1.34"


class RefusedError(AssertionError):
    """Helm ended with another status than 0; the message is what it said."""


class Where(NamedTuple):
    """What a release is called, and where it is installed."""

    release: str = "popcon"
    namespace: str = "monitoring"


HERE = Where()


def values_of(name: str) -> Object:
    """Return what is in a values file."""
    path = CHART / "ci" / f"{name}{SUFFIX}"
    found: Object = yaml.load(path.read_text(encoding="utf-8"), LOADER) or {}
    return found


def render(values: str | Values, where: Where = HERE, chart: Path = CHART) -> list[Object]:
    """Return the objects that Helm makes of a values file, by its name, or of values."""
    return [json.loads(one) for one in _rendered(_text(values), where, chart)]


def rendered_text(
    values: str | Values, where: Where = HERE, chart: Path = CHART, known: Iterable[str] = ()
) -> str:
    """Return what Helm prints, with its comments; for a cluster that knows some kinds."""
    return helm(
        *("template", where.release, str(chart), f"--namespace={where.namespace}"),
        *(f"--kube-version={KUBERNETES}", "--values=-"),
        *(f"--api-versions={one}" for one in known),
        stdin=_text(values),
    )


def refusal(values: str | Values, where: Where = HERE, known: Iterable[str] = ()) -> str:
    """Return why Helm refuses values; values that it takes fail the test."""
    try:
        rendered_text(values, where, CHART, known)
    except RefusedError as refused:
        return str(refused)
    raise AssertionError(f"not refused: {values}")


def helm(*arguments: str, stdin: str = "") -> str:
    """Run Helm and return what it prints; a failure raises RefusedError. No cluster is asked."""
    done = subprocess.run(
        [str(program("helm")), *arguments],
        input=stdin,
        env={**os.environ, "KUBECONFIG": os.devnull},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise RefusedError(f"{done.stderr.strip()}\n{done.stdout.strip()}".strip())
    return done.stdout


def read(text: str) -> list[Object]:
    """Return the objects of a stream of YAML documents."""
    return [one for one in yaml.load_all(text, LOADER) if one]


def of_kind(objects: Iterable[Object], *kinds: str) -> list[Object]:
    """Return the objects of some kinds."""
    return [one for one in objects if one["kind"] in kinds]


def named(objects: Iterable[Object], kind: str, name: str) -> Object:
    """Return the only object of a kind and a name."""
    (found,) = [one for one in of_kind(objects, kind) if one["metadata"]["name"] == name]
    return found


def workload(objects: Iterable[Object]) -> Object:
    """Return the exporter's Deployment or StatefulSet."""
    (found,) = of_kind(objects, "Deployment", "StatefulSet")
    return found


def exporter(objects: Iterable[Object]) -> Object:
    """Return the exporter's container."""
    containers = workload(objects)["spec"]["template"]["spec"]["containers"]
    (found,) = [one for one in containers if one["name"] == "exporter"]
    container: Object = found
    return container


def mixed(values: Values, more: Values) -> Object:
    """Return values with others laid over them, as Helm lays one file over another."""
    found = dict(values)
    for key, value in more.items():
        below = found.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        found[key] = mixed(below, value) if both and below else value
    return found


def at(path: str, value: object) -> Object:
    """Return values in which only what stands at a path (`statsd.udpPort`) is set."""
    for key in reversed(path.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def package(name: str) -> Any:
    """Return a Python package that `popcon[test]` brings on newer Pythons only, or skip."""
    try:
        return importlib.import_module(name)
    except ImportError:
        reason = f"no {name}: `popcon[test]` has it on Python 3.10 and later"
        if sys.version_info >= (3, 10):
            missing(reason)
        pytest.skip(reason)


@functools.cache
def _rendered(text: str, where: Where, chart: Path) -> tuple[str, ...]:
    objects = read(rendered_text(text, where, chart))
    return tuple(json.dumps(one) for one in objects)


def _text(values: str | Values) -> str:
    if not isinstance(values, str):
        return json.dumps(values)  # JSON is YAML
    if re.fullmatch(r"[a-z0-9-]+", values):
        return (CHART / "ci" / f"{values}{SUFFIX}").read_text(encoding="utf-8")
    return values
