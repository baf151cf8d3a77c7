"""The IPython startup file: written, run, refused, removed."""

from __future__ import annotations

import builtins
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from popcon import __version__
from popcon.activate import ipython
from popcon.errors import FileError


def test_install_and_remove(tmp_path: Path) -> None:
    """Enabling twice is enabling once; disabling leaves no file; disabling again finds none."""
    folder = ipython.prefix_folder(tmp_path)
    file = ipython.install(folder, "popcon disable ipython --prefix /opt")
    assert file == ipython.install(folder, "popcon disable ipython --prefix /opt")

    assert tmp_path / "etc" / "ipython" / "startup" / "000-popcon.py" == file
    assert file.stat().st_mode & 0o777 == 0o644
    assert os.listdir(folder) == ["000-popcon.py"]
    assert file == ipython.remove(folder)
    assert ipython.remove(folder) is None
    assert os.listdir(folder) == []


def test_the_file_says_who_wrote_it(tmp_path: Path) -> None:
    """The comment says who wrote the file and how to remove it."""
    text = ipython.install(tmp_path, "popcon disable ipython --prefix /opt").read_text()
    comment = "".join(line for line in text.splitlines(True) if line.startswith("#"))

    assert f"Written by popcon {__version__}" in comment
    assert "To remove it: popcon disable ipython --prefix /opt, or delete this file." in comment


def test_everybody_can_read_it(tmp_path: Path) -> None:
    """Whatever the umask of who installs it, the file and the folders above it can be read by all."""
    before = os.umask(0o077)
    try:
        file = ipython.install(ipython.prefix_folder(tmp_path))
    finally:
        os.umask(before)

    modes = [path.stat().st_mode & 0o777 for path in (file, *list(file.parents)[:3])]
    assert modes == [0o644, 0o755, 0o755, 0o755]


@pytest.mark.parametrize("verb", [ipython.install, ipython.remove])
def test_a_file_that_is_not_ours_is_left_alone(
    tmp_path: Path, verb: Callable[[Path], object]
) -> None:
    """Somebody else's file of that name is neither replaced nor removed, and is named."""
    file = tmp_path / ipython.FILE_NAME
    file.write_text("print('mine')\n")

    with pytest.raises(FileError, match="is in the way") as caught:
        verb(tmp_path)
    assert f"'{file}'" in str(caught.value)
    assert file.read_text() == "print('mine')\n"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A place that can't be written is refused in one line, and nothing is left behind."""
    (tmp_path / "etc").write_text("")

    with pytest.raises(FileError, match="can't write"):
        ipython.install(ipython.prefix_folder(tmp_path))


@pytest.mark.parametrize(
    "popcon",
    [
        None,
        types.ModuleType("popcon"),  # somebody else's popcon, without setup_reporter
        types.SimpleNamespace(setup_reporter=lambda: 1 / 0),
        types.SimpleNamespace(setup_reporter=lambda: sys.exit(3)),
        types.SimpleNamespace(setup_reporter=lambda: None),
    ],
    ids=["absent", "foreign", "raises", "exits", "ours"],
)
def test_running_it_is_safe(monkeypatch: pytest.MonkeyPatch, popcon: object) -> None:
    """Run as IPython runs it, the file never raises, leaves no name behind and sys.path as it was."""
    monkeypatch.setitem(sys.modules, "popcon", popcon)
    namespace = {"__builtins__": builtins}
    path = sys.path[:]
    exec(compile(ipython.startup_text(), "000-popcon.py", "exec"), namespace)

    assert {"__builtins__"} == set(namespace)
    assert path == sys.path


@pytest.mark.parametrize("entry", ["", None], ids=["empty", "absolute"])
def test_a_users_popcon_py_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str | None
) -> None:
    """A popcon.py in the notebook's folder is not imported in place of popcon."""
    (tmp_path / "popcon.py").write_text("raise SystemExit('the user\\'s file was run')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path) if entry is None else entry, *sys.path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "popcon"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("POPCON_DISABLED", "1")
    exec(compile(ipython.startup_text(), "000-popcon.py", "exec"), {})

    assert str(tmp_path / "popcon.py") != sys.modules["popcon"].__file__


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every place is listed in the order that IPython runs it, and what is there."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "home"))
    ipython.install(ipython.prefix_folder(tmp_path / "env"))
    user = tmp_path / "home" / "profile_default" / "startup"
    user.mkdir(parents=True)
    (user / ipython.FILE_NAME).write_text("# not popcon's\n")
    places = ipython.places(str(tmp_path / "env"))

    assert sorted(place.file for place in places) == [place.file for place in places]
    assert {
        place.label: place.state for place in places if place.label in ("environment", "user")
    } == {"environment": "active", "user": "not ours"}
