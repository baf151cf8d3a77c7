"""What the dashboards ask about libraries, answered by promtool over days that are known beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from popcon.catalog import LIBRARY_DIRECT, LIBRARY_USED, LIBRARY_VERSION, REPORTS
from popcon.render import questions
from popcon.render.dashboards import boards, expressions
from popcon.render.queries import by_day
from tests.render.recorded import Days, answers, series, size

RANGE = 7


def days(before: int | None, now: int | None, today: int | None = 0) -> Days:
    """Return two weeks, the same count on each day of one, and today."""
    return [before] * RANGE + [now] * RANGE + [today]


AT = f"{24 * 2 * RANGE + 12}h"
#: Hub → processes that reported, in the week before and in this one, and today.
HUBS = {
    "old": days(10, 10, 2),
    "new": days(None, 10, 0),
    "dead": days(10, 0, 0),
}
#: Hub, library → processes that used it.
USED: dict[tuple[str, str], Days] = {
    ("old", "numpy"): days(5, 5, 1),
    ("new", "numpy"): days(None, 10, 0),
    ("dead", "numpy"): days(10, 0, 0),
    ("old", "polars"): days(0, 4, 1),
    ("new", "torch"): days(None, 3, 0),
    ("old", "once"): [*([0] * 13), 1, 0],
    ("old", "theano"): days(4, 0, 0),
    ("dead", "mpi4py"): days(6, 0, 0),
    ("old", "seaborn"): days(8, 6, 0),
    ("old", "tensorflow"): days(0, 0, 0),
    ("new", "tensorflow"): days(None, 0, 0),
    ("old", "fresh"): [*([None] * 12), 0, 0, 0],
    ("old", "jupyterlab"): days(0, 0, 0),
    ("old", "pip"): days(0, 1, 0),
    ("old", "plotly"): days(0, 0, 0),
    ("new", "plotly"): days(None, 0, 0),
    ("old", "my-server"): days(0, 0, 0),
    ("old", "_other"): days(0, 7, 3),
    ("old", "_rare"): days(0, 30, 0),
}
VERSIONS: dict[tuple[str, str, str], Days] = {
    ("old", "numpy", "1.26"): days(5, 4, 0),
    ("old", "numpy", "2.0"): days(0, 1, 1),
    ("old", "numpy", "1.20"): days(0, 0, 0),
}
DIRECT: dict[tuple[str, str], Days] = {
    ("old", "numpy"): days(2, 3, 0),
    ("old", "polars"): days(0, 4, 1),
}
SIZES = (
    size("tensorflow", "library", 900, 14, namespace="old", instance="a"),
    size("tensorflow", "library", 1000, 14, namespace="new", instance="a"),
    size("fresh", "library", 30, 14, namespace="old", instance="a"),
    size("plotly", "server", 70, 14, namespace="old", instance="a"),
    size("plotly", "library", 70, 14, namespace="new", instance="a"),
    size("my-server", "server", 5, 14, namespace="old", instance="a"),
    size("my-server", "server", 5, 14, namespace="old", instance="b"),
    size("gone-by-now", "library", 1, 8, namespace="old", instance="a"),
)

KNOWN = [
    *(one for hub, counts in HUBS.items() for one in series(REPORTS, counts, namespace=hub)),
    *(
        one
        for (hub, library), counts in USED.items()
        for one in series(LIBRARY_USED, counts, namespace=hub, library=library)
    ),
    *(
        one
        for (hub, library, version), counts in VERSIONS.items()
        for one in series(LIBRARY_VERSION, counts, namespace=hub, library=library, version=version)
    ),
    *(
        one
        for (hub, library), counts in DIRECT.items()
        for one in series(LIBRARY_DIRECT, counts, namespace=hub, library=library)
    ),
    *SIZES,
]


CHOSEN = {"library": "numpy", "rarely": "10", "top": "20"}


def of(**values: float) -> dict[str, float]:
    """Return samples by library; `__` stands for a hyphen."""
    return {f'{{library="{name.replace("__", "-")}"}}': value for name, value in values.items()}


CASES: dict[str, tuple[str, dict[str, float]]] = {
    "used: whole days and today, 0 where it is installed": (
        questions.used(),
        of(numpy=106, polars=29, torch=21, once=1, theano=0, mpi4py=0, seaborn=42, tensorflow=0,
           fresh=0, jupyterlab=0, pip=7, plotly=0, my__server=0),
    ),
    "share": (
        questions.share(),
        of(numpy=106 / 142, polars=29 / 142, torch=21 / 142, once=1 / 142, seaborn=42 / 142, pip=7 / 142),
    ),
    "what the image lacks": (questions.used_what_is_not_in_the_image(), {"{}": 52 / 142}),
    "new: not in a hub whose week before is not known": (
        questions.new(), of(polars=29, once=1, pip=7)
    ),
    "gone: not because a hub is silent": (questions.gone(), of(theano=28)),
    "rising: the share now": (
        questions.shares_to_compare()[0],
        of(numpy=3600 / 72, polars=2900 / 72, seaborn=4200 / 72, theano=0),
    ),
    "rising: the share before": (
        questions.shares_to_compare()[1], of(numpy=50, polars=0, seaborn=80, theano=40)
    ),
    "versions": (
        questions.versions(),
        {
            '{library="numpy", version="1.26"}': 28,
            '{library="numpy", version="2.0"}': 8,
        },
    ),
    "versions' shares": (
        questions.share_of_library(),
        {
            '{library="numpy", version="1.26"}': 28 / 36,
            '{library="numpy", version="2.0"}': 8 / 36,
        },
    ),
    "used, where direct imports are counted": (
        questions.used_where_direct_is_counted(),
        of(numpy=36, polars=29, once=1, seaborn=42, pip=7),
    ),
    "direct": (
        questions.share_of_direct(), of(numpy=21 / 36, polars=1, once=0, seaborn=0, pip=0)
    ),
    "never used: neither infrastructure, nor what another hub uses": (
        questions.never_used(), of(theano=0, mpi4py=0, tensorflow=0, fresh=0, plotly=0)
    ),
    "how many": (questions.count_of_never_used(), {"{}": 5}),
    "their sizes, each library once": (questions.size_of_never_used(), {"{}": 1100}),
    "rarely used: pip is no library for users": (questions.rarely_used(), of(once=1)),
    "days observed, in the hub with the fewest": (questions.days_observed(), {"{}": 7}),
    "days of each": (
        questions.days_observed(LIBRARY_USED, ("library",)),
        of(numpy=7, polars=7, torch=7, once=7, theano=7, mpi4py=7, seaborn=7, tensorflow=7,
           fresh=2, jupyterlab=7, pip=7, plotly=7, my__server=7),
    ),
    "infrastructure": (
        questions.infrastructure(),
        {
            '{library="my-server", part="server"}': 5,
            '{library="jupyterlab", part="known by its name"}': 0,
            '{library="pip", part="known by its name"}': 7,
        },
    ),
    "sizes": (questions.sizes(), of(tensorflow=1000, fresh=30, plotly=70, my__server=5, gone__by__now=1)),
}  # fmt: skip


def test_what_people_ask(tmp_path: Path) -> None:
    """Each question has the answer that can be worked out by hand."""
    expected = dict(CASES.values())

    assert len(expected) == len(CASES)
    assert answers(tmp_path, KNOWN, expected, at=AT, range_days=RANGE, **CHOSEN) == ""


def test_a_wrong_answer_is_seen(tmp_path: Path) -> None:
    """Promtool is really asked: a number that is off by one is told."""
    told = answers(
        tmp_path, KNOWN, {questions.gone(): of(theano=29)}, at=AT, range_days=RANGE, **CHOSEN
    )

    assert "theano" in told


def test_lines(tmp_path: Path) -> None:
    """At midnight a day's count stands at its beginning, a week's share at its end."""
    asked = {
        by_day(LIBRARY_USED, ("library",), questions.CHOSEN): of(numpy=15),
        questions.share_of_past_week(): of(numpy=(7 * 15) / (7 * 20)),
    }
    # promtool knows nothing yet of what comes after the time that it is asked at: so, later.
    at_midnight = {f"last_over_time(({expr})[1d:1d] offset 1d)": asked[expr] for expr in asked}

    assert answers(tmp_path, KNOWN, at_midnight, at=AT, range_days=RANGE, **CHOSEN) == ""


#: All that the two dashboards ask, as instant queries.
ALL = sorted(
    {
        expr
        for uid in ("popcon-libraries", "popcon-unused")
        for exprs in expressions(boards()[uid]).values()
        for expr in exprs
    }
)


@pytest.mark.parametrize("range_days", [0.25, 1, 30, 400])
def test_no_data(tmp_path: Path, range_days: float) -> None:
    """Where there is nothing, nothing is answered, and no number is made up."""
    nothing: dict[str, dict[str, float]] = {expr: {} for expr in ALL}

    assert answers(tmp_path, [], nothing, at="1000h", range_days=range_days, **CHOSEN) == ""


#: What is known on the first day, of one library that was used once, and one that wasn't.
FIRST = [
    *series(REPORTS, [1]),
    *series(LIBRARY_USED, [1], library="numpy"),
    *series(LIBRARY_USED, [0], library="scipy"),
]
#: The same on the day after.
SECOND = [
    *series(REPORTS, [1, 0]),
    *series(LIBRARY_USED, [1, 0], library="numpy"),
    *series(LIBRARY_USED, [0, 0], library="scipy"),
]


@pytest.mark.parametrize("range_days", [0.25, 1, 30, 400])
@pytest.mark.parametrize(
    ("known", "at", "whole"), [(FIRST, "12h", None), (SECOND, "36h", 1)], ids=["first", "second"]
)
def test_young(
    tmp_path: Path, known: list[dict[str, str]], at: str, whole: int | None, range_days: float
) -> None:
    """On the first days: what is used is said, nothing is new or gone, and it says how few days they are.

    A range that has no midnight in it is today.
    """
    seen = whole is not None and range_days >= 1
    used = 1 if seen or whole is None else 0
    expected: dict[str, dict[str, float]] = {
        questions.used(): of(numpy=used, scipy=0),
        questions.share(): of(numpy=1) if used else {},
        questions.new(): {},
        questions.gone(): {},
        questions.shares_to_compare()[0]: {},
        questions.never_used(): of(scipy=0) if used else of(numpy=0, scipy=0),
        questions.days_observed(): {"{}": 1} if seen else {},
        questions.rarely_used(): of(numpy=1) if used else {},
    }

    assert answers(tmp_path, known, expected, at=at, range_days=range_days, **CHOSEN) == ""


def test_hubs_are_chosen(tmp_path: Path) -> None:
    """Hubs and libraries that are left out take part in nothing."""
    told = answers(
        tmp_path,
        KNOWN,
        {
            questions.never_used(): of(tensorflow=0, plotly=0),
            questions.days_observed(): {"{}": 7},
            questions.new(): {},
        },
        at=AT,
        range_days=RANGE,
        **{**CHOSEN, "without_hub": "old|dead"},
    )

    assert told == ""
