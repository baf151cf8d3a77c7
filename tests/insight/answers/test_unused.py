"""`unused`: what is proposed, what isn't, from when on, what it frees."""

from __future__ import annotations

import pytest

from popcon.insight.answers.needs import Environment, Installed
from popcon.insight.answers.unused import Unused, UnusedRow, unused
from tests.insight.answers.memory import Memory, period

_30 = [10] * 30


def zeros(*libraries: str, hub: str = "a") -> dict[tuple[str, ...], list[int | None]]:
    return {(hub, library): [0] * 30 for library in libraries}


def kinds(group: Unused) -> dict[str, str]:
    return {row.library: row.kind for row in group.rows}


def row(group: Unused, library: str) -> UnusedRow:
    return next(row for row in group.rows if row.library == library)


@pytest.mark.parametrize(
    ("days", "said"),
    [(13, "too early to say"), (14, "a hint"), (27.9, "a hint"), (28, "yes"), (30, "yes")],
)
def test_days(days: float, said: str) -> None:
    """Below 14 whole days it is too early to say, below 28 a hint; today isn't whole."""
    (group,) = unused(Memory({"a": [*_30]}, zeros("x")), period(days))
    assert (group.verdict, row(group, "x").verdict) == (said, said)
    assert group.days == int(days)


def test_installed_last_week() -> None:
    """A library's own days count, in the hub that has the fewest."""
    added: dict[tuple[str, ...], list[int | None]] = {
        ("a", "x"): [None] * 23 + [0] * 7,
        ("b", "x"): [0] * 30,
        ("b", "y"): [0] * 30,
    }
    source = Memory({"a": [*_30], "b": [*_30]}, added)
    (group,) = unused(source, period(30))
    assert [(each.library, each.days, each.verdict) for each in group.rows] == [
        ("x", 7, "too early to say"),
        ("y", 28, "yes"),
    ]
    a, b = unused(source, period(30), by_namespace=True)
    assert (row(a, "x").days, row(b, "x").days) == (7, 28)


def test_asks_no_more_days_than_tell() -> None:
    """Of a year, 28 days of each library are asked for, and more only of one that wasn't there on all."""
    year: list[int | None] = [0] * 365
    source = Memory(
        {"a": [1] * 365}, {("a", "x"): year, ("a", "y"): [*year[:300], *[None] * 9, *year[309:]]}
    )
    (group,) = unused(source, period(365))
    assert {each.days for each in group.rows} == {28}
    assert len(source.asked) == 1
    gap = Memory({"a": [1] * 365}, {("a", "x"): [*year[:350], None, *year[351:]]})
    (group,) = unused(gap, period(365))
    assert row(group, "x").days == 28
    assert [asked.days for _, asked in gap.asked] == [28, 28]


def test_a_page_without_days() -> None:
    """A source that knows no days tells those of the hub."""
    (group,) = unused(Memory({"a": [*_30]}, zeros("x"), paged=True), period(30))
    assert row(group, "x").days == 28


def test_nobody_reported() -> None:
    """Where no process reported, no library can have been used: too early, however many days there are."""
    (group,) = unused(Memory({"a": [0] * 30}, zeros("x")), period(30))
    assert (group.days, group.verdict, row(group, "x").verdict) == (30, *["too early to say"] * 2)


def test_nobody_reported_where_it_is() -> None:
    """What is in one hub only, from which nothing came, isn't judged by another hub's processes."""
    added = {**zeros("x", "both"), **zeros("both", "there", hub="b")}
    (group,) = unused(Memory({"a": [*_30], "b": [0] * 30}, added), period(30))
    assert {each.library: each.verdict for each in group.rows} == {
        "both": "yes",
        "there": "too early to say",
        "x": "yes",
    }


def test_infrastructure_is_set_apart() -> None:
    """Parts say what is infrastructure, names where there are none; for users in one image is for users."""
    source = Memory(
        {"a": [*_30], "b": [*_30]},
        {**zeros("x", "lib", "both", "pip", "jupyterlab"), **zeros("both", hub="b")},
        sizes={
            ("a", "lib", "server"): 5,
            ("a", "both", "kernel"): 7,
            ("b", "both", "library"): 9,
            ("a", "jupyterlab", "library"): 3,
        },
    )
    (group,) = unused(source, period(30))
    assert kinds(group) == {
        "both": "never",
        "jupyterlab": "never",
        "x": "never",
        "pip": "infrastructure",
        "lib": "infrastructure",
    }
    assert row(group, "pip").part == "known by its name"
    assert row(group, "both").size == 9
    assert group.frees == 12


@pytest.mark.parametrize(("rarely", "expected"), [(10, ["x", "y"]), (3, ["x"]), (1, [])])
def test_rarely(rarely: int, expected: list[str]) -> None:
    """Rarely used is what fewer processes used than asked for, the rarest first."""
    used: dict[tuple[str, ...], list[int | None]] = {
        ("a", "y"): [3],
        ("a", "x"): [2],
        ("a", "z"): [10],
        ("a", "_other"): [1],
        ("a", "_rare"): [1],
    }
    (group,) = unused(Memory({"a": [100]}, used), period(1), rarely)
    assert [(each.library, each.kind) for each in group.rows] == [
        (library, "rarely") for library in expected
    ]


#: app needs framework, which needs engine and shared; tool needs shared. plugin is needed by used.
_ENVIRONMENT: Environment = {
    "app": Installed(1, needs=frozenset({"framework"})),
    "framework": Installed(10, needs=frozenset({"engine", "shared", "used"})),
    "engine": Installed(100),
    "shared": Installed(1000),
    "used": Installed(10_000, needs=frozenset({"plugin"})),
    "plugin": Installed(5),
    "server": Installed(7, part="server", needs=frozenset({"shared"})),
    "mine": Installed(2, needs=frozenset({"six"}), own=True),
    "six": Installed(3),
    "new": Installed(8),
    "circle": Installed(20, needs=frozenset({"round"})),
    "round": Installed(30, needs=frozenset({"circle"})),
}


def test_what_needs_it() -> None:
    """What a used library needs isn't proposed, nor what infrastructure or somebody's own needs."""
    names = [name for name in _ENVIRONMENT if name not in ("mine", "new", "used")]
    source = Memory({"a": [*_30]}, {**zeros(*names, "gone"), ("a", "used"): [*_30]})
    (group,) = unused(source, period(30), environment=_ENVIRONMENT)
    assert kinds(group) == {
        "engine": "never",
        "framework": "never",
        "app": "never",
        "circle": "never",
        "round": "never",
        "gone": "never",
        "shared": "needed",
        "plugin": "needed",
        "six": "needed",
        "new": "unknown",
        "server": "infrastructure",
    }
    assert row(group, "shared").needed_by == ("server",)
    assert row(group, "plugin").needed_by == ("used",)
    assert row(group, "six").needed_by == ("mine",)
    assert row(group, "plugin").dependents == ("app", "framework", "used")
    assert row(group, "gone").installed is False
    assert row(group, "new").processes is None


def test_what_it_frees() -> None:
    """With a library go all that need it, and what only these need; a circle goes as one."""
    names = [name for name in _ENVIRONMENT if name not in ("mine", "new", "used")]
    source = Memory({"a": [*_30]}, {**zeros(*names), ("a", "used"): [*_30]})
    (group,) = unused(source, period(30), environment=_ENVIRONMENT)
    assert {
        each.library: (each.goes_with, each.frees) for each in group.rows if each.kind == "never"
    } == {
        "app": (("engine", "framework"), 111),
        "framework": (("app", "engine"), 111),
        "engine": (("app", "framework"), 111),
        "circle": (("round",), 50),
        "round": (("circle",), 50),
    }
    assert group.frees == 161


def test_rarely_used_with_what_needs_it() -> None:
    """A rarely used library goes with a never used one that needs it, and stays for a used one."""
    source = Memory(
        {"a": [*_30]},
        {
            **zeros("app", "shared"),
            ("a", "framework"): [1],
            ("a", "plugin"): [1],
            ("a", "engine"): [50],
            ("a", "used"): [*_30],
        },
    )
    (group,) = unused(source, period(30), environment=_ENVIRONMENT)
    found = kinds(group)
    assert (found["framework"], found["plugin"], found["app"]) == ("rarely", "needed", "never")
    assert row(group, "framework").goes_with == ("app",)
    assert row(group, "framework").frees == 11
    assert row(group, "app").goes_with == ()


def test_empty() -> None:
    """An empty store has no rows, and it is too early to say."""
    (group,) = unused(Memory({}, {}), period(30))
    assert group == (None, [], 0, 0, 0, "too early to say", None)
