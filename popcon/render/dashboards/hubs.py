"""In: the catalogue. Out: the dashboard Hubs: who reports, since when, and which libraries are used where."""

from __future__ import annotations

from typing import Any

from popcon.catalog import REPORTS
from popcon.render import hub_queries as queries
from popcon.render.dashboards import variables
from popcon.render.dashboards.board import board
from popcon.render.dashboards.looks import (
    COLOURED_CELL,
    COLOURED_TEXT,
    NEUTRAL,
    NO_RULES,
    PLAIN_CELL,
    STACKED_BARS,
    TIMELINE_SUMMED,
    alarming,
    words,
)
from popcon.render.dashboards.panels import Panel, Row, Target, columns, merged, override, sorted_by
from popcon.render.dashboards.parts import COUNT, WEEKS, number
from popcon.render.queries import added, days_seen


def hubs() -> dict[str, Any]:
    """Return the dashboard."""
    return board(
        "popcon-hubs",
        "Hubs",
        "Which hubs report, and which libraries are used where. A hub is a namespace.",
        (Row("", _numbers()), Row("", _coverage()), Row("", _shares())),
        (
            variables.one_of("top", "Top", (20, 10, 50, 100)),
            *variables.left_out(),
        ),
    )


def _numbers() -> tuple[Panel, ...]:
    return (
        number(
            "Hubs that report",
            "Hubs from which at least one process reported in the range.",
            queries.hubs_reporting(),
            6,
            missing=NO_RULES,
        ),
        number(
            "Silent for a week",
            "Hubs that were there within a year, and from which nothing came in the last seven whole days "
            "and today. It may be a holiday.",
            queries.silent(),
            6,
            missing=NO_RULES,
            defaults=alarming(),
        ),
        number(
            "Processes that reported",
            "Kernels and scripts that reported in the range, from all chosen hubs.",
            added(REPORTS),
            6,
            missing=NO_RULES,
        ),
        number(
            "Whole days observed",
            "Whole UTC days of the range on which reports of at least one chosen hub were watched. "
            "What is known is no older than that.",
            days_seen(REPORTS),
            6,
            missing="None yet: the first whole day is not over.",
            defaults={**WEEKS, "decimals": 0},
        ),
    )


def _coverage() -> tuple[Panel, ...]:
    asked = (
        queries.processes(),
        queries.libraries_by_hub(),
        queries.mean_by_hub(),
        queries.days_by_hub(),
        queries.last_report(),
        queries.week_by_hub(),
    )
    coverage = Panel(
        "table",
        "Coverage",
        "What each hub sent in the range, and when it last did. The last report is the time at which it "
        "became visible, which under a publication policy is later than its use: exact to five minutes "
        "within two days, else to the day. Silent is who sent nothing in seven whole days and today. A hub "
        "stays here for a year after its last day; leave it out above.",
        tuple(Target(expr, table=True) for expr in asked),
        24,
        9,
        unit=COUNT,
        missing=NO_RULES,
        overrides=(
            override("Hub", unit="string"),
            override("A day's mean", decimals=1),
            override("Last report", unit="dateTimeFromNow", noValue="not within a year"),
            override(
                "In a week",
                mappings=words({"0": ("silent", "red")}),
                custom__cellOptions=COLOURED_TEXT,
                **NEUTRAL,
            ),
        ),
        transformations=(
            merged(),
            columns(
                ("namespace", "Hub"),
                ("Value #A", "Processes"),
                ("Value #B", "Libraries used"),
                ("Value #C", "A day's mean"),
                ("Value #D", "Whole days observed"),
                ("Value #E", "Last report"),
                ("Value #F", "In a week"),
            ),
            sorted_by("Processes"),
        ),
    )
    return (coverage, _by_day(), _never())


def _by_day() -> Panel:
    return Panel(
        "timeseries",
        "Reports by hub and day",
        "Processes that reported, by whole UTC days; today is not over and not here.",
        (Target(queries.reports_by_day(), legend="{{namespace}}", over_time=True),),
        18,
        9,
        unit=COUNT,
        missing="No data: the first whole day is not over, or this Prometheus has not popcon's rules.",
        options=TIMELINE_SUMMED,
        defaults=STACKED_BARS,
        interval="1d",
    )


def _never() -> Panel:
    return Panel(
        "table",
        "Hubs that never reported",
        "JupyterHubs of which kube-state-metrics says that they exist (a service named hub, as Zero to "
        "JupyterHub makes it), and of which popcon knows no report within a year. Where this Prometheus "
        "has no kube-state-metrics, it can't know.",
        (Target(queries.never_reported(), table=True),),
        6,
        9,
        unit="short",
        missing="None that is known: kube-state-metrics would tell.",
        overrides=(override("Hub", unit="string"),),
        transformations=(
            columns(("namespace", "Hub"), hidden=("Time", "Value")),
            sorted_by("Hub", descending=False),
        ),
    )


def _shares() -> tuple[Panel, ...]:
    return (
        Panel(
            "table",
            "Share of processes, by hub",
            "The share of each hub's processes that used a library, for the libraries that most processes of "
            "the chosen hubs used. A library that another one imports counts too. A dash: never seen there.",
            (Target(queries.shares(), table=True),),
            24,
            20,
            unit="percentunit",
            missing=NO_RULES,
            defaults={
                "max": 1,
                "decimals": 1,
                "color": {"mode": "continuous-blues"},
                "custom": {"cellOptions": COLOURED_CELL, "minWidth": 90},
            },
            overrides=(
                override(
                    "Library", unit="string", custom__cellOptions=PLAIN_CELL, custom__width=220
                ),
            ),
            transformations=(
                sorted_by("namespace", descending=False),  # so that hubs keep their places
                {
                    "id": "groupingToMatrix",
                    "options": {
                        "rowField": "library",
                        "columnField": "namespace",
                        "valueField": "Value",
                        "emptyValue": "null",
                    },
                },
                columns(("library\\namespace", "Library"), (queries.TOGETHER, queries.TOGETHER)),
                sorted_by(queries.TOGETHER),
            ),
        ),
    )
