"""In: the catalogue. Out: panels of Libraries: what is new, gone and rising; versions; direct imports."""

from __future__ import annotations

from popcon.catalog import LIBRARY_VERSION
from popcon.enough import FLOOR
from popcon.render import questions
from popcon.render.dashboards.looks import COLOURED_TEXT, STACKED_BARS, TIMELINE
from popcon.render.dashboards.panels import (
    TIMES,
    Panel,
    Target,
    columns,
    computed,
    first_rows,
    joined_by,
    merged,
    override,
    sorted_by,
)
from popcon.render.dashboards.parts import (
    COUNT,
    NARROW,
    coloured,
    share_column,
    shares_of_libraries,
)
from popcon.render.queries import by_day

_OFF = "Off by default: POPCON_DETAILS={} in the kernels"
#: A column that only sorts: a square has no sign.
_SIZE = "Change, squared"


def changes() -> tuple[Panel, ...]:
    """Return what is new, gone and rising or falling against the range before."""
    return (
        _list(
            "New",
            "Used in the range, and not in the range of the same length before. Only hubs count "
            "whose range before was observed on nine of ten days: in a fresh one everything is "
            "new. Under the policy `strict`, new is what reached 20 processes.",
            questions.new(),
            "Processes",
            missing="Nothing new, or the range before was not observed",
        ),
        _list(
            "Gone",
            "Used in the range before, and by no process in this one; with the processes of then. "
            "Only hubs count that were observed on nine of ten days of this range, and from which "
            "reports came: a hub that fell silent makes nothing look gone. Choose whole terms, or "
            "holidays will.",
            questions.gone(),
            "Processes before",
            missing="Nothing gone, or this range was not observed whole",
        ),
        _movers(),
    )


def _list(title: str, description: str, expr: str, heading: str, *, missing: str) -> Panel:
    return Panel(
        "table",
        title,
        description,
        (Target(expr, table=True),),
        6,
        12,
        unit=COUNT,
        missing=missing,
        defaults=NARROW,
        transformations=(
            columns(("library", "Library"), ("Value", heading), hidden=TIMES),
            sorted_by(heading),
        ),
    )


def _movers() -> Panel:
    now, before = questions.shares_to_compare()
    headings = (("library", "Library"), ("Value #B", "Before"), ("Value #A", "Now"))
    return Panel(
        "table",
        "Rising and falling",
        "The 20 libraries whose share of processes changed most against the range before, in "
        f"percentage points. Only libraries that at least {FLOOR} processes used in one "
        "of the two ranges, and only hubs that reported in both. Hubs of different kinds that grow "
        "or shrink move shares too: choose one.",
        (Target(now, table=True), Target(before, table=True)),
        12,
        12,
        unit="percent",
        missing="No library with enough processes, or nothing from the range before",
        overrides=(
            override("Before", decimals=1),
            override("Now", decimals=1),
            override(
                "Change",
                unit="suffix:pp",
                decimals=1,
                custom__cellOptions=COLOURED_TEXT,
                **coloured("orange", (0, "blue")),
            ),
        ),
        transformations=(
            joined_by("library"),
            columns(*headings, hidden=TIMES),
            computed("Change", "Now", "-", "Before"),
            computed(_SIZE, "Change", "*", "Change"),
            sorted_by(_SIZE),
            first_rows(20),
            columns(hidden=(_SIZE,)),
        ),
    )


def details() -> tuple[Panel, ...]:
    """Return versions of the chosen libraries, and who imports libraries directly."""
    return (_versions_over_time(), _versions(), _direct())


def _versions_over_time() -> Panel:
    return Panel(
        "timeseries",
        "Versions by day",
        "How the processes that imported a chosen library share out among its versions, on each "
        "whole UTC day. Choose one library above.",
        (
            Target(
                by_day(LIBRARY_VERSION, ("library", "version"), questions.CHOSEN),
                legend="{{library}} {{version}}",
                over_time=True,
            ),
        ),
        10,
        12,
        unit=COUNT,
        missing=_OFF.format("version"),
        options=TIMELINE,
        defaults=STACKED_BARS,
        interval="1d",
    )


def _versions() -> Panel:
    return Panel(
        "table",
        "Versions",
        "Processes by version of the chosen libraries, and its share of them. The version is the "
        "image's; a person's own copy has none. `_rare` are versions that too few used for the "
        "policy to name them.",
        (
            Target(questions.versions(), table=True),
            Target(questions.share_of_library(), table=True),
        ),
        8,
        12,
        unit=COUNT,
        missing=_OFF.format("version"),
        defaults=NARROW,
        overrides=(share_column("Share"),),
        transformations=(
            merged(),
            columns(
                ("library", "Library"),
                ("version", "Version"),
                ("Value #A", "Processes"),
                ("Value #B", "Share"),
                hidden=TIMES,
            ),
            sorted_by("Processes"),
        ),
    )


def _direct() -> Panel:
    return shares_of_libraries(
        "Direct or dependency",
        "Of the processes that imported a library, the share in which the user's own code imports "
        "it. Near 0 it is only there for another library, and goes and stays with that one. Only "
        "hubs that count this; it is low where it was switched on within the range.",
        (questions.used_where_direct_is_counted(), questions.share_of_direct()),
        "Directly",
        6,
        12,
        missing=_OFF.format("direct"),
        defaults=NARROW,
    )
