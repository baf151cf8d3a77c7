"""URLs of files: what they mean, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from popcon.errors import UsageError
from popcon.report import Report
from popcon.sinks import open_sink
from popcon.sinks.files import parse, place


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:a", ("a", False)),
        ("file:/a/b/", ("/a/b/", False)),
        ("jsonl:///a/b", ("/a/b", False)),
        ("json:~/a?overwrite=1", ("~/a", True)),
        ("json:a?overwrite=0", ("a", False)),
        ("pickle:my%20reports/100%25/%C3%A9", ("my reports/100%/é", False)),
        ("file:é", ("é", False)),
        ("file:///", ("/", False)),
    ],
)
def test_url(url: str, expected: tuple[str, bool]) -> None:
    """A URL is a path, with the codes of a URL, and whether an older file may be lost."""
    assert parse(url) == expected


@pytest.mark.parametrize(
    ("url", "quoted"),
    [
        ("file:", "'file:'"),
        ("file:?overwrite=1", "'file:?overwrite=1'"),
        ("json://host/a", "'json://host/a'"),
        ("file://a", "'file://a'"),
        ("file:a?", "'' in 'file:a?'"),
        ("file:a?overwrite=yes", "'overwrite=yes' in 'file:a?overwrite=yes'"),
        ("file:a?mode=w", "'mode=w'"),
        ("file:50%", "'%' in 'file:50%'"),
        ("file:50%zz", "'%zz'"),
        ("file:a%00b", "'file:a%00b'"),
    ],
)
def test_urls_that_are_refused(url: str, quoted: str) -> None:
    """What is no path or no option is refused in one line that quotes it."""
    with pytest.raises(UsageError) as caught:
        parse(url)

    assert quoted in str(caught.value)


def test_a_relative_path_is_settled_when_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that changes its directory later still writes where it said; `~` is the home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    sink = open_sink("file:a", "p")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    sink.send(Report((), True), final=True)

    assert sorted(os.listdir(tmp_path)) == ["a", "elsewhere"]
    assert place("~/b/") == (str(tmp_path / "home" / "b"), True)
