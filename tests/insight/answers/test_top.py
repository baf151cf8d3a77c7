"""`top`: ranks, shares, ties, what is no library."""

from __future__ import annotations

import pytest

from popcon.catalog import LIBRARY_DIRECT
from popcon.errors import PopconError
from popcon.insight.answers.groups import named
from popcon.insight.answers.top import TopRow, top
from tests.insight.answers.memory import Memory, period

_TWO_HUBS = Memory(
    {"a": [60, 40], "": [10, 0]},
    {
        ("a", "numpy"): [50, 20],
        ("a", "pandas"): [7, 0],
        ("a", "_other"): [5, 0],
        ("", "numpy"): [5, 0],
        ("", "dask"): [7, 0],
        ("", "torch"): [7, 0],
        ("", "_rare"): [3, 0],
        ("", "unused"): [0, 0],
    },
    more={
        LIBRARY_DIRECT.name: {("a", "numpy"): [35, 0], ("a", "pandas"): [0, 0]},
    },
)


def test_all_hubs_together() -> None:
    """Counts are summed over hubs; what is tied has the same rank, and comes by name."""
    (group,) = top(_TWO_HUBS, period(2), 3)
    assert group.rows == [
        TopRow(None, 1, "numpy", 75, 75 / 110, 0.5),
        TopRow(None, 2, "dask", 7, 7 / 110, None),
        TopRow(None, 2, "pandas", 7, 7 / 110, 0.0),
    ]
    assert group._replace(rows=[]) == (None, [], 110, 4, 1, 1, 5, 3, ())


def test_uses_without_reports() -> None:
    """A hub from which uses came and no reports is named: of both together, shares are too high."""
    source = Memory({"a": [2], "c": [0]}, {(hub, "x"): [2 if hub < "c" else 0] for hub in "abc"})
    (group,) = top(source, period(1))
    assert (group.rows[0].share, group.unreported) == (2.0, ("b",))
    assert [each.unreported for each in top(source, period(1), by_namespace=True)] == [
        (),
        ("b",),
        (),
    ]


def test_each_hub() -> None:
    """Each hub has its own share, also one without a name; direct imports only where they are counted."""
    nameless, a = top(_TWO_HUBS, period(2), 1, by_namespace=True)
    assert nameless.rows == [TopRow("", 1, "dask", 7, 0.7, None)]
    assert (nameless.more, nameless.tied) == (2, 1)
    assert a.rows == [TopRow("a", 1, "numpy", 70, 0.7, 0.5)]
    assert (a.more, a.tied, a.other, a.rare) == (1, 0, 5, 0)


@pytest.mark.parametrize(
    ("source", "rows", "processes"),
    [
        (Memory({}, {}), [], 0),
        (Memory({"a": [1]}, {("a", "x"): [1]}), [TopRow(None, 1, "x", 1, 1.0, None)], 1),
        # Uses whose reports are held back, or lost.
        (Memory({"a": [0]}, {("a", "x"): [1]}), [TopRow(None, 1, "x", 1, None, None)], 0),
    ],
)
def test_little(source: Memory, rows: list[TopRow], processes: int) -> None:
    """An empty store has no rows; one use is a row; without reports there is no share."""
    (group,) = top(source, period(1))
    assert (group.rows, group.processes) == (rows, processes)


def test_many() -> None:
    """Of 5,000 libraries in 200 hubs the first are told, and how many there are besides."""
    used: dict[tuple[str, ...], list[int]] = {
        (f"hub{hub}", f"library-{number}"): [number]
        for hub in range(200)
        for number in range(1, 5001, 25)
    }
    source = Memory({f"hub{hub}": [5000] for hub in range(200)}, used)
    (group,) = top(source, period(1), 2)
    assert [row.library for row in group.rows] == ["library-4976", "library-4951"]
    assert (group.libraries, group.more) == (200, 198)
    assert len(top(source, period(1), 2, by_namespace=True)) == 200


@pytest.mark.parametrize(
    ("typed", "library"),
    [("NumPy", "numpy"), ("_other", "_other"), (" dask ".strip(), "dask")],
)
def test_names(typed: str, library: str) -> None:
    """Names are normalised as PEP 503 says; what is no library may be asked for, too."""
    assert named(_TWO_HUBS, period(2), [typed, typed]) == [library]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("panda", "no hub knows the library 'panda' in this period; near: pandas"),
        ("zzz", "no hub knows the library 'zzz' in this period"),
        ("%%", "no hub knows the library '%%' in this period"),
    ],
)
def test_unknown_names(typed: str, said: str) -> None:
    """A library that no hub knows is refused, with names that are near."""
    with pytest.raises(PopconError) as caught:
        named(_TWO_HUBS, period(2), ["numpy", typed])
    assert str(caught.value) == said


def test_a_hostile_name_is_not_near() -> None:
    """What a terminal would obey stands in no error."""
    source = Memory({"a": [1]}, {("a", "pandas\x1b[2J"): [1], ("a", "pandas"): [1]})
    with pytest.raises(PopconError, match=r"; near: pandas$"):
        named(source, period(1), ["pandas2"])


def test_nothing_is_unknown_in_an_empty_store() -> None:
    """Where nothing was counted, no library is missing."""
    assert named(Memory({}, {}), period(2), ["Numpy"]) == ["numpy"]
