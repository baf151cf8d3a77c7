"""The page in a browser: one sheet of paper, nothing on the console, nobody asked; its text is the notice's."""

from __future__ import annotations

import html
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from popcon.notice.formats import as_markdown, as_text
from popcon.notice.page import as_html
from popcon.notice.sections import notice
from tests.notice.browser import printed
from tests.notice.settings import CHECKS, facts, many

#: As much as can be said at once.
LONG: dict[str, Any] = {
    "POPCON_SINK": "print:stderr file:~/used.txt statsd://exporter.monitoring.example.org:9125",
    "POPCON_LABELS": "namespace=hub1",
    "POPCON_DETAILS": "version,direct",
    "POPCON_ALLOW": "num*, pyyaml, sci*, pandas, xarray",
    "POPCON_DENY": "secret-*",
    "POPCON_CHILDREN": "each",
    "POPCON_PROGRAMS": "all",
    "by_hand": ("/opt/conda/etc/ipython/startup/10-site.py",),
    "checks": CHECKS,
    "policy": ("strict", {"by_address": True}),
    "site": "Example University of Somewhere",
    "contact": "the research computing team, help@research.uni.example",
    "kept": "13 months",
    "url": "https://grafana.research.uni.example/dashboards/f/popcon/",
    "readers": "all who have an account there",
}


class Outline(HTMLParser):
    """What a page is made of: its elements in order, and each one that was closed out of turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.crossed: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "link"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open.pop() != tag:
            self.crossed.append(tag)


@pytest.mark.parametrize("choice", [LONG, {}, {"DO_NOT_TRACK": "1"}], ids=["long", "short", "off"])
def test_in_a_browser(tmp_path: Path, choice: dict[str, Any]) -> None:
    """The page is one sheet of paper, says nothing on the console, and asks for nothing but itself."""
    file = tmp_path / "notice.html"
    file.write_text(as_html(notice(facts(choice))), "utf-8")
    page = printed(file)

    assert (page.sheets, page.console, page.asked) == (1, [], [])


def test_a_browser_sees_what_is_wrong(tmp_path: Path) -> None:
    """An error on the console, a request and a second sheet are seen, were there any."""
    file = tmp_path / "notice.html"
    breaks = '<p style="break-after: page">one</p><p>two</p>'
    file.write_text(
        f"<img src=http://there.example/x.png><script>console.error(1)</script>{breaks}"
    )
    page = printed(file)

    assert (page.sheets, page.asked) == (2, ["http://there.example/x.png"])
    assert len(page.console) >= 1


def test_every_format_says_the_same() -> None:
    """Text, Markdown and HTML have the same words in the same order, whatever is set."""
    for given in itertools.islice(many(0), 0, None, 25):
        page = notice(given)
        of_html = html.unescape(re.sub(r"<[^>]+>", " ", as_html(page).partition("<body>")[2]))
        of_markdown = re.sub(r"\\(.)", r"\1", as_markdown(page))
        without_rules = re.sub(r"^(?:=+|-+)$", "", as_text(page), flags=re.M)
        assert only_words(without_rules) == only_words(of_markdown) == only_words(of_html)


def only_words(text: str) -> list[str]:
    """Return a text's words, without a list's numbers and without signs of a format."""
    return re.findall(r"[\w./:$%-]*\w", re.sub(r"^\d\. ", "", text, flags=re.M).replace("_", " "))


def test_what_somebody_typed_is_text() -> None:
    """Names that look like markup stay text: no element, no Markdown, no line more than without them."""
    rude = '<script>alert("1")</script> & *all* _of_ [us](x) `it` # ~'
    given = facts({"site": rude, "contact": rude, "readers": rude})
    plain = facts({"site": "a", "contact": "a", "readers": "a"})
    outline = Outline(as_html(notice(given)))

    assert outline.tags == Outline(as_html(notice(plain))).tags
    assert outline.crossed == []
    assert rude in html.unescape(as_html(notice(given)))
    assert rude in " ".join(as_text(notice(given)).split())
    assert rude in re.sub(r"\\(.)", r"\1", as_markdown(notice(given)))
    outside_of_code = re.sub(r"(?<!\\)`.*?`", "", as_markdown(notice(given)))
    assert not re.search(r"(?<!\\)[<\[]", outside_of_code)
    for site in ("1. Institut", "2) Institut", "- Institut"):
        written = as_markdown(notice(facts({"site": site, "contact": "a", "readers": "a"})))
        assert f"\n{site}" not in written
        assert site in re.sub(r"\\(.)", r"\1", written)


def test_for_those_who_hear_it() -> None:
    """There is a language, a title, one main part, and headings without a gap; nothing is said by colour."""
    outline = Outline(as_html(notice(facts(LONG))))

    assert ("lang", "en") in outline.attributes
    assert (
        outline.tags.count("main") == outline.tags.count("h1") == outline.tags.count("title") == 1
    )
    assert outline.tags.index("h1") < outline.tags.index("h2")
    assert not {"h3", "script", "img", "iframe", "table"} & set(outline.tags)
    assert {name for name, _ in outline.attributes} <= {
        "charset", "content", "href", "http-equiv", "lang", "name", "rel",
    }  # fmt: skip
