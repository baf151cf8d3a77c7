"""The chart's values: the schema is their manual, `values.yaml` and the README's table say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from popcon import __version__
from popcon.errors import FileError
from popcon.render.chart import Key, keys, values_table, values_text
from popcon.render.yaml_text import entry
from tests.conftest import ROOT

CHART = ROOT / "deploy" / "helm" / "popcon"

SCHEMA: dict[str, Any] = {
    "properties": {
        "kind": {"description": "Which one. Not the other.", "enum": ["a", "b"], "default": "a"},
        "statsd": {
            "description": "What comes in.",
            "properties": {
                "udpPort": {
                    "description": "A port | a number.",
                    "$ref": "#/definitions/port",
                    "default": 9125,
                },
                "deeper": {
                    "description": "A section in a section",
                    "properties": {"off": {"description": "No.", "default": None}},
                },
            },
        },
        "images": {
            "description": "A list of " + "long " * 30 + "words.",
            "default": [{"name": "on", "keys": ["a", "b c"]}],
            "items": {"properties": {"name": {"description": "The image's name."}}},
        },
    },
    "definitions": {"port": {"type": "integer", "default": 1, "maximum": 65535}},
}

VALUES = """\
# Which one. One of a, b.
kind: a

# What comes in.
statsd:
  # A port | a number.
  udpPort: 9125
  # A section in a section
  deeper:
    # No.
    off: null

# A list of long long long long long long long long long long long long long long long long long
# long long long long long long long long long long long long long words.
images:
- name: "on"
  keys:
  - a
  - "b c"
"""

TABLE = """
| value | default | what it says |
| --- | --- | --- |
| `kind` | `"a"` | Which one. Not the other. One of `"a"`, `"b"`. |
| `images` | `[{"name": "on", "keys": ["a", "b c"]}]` | A list of long words. |
| `images[].name` |  | The image's name. |

### `statsd`

What comes in.

| value | default | what it says |
| --- | --- | --- |
| `statsd.udpPort` | `9125` | A port \\| a number. |
| `statsd.deeper` |  | A section in a section |
| `statsd.deeper.off` | `null` | No. |

"""


def written(folder: Path, schema: object) -> Path:
    """Write a schema into a folder."""
    file = folder / "values.schema.json"
    file.write_text(json.dumps(schema))
    return file


def test_values_and_table(tmp_path: Path) -> None:
    """Each key has its description and default, in the schema's order; a `$ref`'s siblings count."""
    found = keys(written(tmp_path, SCHEMA))

    head, _, values = values_text(found).partition("\n\n")
    assert values.replace("off:", '"off":') == VALUES.replace("off:", '"off":')
    assert all(line.startswith("# ") for line in head.split("\n"))
    assert re.sub("(long )+", "long ", values_table(found)) == TABLE


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"default": 1}, "'one.two' has no description"),
        ({"description": "", "default": 1}, "'one.two' has no description"),
        ({"description": "x"}, "'one.two' has neither a default nor properties"),
        (
            {"description": "x", "$ref": "#/definitions/no"},
            "'one.two' refers to '#/definitions/no'",
        ),
        ({"description": "x", "properties": {"a": {"default": 1}}}, "'one.two.a' has no desc"),
        (
            {"description": "x", "default": [], "items": {"properties": {"a": {}}}},
            r"'one.two\[\].a' has no desc",
        ),
    ],
)
def test_what_a_schema_lacks(tmp_path: Path, node: dict[str, Any], message: str) -> None:
    """A key without a description or a default is refused by its path: nobody could look it up."""
    schema = {"properties": {"one": {"description": "One.", "properties": {"two": node}}}}

    with pytest.raises(FileError, match=message):
        keys(written(tmp_path, schema))


def test_a_schema_that_cannot_be_read(tmp_path: Path) -> None:
    """A schema that is missing or no JSON is refused by its path."""
    file = tmp_path / "values.schema.json"
    with pytest.raises(FileError, match=r"can't read '.*values.schema.json'"):
        keys(file)
    file.write_text("{")
    with pytest.raises(FileError, match=r"values.schema.json' is not JSON"):
        keys(file)


def tree(found: tuple[Key, ...]) -> dict[str, Any]:
    """Return the defaults as one value."""
    return {key.name: tree(key.below) if key.is_section else key.default for key in found}


def test_the_charts_values_are_the_schemas_defaults() -> None:
    """Read as YAML, `values.yaml` has every key of the schema, in its order, with its default."""
    found = keys(CHART / "values.schema.json")
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

    assert json.dumps(values) == json.dumps(tree(found))


def test_the_chart_is_of_this_version() -> None:
    """The chart says which popcon it installs."""
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcNY0 \n"), inner),
)


@given(PLAIN)
def test_yaml_is_read_back(value: Any) -> None:
    """What is written as YAML is read as the same value, whatever characters are in it."""
    assert yaml.safe_load("\n".join(entry("key", value)) + "\n") == {"key": value}
