"""In: an object and a version of Kubernetes. Out: what that version's own schema has against it.

`kubernetes-validate` brings the schemas. It reads them anew for each object, though, which takes a
second each: here they are read once.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from tests.deploy.chart import Object, package

VERSIONS = tuple(f"1.{minor}" for minor in range(29, 38))
#: Groups whose objects Kubernetes itself doesn't know.
FOREIGN = ("monitoring.coreos.com/", "monitoring.googleapis.com/")


def faults(objects: list[Object], version: str) -> Iterator[str]:
    """Yield what is wrong with objects, in their own words; unknown fields are wrong too."""
    for one in objects:
        if one["apiVersion"].startswith(FOREIGN):
            continue
        # The same object stands in many values files.
        yield from _faults(json.dumps(one, sort_keys=True), version)


@functools.cache
def _faults(text: str, version: str) -> tuple[str, ...]:
    one = json.loads(text)
    found = _validator(one["kind"], one["apiVersion"], version).iter_errors(one)
    return tuple(
        f"{one['kind']}/{one['metadata']['name']} in {version}: {error.json_path}: {error.message}"
        for error in found
    )


@functools.cache
def _validator(kind: str, api_version: str, version: str) -> Any:
    schema = _contents(f"{kind.lower()}-{_group(api_version)}.json", version)
    validators = package("jsonschema").validators
    return validators.Draft202012Validator(schema, registry=_registry(version))


def _group(api_version: str) -> str:
    group, _, version = api_version.rpartition("/")
    return f"{group.split('.')[0]}-{version}" if group else version


@functools.cache
def _registry(version: str) -> Any:
    referencing = package("referencing")
    definitions = referencing.Resource.from_contents(_contents("_definitions.json", version))
    return (definitions @ referencing.Registry()).crawl()


def _contents(name: str, version: str) -> Any:
    utils = package("kubernetes_validate.utils")
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    return utils.schema_contents(f"{folder}/{name}", version)
