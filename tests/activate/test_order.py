"""Where popcon is active, in which order, and what wins: what is said is what a real Python does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.activate.conftest import Venv
from tests.conftest import Collector, interpreters

VenvOf = Callable[[str], Venv]
#: Somebody's file that calls popcon: it says where it stands, and runs.
CALL = "import popcon; print({!r}); popcon.setup_reporter()\n"


def _status(venv: Venv, **environ: str) -> dict[str, Any]:
    printed = venv.popcon("status", "--json", **environ).stdout
    answer: dict[str, Any] = json.loads(printed[printed.index("{") :])  # behind what CALL prints
    return answer


@pytest.mark.parametrize("python", interpreters())
def test_the_order_is_pythons(venv_of: VenvOf, python: str) -> None:
    """The files that call popcon are listed in the order in which they run, and those that don't run."""
    venv = venv_of(python)
    behind = venv.folder / "behind"
    behind.mkdir()
    (venv.site / "b.pth").write_text(CALL.format("b.pth"))
    (venv.site / "a.pth").write_text(f"{behind}\n{CALL.format('a.pth')}")
    (venv.site / "sitecustomize.py").write_text(CALL.format("sitecustomize.py"))
    (behind / "sitecustomize.py").write_text(CALL.format("behind"))
    (venv.site / "c.pth").write_text("# popcon.setup_reporter()\n")
    (venv.site / "c.start").write_text("popcon:setup_reporter\n")
    ran = list(dict.fromkeys(venv.run("-c", "").stdout.splitlines()))
    places = [place for place in _status(venv)["places"] if place["state"] == "by hand"]
    arming = [place["file"].rpartition("/")[2] for place in places if place["arms"]]

    assert ran == arming == ["a.pth", "b.pth", "sitecustomize.py"]
    assert [(p["file"], p["note"]) for p in places if not p["arms"]] == [
        (f"{venv.site}/c.start", "for Python 3.15 and later"),
        (
            f"{behind}/sitecustomize.py",
            f"not run: {venv.site}/sitecustomize.py comes first",
        ),
    ]


def test_a_users_own_places(venv_of: VenvOf) -> None:
    """A user's site directory and usercustomize are listed where Python reads them."""
    venv = venv_of(interpreters(few=True)[0].values[0])  # type: ignore[arg-type]
    config = venv.folder / "pyvenv.cfg"
    config.write_text(
        config.read_text().replace(
            "include-system-site-packages = false", "include-system-site-packages = true"
        )
    )
    (home,) = venv.run("-m", "site", "--user-site").stdout.split()
    user = venv.folder / home
    user.mkdir(parents=True)
    (user / "usercustomize.py").write_text(CALL.format("usercustomize.py"))
    (user / "a.pth").write_text(CALL.format("a.pth"))
    places = [place for place in _status(venv)["places"] if place["state"] == "by hand"]
    ran = list(dict.fromkeys(venv.run("-c", "").stdout.splitlines()))

    assert [place["file"] for place in places] == [f"{user}/{name}" for name in ran]
    assert ran == ["a.pth", "usercustomize.py"]
    assert [(place["how"], place["where"]) for place in places] == [
        (".pth", "user"),
        ("usercustomize", "user"),
    ]
    (user / "a.pth").unlink()
    enabled = venv.popcon("enable", "pth", "--user")
    assert enabled.returncode == 0, enabled.stderr
    assert _status(venv)["programs"] == str(user / "popcon.pth")


@pytest.mark.parametrize("python", interpreters(few=True))
def test_what_wins(venv_of: VenvOf, collector: Collector, python: str) -> None:
    """Programs are armed by the first place that runs, notebooks by the first startup file."""
    venv = venv_of(python)
    own = {"IPYTHONDIR": str(venv.folder / "ipython")}
    startup = venv.folder / "etc" / "ipython" / "startup" / "000-popcon.py"
    seen = []
    for command in ((), ("sitecustomize",), ("pth",), ("ipython",)):
        if command:
            assert venv.popcon("enable", *command, **own).returncode == 0
        status = _status(venv, **own)
        seen.append((status["programs"], status["notebooks"]))
        venv.run("-c", "", POPCON_SINK=collector.url)
        assert len(collector.lines(0.5 if status["programs"] else 0.0)) == bool(status["programs"])

    sitecustomize, pth = (str(venv.site / name) for name in ("sitecustomize.py", "popcon.pth"))
    assert seen == [(None, None), (sitecustomize, None), (pth, None), (pth, str(startup))]


def test_an_environment_without_popcon(venv_of: VenvOf) -> None:
    """Where the environment can't import popcon, status and enable say so."""
    venv = venv_of(interpreters(few=True)[0].values[0])  # type: ignore[arg-type]
    other = Venv(str(venv.python), venv.folder / "other")
    (other.site / "popcon").rename(other.site / "gone")
    enabled = venv.popcon("enable", "pth", "--prefix", str(other.folder))
    status = venv.popcon("status", "--prefix", str(other.folder))

    assert enabled.returncode == 0
    assert f"warning: popcon is not installed in '{other.folder}'" in enabled.stderr
    assert f"note: popcon is not installed in '{other.folder}'" in status.stdout


def test_a_folder_without_a_python(venv_of: VenvOf) -> None:
    """In a folder in which no Python runs, only startup files can be written; status says so."""
    venv = venv_of(interpreters(few=True)[0].values[0])  # type: ignore[arg-type]
    folder = venv.folder / "image"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("no program")
    refused = venv.popcon("enable", "pth", "--prefix", str(folder))
    status = venv.popcon("status", "--prefix", str(folder))

    assert (refused.returncode, refused.stderr) == (
        3,
        f"popcon: error: no Python that runs in '{folder}'\n",
    )
    assert f"note: no Python that runs in '{folder}'" in status.stdout
    assert venv.popcon("enable", "ipython", "--prefix", str(folder)).returncode == 0
