"""What turns popcon off: variables, and files for a person, an environment, a machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from popcon import switched_off
from popcon.config import read, why_off
from tests.conftest import ROOT, Collector, clean_environ, interpreters

_SCRIPT = "import sys, popcon; popcon.setup_reporter(); print('popcon.reporter' in sys.modules)"


@pytest.mark.parametrize(
    ("file", "environ", "expected"),
    [
        ("home/.config/popcon/disabled", {"HOME": "{}/home"}, True),
        ("home/.config/popcon/disabled", {"HOME": "{}/other"}, False),
        ("home/.config/popcon/disabled", {}, False),
        ("home/.config/popcon/disabled", {"HOME": "{}/home", "XDG_CONFIG_HOME": ""}, True),
        ("home/.config/popcon/disabled", {"HOME": "{}/home", "XDG_CONFIG_HOME": "x"}, True),
        ("home/.config/popcon/disabled", {"HOME": "{}/home", "XDG_CONFIG_HOME": "{}/x"}, False),
        ("x/popcon/disabled", {"HOME": "{}/home", "XDG_CONFIG_HOME": "{}/x"}, True),
        ("home/.config/popcon/enabled", {"HOME": "{}/home"}, False),
    ],
)
def test_a_persons_file(tmp_path: Path, file: str, environ: dict[str, str], expected: bool) -> None:
    """The file lies below XDG_CONFIG_HOME if that is an absolute path, else below ~/.config."""
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    environ = {name: value.format(tmp_path) for name, value in environ.items()}

    assert switched_off(environ) == (str(tmp_path / file) if expected else None)
    assert read(environ).off == switched_off(environ)


def test_a_variable_is_asked_first(tmp_path: Path) -> None:
    """Where a variable says no, no disk is looked at; each switch has words of its own."""
    (tmp_path / "popcon").mkdir()
    (tmp_path / "popcon" / "disabled").touch()
    off = switched_off({"XDG_CONFIG_HOME": str(tmp_path), "DO_NOT_TRACK": "1"})

    assert off == "DO_NOT_TRACK"
    assert why_off(off) == "DO_NOT_TRACK is set"
    assert why_off("/etc/popcon/disabled") == "the file '/etc/popcon/disabled' is there"


@pytest.mark.parametrize("python", interpreters())
def test_a_persons_file_in_a_script(collector: Collector, python: str, tmp_path: Path) -> None:
    """Where the file is, nothing of popcon's is loaded, and nothing is sent; without it all is."""
    (tmp_path / "popcon").mkdir()
    environ = clean_environ(POPCON_SINK=collector.url, XDG_CONFIG_HOME=str(tmp_path))
    on = _run([python], environ)
    lines = collector.lines(wait=5)
    (tmp_path / "popcon" / "disabled").touch()
    off = _run([python], environ)

    assert (on, lines) == ("True\n", ["python_popcon.reports:1|c"])
    assert (off, collector.lines(wait=0.3)) == ("False\n", [])


def test_an_environments_file(collector: Collector, tmp_path: Path) -> None:
    """`etc/popcon/disabled` in an environment is for that environment alone."""
    for name in ("one", "other"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / name], check=True)
    (tmp_path / "one/etc/popcon").mkdir(parents=True)
    (tmp_path / "one/etc/popcon/disabled").touch()
    environ = clean_environ(POPCON_SINK=collector.url)

    assert _run([str(tmp_path / "one/bin/python")], environ) == "False\n"
    assert collector.lines(wait=0.3) == []
    assert _run([str(tmp_path / "other/bin/python")], environ) == "True\n"
    assert collector.lines(wait=5) == ["python_popcon.reports:1|c"]


def test_a_machines_file(collector: Collector) -> None:
    """`/etc/popcon/disabled` is for everybody; here /etc is another one, in a mount namespace."""
    user = () if os.getuid() == 0 else ("--map-root-user",)
    shell = ("unshare", "--mount", *user, "sh", "-c")
    mount = (
        'mount -t tmpfs none /etc && mkdir /etc/popcon && touch /etc/popcon/{} && exec "$0" "$@"'
    )
    environ = clean_environ(POPCON_SINK=collector.url)
    if subprocess.run([*shell, mount.format("enabled"), "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount here")

    assert _run([*shell, mount.format("enabled"), sys.executable], environ) == "True\n"
    assert collector.lines(wait=5) == ["python_popcon.reports:1|c"]
    assert _run([*shell, mount.format("disabled"), sys.executable], environ) == "False\n"
    assert collector.lines(wait=0.3) == []


def _run(python: list[str], environ: dict[str, str]) -> str:
    done = subprocess.run(
        [*python, "-c", _SCRIPT], env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout
