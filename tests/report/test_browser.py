from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from popcon.insight.report.facts import facts
from popcon.insight.report.page import page
from tests.report.browser import Tab, chromium, in_tab
from tests.report.memory import last, university

_COLOURS = """[getComputedStyle(document.body).backgroundColor,
  getComputedStyle(document.querySelector('svg text')).fill]"""
#: What is wider than the window, unless it can be scrolled.
_WIDER = """[...document.querySelectorAll('body *')].filter(e =>
  !e.closest('.scroll, .hidden, details') && !e.closest('svg')
  && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"""
#: Texts of a chart that can be seen and reach out of it.
_CUT = """[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().width).flatMap(s => {
  const box = s.getBoundingClientRect();
  return [...s.querySelectorAll('text')].filter(t => {
    const r = t.getBoundingClientRect();
    return r.left < box.left - 2 || r.right > box.right + 2 || r.bottom > box.bottom + 2;
  }).map(t => t.textContent)})"""
_SEEN = "[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().width).length"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Open the page in a wide light window, a narrow dark one, and on paper."""
    period = last(30)
    file: Path = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page(facts(university(), period, period.end)), "utf-8")
    found: dict[str, Any] = {"url": file.as_uri()}

    async def look(tab: Tab) -> None:
        for name, width, scheme in (("wide", 1000, "light"), ("narrow", 360, "dark")):
            await tab.open(file.as_uri(), width, scheme)
            found[name] = {
                "colours": await tab.ask(_COLOURS),
                "wider": await tab.ask(_WIDER),
                "cut": await tab.ask(_CUT),
                "charts": await tab.ask(_SEEN),
            }
        found["tree"] = await tab.call("Accessibility.getFullAXTree")
        found["pdf"] = await tab.pdf()
        found["requests"], found["problems"] = tab.requests, tab.problems

    in_tab(chromium(), look)
    return found


def test_the_page_asks_no_host_for_anything(seen: dict[str, Any]) -> None:
    """All that Chromium loads is the file itself, and its icon, which is empty."""
    assert {url for url in seen["requests"] if not url.startswith("data:")} == {seen["url"]}


def test_the_console_stays_empty(seen: dict[str, Any]) -> None:
    """No error, no warning, nothing that the page's policy refused."""
    assert seen["problems"] == []


def test_it_is_light_or_dark_as_the_reader_has_it(seen: dict[str, Any]) -> None:
    """Ground and charts' texts follow the theme."""
    assert seen["wide"]["colours"] == ["rgb(255, 255, 255)", "rgb(28, 33, 38)"]
    assert seen["narrow"]["colours"] == ["rgb(20, 23, 26)", "rgb(232, 234, 237)"]


@pytest.mark.parametrize("window", ["wide", "narrow"])
def test_nothing_is_cut(seen: dict[str, Any], window: str) -> None:
    """Neither page nor charts reach out of a window or a telephone, and of each chart one picture is seen."""
    assert seen[window]["wider"] == []
    assert seen[window]["cut"] == []
    assert seen[window]["charts"] == 7


def test_a_screen_reader_finds_each_chart_by_a_name(seen: dict[str, Any]) -> None:
    """In Chromium's accessibility tree, each picture has a name and a description or a longer name."""
    roles = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in seen["tree"]["nodes"]
        if not node["ignored"]
    ]
    pictures = [name for role, name in roles if role in ("image", "img")]
    assert len(pictures) == 7
    assert all(len(name) > 20 for name in pictures)
    assert {"banner", "main", "contentinfo"} <= {role for role, _ in roles}


def test_it_can_be_printed(seen: dict[str, Any]) -> None:
    """The PDF is A4, and of three to six pages."""
    pages = seen["pdf"].count(b"/Type /Page\n") or seen["pdf"].count(b"/Type /Page")
    assert seen["pdf"].startswith(b"%PDF-")
    assert 2 <= pages <= 6
    assert b"/MediaBox [0 0 594" in seen["pdf"] or b"/MediaBox [0 0 595" in seen["pdf"]
