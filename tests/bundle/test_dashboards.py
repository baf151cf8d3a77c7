"""The dashboards: rendered, loadable by Grafana's schema, every expression well formed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from popcon.catalog import METRICS
from popcon.exporter.self_catalog import METRICS as SELF_METRICS
from popcon.render.dashboards import dashboard, expressions
from tests.conftest import ROOT
from tests.peers.found import program

FILES = sorted((ROOT / "grafana").glob("*.json"))


def boards() -> list[tuple[str, dict[str, object]]]:
    """Return each committed dashboard by its file's name."""
    return [(file.name, json.loads(file.read_text(encoding="utf-8"))) for file in FILES]


def filled_in(expr: str) -> str:
    """Return an expression with Grafana's variables replaced, as Grafana sends it."""
    return expr.replace("$__range_s", "2592000").replace("$__range", "30d").replace("$hub", ".*")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="grafana-foundation-sdk needs Python 3.11")
@pytest.mark.parametrize(("name", "board"), boards())
def test_grafanas_schema_knows_every_key(name: str, board: dict[str, object]) -> None:
    """Loaded by Grafana's own types and written again, a dashboard has lost nothing."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))

    assert list(missing(board, again, name)) == []


def missing(ours: object, theirs: object, where: str) -> list[str]:
    """Return the places where something that we wrote did not come back."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            place
            for key, value in ours.items()
            for place in (
                missing(value, theirs[key], f"{where}.{key}")
                if key in theirs
                else [f"{where}.{key}"]
            )
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            place
            for number, pair in enumerate(zip(ours, theirs))
            for place in missing(*pair, f"{where}[{number}]")
        ]
    return [] if ours == theirs else [where]


SINCE = "popcon_exporter_counting_since_timestamp_seconds"


def test_the_exporter_says_since_when_it_counts() -> None:
    """The queries ask for a metric that the exporter shows: render and exporter share no code."""
    assert SINCE in {metric.name for metric in SELF_METRICS}
    assert SINCE in "".join(expressions(dashboard()).values())


@pytest.mark.skipif(sys.version_info < (3, 10), reason="promql-parser needs Python 3.10")
@pytest.mark.parametrize(("name", "board"), boards())
def test_every_expression_parses(name: str, board: dict[str, object]) -> None:
    """Each panel's PromQL parses, and asks for the catalogue's metrics, and when exporters started."""
    import promql_parser

    known = {metric.name for metric in METRICS}
    for title, expr in expressions(board).items():
        tree = promql_parser.parse(filled_in(expr))
        names = selected(tree)

        assert names, title
        assert names <= known | {"process_start_time_seconds", SINCE}, title


def selected(node: object) -> set[str]:
    """Return the metric names of the selectors in a PromQL tree."""
    name = getattr(node, "name", None)
    found = {name} if isinstance(name, str) and hasattr(node, "matchers") else set()
    for attribute in ("lhs", "rhs", "expr", "vector_selector", "param"):
        child = getattr(node, attribute, None)
        if child is not None:
            found |= selected(child)
    for child in getattr(node, "args", None) or ():
        found |= selected(child)
    return found


def test_promtool_accepts_the_expressions_as_rules(tmp_path: Path) -> None:
    """promtool, with Prometheus' own parser, accepts every expression as a recording rule."""
    rules = [
        {"record": f"board{number}:panel{place}", "expr": filled_in(expr)}
        for number, (_, board) in enumerate(boards())
        for place, expr in enumerate(expressions(board).values())
    ]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    command = [str(program("promtool")), "check", "rules", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(rules)} rules found" in checked.stdout


@pytest.mark.parametrize(("name", "board"), boards())
def test_the_dialect(name: str, board: dict[str, object]) -> None:
    """Names that other dashboards rely on, an id that stays, a description everywhere, no users."""
    assert name == f"{board['uid']}.json"
    templating = board["templating"]
    panels = board["panels"]
    assert isinstance(templating, dict)
    assert isinstance(panels, list)
    assert {"PROMETHEUS_DS", "hub"} <= {variable["name"] for variable in templating["list"]}
    assert all(
        panel["description"] and panel["fieldConfig"]["defaults"]["unit"] for panel in panels
    )
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert "user" not in json.dumps([panel["targets"] for panel in panels])
