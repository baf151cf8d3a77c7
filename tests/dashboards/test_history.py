"""A year of a made-up university, in Prometheus and VictoriaMetrics: what the rules record, and each panel's answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from popcon.catalog import METRICS, Metric
from popcon.promql import steps
from popcon.promql.recordings import Recording, recorded, recordings
from popcon.render.dashboards import boards
from tests.dashboards import known
from tests.dashboards.asking import ask, panels
from tests.dashboards.counts import Key, counts
from tests.dashboards.exporters import DAY, NOW, at
from tests.dashboards.known import Numbers
from tests.dashboards.look import Look
from tests.dashboards.recorded import (
    ENDS,
    PHASE,
    ask_once,
    true_day,
    true_starts,
    true_today,
    true_week,
)
from tests.dashboards.stores import ENGINES

HELD = [metric for metric in METRICS if metric.held]
RULES = {rule.record: rule for _, rules in recordings().values() for rule in rules}
#: Days with something about them: the first, Prometheus away (also over midnight), holidays, restarts,
#: a scrape that failed, a hub's last day, replicas, a new hub, a move, one use only, and the last.
DAYS = (-300, -251, -201, -180, -76, -31, 0, 12, 26, 27, 28, 33, 40, 41, 45, 50, 52, 58, 60, 69)

Servers = dict[str, str]
Asked = dict[str, dict[str, list[Numbers]]]


@pytest.mark.parametrize("metric", HELD, ids=lambda metric: metric.name)
@pytest.mark.parametrize("engine", ENGINES)
def test_days(servers: Servers, engine: str, metric: Metric) -> None:
    """A day's recording is what was added on it, to the last one, whenever it is evaluated."""
    for number, day in enumerate(DAYS):
        # Right after midnight, and right before the next.
        moment = at(day + 1) + (PHASE, 13 * 3600 + 1, DAY - 1)[number % 3]
        if moment < NOW:
            evaluated(servers[engine], metric, "increase1d", moment, true_day)


@pytest.mark.parametrize("metric", HELD, ids=lambda metric: metric.name)
@pytest.mark.parametrize("engine", ENGINES)
def test_weeks(servers: Servers, engine: str, metric: Metric) -> None:
    """A week's recording is the sum of the seven days before."""
    for day in (-299, -177, 5, 30, 47, 70):
        evaluated(servers[engine], metric, "increase1w", at(day) + 2 * PHASE + 300, true_week)


@pytest.mark.parametrize("metric", HELD, ids=lambda metric: metric.name)
@pytest.mark.parametrize("engine", ENGINES)
def test_today(servers: Servers, engine: str, metric: Metric) -> None:
    """Today's recording is what was added since midnight, up to the last whole five minutes."""
    for moment in (at(27) + 10, at(27.4), at(33.7), at(46) - 1, at(51) + 600, at(58.5), NOW):
        evaluated(servers[engine], metric, "increase_today", moment, true_today)


@pytest.mark.parametrize("engine", ENGINES)
def test_starts(servers: Servers, engine: str) -> None:
    """When exporters began that count from nothing is recorded as long as they are there."""
    true = list(true_starts())
    for day in (-250.41, -250.398, -250.38, -200.6, -30.2, -75.2, 12.45, 26.9, 33.61, 50.4, 70.5):
        moment = at(day) // 240 * 240 + PHASE
        answer = ask_once(servers[engine], RULES[steps.STARTED].expr, moment)

        assert sorted((one["instance"], value) for one, value in answer) == sorted(
            (labels["instance"], values[moment]) for labels, values in true if moment in values
        )


def evaluated(
    url: str,
    metric: Metric,
    operation: str,
    moment: float,
    truth: Callable[[Key, float], int | None],
) -> None:
    """Evaluate a rule at a moment, and compare with the truth."""
    rule: Recording = RULES[recorded(metric, operation)]
    names = ("namespace", *metric.labels)
    answer = {
        tuple(labels[name] for name in names): value
        for labels, value in ask_once(url, rule.expr, moment)
    }
    true = {key.labels: truth(key, moment) for key in counts().added if key.metric == metric.name}

    assert answer == {key: number for key, number in true.items() if number is not None}


#: A moment, a range, and what is chosen.
LOOKS: dict[str, tuple[Look, dict[str, Any]]] = {
    "a month": (Look(NOW, 30 * DAY), {}),
    "six hours": (Look(NOW, 6 * 3600), {}),
    "a day": (Look(NOW, DAY), {}),
    "sixty days": (Look(NOW, 60 * DAY), {}),
    "two weeks that ended": (Look(ENDS[2], 14 * DAY), {}),
    "ended in the morning": (Look(ENDS[1], 7 * DAY), {}),
    "minutes after a midnight": (Look(ENDS[3], 7 * DAY), {}),
    "one hub": (Look(NOW, 30 * DAY, ("statistics",)), {"hub": ["statistics"]}),
    "a hub that is silent": (Look(NOW, 30 * DAY, ("physics",)), {"hub": ["physics"]}),
    "without the silent hub": (
        Look(NOW, 30 * DAY, ("biology", "datahub", "economics", "statistics")),
        {"without_hub": "physics"},
    ),
    "a year": (Look(NOW, 365 * DAY), {}),
    "a year of one hub": (Look(NOW, 365 * DAY, ("biology",)), {"hub": ["biology"]}),
    "half a year": (Look(NOW, 182 * DAY), {}),
    "longer ago": (Look(ENDS[0], 90 * DAY), {}),
    "no hub": (Look(NOW, 30 * DAY, ()), {"hub": ["nowhere"]}),
}


#: What dashboards are opened with: Pipeline, the others.
AS_OPENED = ("a day", "a month")


@pytest.fixture(scope="module", params=LOOKS)
def asked(request: pytest.FixtureRequest, servers: Servers) -> tuple[str, Asked, Asked]:
    """What every panel answers to a look, in both servers."""
    look, choices = LOOKS[request.param]
    answers: list[Asked] = []
    for engine in ENGINES:
        answers.append({})
        for uid, board in boards().items():
            if uid == "popcon-pipeline" and request.param not in AS_OPENED:
                continue
            names = {variable["name"] for variable in board["templating"]["list"]}
            chosen = {name: value for name, value in choices.items() if name in names}
            found = ask(servers[engine], board, look.moment, look.seconds, chosen)
            answers[-1][uid] = {
                panel["title"]: [numbers(answer) for answer in found[panel["id"]].values()]
                for panel in panels(board)
                if found.get(panel["id"])
            }
    return request.param, answers[0], answers[1]


def numbers(answer: dict[str, Any]) -> Numbers:
    """Return labels → number; over time, the time is one of the labels."""
    found: Numbers = {}
    for one in answer["data"]["result"]:
        labels = frozenset(pair for pair in one["metric"].items() if pair[0] != "__name__")
        for time, value in one.get("values", [[None, one.get("value", [0, 0])[1]]]):
            key = labels if time is None else labels | {("time", str(time))}
            found[key] = float(value)
    return found


def same(one: Numbers, other: Numbers) -> bool:
    """Say whether two answers have the same labels and the same numbers, but for rounding."""
    return one.keys() == other.keys() and all(
        math.isclose(one[key], other[key], rel_tol=1e-9, abs_tol=1e-12) for key in one
    )


@pytest.mark.parametrize("uid", ["popcon-libraries", "popcon-unused", "popcon-hubs"])
def test_both_servers_answer_the_same(asked: tuple[str, Asked, Asked], uid: str) -> None:
    """Each expression of the dashboards has the same answer in Prometheus and in VictoriaMetrics."""
    _, ours, theirs = asked

    assert ours[uid].keys() == theirs[uid].keys()
    for panel, answers in ours[uid].items():
        for one, other in zip(answers, theirs[uid][panel]):
            assert same(one, other), (panel, one, other)


@pytest.mark.parametrize("uid", ["popcon-libraries", "popcon-unused", "popcon-hubs"])
def test_panels_tell_the_truth(asked: tuple[str, Asked, Asked], uid: str) -> None:
    """What a panel answers is what its description says, worked out from what truly happened."""
    name, ours, _ = asked
    look, _ = LOOKS[name]
    truth = {
        "popcon-libraries": known.libraries,
        "popcon-unused": known.unused,
        "popcon-hubs": known.hubs,
    }[uid](look)

    for panel, answers in truth.items():
        for number, (one, other) in enumerate(zip(ours[uid][panel], answers)):
            if panel == "Infrastructure" and not number:
                assert one.keys() == other.keys()  # these values say nothing
                continue
            assert same(one, other), (panel, "ABCDEFGH"[number], different(one, other))


def different(one: Numbers, other: Numbers) -> dict[Any, tuple[float | None, float | None]]:
    """Return where two answers differ."""
    both = one.keys() | other.keys()
    pairs = {tuple(sorted(key)): (one.get(key), other.get(key)) for key in both}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("asked", AS_OPENED, indirect=True)
def test_pipeline(asked: tuple[str, Asked, Asked]) -> None:
    """Pipeline says of the same targets the same, but for how the servers work out rates and increases."""
    _, ours, theirs = asked

    for panel, answers in ours["popcon-pipeline"].items():
        for one, other in zip(answers, theirs["popcon-pipeline"][panel]):
            assert timeless(one) == timeless(other), panel


@pytest.mark.parametrize("asked", AS_OPENED, indirect=True)
def test_every_panel_shows_something(asked: tuple[str, Asked, Asked]) -> None:
    """Each query of each dashboard has an answer in the history: what `make preview` draws is not empty."""
    name, ours, _ = asked
    pipeline = name == "a day"
    boards = {uid: panels for uid, panels in ours.items() if (uid == "popcon-pipeline") == pipeline}
    empty = [
        (panel, "ABCDEFGH"[number])
        for panels in boards.values()
        for panel, answers in panels.items()
        for number, answer in enumerate(answers)
        if not answer
    ]

    # Nobody here sends by a Unix socket.
    assert empty == ([("Datagrams and lines", "C")] if pipeline else [])


def timeless(answer: Numbers) -> set[frozenset[tuple[str, str]]]:
    """Return an answer's labels without times."""
    return {frozenset(pair for pair in labels if pair[0] != "time") for labels in answer}
