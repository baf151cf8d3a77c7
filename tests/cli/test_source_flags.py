"""Where counts are, and of which days: what is typed, and what that comes to."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from pathlib import Path

import pytest

from popcon.catalog import REPORTS
from popcon.cli.source_flags import access, add_source_flags, period, source
from popcon.errors import PopconError
from popcon.insight.usage import DAY, Period
from tests.insight.answering import Answer, answering

#: A Wednesday at noon.
NOW = datetime(2026, 7, 1, 12, tzinfo=timezone.utc).timestamp()
PROMETHEUS = ("--prometheus", "http://127.0.0.1:1")


def typed(*words: str) -> argparse.Namespace:
    """Return what these words are parsed to."""
    parser = argparse.ArgumentParser()
    add_source_flags(parser)
    return parser.parse_args(words)


def day(text: str) -> float:
    """Return a day's midnight."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", Period(day("2026-06-01"), NOW)),
        ("--since 1d", Period(day("2026-06-30"), NOW)),
        ("--since 12w", Period(day("2026-04-08"), NOW)),
        ("--since 1y", Period(day("2025-07-01"), NOW)),
        ("--since 2026-01-31", Period(day("2026-01-31"), NOW)),
        ("--since 2026-01-31 --until 2026-01-31", Period(day("2026-01-31"), day("2026-02-01"))),
        ("--since 2d --until 2026-06-30", Period(day("2026-06-29"), day("2026-07-01"))),
        ("--until 2026-07-01", Period(day("2026-06-01"), NOW)),
    ],
)
def test_days(words: str, expected: Period) -> None:
    """A period begins at the midnight of the day that it falls into, and ends with a day or now."""
    assert period(typed(*words.split()), NOW) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--since 30", "--since takes 30d, 12w, 1y or a date as 2026-01-31: '30'"),
        ("--since 0d", "'0d'"),
        ("--since 2026-02-30", "'2026-02-30'"),
        ("--until yesterday", "--until takes a date as 2026-01-31: 'yesterday'"),
        (
            "--since 2026-07-02",
            "nothing lies between --since '2026-07-02' and 2026-07-01 12:00 UTC",
        ),
        ("--since 2026-05-02 --until 2026-05-01", "nothing lies between"),
        ("--since 1960-01-01 --until 1960-02-01", "nothing lies between"),
    ],
)
def test_no_days(words: str, said: str) -> None:
    """What is no period is refused in its own words."""
    with pytest.raises(PopconError) as refused:
        period(typed(*words.split()), NOW)

    assert said in str(refused.value)
    assert refused.value.status == 2


def test_a_header_may_name_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token needn't be on a command line, and what it is isn't printed."""
    monkeypatch.setenv("TOKEN", "s3cret")
    words = ["--header", "Authorization: Bearer ${TOKEN}", "--header", "X-Scope-OrgID:campus"]

    assert access(typed(*words), "http://h").headers == {
        "Authorization": "Bearer s3cret",
        "X-Scope-OrgID": "campus",
    }
    monkeypatch.setenv("TOKEN", "s3cret\nX-Other: 1")
    with pytest.raises(PopconError, match=r"'Authorization' has characters that none may have$"):
        access(typed(*words), "http://h")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "where are the counts? --prometheus URL (or POPCON_PROMETHEUS), or --metrics FILE"),
        ([*PROMETHEUS, "--metrics", "x"], 2, "two sources: give one"),
        (["--metrics", "x", "--since", "3d"], 2, "so --since takes --prometheus"),
        (["--metrics", "/no/such"], 3, "can't read '/no/such': No such file"),
        (["--metrics", __file__], 3, "line 1: not a sample: "),
        (PROMETHEUS, 4, "can't reach 'http://127.0.0.1:1/api/v1/series': Connection refused"),
        (["--prometheus", "prometheus:9090"], 2, "not the URL of a Prometheus, such as http://local"),
        ([*PROMETHEUS, "--header", "s3cret"], 2, "not a header, such as 'X-Scope-OrgID: campus': it has no"),
        ([*PROMETHEUS, "--header", "A: $NO_SUCH_1"], 2, "names the variable 'NO_SUCH_1', which isn't set"),
        ([*PROMETHEUS, "--ca-file", "/no/such"], 3, "can't read '/no/such'"),
        ([*PROMETHEUS, "--ca-file", __file__], 3, "no certificate (or no key of it) in PEM format"),
        ([*PROMETHEUS, "--cert", __file__], 3, "no certificate (or no key of it) in PEM format"),
        ([*PROMETHEUS, "--key", "x"], 2, "--key needs --cert"),
        ([*PROMETHEUS, "--bearer-token-file", "/no/such"], 3, "can't read '/no/such'"),
    ],
)  # fmt: skip
def test_no_source(
    monkeypatch: pytest.MonkeyPatch, words: list[str], status: int, said: str
) -> None:
    """What can't be a source is one line with a status, before or at the first question."""
    monkeypatch.delenv("POPCON_PROMETHEUS", raising=False)
    with pytest.raises(PopconError) as refused:
        source(typed(*words), NOW)

    assert said in str(refused.value)
    assert refused.value.status == status
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "words",
    [
        ["--prometheus", "ada:s3cret@prometheus:9090"],
        ["--prometheus", "http://ada:s3cret/s3cret@127.0.0.1:1"],
        ["--prometheus", "http://ada:s3cret?s3cret@127.0.0.1:1"],
        ["--prometheus", "http://127.0.0.1:1/?token=s3cret"],
        ["--prometheus", "http://127.0.0.1:1?token=s3cret"],
        ["--metrics", "http://127.0.0.1:1/metrics?token=s3cret"],
        [*PROMETHEUS, "--header", "Bearer s3cret"],
        [*PROMETHEUS, "--header", "Bearer s3cret:s3cret"],
    ],
)
def test_secrets_in_what_is_refused(words: list[str]) -> None:
    """A password or a token that was typed where none is taken isn't printed."""
    with pytest.raises(PopconError) as refused:
        source(typed(*words), NOW)

    assert "s3cret" not in str(refused.value)


def test_a_page_at_a_url() -> None:
    """An exporter's page is read where it is, by the right that is given; what is none is said."""
    words = ["--header", "X-Scope-OrgID: campus", "--metrics"]
    with answering(Answer(200, "python_popcon_reports 3\n")) as (url, asked):
        found = source(typed(*words, f"{url}/metrics"), NOW)
    with answering(Answer(404)) as (url, _), pytest.raises(PopconError) as refused:
        source(typed(*words, f"{url}/metrics"), NOW)

    assert found.counts(REPORTS, Period(0, DAY)) == {("",): 3}
    assert [(one.method, one.path, one.headers["X-Scope-OrgID"]) for one in asked] == [
        ("GET", "/metrics", "campus")
    ]
    assert "answers 404 Not Found: is it an exporter's /metrics?" in str(refused.value)


def test_pages(tmp_path: Path) -> None:
    """Pages of replicas are one source, and hubs are chosen in it."""
    files = [tmp_path / name for name in "ab"]
    for file in files:
        file.write_text('python_popcon_reports{namespace="h"} 3\npython_popcon_reports 1\n')
    words = [word for file in files for word in ("--metrics", str(file))]
    any_time = Period(0, DAY)

    assert source(typed(*words), NOW).counts(REPORTS, any_time) == {("h",): 6, ("",): 2}
    assert source(typed(*words, "--namespace", ""), NOW).counts(REPORTS, any_time) == {("",): 2}
    without = source(typed(*words, "--without-namespace", "h|x"), NOW)
    assert without.counts(REPORTS, any_time) == {("",): 2}


@pytest.mark.parametrize("pattern", ["[", "[[:alpha:]]"])
def test_patterns(pattern: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no pattern here, or another one than to a server, is refused in a line."""
    with pytest.raises(SystemExit):
        typed("--without-namespace", pattern)

    assert f"not a regular expression: {pattern!r}" in capsys.readouterr().err.splitlines()[-1]
