"""Three days of what is at the edges: 5,000 libraries, 200 hubs, ties, one use only, counters born at 1, nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from popcon.catalog import LIBRARY_USED, REPORTS, Metric
from popcon.cli import main
from popcon.promql.exporter_names import LINES, PROCESS_STARTED
from popcon.promql.recordings import recorded
from tests.dashboards.remote_write import Sender, encoded_runs, spelled_times
from tests.dashboards.stores import STARTED, settle

DAY = 86_400
#: 2026-06-01; counters rise, and many are born, at the second day's noon.
FIRST = 1_780_272_000
NOON = FIRST + DAY + DAY // 2
PERIOD = ("--since", "2026-06-01", "--until", "2026-06-03")
TARGET = {"job": "popcon", "instance": "exporter:9102"}
#: In one hub, a few libraries are used by 0 to 9 processes of 60, most by 10 to 49; in 200 hubs, one by 7 of 10.
MANY = {f"library-{number:04}": number % 50 for number in range(5000)}
HUBS = [f"hub-{number:03}" for number in range(200)]
KINDS = ("rules", "raw")


@pytest.fixture(scope="module", params=STARTED)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server with all of it."""
    with STARTED[request.param](tmp_path_factory.mktemp("edges")) as url:
        sender = Sender(url)
        times = range(FIRST - 2 * DAY, FIRST + 3 * DAY + 1, 240)
        spelled = spelled_times(times)
        lines = ((float(number), 1) for number in range(len(times)))
        sender.add(encoded_runs(LINES, TARGET, spelled, lines))
        sender.add(encoded_runs(PROCESS_STARTED, TARGET, spelled, [(FIRST - 1e6, len(times))]))
        before = sum(time < NOON for time in times)
        for metric, labels, number in counters():
            # What was sent as 0 is there all the time, the rest is born with its first use.
            there = spelled[before:] if number else spelled
            sender.add(
                encoded_runs(metric.name, {**labels, **TARGET}, there, [(number, len(there))])
            )
            days = [(1, number), (2, 0)] if number else [(0, 0), (1, 0), (2, 0)]
            hours = [
                FIRST + (day + 1) * DAY + 137 + 3600 * hour for day, _ in days for hour in range(23)
            ]
            runs = [(float(added), 23) for _, added in days]
            name = recorded(metric, "increase1d")
            sender.add(encoded_runs(name, labels, spelled_times(hours), runs))
        sender.close()
        settle(url)
        yield url


def counters() -> Iterator[tuple[Metric, dict[str, str], int]]:
    """Yield each counter, and by how much it rises."""
    yield REPORTS, {"namespace": "many"}, 60
    for library, number in MANY.items():
        yield LIBRARY_USED, {"namespace": "many", "library": library}, number
    for hub in HUBS:
        yield REPORTS, {"namespace": hub}, 10
        yield LIBRARY_USED, {"namespace": hub, "library": "numpy"}, 7


@pytest.fixture
def ask(server: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what asks a command, and gives its JSON."""

    def asked(kind: str, *command: str) -> dict[str, Any]:
        assert main([*command, "--json", "--prometheus", server, "--from", kind, *PERIOD]) == 0
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return asked


@pytest.mark.parametrize("kind", KINDS)
def test_five_thousand_libraries(ask: Any, kind: str) -> None:
    """Each has its number, also one use only; as many have the same rank, by name."""
    answer = ask(kind, "top", "-n", "all")
    ranked = [(-7 * len(HUBS), "numpy"), *sorted((-n, name) for name, n in MANY.items() if n)]
    numbers = [number for number, _ in ranked]

    assert answer["processes"] == 60 + 10 * len(HUBS)
    assert [(row["library"], row["processes"], row["rank"]) for row in answer["rows"]] == [
        (name, -number, 1 + numbers.index(number)) for number, name in ranked
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_ties_at_the_end(ask: Any, kind: str) -> None:
    """How many are as good as the last one that is shown, is said."""
    answer = ask(kind, "top", "-n", "11")

    last = answer["rows"][-1]
    tied = sum(number == last["processes"] for number in MANY.values()) - 10

    assert last["processes"] == 49
    assert tied > 80
    words = f"{tied} more libraries have as many processes as {last['library']}"
    assert any(words in note for note in answer["notes"])


@pytest.mark.parametrize("kind", KINDS)
def test_never_and_once(ask: Any, kind: str) -> None:
    """What was never used is known since its zero, what was used once since that day; three days are too early."""
    rows = ask(kind, "unused")["rows"]
    found = {row["library"]: (row["kind"], row["processes"], row["days"]) for row in rows}

    assert found == {
        name: ("rarely" if number else "never", number, 2 if number else 3)
        for name, number in MANY.items()
        if number < 10
    }
    assert {row["verdict"] for row in rows} == {"too early to say"}


@pytest.mark.parametrize("kind", KINDS)
def test_two_hundred_hubs(ask: Any, kind: str) -> None:
    """Each hub has its row, whose first day is the one on which it was born."""
    rows = ask(kind, "coverage")["rows"]

    assert [(row["namespace"], row["processes"], row["days"], row["since"]) for row in rows] == [
        *((hub, 10, 2, "2026-06-02") for hub in HUBS),
        ("many", 60, 2, "2026-06-02"),
    ]
    rows = ask(kind, "top", "--by", "namespace", "--without-namespace", "many")["rows"]
    assert [(row["namespace"], row["library"], row["processes"]) for row in rows] == [
        (hub, "numpy", 7) for hub in HUBS
    ]


@pytest.mark.parametrize(
    "command", [["top"], ["unused"], ["trend", "numpy"], ["coverage"]], ids=str
)
@pytest.mark.parametrize("engine", STARTED)
def test_an_empty_store(
    tmp_path: Path, engine: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that knows nothing of popcon's is told in one line."""
    with STARTED[engine](tmp_path) as url:
        assert main([*command, "--prometheus", url]) == 1

    assert "has never heard of popcon" in capsys.readouterr().err
