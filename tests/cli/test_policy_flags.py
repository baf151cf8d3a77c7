"""The flags of a publication policy, wherever a command has them."""

from __future__ import annotations

import pytest

from popcon.cli import main


@pytest.mark.parametrize("command", ["exporter", "privacy", "notice"])
def test_a_policy_without_a_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty name is refused as any other that isn't known: nothing is taken for it."""
    assert main([command, "--privacy="]) == 2
    assert "not a privacy policy: ''" in capsys.readouterr().err
