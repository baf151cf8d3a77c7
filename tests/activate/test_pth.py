"""The `.pth` file and its `.start`: run by real Pythons, in whatever state popcon is."""

from __future__ import annotations

import pkgutil
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import popcon
from popcon.activate import pth
from tests.activate.conftest import Venv
from tests.conftest import Collector, interpreters

VenvOf = Callable[[str], Venv]
REPORTED = ["python_popcon.reports:1|c"]
#: Options of Python → whether it reads site directories at all.
OPTIONS = {"": True, "-I": True, "-E": True, "-s": True, "-X dev": True, "-S": False}


@pytest.mark.parametrize("python", interpreters())
def test_every_program_is_armed_once(venv_of: VenvOf, collector: Collector, python: str) -> None:
    """A program counts once, though a venv runs the line twice, and sees nothing of it; only -S stops it."""
    venv = venv_of(python)
    text = "import sys; print(sorted(vars()), len(sys.path), sys.path_importer_cache.get('') )"
    (venv.folder / "program.py").write_text(text)
    without = {options: venv.run(*options.split(), "program.py") for options in OPTIONS}
    assert venv.popcon("enable", "pth").returncode == 0
    (venv.site / "twice.pth").write_text("import sys; sys.stdout.write('ran ')\n")
    for options, reads in OPTIONS.items():
        done = venv.run(*options.split(), "program.py", POPCON_SINK=collector.url)

        ran = "ran ran " if reads else ""
        assert done.stdout == ran + without[options].stdout
        assert (done.stderr, done.returncode) == ("", 0)
        # `-E` and `-I` leave out Python's own variables, not ours.
        assert collector.lines(0.5 if reads else 0.0) == (REPORTED if reads else [])


def _gone(venv: Venv) -> None:
    shutil.rmtree(venv.site / "popcon")


def _broken(venv: Venv) -> None:
    (venv.site / "popcon" / "__init__.py").write_text("1 / 0\n")


def _no_python(venv: Venv) -> None:
    (venv.site / "popcon" / "__init__.py").write_text("def setup_reporter(:\n")


def _exits(venv: Venv) -> None:
    (venv.site / "popcon" / "__init__.py").write_text("raise SystemExit(3)\n")


def _another(venv: Venv) -> None:
    shutil.rmtree(venv.site / "popcon")
    (venv.site / "popcon.py").write_text("print('another popcon')\n")


def _half_gone(venv: Venv) -> None:
    (venv.site / "popcon" / "reporter.py").unlink()


@pytest.mark.parametrize("python", interpreters(few=True))
@pytest.mark.parametrize("damage", [_gone, _broken, _no_python, _exits, _another, _half_gone])
def test_whatever_became_of_popcon(
    venv_of: VenvOf, python: str, damage: Callable[[Venv], None]
) -> None:
    """Where popcon is broken, replaced or gone, the line that is left says nothing and stops nothing."""
    venv = venv_of(python)
    venv.popcon("enable", "pth")
    damage(venv)
    done = venv.run("-c", "print('fine')")

    assert (done.stdout, done.stderr, done.returncode) == ("fine\n", "", 0)


@pytest.mark.parametrize("python", interpreters())
@pytest.mark.parametrize(
    ("command", "path"),
    [(("program.py",), ""), (("program.py",), ":"), (("-c", ""), "."), (("-m", "program"), ":")],
    ids=["script", "script, PYTHONPATH=:", "-c, PYTHONPATH=.", "-m, PYTHONPATH=:"],
)
def test_a_users_popcon_py_is_not_run(
    venv_of: VenvOf, collector: Collector, python: str, command: tuple[str, ...], path: str
) -> None:
    """A popcon.py beside the script, or in the working directory, is not imported in our place."""
    venv = venv_of(python)
    venv.popcon("enable", "pth")
    (venv.folder / "program.py").write_text("")
    (venv.folder / "popcon.py").write_text("print('the user\\'s file was run')\n")
    done = venv.run(*command, PYTHONPATH=path, POPCON_SINK=collector.url)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert collector.lines(0.5) == REPORTED


@pytest.mark.parametrize("name", ["DO_NOT_TRACK", "POPCON_DISABLED"])
def test_who_opts_out_loads_nothing(venv_of: VenvOf, collector: Collector, name: str) -> None:
    """Where a person has opted out, no module but `popcon` itself is loaded."""
    venv = venv_of(interpreters(few=True)[0].values[0])  # type: ignore[arg-type]
    venv.popcon("enable", "pth")
    code = "import sys; print([name for name in sys.modules if 'popcon' in name])"
    done = venv.run("-c", code, POPCON_SINK=collector.url, **{name: "1"})

    assert done.stdout == "['popcon']\n"
    assert collector.lines() == []


def test_the_start_file_is_what_pep_829_asks_for(tmp_path: Path) -> None:
    """Beside the .pth, under its name, stands one entry point that Python 3.15 can resolve and call."""
    texts = pth.texts(tmp_path)
    files = {file.name: text for file, text in texts.items()}
    (entry,) = [line for line in files["popcon.start"].splitlines() if not line.startswith("#")]

    assert set(files) == {"popcon.pth", "popcon.start"}
    assert entry == "popcon:setup_reporter"
    assert pkgutil.resolve_name(entry) is popcon.setup_reporter


def test_the_pth_file_can_be_read_in_any_encoding(tmp_path: Path) -> None:
    """The .pth is ASCII, whatever the environment is called, and has one line that is run."""
    texts = pth.texts(tmp_path, "popcon disable pth --prefix /srv/ümwelt/环境")
    for text in texts.values():
        assert text.isascii()
    code = [line for line in texts[tmp_path / "popcon.pth"].splitlines() if line[0] != "#"]
    assert [line.partition(" ")[0] for line in code] == ["import"]


@pytest.mark.parametrize("python", interpreters(few=True))
def test_an_environment_with_a_foreign_name(tmp_path: Path, python: str) -> None:
    """Python starts from an environment whose name is no ASCII, in a locale that can't say it."""
    venv = Venv(python, tmp_path / "ümwelt")
    enabled = venv.popcon("enable", "pth")
    done = venv.run("-c", "print('fine')", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")

    assert enabled.returncode == 0, enabled.stderr
    assert (done.stdout, done.stderr) == ("fine\n", "")
