"""sitecustomize: ours, the one that it displaces, and the one that displaces it; by real Pythons."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from popcon import displaced
from tests.activate.conftest import Venv
from tests.conftest import ROOT, Collector, interpreters

VenvOf = Callable[[str], Venv]
REPORTED = ["python_popcon.reports:1|c"]
LOOK = (
    "import sitecustomize, sys; print(sitecustomize.__name__, sitecustomize.__file__, "
    "sitecustomize.__spec__.origin, sitecustomize is sys.modules['sitecustomize'])"
)


def _behind(venv: Venv, text: str) -> Path:
    """Put somebody's sitecustomize into a folder behind the site directory, and return it."""
    folder = venv.folder / "behind"
    folder.mkdir(exist_ok=True)
    (venv.site / "behind.pth").write_text(f"{folder}\n")
    (folder / "sitecustomize.py").write_text(text)
    return folder / "sitecustomize.py"


def _three_lines(venv: Venv) -> None:
    """Write the sitecustomize that the documentation shows."""
    page = (ROOT / "docs" / "admins.md").read_text()
    found = re.search(r"((?:    .*popcon.*\n){3})", page.partition("# sitecustomize.py\n")[2])
    assert found is not None
    (venv.site / "sitecustomize.py").write_text(found[1].replace("    ", ""))


def _by_command(venv: Venv) -> None:
    done = venv.popcon("enable", "sitecustomize")
    assert done.returncode == 0, done.stderr


WAYS = pytest.mark.parametrize("write", [_three_lines, _by_command])


@WAYS
@pytest.mark.parametrize("python", interpreters())
def test_the_displaced_one_runs_as_if_ours_were_not_there(
    venv_of: VenvOf, collector: Collector, python: str, write: Callable[[Venv], None]
) -> None:
    """Both have run; what is called sitecustomize from then on is the displaced one.

    What that imports isn't the program's.
    """
    venv = venv_of(python)
    info = venv.site / "apples-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("apples.py,,\n")
    (venv.site / "apples.py").write_text("")
    other = _behind(venv, "print('theirs', __name__, __file__); import apples\n")
    write(venv)
    done = venv.run("-c", LOOK, POPCON_SINK=collector.url)

    assert done.stdout.splitlines() == [
        f"theirs sitecustomize {other}",
        f"sitecustomize {other} {other} True",
    ]
    assert (done.stderr, done.returncode) == ("", 0)
    assert collector.lines(0.5) == REPORTED


@WAYS
@pytest.mark.parametrize("python", interpreters(few=True))
@pytest.mark.parametrize(
    "text",
    ["1 / 0", "import no_such_module", "import sys; sys.exit(3)", "def f(:", "raise ImportError"],
)
def test_what_the_displaced_one_raises(
    venv_of: VenvOf, collector: Collector, python: str, write: Callable[[Venv], None], text: str
) -> None:
    """What it raises is shown as if ours weren't there, and ends Python if it did so before."""
    venv = venv_of(python)
    write(venv)
    other = _behind(venv, text + "\n")
    done = venv.run("-c", "print('ran')", POPCON_SINK=collector.url)
    (venv.site / "sitecustomize.py").unlink()
    before = venv.run("-c", "print('ran')")

    assert (done.stdout, done.returncode) == (before.stdout, before.returncode)
    if "Traceback" in before.stderr:  # an exit: the traceback has our lines besides
        assert done.stderr.splitlines()[-1] == before.stderr.splitlines()[-1]
        assert str(other) in done.stderr
    else:
        assert done.stderr == before.stderr


@pytest.mark.parametrize("python", interpreters())
def test_without_popcon_the_displaced_one_still_runs(venv_of: VenvOf, python: str) -> None:
    """Where popcon was uninstalled, the file that is left is silent, and runs the displaced one."""
    venv = venv_of(python)
    _behind(venv, "print('theirs')\n")
    _by_command(venv)
    shutil.rmtree(venv.site / "popcon")
    done = venv.run("-c", "")

    assert (done.stdout, done.stderr, done.returncode) == ("theirs\n", "", 0)


def test_several_of_ours(venv_of: VenvOf, collector: Collector) -> None:
    """Of two of ours in a row, each runs the next; the process counts once."""
    venv = venv_of(interpreters(few=True)[0].values[0])  # type: ignore[arg-type]
    _by_command(venv)
    _behind(venv, (venv.site / "sitecustomize.py").read_text())
    done = venv.run("-c", "", POPCON_SINK=collector.url)

    assert (done.stderr, done.returncode) == ("", 0)
    assert collector.lines(0.5) == REPORTED


def test_nothing_is_behind_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no other is on the path, or the file's folder isn't, nothing runs."""
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    for file in (tmp_path / "sitecustomize.py", Path("/elsewhere/sitecustomize.py")):
        displaced.run(str(file))


@pytest.mark.parametrize("python", interpreters(few=True))
def test_one_that_comes_first_is_named(venv_of: VenvOf, python: str) -> None:
    """Where Python would run another and never ours, enabling is refused with that file's name."""
    venv = venv_of(python)
    first = venv.folder / "first"
    first.mkdir()
    (first / "sitecustomize.py").write_text("")
    before = venv.tree()
    for more in ((), ("--dry-run",)):
        done = venv.popcon("enable", "sitecustomize", *more, PYTHONPATH=str(first))

        assert done.returncode == 3
        assert f"'{first / 'sitecustomize.py'}' comes first" in done.stderr
    assert before == venv.tree()


@pytest.mark.parametrize("package", [False, True])
def test_one_in_the_same_folder_is_left_alone(venv_of: VenvOf, package: bool) -> None:
    """Somebody's sitecustomize in the site directory, a file or a package, is named and kept."""
    venv = venv_of(interpreters(few=True)[0].values[0])  # type: ignore[arg-type]
    file = venv.site / ("sitecustomize/__init__.py" if package else "sitecustomize.py")
    file.parent.mkdir(exist_ok=True)
    file.write_text("print('theirs')\n")
    done = venv.popcon("enable", "sitecustomize")

    assert done.returncode == 3
    assert f"'{file}'" in done.stderr
    assert file.read_text() == "print('theirs')\n"


@pytest.mark.skipif(
    not list(Path("/usr/lib").glob("python3.*/sitecustomize.py")),
    reason="this system has no sitecustomize in the standard library",
)
def test_debians_own_comes_first_in_a_venv_too(tmp_path: Path) -> None:
    """The base's sitecustomize, among the standard library, wins over a venv's: ours is refused."""
    venv = Venv("/usr/bin/python3", tmp_path / "venv")
    done = venv.popcon("enable", "sitecustomize")
    status = venv.popcon("status")

    assert done.returncode == 3
    assert re.search(r"'/usr/lib/python3\.\d+/sitecustomize\.py' comes first", done.stderr)
    assert f"absent    {venv.site / 'sitecustomize.py'}  (sitecustomize, environment; not run" in (
        status.stdout
    )
