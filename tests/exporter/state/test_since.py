"""When counting began: told once, kept over restarts."""

from __future__ import annotations

import pytest

from popcon.exporter.state.since import Since


def test_it_is_the_first_start() -> None:
    """What the first process said holds for all later ones."""
    first = Since(1000.0)
    said = first.changes()
    assert first.changes() == {}
    first.unsaved(said)
    assert first.changes() == said
    later = Since(2000.0)
    later.restore(said.items())
    assert (later.seconds, later.changes()) == (1000.0, {})


@pytest.mark.parametrize("value", ["x", None, -1, 0, 9e9, float("nan")])
def test_a_time_that_is_none(value: object) -> None:
    """What no process said, or a clock that was ahead, is passed over, and written anew."""
    since = Since(2000.0)
    since.restore([("since", value)])
    assert (since.seconds, since.changes()) == (2000.0, {"since": 2000.0})
