"""The dashboards keep popcon's own rules: what they ask for exists, and every number says what it is."""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from popcon.catalog import METRICS
from popcon.exporter.self_catalog import METRICS as SELF_METRICS
from popcon.promql.recordings import recordings
from tests.conftest import ROOT
from tests.render.dashboard_lint import UNITS, Board, panels, targets
from tests.render.promql_tree import labels, matchers, selectors

FILES = sorted((ROOT / "grafana").glob("*.json"))
NAMES = {"popcon-libraries", "popcon-unused", "popcon-hubs", "popcon-pipeline"}
#: What both dashboards and exporters get from elsewhere: Prometheus, its client libraries, kube-state-metrics.
FOREIGN = {
    "up",
    "process_start_time_seconds",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
    "ALERTS",
    "ALERTS_FOR_STATE",
    "prometheus_rule_group_last_duration_seconds",
    "prometheus_rule_group_interval_seconds",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_rule_group_iterations_missed_total",
    "kube_service_info",
}
RECORDED = {rule.record for _, rules in recordings().values() for rule in rules}
OURS = {metric.name for metric in METRICS} | {metric.name for metric in SELF_METRICS}
KNOWN = RECORDED | FOREIGN | OURS

each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
parses = pytest.mark.skipif(sys.version_info < (3, 10), reason="promql-parser needs Python 3.10")


def read(file: Path) -> Board:
    """Return a dashboard."""
    board: Board = json.loads(file.read_text("utf-8"))
    return board


def headings(panel: dict[str, Any]) -> set[str]:
    """Return what a table's columns are called, also those that are worked out."""
    found: set[str] = set()
    for step in panel["transformations"]:
        if step["id"] == "organize":
            found |= set(step["options"]["renameByName"].values())
        if step["id"] == "calculateField":
            found.add(step["options"]["alias"])
    return found


def test_there_are_four() -> None:
    """Four dashboards, by names that stay."""
    assert {file.stem for file in FILES} == NAMES


@each
def test_what_all_have(file: Path) -> None:
    """A uid that is its file's name, tags, links to the others that keep what is chosen, a range, a time zone."""
    board = read(file)
    (link,) = board["links"]

    assert board["uid"] == file.stem
    assert board["title"] == f"popcon / {file.stem.partition('-')[2].title()}"
    assert board["tags"] == ["jupyterhub", "popcon"]
    assert (link["type"], link["tags"]) == ("dashboards", ["popcon"])
    assert link["keepTime"] == (board["time"]["from"] == "now-30d")
    assert link["includeVars"]
    is_pipeline = file.stem == "popcon-pipeline"
    assert board["time"] == {"from": "now-24h" if is_pipeline else "now-30d", "to": "now"}
    assert board["timezone"] == ("browser" if is_pipeline else "utc")
    assert [one["name"] for one in board["templating"]["list"]][:2] == ["PROMETHEUS_DS", "hub"]


@each
def test_places(file: Path) -> None:
    """Panels have ids and titles of their own, stay on the grid, and don't lie on each other."""
    found = read(file)["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in found:
        place = panel["gridPos"]
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]),
                range(place["y"], place["y"] + place["h"]),
            )
        )
        assert cells, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells

    assert len({panel["id"] for panel in found}) == len(found)
    assert len({panel["title"] for panel in found}) == len(found)


@each
def test_what_each_panel_says(file: Path) -> None:
    """A kind that can be drawn, a sentence about it, a unit, words for where nothing is."""
    for panel in panels(read(file)):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["type"] in ("stat", "bargauge", "table", "timeseries"), panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert defaults["unit"] in UNITS, panel["title"]
        assert defaults["noValue"], panel["title"]
        assert [one["refId"] for one in panel["targets"]] == sorted(
            {one["refId"] for one in panel["targets"]}
        ), panel["title"]


@each
def test_how_panels_ask(file: Path) -> None:
    """A timeline asks over time, all others once; a table gets tables."""
    for panel in panels(read(file)):
        for target in panel["targets"]:
            over_time = panel["type"] == "timeseries"
            assert (target["range"], target["instant"]) == (over_time, not over_time), panel[
                "title"
            ]
            assert (target["format"] == "table") == (panel["type"] == "table"), panel["title"]


def test_sizes_of_libraries() -> None:
    """They are in megabytes of a million bytes, as `popcon inventory` prints them."""
    text = (ROOT / "grafana" / "popcon-unused.json").read_text("utf-8")
    assert text.count('"decbytes"') == 4
    assert '"bytes"' not in text


@each
def test_cells_without_a_value(file: Path) -> None:
    """In a table a cell without a value is a dash: the sentence about missing data is the panel's."""
    for panel in panels(read(file)):
        if panel["type"] == "table":
            first = panel["fieldConfig"]["overrides"][0]
            assert first["matcher"] == {"id": "byRegexp", "options": "/.*/"}, panel["title"]
            assert first["properties"] == [{"id": "noValue", "value": "–"}], panel["title"]


@each
def test_columns_that_are_worked_out(file: Path) -> None:
    """They come of two columns by their names: Grafana has had that form, and not another, since 10."""
    for panel in panels(read(file)):
        for step in panel["transformations"]:
            if step["id"] == "calculateField":
                options = step["options"]
                assert options["mode"] == "binary", panel["title"]
                assert {options["binary"][side] for side in ("left", "right")} <= headings(panel)


@each
def test_tables_name_their_columns(file: Path) -> None:
    """Each table names its columns; what is overridden or sorted by is one of them."""
    for panel in panels(read(file)):
        if panel["type"] != "table":
            continue
        named = headings(panel)
        # What becomes columns is sorted before it does.
        spread = {
            step["options"]["columnField"]
            for step in panel["transformations"]
            if step["id"] == "groupingToMatrix"
        }
        sorts = [
            field["field"]
            for step in panel["transformations"]
            if step["id"] == "sortBy"
            for field in step["options"]["sort"]
        ]
        styled = [
            one["matcher"]["options"]
            for one in panel["fieldConfig"]["overrides"]
            if one["matcher"]["id"] == "byName"
        ]

        assert named, panel["title"]
        assert set(sorts) <= named | spread, panel["title"]
        assert set(styled) <= named, panel["title"]


@parses
@each
def test_legends(file: Path) -> None:
    """Where there may be several series, the legend names all their labels; no two of a panel are the same."""
    board = read(file)
    kinds = {panel["title"]: panel["type"] for panel in panels(board)}
    for title, target, tree in targets(board):
        if kinds[title] == "table":
            continue
        legend, known = target["legendFormat"], labels(tree)
        assert known is not None, f"{title}: aggregate by labels"
        assert set(re.findall(r"{{(\w+)}}", legend)) == known, title
        if kinds[title] == "timeseries":
            assert legend, title
    for panel in panels(board):
        legends = [one["legendFormat"] for one in panel["targets"] if one["legendFormat"]]
        assert len(set(legends)) == len(legends), panel["title"]


@each
def test_variables(file: Path) -> None:
    """Every variable that is named is there, and every one that is there is used."""
    board = read(file)
    variables = board["templating"]["list"]
    text = json.dumps([panels(board), [one["query"] for one in variables]])
    named = set(re.findall(r"\$\{?([A-Za-z]\w*)", text))
    there = {one["name"] for one in variables}

    assert named == there


@parses
@each
def test_what_is_asked_for_exists(file: Path) -> None:
    """Every metric is recorded by our rules, shown by an exporter, or one of a short list from elsewhere."""
    for title, _, tree in targets(read(file)):
        for found in selectors(tree):
            assert found.node.name in KNOWN, f"{title}: {found.node.name}"


@parses
@each
def test_hubs_are_chosen(file: Path) -> None:
    """What is recorded by namespace is asked of the chosen hubs alone."""
    for title, _, tree in targets(read(file)):
        for found in selectors(tree):
            if found.node.name in RECORDED and found.node.name.startswith("namespace"):
                assert ("namespace", "Re", "$hub") in matchers(found.node), title


@each
def test_nobody_is_named(file: Path) -> None:
    """No query has a label of a person."""
    board = read(file)
    text = json.dumps([panel["targets"] for panel in panels(board)])
    asked = re.sub(r"jupyterhub-singleuser|process_start_time_seconds", "", text)

    assert not re.search(r"user|person|email|login|host|pod", asked)
