"""The dashboards: rendered, loadable by Grafana's schema, every expression well formed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from popcon.catalog import LIBRARY_INSTALLED
from popcon.promql.recordings import recordings
from popcon.render.dashboards import boards, expressions
from tests.conftest import ROOT
from tests.dashboards.choosing import interpolated
from tests.peers.found import program

FILES = sorted((ROOT / "grafana").glob("*.json"))


def committed() -> list[tuple[str, dict[str, Any]]]:
    """Return each committed dashboard by its file's name."""
    return [(file.name, json.loads(file.read_text(encoding="utf-8"))) for file in FILES]


def filled_in(expr: str, board: dict[str, Any]) -> str:
    """Return an expression with Grafana's variables replaced, as Grafana sends it."""
    names = [variable["name"] for variable in board["templating"]["list"]]
    expr = interpolated(expr, dict.fromkeys(names, "10"), 30 * 86400, 3600)
    assert not re.search(r"\$[A-Za-z_{]", expr), expr
    return expr


def test_every_dashboard_is_there() -> None:
    """What is rendered is what is committed, by the same names."""
    assert {file.stem for file in FILES} == set(boards())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="grafana-foundation-sdk needs Python 3.11")
@pytest.mark.parametrize(("name", "board"), committed())
def test_grafanas_schema_knows_every_key(name: str, board: dict[str, Any]) -> None:
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


@pytest.mark.skipif(sys.version_info < (3, 10), reason="promql-parser needs Python 3.10")
@pytest.mark.parametrize(("name", "board"), committed())
def test_every_expression_parses(name: str, board: dict[str, Any]) -> None:
    """Each panel's PromQL parses, and asks for something."""
    import promql_parser

    for title, exprs in expressions(board).items():
        for expr in exprs:
            assert selected(promql_parser.parse(filled_in(expr, board))), title


@pytest.mark.skipif(sys.version_info < (3, 10), reason="promql-parser needs Python 3.10")
@pytest.mark.parametrize("uid", ["popcon-libraries", "popcon-unused"])
def test_libraries_are_asked_of_recordings(uid: str) -> None:
    """What was used is read from the recordings that there are; only sizes are read as they come."""
    import promql_parser

    board = boards()[uid]
    rules = {rule.record for _, group in recordings().values() for rule in group}
    for title, exprs in expressions(board).items():
        for expr in exprs:
            names = selected(promql_parser.parse(filled_in(expr, board)))
            assert names <= rules | {LIBRARY_INSTALLED.name}, title


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
        {"record": f"board{number}:panel{place}:target{target}", "expr": filled_in(expr, board)}
        for number, (_, board) in enumerate(committed())
        for place, exprs in enumerate(expressions(board).values())
        for target, expr in enumerate(exprs)
    ]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    command = [str(program("promtool")), "check", "rules", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(rules)} rules found" in checked.stdout


@pytest.mark.parametrize(("name", "board"), committed())
def test_the_dialect(name: str, board: dict[str, Any]) -> None:
    """Names that other dashboards rely on, an id that stays, a description everywhere, no users."""
    assert name == f"{board['uid']}.json"
    templating = board["templating"]
    panels = board["panels"]
    assert isinstance(templating, dict)
    assert isinstance(panels, list)
    assert {"PROMETHEUS_DS", "hub"} <= {variable["name"] for variable in templating["list"]}
    panels = [panel for panel in panels if panel["type"] != "row"]
    assert all(
        panel["description"] and panel["fieldConfig"]["defaults"]["unit"] for panel in panels
    )
    assert len({panel["id"] for panel in panels}) == len(panels)
    targets = json.dumps([panel["targets"] for panel in panels])
    assert not re.search(r"(?<![\w-])user(?![\w-])", targets)  # jupyterhub-singleuser is a library
