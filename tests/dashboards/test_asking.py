"""What Grafana makes of a dashboard's variables and ranges, and that a real Prometheus is asked so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.asking import AskError, ask, seconds, step_of
from tests.dashboards.choosing import chosen, interpolated
from tests.e2e import servers

HUB = {"name": "hub", "type": "query", "query": "label_values(up, job)", "multi": True}
ALL_OF_THEM = {**HUB, "includeAll": True, "allValue": ".*", "current": {"value": ["$__all"]}}
WITHOUT = {"name": "without", "type": "textbox", "query": "none", "current": {"value": "none"}}
TOP = {"name": "top", "type": "custom", "query": "10,20,50", "current": {"value": "20"}}
RANGE = 30 * 86_400


def offered(path: str, **data: Any) -> Any:
    """Answer as a Prometheus with two hubs does."""
    assert path == "/api/v1/label/job/values"
    return {"status": "success", "data": ["b.c", "a"]}


@pytest.mark.parametrize(
    ("variable", "choice", "text", "query"),
    [
        (ALL_OF_THEM, None, '{h=~"$hub"}', '{h=~".*"}'),
        (ALL_OF_THEM, ["a"], '{h=~"$hub"}', '{h=~"a"}'),
        (ALL_OF_THEM, ["a", "b.c"], '{h=~"${hub}"}', r'{h=~"(a|b\\.c)"}'),
        (ALL_OF_THEM, ["a", "b.c"], '{h=~"${hub:regex}"}', r'{h=~"(a|b\.c)"}'),
        (ALL_OF_THEM, ["a", "b"], '{h=~"${hub:pipe}"}', '{h=~"a|b"}'),
        (ALL_OF_THEM, None, '{h=~"${hub:regex}"}', '{h=~".*"}'),
        ({**HUB, "includeAll": True}, ["$__all"], '{h=~"$hub"}', r'{h=~"(a|b\\.c)"}'),
        (WITHOUT, None, '{h!~"$without"}', '{h!~"none"}'),
        (WITHOUT, r"old-.*|a\.b", '{h!~"$without"}', r'{h!~"old-.*|a\\.b"}'),
        (TOP, None, "topk($top, x)", "topk(20, x)"),
        (TOP, "50", "topk(${top:raw}, x)", "topk(50, x)"),
    ],
)
def test_a_choice_is_written_as_grafana_writes_it(
    variable: dict[str, Any], choice: str | list[str] | None, text: str, query: str
) -> None:
    """Several values are one pattern, All is allValue, a text box's backslashes are doubled."""
    board = {"templating": {"list": [variable]}}
    choices = {} if choice is None else {variable["name"]: choice}
    values = chosen(board, choices, offered, 0, RANGE)

    assert interpolated(text, values, RANGE, 3600) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("x[$__range]", "x[2592000s]"),
        ("x[${__range}:1d]", "x[2592000s:1d]"),
        ("x > $__range_s", "x > 2592000"),
        ("x[$__interval]", "x[3600s]"),
        ("rate(x[$__rate_interval])", "rate(x[3615s])"),
        ('label_replace(x, "a", "$1", "b", "(.*)")', 'label_replace(x, "a", "$1", "b", "(.*)")'),
    ],
)
def test_grafanas_own_variables(text: str, query: str) -> None:
    """The range and the step are there in every query; the group of a label_replace is no variable."""
    assert interpolated(text, {}, RANGE, 3600) == query


@pytest.mark.parametrize(
    ("panel", "target", "step"),
    [
        ({"gridPos": {"w": 24}}, {}, 1800),
        ({"gridPos": {"w": 12}}, {}, 3600),
        ({"gridPos": {"w": 12}, "interval": "1d"}, {}, 86_400),
        ({"gridPos": {"w": 12}, "maxDataPoints": 100}, {}, 21_600),
        ({"gridPos": {"w": 12}}, {"interval": "1d"}, 86_400),
    ],
)
def test_a_step_is_the_range_by_the_panels_points(
    panel: dict[str, Any], target: dict[str, Any], step: int
) -> None:
    """A panel asks for as many points as it has pixels, at a round step, not below its minimum."""
    assert step_of(panel, target, RANGE) == step


def test_what_is_no_choice_is_refused() -> None:
    """A name that is no variable, or a span that Grafana doesn't write, is an error of the caller."""
    with pytest.raises(ValueError, match="no variable nobody"):
        chosen({"templating": {"list": [HUB]}}, {"nobody": "x"}, offered, 0, RANGE)
    with pytest.raises(ValueError, match="not a span"):
        seconds("1 day")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a Prometheus that scrapes nothing."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with servers.prometheus(folder, {}) as running:
        yield running.url


def board(expr: str, **target: Any) -> dict[str, Any]:
    """Return a dashboard with one panel that asks one thing."""
    targets = [{"refId": "A", "expr": expr, **target}]
    panel = {"id": 7, "title": "One", "gridPos": {"w": 12}, "interval": "1d", "targets": targets}
    return {"templating": {"list": [TOP]}, "panels": [panel]}


def test_a_real_prometheus_answers(prometheus: str) -> None:
    """An instant query is asked at the range's end, a range query at whole steps in between."""
    at = 1_767_225_600 + 3600.5
    instant = ask(prometheus, board("vector($top)", instant=True), at, RANGE, {"top": "50"})
    over_days = ask(prometheus, board("vector($top)"), at, 2 * 86_400, {})

    assert instant[7]["A"]["data"]["result"] == [{"metric": {}, "value": [at, "50"]}]
    assert [when for when, _ in over_days[7]["A"]["data"]["result"][0]["values"]] == [
        1_767_225_600 - 2 * 86_400,
        1_767_225_600 - 86_400,
        1_767_225_600,
    ]


@pytest.mark.parametrize(
    ("expr", "says"),
    [("sum(", "'One', A: .*parse error"), ("x > $limit", "'One': no variable \\$limit")],
)
def test_a_panel_that_cant_be_asked_is_named(prometheus: str, expr: str, says: str) -> None:
    """What a server refuses, or a variable that isn't there, is an error that names the panel."""
    with pytest.raises(AskError, match=says):
        ask(prometheus, board(expr), 0, RANGE, {})
