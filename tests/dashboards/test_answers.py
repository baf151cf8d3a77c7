"""A year of a made-up university: what the commands answer is what happened, from rules and raw series, in both servers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from popcon.cli import main
from popcon.insight.answers.coverage import coverage
from popcon.insight.answers.top import top
from popcon.insight.sources.choose import chosen
from popcon.insight.sources.prometheus import Access
from popcon.insight.sources.scope import Scope
from popcon.insight.usage import Period
from tests.dashboards import answered
from tests.dashboards.answered import Days, Row, last_day
from tests.dashboards.stores import ENGINES

KINDS = {"rules": "recording rules", "raw": "raw series"}
#: A year; a summer long ago, with a restart, Prometheus away, two new hubs; a month with a move, and one use only.
PERIODS = {"a year": Days(-295, 69), "a summer": Days(-260, -100), "a month": Days(40, 69)}
#: The day on which the history ends is in it, as far as it goes.
SO_FAR = Days(-294, 70)
#: What became of libraries in that year.
CHANGES = {"polars": "rising", "spacy": "gone", "duckdb": "new", "scipy": "steady"}
TRENDS = (*CHANGES, "theano", "netcdf4", "ruff")
LIBRARIES = ("numpy", "matplotlib", "torch", "scipy")

pytestmark = [
    pytest.mark.parametrize("engine", ENGINES),
    pytest.mark.parametrize("kind", KINDS),
]
Servers = dict[str, str]


@pytest.fixture
def ask(servers: Servers, engine: str, kind: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what asks a command about days, and gives its JSON."""

    def asked(days: Days, *command: str) -> dict[str, Any]:
        source = ("--prometheus", servers[engine], "--from", kind)
        when = ("--since", days.since, "--until", days.until)
        assert main([*command, "--json", *source, *when]) == 0
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert answer["source"] == KINDS[kind]
        return answer

    return asked


@pytest.mark.parametrize("days", PERIODS.values(), ids=PERIODS)
def test_top(ask: Any, days: Days) -> None:
    """`top` has each library that was used, by how many processes, and of how many."""
    answer = ask(days, "top", "-n", "all")

    assert answer["rows"] == close(answered.top(days))
    assert answer["processes"] == sum(row["processes"] for row in answered.coverage(days))


def test_top_by_hub(ask: Any) -> None:
    """`top --by namespace` has the same of each hub."""
    days = PERIODS["a summer"]

    assert ask(days, "top", "-n", "all", "--by", "namespace")["rows"] == close(
        answered.top(days, by_hub=True)
    )


@pytest.mark.parametrize("days", PERIODS.values(), ids=PERIODS)
def test_unused(ask: Any, days: Days) -> None:
    """`unused` has what nobody used, also what one did, infrastructure apart, and for how long it is known."""
    rows = only(
        ask(days, "unused")["rows"], "library", "kind", "processes", "share", "days", "verdict"
    )

    assert sorted(rows, key=lambda row: row["library"]) == close(answered.unused(days))


def test_trend(ask: Any) -> None:
    """`trend` has each month's processes, and a word for the hubs that were there all the year."""
    days, names = PERIODS["a year"], ("library", "begin", "days", "processes", "reports", "share")
    answer = ask(days, "trend", *TRENDS, "--every", "month")

    assert only(answer["rows"], *names) == close(
        [row for library in TRENDS for row in answered.trend(days, library)]
    )
    words = {one["library"]: one["change"] for one in answer["changes"]}
    assert {library: words[library] for library in CHANGES} == CHANGES


def test_versions(ask: Any) -> None:
    """`versions` has each version that was used, and when it was last."""
    days = PERIODS["a year"]
    rows = ask(days, "versions", *LIBRARIES)["rows"]

    assert only(rows, "library", "version", "processes", "share", "last") == close(
        answered.versions(days, LIBRARIES)
    )


@pytest.mark.parametrize("days", PERIODS.values(), ids=PERIODS)
def test_coverage(ask: Any, days: Days) -> None:
    """`coverage` has each hub, since when it reports, and which are silent."""
    rows = ask(days, "coverage")["rows"]
    for row in rows:
        row["last"] = last_day(row)

    assert rows == close(answered.coverage(days))


def test_today(servers: Servers, engine: str, kind: str) -> None:
    """A period that ends now has the day so far."""
    period = Period(SO_FAR.begin, SO_FAR.end)
    source = chosen(Access(servers[engine]), Scope(), kind, period, is_default=True)
    (answer,) = top(source, period, number=None)
    rows = [row._asdict() for row in answer.rows]

    assert rows == close(answered.top(SO_FAR))
    hubs = {row.namespace: row.processes for row in coverage(source, period)}
    assert hubs == {row["namespace"]: row["processes"] for row in answered.coverage(SO_FAR)}


def only(rows: Iterable[Row], *names: str) -> list[Row]:
    """Return some of the rows' fields."""
    return [{name: row[name] for name in names} for row in rows]


def close(rows: Sequence[Row]) -> list[Row]:
    """Return rows whose shares and means are equal to such that were rounded otherwise."""
    return [
        {
            name: pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    ]
