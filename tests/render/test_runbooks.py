"""The alerts' runbooks: a page for each, and where alerts say they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from popcon.cli import main
from popcon.render.rules import GROUPS, RUNBOOKS
from tests.conftest import ROOT

ALERTS = [alert.name for _, alerts in GROUPS.values() for alert in alerts]
PAGES = sorted((ROOT / RUNBOOKS).glob("*.md"))
HEADINGS = ["Lost meanwhile", "How to see it", "What to do", "When it ends"]


def test_every_alert_has_a_page() -> None:
    """Each alert has its runbook, and none is there for an alert that is gone."""
    assert [page.stem for page in PAGES] == sorted(ALERTS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page(page: Path) -> None:
    """A page answers the same four questions, and shows the alert's own expression."""
    text = page.read_text(encoding="utf-8")

    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert f"<!-- popcon render: alert:{page.stem} -->" in text


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ([], "docs/runbooks/"),
        (["--runbooks", "https://e.org/books"], "https://e.org/books/"),
        (["--runbooks", "https://e.org/books/"], "https://e.org/books/"),
    ],
)
def test_where_they_are(capsys: pytest.CaptureFixture[str], said: list[str], begins: str) -> None:
    """An alert says where its page is: a path in the repository, or below an address of one's own."""
    assert main(["render", "rules", *said]) == 0
    rules = [
        one for group in yaml.safe_load(capsys.readouterr().out)["groups"] for one in group["rules"]
    ]
    found = {one["alert"]: one["annotations"]["runbook_url"] for one in rules if "alert" in one}

    assert found == {name: f"{begins}{name}.md" for name in ALERTS}
