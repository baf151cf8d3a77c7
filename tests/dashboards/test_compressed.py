"""Compressed time: all of our rules and dashboards can be had in it, and nothing else about them changes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from popcon.render.dashboards import boards
from tests.dashboards import compressed
from tests.peers.found import program

A_SPAN = re.compile(r"(\d+)(ms|[smhd])")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def test_the_rules_are_rules(tmp_path: Path) -> None:
    """Promtool accepts the rule file in compressed time, so every span in it has one."""
    file = tmp_path / "rules.json"
    file.write_text(compressed.rules())
    command = [str(program("promtool")), "check", "rules", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("uid", boards())
def test_every_panel_can_be_asked(uid: str) -> None:
    """Every span and every number of seconds of a dashboard is in the tables; names stay."""
    real, made = boards()[uid], compressed.board(boards()[uid])
    names = re.compile(r"[a-z_]+:[a-z_:]+\w*")

    assert names.findall(json.dumps(real)) == names.findall(json.dumps(made))
    assert [panel["title"] for panel in real["panels"]] == [one["title"] for one in made["panels"]]


def test_a_longer_span_is_longer() -> None:
    """The table keeps the order of spans, and the parts that a day has."""
    spans = [(_seconds(real), _seconds(short)) for real, short in compressed.SPANS.items()]

    assert spans == sorted(spans)
    assert len({short for _, short in spans}) == len(spans)
    assert compressed.DAY % compressed.STEP == 0
    assert _seconds(compressed.SPANS["1d"]) == compressed.DAY
    assert compressed.DAY - compressed.STEP < _seconds(compressed.SPANS["1439m"]) < compressed.DAY
    assert _seconds(compressed.SPANS["5m"]) == compressed.STEP


def test_what_no_table_has_is_an_error() -> None:
    """A span or a number of seconds that nobody thought of can't slip through as it is."""
    for expr in ("x[17m]", "x > time() - 1234"):
        with pytest.raises(KeyError):
            compressed.compressed(expr)


def _seconds(span: str) -> float:
    found = A_SPAN.fullmatch(span)
    assert found
    return int(found[1]) * UNITS[found[2]]
