"""The documents: links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = sorted(
    page
    for folder in (ROOT, *(ROOT / name for name in ("docs", "deploy", "grafana", "mappings")))
    for page in (folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    """Each link in it leads to a file or a folder, and to a heading that the file has."""
    for target in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        name, _, heading = target.partition("#")
        file = (page.parent / name).resolve() if name else page

        assert file.exists(), target
        assert not heading or heading in _anchors(file), target


def _anchors(file: Path) -> set[str]:
    """Return the headings as links name them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
