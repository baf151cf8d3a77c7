"""The guard: what it swallows, what it lets through, and what it shows on demand."""

from __future__ import annotations

import pytest

from popcon.guard import contained


@pytest.mark.parametrize("fault", [ValueError("x"), OSError(), MemoryError()])
def test_faults_end_here(fault: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault of ours is swallowed, and nothing is shown."""
    with contained():
        raise fault

    assert capsys.readouterr() == ("", "")


def test_interrupts_are_the_users_at_set_up() -> None:
    """A Ctrl-C at set-up goes through; after a cell and at exit it is swallowed."""
    with pytest.raises(KeyboardInterrupt), contained():
        raise KeyboardInterrupt
    with contained(BaseException):
        raise KeyboardInterrupt
