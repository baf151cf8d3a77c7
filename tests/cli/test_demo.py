"""The demo: real kernels, a table, a page; nothing left behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from popcon.cli.demo import NOTEBOOKS
from popcon.demo.page import page
from tests.cli.test_cli import popcon


def test_the_demo(tmp_path: Path) -> None:
    """The table and the page say which share of the kernels used each library."""
    output = tmp_path / "page.html"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    elsewhere = {"DO_NOT_TRACK": "1", "POPCON_SINK": "statsd://elsewhere.invalid:1"}
    done = popcon("demo", "--output", str(output), TMPDIR=str(temporary), **elsewhere)

    assert (done.stderr, done.returncode) == ("", 0)
    rows = [
        line.replace("│", " ").split() for line in done.stdout.splitlines() if line.startswith("│")
    ]
    assert rows[0] == ["pyyaml", "2", "100%"]
    assert {"requests", "urllib3", "rich"} <= {row[0] for row in rows[1:]}
    assert {("1", "50%")} == {tuple(row[1:]) for row in rows[1:]}
    assert str(output) in done.stdout
    assert f"Libraries that {len(NOTEBOOKS)} kernels used" in output.read_text()
    assert list(temporary.iterdir()) == []


def test_the_page_is_complete_in_itself() -> None:
    """The page asks no host for anything, and shows names as text."""
    text = page({"a": 1, "<b>": 2}, 2, "1")

    assert "http" not in text
    assert "<script" not in text
    assert "&lt;b&gt;" in text
    assert text.index("&lt;b&gt;") < text.index(">a<")


@pytest.mark.skipif(
    sys.platform == "win32", reason="a folder that can't be written is a POSIX matter"
)
def test_a_page_that_cannot_be_written() -> None:
    """A page that can't be written is named, with exit status 3."""
    done = popcon("demo", "--output", "/no/such/folder/page.html")

    assert done.returncode == 3
    assert "can't write '/no/such/folder/page.html'" in done.stderr
