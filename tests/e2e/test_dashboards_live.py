"""Every dashboard's panels, asked of a Prometheus and a VictoriaMetrics that know what real kernels did."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from popcon.catalog import CHECK_HITS
from popcon.insight.ask import queried
from popcon.promql.recordings import recordings
from popcon.render.dashboards import boards
from popcon.render.queries import added
from tests.conftest import ROOT, eventually
from tests.dashboards import compressed, engines
from tests.dashboards.answers import Answers, plain
from tests.dashboards.asking import ask
from tests.dashboards.choosing import interpolated
from tests.e2e import expected
from tests.e2e.conftest import run
from tests.e2e.expected_pipeline import pipeline
from tests.e2e.exporters import KINDS
from tests.e2e.story import SCRIPTS, Told, told
from tests.peers.found import system_program

DAY = compressed.DAY
BOARDS = tuple(boards())
#: What `increase` and `rate` say is near the truth, and each engine has a way of its own to get there: by how much
#: they may differ. Where a range begins about a restart, the write that goes with it may be in one of them alone.
ROUGH = {
    "Datagrams and lines": 0.05,
    "Canaries of an hour": 0.05,
    "Lines refused": 0.05,
    "File of counts": 1.1,
    "Mapping": 0.05,
    "Lines without a rule": 0.05,
}


@pytest.fixture(scope="module")
def wall(hub_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Real kernels have lived through five days."""
    with told(hub_python, tmp_path_factory.mktemp("story")) as made:
        yield made


@pytest.fixture(scope="module")
def image(hub_python: str) -> dict[str, dict[str, Any]]:
    """What the hubs' image has, by library."""
    answer = json.loads(run([hub_python, "-m", "popcon", "inventory", "--json"]))
    return {row["library"]: row for row in answer["libraries"]}


def asked(url: str, uid: str, at: float, days: int = 2, **choices: str | list[str]) -> Answers:
    """Return what a dashboard shows of so many days up to a time."""
    board = compressed.board(boards()[uid])
    if uid == "popcon-libraries":
        choices = {"library": expected.CHOSEN, **choices}
    return plain(board, ask(url, board, at, days * DAY, choices))


def days_of(answers: Answers, began: int, at: int) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the same with the days' numbers in place of their midnights, without those not over by then.

    A day is shown where it began, from what is recorded after it: by and by, while this test runs.
    """

    def numbered(row: float | dict[int, float]) -> object:
        if not isinstance(row, dict) or any((when - began) % DAY for when in row):
            return row
        return {1 + (when - began) // DAY: row[when] for when in row if when + DAY <= at}

    return {
        place: {name: numbered(row) for name, row in rows.items()}
        for place, rows in answers.items()
    }


@pytest.mark.parametrize("uid", BOARDS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_panel_shows_what_happened(
    wall: Told, image: dict[str, dict[str, Any]], kind: str, uid: str
) -> None:
    """Every query of every panel answers with the numbers that the story has, and none is forgotten here."""
    inventory = {
        name: (row["infrastructure"] or "library", row["bytes"]) for name, row in image.items()
    }
    addresses = [one.url.removeprefix("http://") for one in wall.exporters[kind]]
    right = {
        "popcon-libraries": lambda: expected.libraries(
            {name: row["version"] for name, row in image.items()}
        ),
        "popcon-unused": lambda: expected.unused(inventory),
        "popcon-hubs": lambda: expected.hubs(wall.began),
        "popcon-pipeline": lambda: pipeline(kind, addresses, wall.began),
    }[uid]()

    shown = days_of(asked(wall.prometheus[kind].url, uid, wall.at), wall.began, wall.at)
    assert set(right) == set(shown)
    for place, rows in shown.items():
        assert right[place] == rows, place


@pytest.mark.parametrize("uid", BOARDS)
@pytest.mark.parametrize("kind", KINDS)
def test_victoria_metrics_says_the_same(wall: Told, kind: str, uid: str) -> None:
    """Every query has the same answer from VictoriaMetrics, to which that Prometheus writes."""
    real, other = wall.prometheus[kind].url, wall.victoria[kind].url
    assert eventually(
        lambda: wall.at < max(queried(other, "max(timestamp(up))").values(), default=0)
    )

    first, second = (
        days_of(asked(url, uid, wall.at), wall.began, wall.at) for url in (real, other)
    )
    for place in first:
        assert first[place] == _near(second[place], ROUGH.get(place[0])), place
    assert set(first) == set(second)


#: What is chosen, of how many days, up to when (days since the first one began), and what a panel says then.
EDGES: tuple[tuple[str, dict[str, str | list[str]], int, float, object], ...] = (
    ("Processes that reported", {}, 5, 4.5, {"": 27}),
    ("Most used", {}, 5, 4.5, {"pyyaml": 24, "jinja2": 6, "markupsafe": 6, "zope-interface": 2, "ruamel-yaml": 1}),
    ("Processes that reported", {}, 1, 4.5, {"": 0}),
    ("Most used", {}, 1, 4.5, {"jinja2": 2, "markupsafe": 2, "pyyaml": 1, "ruamel-yaml": 1}),
    ("Processes that reported", {"hub": ["hub3"]}, 2, 4.5, {"": 0}),
    ("Processes that reported", {"hub": ["hub1", "hub3"]}, 2, 4.5, {"": 2}),
    ("Processes that reported", {"without_hub": "hub[12]"}, 5, 4.5, {"": 1}),
    ("Processes that reported", {"hub": ["hub9"]}, 2, 4.5, {}),
    ("Most used", {"hub": ["hub3"]}, 2, 4.5, {}),
    ("Most used", {"hub": ["hub2"], "without_library": "py.*"}, 2, 4.5, {}),
    ("Gone", {"hub": ["hub3"]}, 2, 4.5, {}),
    ("New", {}, 5, 4.5, {}),
    # As it was seen on the second day, and on the third after the restart.
    ("Processes that reported", {}, 1, 1.8, {"": 24}),
    ("Most used", {}, 1, 2.9, {"pyyaml": 2, "jinja2": 3, "markupsafe": 3, "zope-interface": 1}),
)  # fmt: skip


@pytest.mark.parametrize("case", EDGES, ids=lambda case: f"{case[0]}, {case[1]}, {case[2]} d")
@pytest.mark.parametrize("kind", KINDS)
def test_at_the_edges(
    wall: Told, kind: str, case: tuple[str, dict[str, str | list[str]], int, float, object]
) -> None:
    """Other ranges, also such as ended in the past, other hubs, and what is left out."""
    title, choices, days, until, right = case
    for url in (wall.prometheus[kind].url, wall.victoria[kind].url):
        shown = asked(url, "popcon-libraries", wall.began + until * DAY, days, **choices)

        assert shown[title, "A"] == right


@pytest.mark.parametrize("kind", KINDS)
def test_a_watch_lists_checks(wall: Told, kind: str) -> None:
    """What a watch list asks for is recorded by days too, though no panel shows it."""
    query = compressed.compressed(added(CHECK_HITS, ("namespace",)))
    query = interpolated(query, {"hub": ".*", "without_hub": "none"}, 5 * DAY, DAY)
    for server in (wall.prometheus[kind], wall.victoria[kind]):
        assert _values(server.url, query, wall.at) == {"hub1": SCRIPTS + 3, "hub2": 2}


@pytest.mark.parametrize("engine", ["prometheus", "victoria_metrics"])
def test_where_nothing_was_sent(tmp_path: Path, engine: str) -> None:
    """An engine that knows of no exporter answers every query: with nothing, or with 0."""
    folder = tmp_path / engine
    made = (
        engines.prometheus(folder, {})
        if engine == "prometheus"
        else engines.victoria_metrics(folder)
    )
    with made as server:
        for uid in BOARDS:
            answers = asked(server.url, uid, time.time(), 30)
            found = {place: rows for place, rows in answers.items() if any(rows.values())}

            assert {title for title, _ in found} <= {"popcon's rules"}


def test_vmalert_accepts_the_rules() -> None:
    """VictoriaMetrics' own program for rules reads our file."""
    command = [
        str(system_program("vmalert")),
        "-dryRun",
        f"-rule={ROOT / 'grafana' / 'popcon-rules.yaml'}",
    ]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_victoria_metrics_would_record_the_same(wall: Told, kind: str) -> None:
    """The recordings' own expressions have the same answers there, at several times of each day."""
    rules = [rule for _, group in recordings().values() for rule in group]
    for rule in rules:
        expr = compressed.compressed(rule.expr)
        for at in range(wall.began + DAY // 2, wall.at + 1, DAY // 3):
            answers = [
                _values(server.url, expr, at)
                for server in (wall.prometheus[kind], wall.victoria[kind])
            ]

            assert answers[0] == pytest.approx(answers[1], rel=1e-12), (rule.record, at)


def _values(url: str, expr: str, at: float) -> dict[str, float]:
    panel = {
        "id": 1,
        "title": "",
        "gridPos": {"w": 24},
        "targets": [{"refId": "A", "expr": expr, "instant": True}],
    }
    board = {"panels": [panel], "templating": {"list": []}}
    rows = plain(board, ask(url, board, at, DAY, {}))["", "A"]
    return {name: value for name, value in rows.items() if isinstance(value, float)}


def _near(rows: dict[str, Any], rough: float | None) -> dict[str, Any]:
    """Return rows that are equal to others within what a float keeps, or roughly: within so much, or a tenth."""
    rel, least = (1e-12, 0.0) if rough is None else (0.1, rough)
    return {name: pytest.approx(row, rel=rel, abs=least) for name, row in rows.items()}
