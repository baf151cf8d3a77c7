"""In: the catalogue. Out: the dashboard Libraries: which are used, by how many, and what changes."""

from __future__ import annotations

from typing import Any

from popcon.catalog import LIBRARY_USED, OTHER, RARE, REPORTS
from popcon.render import questions
from popcon.render.dashboards import variables
from popcon.render.dashboards.board import board
from popcon.render.dashboards.libraries_change import changes, details
from popcon.render.dashboards.looks import LAST, NO_RULES, TIMELINE
from popcon.render.dashboards.panels import Panel, Row, Target
from popcon.render.dashboards.parts import (
    BARE_LINES,
    BARE_STEPS,
    COUNT,
    WEEKS,
    number,
    shares_of_libraries,
)
from popcon.render.queries import added, by_day, days_seen

NOT_LIBRARIES = f"`{OTHER}` and `{RARE}` are no libraries and are left out."
#: What is drawn where the dashboard is opened for the first time; most images have them.
COMMON = ("matplotlib", "numpy", "pandas", "scikit-learn", "scipy")


def libraries() -> dict[str, Any]:
    """Return the dashboard."""
    return board(
        "popcon-libraries",
        "Libraries",
        "Which installed libraries are really used.",
        (
            Row("", _numbers()),
            Row("", _lists()),
            Row("Chosen libraries", _trends()),
            Row("What changed against the range before", changes()),
            Row("Versions and direct imports", details()),
        ),
        (
            variables.libraries(COMMON),
            variables.one_of("top", "Top", (20, 10, 50, 100)),
            *variables.left_out(),
        ),
    )


def _numbers() -> tuple[Panel, ...]:
    return (
        number(
            "Processes that reported",
            "Kernels and scripts that reported in the range: what shares are shares of. One person "
            "has as many as kernels were started. Days are UTC days: the one that the range begins "
            "in counts whole, today so far.",
            added(REPORTS),
            6,
            missing=NO_RULES,
        ),
        number(
            "Libraries used",
            "Different libraries that at least one process imported in the range. "
            f"{NOT_LIBRARIES} Under the policy `strict`, those that fewer than 20 processes used "
            "are not known by name.",
            f"count({questions.used()} > 0)",
            6,
            missing="None yet",
        ),
        number(
            "Used what the image lacks",
            "The share of processes that imported a library which is no part of the image: one "
            f"that a person installed. All of these are counted together, as `{OTHER}`.",
            questions.used_what_is_not_in_the_image(),
            6,
            unit="percentunit",
            missing="No process",
        ),
        number(
            "Whole days observed",
            "UTC days of the range that are over and on which at least one of the chosen hubs was "
            "watched; Hubs has each of them. Red below 14, orange below 28: weeks differ.",
            days_seen(REPORTS),
            6,
            missing="No whole day yet",
            defaults=WEEKS,
            background=True,
        ),
    )


def _lists() -> tuple[Panel, ...]:
    return (
        Panel(
            "bargauge",
            "Most used",
            "The libraries that most processes imported in the range, each process counted once. "
            f"A library that another one imports counts too. {NOT_LIBRARIES}",
            (Target(f"sort_desc(topk($top, {questions.used()} > 0))", legend="{{library}}"),),
            12,
            18,
            unit=COUNT,
            missing="No library was used",
            defaults={"color": {"mode": "fixed", "fixedColor": "blue"}},
            options={
                "orientation": "horizontal",
                "displayMode": "basic",
                **LAST,
            },
        ),
        shares_of_libraries(
            "Share of processes",
            "Every library that was used, and the share of all processes that imported it: the "
            f"number to compare hubs and terms by. {NOT_LIBRARIES}",
            (f"{questions.used()} > 0", questions.share()),
            "Share",
            12,
            18,
            missing="No library was used",
        ),
    )


def _trends() -> tuple[Panel, ...]:
    return (
        Panel(
            "timeseries",
            "By day",
            "Processes that imported the chosen libraries on each whole UTC day; today is not "
            "over. Where counts are published in steps, a day has what was published on it.",
            (
                Target(
                    by_day(LIBRARY_USED, ("library",), questions.CHOSEN),
                    legend="{{library}}",
                    over_time=True,
                ),
            ),
            12,
            10,
            unit=COUNT,
            missing="No whole day yet, or none of these libraries",
            defaults=BARE_STEPS,
            options=TIMELINE,
            interval="1d",
        ),
        Panel(
            "timeseries",
            "Share by week",
            "The share of processes that imported the chosen libraries, in the seven days before: "
            "no weekdays in it, and comparable where there are fewer processes.",
            (Target(questions.share_of_past_week(), legend="{{library}}", over_time=True),),
            12,
            10,
            unit="percentunit",
            missing="No whole day yet, or none of these libraries",
            defaults=BARE_LINES,
            options=TIMELINE,
            interval="1d",
        ),
    )
