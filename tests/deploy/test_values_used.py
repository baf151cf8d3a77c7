"""Each value of the schema changes something, and nothing else is read: no unused one, no undocumented one."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
import yaml

from tests.deploy.chart import (
    ALL_OPTIONS,
    CHART,
    NAMES,
    Object,
    RefusedError,
    at,
    mixed,
    render,
    values_of,
)
from tests.deploy.schema import SCHEMA, Key, Node, keys, leaves, resolved

KEYS = list(keys())
LEAVES = {key.path: key for key in leaves()}

#: What only one kind of exporter has.
ONLY = {
    "all-popcon": ("popcon.", "persistence.", "podMonitor."),
    "all-statsd-exporter": (
        *("autoscaling.", "strategy", "revisionHistoryLimit", "serviceMonitor."),
        *("statsd.cacheSize", "statsd.eventQueue", "statsd.eventFlush"),
    ),
}
#: Rules of one's own, which stand in place of `statsd.siteLabels`.
EXCLUSIVE = ("statsd.mappingConfig", "statsd.mappingConfigMapName", "statsd.mappingConfigMapKey")
#: On by default: off, they would hide the values beside them.
SWITCHES = (
    "serviceAccount.create",
    "networkPolicy.enabled",
    "persistence.enabled",
    "tests.enabled",
)
_NOTHING = object()


def found(values: Any, path: str) -> Any:
    """Return what values say at a path, or _NOTHING."""
    for part in path.split("."):
        if not isinstance(values, dict) or part not in values:
            return _NOTHING
        values = values[part]
    return values


def without(values: Object, path: str) -> Object:
    """Return values without a path."""
    left = copy.deepcopy(values)
    above, _, name = path.rpartition(".")
    del (found(left, above) if above else left)[name]
    return left


def outcome(values: Object) -> list[Object] | str:
    """Return the objects, or why there are none."""
    try:
        return render(values)
    except RefusedError as refused:
        return str(refused)


@pytest.mark.parametrize("name", ALL_OPTIONS)
def test_all_options_are_all(name: str) -> None:
    """The file of all options sets each key that its kind has, to what isn't the default."""
    (other,) = set(ALL_OPTIONS) - {name}
    values = values_of(name)
    expected = {path for path in LEAVES if not path.startswith((*ONLY[other], *EXCLUSIVE))}
    same = {path for path in expected if found(values, path) == LEAVES[path].node["default"]}
    missing = {path for path in expected if found(values, path) is _NOTHING}

    assert missing == set()
    assert same - {"exporter.kind", *SWITCHES} == set()


@pytest.mark.parametrize("path", LEAVES)
def test_each_value_is_used(path: str) -> None:
    """There is a values file that loses something, once it says nothing of this key."""
    setting = [name for name in NAMES if found(values_of(name), path) is not _NOTHING]
    assert setting
    # The small ones first: there nothing else stands before it.
    for name in sorted(setting, key=lambda name: (name in ALL_OPTIONS, name)):
        values = values_of(name)
        if outcome(values) != outcome(without(values, path)):
            return
    raise AssertionError(f"{path} changes nothing in {setting}")


@pytest.mark.parametrize("key", ["labels", "schedule", "python"])
def test_each_value_of_an_image_is_used(key: str) -> None:
    """So does each key of an inventory's image."""
    values = values_of("inventory")
    left = copy.deepcopy(values)
    del left["inventory"]["images"][2][key]
    assert render(values) != render(left)


def test_each_section_is_closed() -> None:
    """Unknown keys are refused everywhere but in `global`, which a parent chart shares."""
    sections = [Key("", SCHEMA, True), *(key for key in KEYS if key.is_section)]
    opened = [key.path for key in sections if key.node.get("additionalProperties") is not False]
    assert opened == ["global"]


def test_each_key_is_described() -> None:
    """Each key, and each key of a list's items, says what it is for; a value has a default."""

    def silent(path: str, node: Node) -> list[str]:
        node = resolved(node)
        below = [*node.get("properties", {}).items()]
        items = resolved(node.get("items", {})).get("properties", {})
        faults = [one for key, of in below for one in silent(f"{path}.{key}", of)]
        faults += [one for key, of in items.items() for one in silent(f"{path}[].{key}", of)]
        return faults if path == "" or node.get("description") else [path, *faults]

    assert silent("", SCHEMA) == []


def test_the_readme_lists_each() -> None:
    """The chart's README has a row for each value, and values.yaml each default."""
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert [path for path in LEAVES if f"| `{path}` |" not in readme] == []
    defaults = {path: key.node["default"] for path, key in LEAVES.items()}
    assert {path: found(values, path) for path in LEAVES} == defaults


def test_templates_read_what_is_there() -> None:
    """Each `.Values` path in a template is one of the schema, through a variable as well."""
    known = {key.path for key in KEYS}
    unknown = []
    read = set()
    for file in sorted((CHART / "templates").rglob("*.*")):
        text = file.read_text(encoding="utf-8")
        paths = re.findall(r"\.Values\.([A-Za-z]+(?:\.[A-Za-z]+)*)", text)
        for name, path in re.findall(r"\$(\w+) := \.(?:root\.)?Values\.([\w.]+)", text):
            paths += [f"{path}.{below}" for below in re.findall(rf"\${name}\.([A-Za-z.]+)", text)]
        paths += [f"serviceMonitor.{below}" for below in re.findall(r"\.monitor\.(\w+)", text)]
        read |= set(paths)
        unknown += [(file.name, path) for path in paths if path not in known]
    assert unknown == []
    assert len(read) > 80


@pytest.mark.parametrize("name", ALL_OPTIONS)
def test_large_numbers_stay_integers(name: str) -> None:
    """A number that Go would print as 1.2345e+07 comes out as an integer."""
    number = 12_345_678
    large = [
        key
        for key in LEAVES.values()
        if key.types == ("integer",) and key.node.get("maximum", number) >= number
    ]
    values = values_of(name)
    for key in large:
        if found(values, key.path) is not _NOTHING:
            # Above popcon.limits.series, else it is refused.
            more = 10_000_000 if key.path.endswith("sampleLimit") else 0
            values = mixed(values, at(key.path, number + more))

    assert len(large) > 10
    text = json.dumps(render(values))
    assert str(number) in text
    assert "e+0" not in text
    assert "2345678.0" not in text


NEUTRAL = "neutral"
#: Texts that YAML takes for something else where nobody quotes them.
TEXTS = ("123", "1e3", "true", "null", "~", "0x10", "a: b", "a #b", "{a", "*a", "'", '"', "- a", "2026-10-01")  # fmt: skip


def _takes(key: Key, text: str) -> bool:
    node = key.node
    if key.path.startswith(EXCLUSIVE) or "enum" in node:
        return False
    if key.types == ("object",) and "additionalProperties" in node:
        return True
    lengths = node.get("minLength", 0) <= len(text) <= node.get("maxLength", 1000)
    return "string" in key.types and lengths and bool(re.search(node.get("pattern", ""), text))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ALL_OPTIONS)
def test_texts_stay_texts(name: str, text: str) -> None:
    """A text that looks like something else comes out as that text, wherever the schema takes it."""
    (other,) = set(ALL_OPTIONS) - {name}
    mine = [key for key in LEAVES.values() if not key.path.startswith(ONLY[other])]
    chosen = [key for key in mine if _takes(key, text) and _takes(key, NEUTRAL)]
    assert len(chosen) > 10

    def laid(word: str) -> Object:
        values = values_of(name)
        for key in chosen:
            is_text = "string" in key.types
            values = mixed(values, at(key.path, word if is_text else {"example.org/key": word}))
        return values

    assert render(laid(text)) == _replaced(render(laid(NEUTRAL)), text)


def _replaced(node: Any, text: str) -> Any:
    if isinstance(node, dict):
        return {_replaced(key, text): _replaced(value, text) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(one, text) for one in node]
    return node.replace(NEUTRAL, text) if isinstance(node, str) else node
