"""The dashboards keep the rules of grafana/dashboard-linter, but for what `grafana/.lint` excludes with a reason."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.render.dashboard_lint import RULES, Breach

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 10), reason="promql-parser needs Python 3.10"
)

BOARDS = [json.loads(file.read_text("utf-8")) for file in sorted((ROOT / "grafana").glob("*.json"))]
EXCLUDED: dict[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "grafana" / ".lint").read_text("utf-8")
)["exclusions"]
#: Rule and entry; a rule without entries is excluded everywhere.
ENTRIES = [(rule, entry) for rule, rest in EXCLUDED.items() for entry in rest.get("entries", [{}])]


def fits(entry: dict[str, str], breach: Breach) -> bool:
    """Return whether the tool takes an exclusion for a place: what it doesn't name may be anything."""
    return entry.get("dashboard", breach.dashboard) == breach.dashboard and (
        entry.get("panel", breach.panel) == breach.panel
    )


def breaches(rule: str) -> list[Breach]:
    """Return the places in all dashboards that break a rule."""
    return [breach for board in BOARDS for breach in RULES[rule](board)]


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str) -> None:
    """Each rule holds, but for what is excluded."""
    entries = [entry for excluded, entry in ENTRIES if excluded == rule]

    assert [one for one in breaches(rule) if not any(fits(entry, one) for entry in entries)] == []


@pytest.mark.parametrize(("rule", "entry"), ENTRIES)
def test_exclusion_is_needed(rule: str, entry: dict[str, str]) -> None:
    """What is excluded breaks the rule, so that an exclusion goes when its reason does."""
    assert any(fits(entry, breach) for breach in breaches(rule))


def test_exclusions_are_in_the_tools_words() -> None:
    """Each exclusion is of a rule that there is, has a reason, and only keys that the tool reads."""
    assert EXCLUDED.keys() <= RULES.keys()
    for rule, rest in EXCLUDED.items():
        assert rest["reason"], rule
        assert rest.keys() <= {"reason", "entries"}, rule
    for rule, entry in ENTRIES:
        # `targetIdx` of its documents is not read by the YAML reader that the tool uses.
        assert entry.keys() <= {"reason", "dashboard", "panel"}, rule
        assert "dashboard" in entry or entry == {}, rule
