"""In: the catalogue. Out: the dashboard Unused: what nobody used, what is rare, and what must stay all the same."""

from __future__ import annotations

from typing import Any

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.enough import ENOUGH, ENOUGH_DAYS, HINT, HINT_DAYS, RARELY, TOO_EARLY
from popcon.render import questions
from popcon.render.dashboards import variables
from popcon.render.dashboards.board import board
from popcon.render.dashboards.looks import COLOURED_TEXT, NO_RULES
from popcon.render.dashboards.panels import (
    TIMES,
    Panel,
    Row,
    Target,
    columns,
    joined_by,
    only_where,
    override,
)
from popcon.render.dashboards.parts import COUNT, WEEKS, in_words, number
from popcon.render.queries import added

_NO_INVENTORY = "No inventory was sent: popcon inventory --send"
_TOO_EARLY = TOO_EARLY.capitalize()
_CAUTION = (
    "Before you take a library out, ask: another library may need it (`popcon explain`), courses "
    "come once a year, and under the policy `strict` 0 reads “fewer than 20 processes”."
)


def unused() -> dict[str, Any]:
    """Return the dashboard."""
    return board(
        "popcon-unused",
        "Unused",
        "What is installed and nobody uses, and for how long that has been watched.",
        (
            Row("", (*_watched(), *_installed())),
            Row("For users", (_never(), _rarely())),
            Row("Needed all the same", (_infrastructure(),)),
        ),
        (
            variables.one_of("rarely", "Rarely: fewer than", (RARELY, 5, 20, 50, 100)),
            *variables.left_out(),
        ),
    )


def _watched() -> tuple[Panel, ...]:
    days = questions.days_observed()
    return (
        number(
            "Enough to judge?",
            "Whether the range has enough days with counts to call a library unused: with less than "
            "two weeks it is too early to say, with less than four it is a hint. Holidays count as "
            "days. Of several hubs, the one with the fewest days decides.",
            days,
            4,
            missing=_TOO_EARLY,
            defaults={
                **WEEKS,
                "mappings": in_words(
                    (0, HINT_DAYS - 1, _TOO_EARLY, "red"),
                    (HINT_DAYS, ENOUGH_DAYS - 1, HINT.capitalize(), "orange"),
                    (ENOUGH_DAYS, 1_000_000, ENOUGH.capitalize(), "green"),
                ),
            },
            background=True,
        ),
        number(
            "Whole days, at least",
            "Days of the range for which there are counts; of several hubs, the one with the fewest "
            "counts, and one that is dead can be left out above.",
            days,
            4,
            missing="No whole day yet",
            defaults=WEEKS,
        ),
        number(
            "Processes that reported",
            "Kernels and scripts that reported in the range. Where few did, few libraries can have "
            "been used.",
            added(REPORTS),
            4,
            missing=NO_RULES,
        ),
    )


def _installed() -> tuple[Panel, ...]:
    return (
        number(
            "Libraries for users",
            "Libraries that are known to be installed or were used, without infrastructure.",
            f"count({questions.for_users()})",
            4,
            missing="None known",
        ),
        number(
            "Libraries never used",
            "How many of them no process used in the range. Only an inventory makes known what is "
            "installed and not used.",
            questions.count_of_never_used(),
            4,
            missing=_NO_INVENTORY,
        ),
        number(
            "Space of never used",
            "What these take on disk, by the inventory; where images differ, the largest size of "
            "each library.",
            questions.size_of_never_used(),
            4,
            unit="decbytes",
            missing=_NO_INVENTORY,
        ),
    )


def _never() -> Panel:
    return _table(
        "Never used",
        "Installed for users, and used by no process of the chosen hubs in the range. Days are those "
        "for which its count is there, in the hub with the fewest: it may have been installed "
        f"later than the range begins. {_CAUTION} What was taken out of the image stays here until "
        "the exporter forgets it: leave it out above.",
        questions.never_used(),
        missing="Nothing that is known to be installed is unused. popcon inventory --send makes it known",
        sort="Size",
        hidden=("Value #A",),
    )


def _rarely() -> Panel:
    return _table(
        "Rarely used",
        "Used in the range, by fewer processes than chosen above: one person with one notebook may be "
        f"ten processes. {_CAUTION}",
        questions.rarely_used(),
        missing="Nothing that is known by name is used as rarely",
        sort="Processes",
        descending=False,
        first=("Value #A", "Processes"),
    )


def _table(
    title: str,
    description: str,
    expr: str,
    *,
    missing: str,
    sort: str,
    descending: bool = True,
    first: tuple[str, str] | None = None,
    hidden: tuple[str, ...] = (),
) -> Panel:
    """Return a table of libraries with their sizes and the days on which they were counted."""
    return Panel(
        "table",
        title,
        description,
        (
            Target(expr, table=True),
            Target(questions.sizes(), table=True),
            Target(questions.days_observed(LIBRARY_USED, ("library",)), table=True),
        ),
        12,
        18,
        unit=COUNT,
        missing=missing,
        overrides=(_SIZE, _DAYS),
        transformations=(
            joined_by("library"),
            only_where("Value #A"),
            columns(
                ("library", "Library"),
                *([first] if first else []),
                ("Value #B", "Size"),
                ("Value #C", _DAYS_HEADING),
                hidden=(*TIMES, *hidden),
            ),
        ),
        # Not by a transformation: it can't sort what has no size.
        options={"sortBy": [{"displayName": sort, "desc": descending}]},
    )


_DAYS_HEADING = "Whole days, at least"
_SIZE = override("Size", unit="decbytes")
_DAYS = override(_DAYS_HEADING, custom__cellOptions=COLOURED_TEXT, **WEEKS)


def _infrastructure() -> Panel:
    return Panel(
        "table",
        "Infrastructure",
        "What runs the notebooks, and commands: kernel, server and its extensions, tools, popcon. Hardly "
        "anybody imports it, and without it nothing works: don't judge it by its count. What it is "
        "part of is what the inventory says; where none was sent, well-known names tell. What is for "
        "users in one of the images is not here.",
        (
            Target(questions.infrastructure(), table=True),
            Target(questions.sizes(), table=True),
            Target(questions.used(), table=True),
        ),
        24,
        14,
        unit=COUNT,
        missing="None known",
        overrides=(_SIZE,),
        transformations=(
            joined_by("library"),
            only_where("Value #A"),
            columns(
                ("part", "Part of"),
                ("library", "Library"),
                ("Value #B", "Size"),
                ("Value #C", "Processes"),
                hidden=(*TIMES, "Value #A"),
            ),
        ),
        options={"sortBy": [{"displayName": "Size", "desc": True}]},
    )
