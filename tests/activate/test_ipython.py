"""The IPython startup file: written, run, refused, removed."""

from __future__ import annotations

import builtins
import os
import sys
import types
from pathlib import Path

import pytest

from popcon import __version__
from popcon.activate import ipython, written


def test_the_file_says_who_wrote_it(tmp_path: Path) -> None:
    """The comment says who wrote the file and how to remove it."""
    texts = ipython.texts(ipython.prefix_folder(tmp_path), "popcon disable ipython --prefix /opt")
    (file,) = written.write(texts)
    comment = "".join(line for line in file.read_text().splitlines(True) if line.startswith("#"))

    assert tmp_path / "etc" / "ipython" / "startup" / "000-popcon.py" == file
    assert f"Written by popcon {__version__}" in comment
    assert "To remove it: popcon disable ipython --prefix /opt\n" in comment


def test_everybody_can_read_it(tmp_path: Path) -> None:
    """Whatever the umask of who installs it, the file and the folders above it can be read by all."""
    before = os.umask(0o077)
    try:
        (file,) = written.write(ipython.texts(ipython.prefix_folder(tmp_path)))
    finally:
        os.umask(before)

    modes = [path.stat().st_mode & 0o777 for path in (file, *list(file.parents)[:3])]
    assert modes == [0o644, 0o755, 0o755, 0o755]


@pytest.mark.parametrize("home", ["", "~/own", "{folder}/own"])
def test_the_users_folder_is_ipythons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """A user's startup folder is the one that IPython itself names."""
    paths = pytest.importorskip("IPython.paths")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("IPYTHONDIR", home.format(folder=tmp_path))
    if not home:
        monkeypatch.delenv("IPYTHONDIR")

    assert Path(paths.get_ipython_dir(), "profile_default", "startup") == ipython.user_folder()


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
@pytest.mark.parametrize("name", ["popcon.py", "popcon/__init__.py"])
def test_a_users_popcon_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str | None, name: str
) -> None:
    """A popcon of the user's in the notebook's folder is not imported in place of ours."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise SystemExit('the user\\'s file was run')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path) if entry is None else entry, *sys.path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "popcon"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("POPCON_DISABLED", "1")
    exec(compile(ipython.startup_text(), "000-popcon.py", "exec"), {})

    assert str(tmp_path / name) != sys.modules["popcon"].__file__


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every place is listed in the order that IPython runs it, and what is there."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "home"))
    written.write(ipython.texts(ipython.prefix_folder(tmp_path / "env")))
    user = tmp_path / "home" / "profile_default" / "startup"
    user.mkdir(parents=True)
    (user / ipython.FILE_NAME).write_text("# not popcon's\n")
    (user / "10-own.py").write_text("import numpy\n")
    (user / "20-own.py").write_text("from popcon import setup_reporter\nsetup_reporter()\n")
    (user / "30-own.py").write_text("# popcon.setup_reporter()\n")
    places = [place for place in ipython.places(tmp_path / "env") if "machine" not in place.where]

    assert [(place.where, place.file.name, place.state, place.arms) for place in places] == [
        ("environment", "000-popcon.py", "active", True),
        ("user", "000-popcon.py", "not ours", False),
        ("user", "20-own.py", "by hand", True),
    ]
