"""The chart's PrometheusRule: the rendered rules, with or without alerts, and where runbooks are."""

from __future__ import annotations

import json

import yaml

from popcon.render.rules import rules_text
from tests.deploy.chart import of_kind, render

RENDERED = yaml.safe_load(rules_text())
#: prometheus-operator puts all rules of a Prometheus into ConfigMaps of at most half a megabyte.
ROOM = 512 * 1024


def test_it_has_all_rules() -> None:
    """By default the object has the recordings and alerts as they are rendered, and room is left."""
    (rule,) = of_kind(render("alerts-and-dashboards"), "PrometheusRule")

    assert rule["spec"] == RENDERED
    assert len(json.dumps(rule)) < ROOM / 4


def test_recordings_alone() -> None:
    """Without alerts the object has what dashboards read."""
    (rule,) = of_kind(render("all-popcon"), "PrometheusRule")
    rules = [one for group in rule["spec"]["groups"] for one in group["rules"]]

    assert rules == [
        one for group in RENDERED["groups"] for one in group["rules"] if "record" in one
    ]


def test_where_runbooks_are() -> None:
    """An address of the runbooks stands in front of each page's name."""
    (rule,) = of_kind(render("pod-monitor"), "PrometheusRule")

    assert rule["spec"] == yaml.safe_load(rules_text("https://example.org/popcon/docs/runbooks"))
