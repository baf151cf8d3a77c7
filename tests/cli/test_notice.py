"""`popcon notice`: what it knows by itself of an environment, what flags say, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from popcon.cli import main
from popcon.watch_list import render
from tests.activate.conftest import Venv
from tests.cli.test_cli import popcon


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """An environment that has popcon and none of its extras."""
    return Venv(sys.executable, tmp_path_factory.mktemp("notice") / "venv")


def said(venv: Venv, *arguments: str, **environ: str) -> str:
    """Return the page in one line."""
    done = venv.popcon("notice", *arguments, **{"POPCON_SINK": "statsd://there:9125", **environ})
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


def test_a_story(venv: Venv) -> None:
    """The page follows what is enabled, watched and switched off in the environment, without any extra."""
    watch_list = venv.folder / "share" / "popcon" / "watch-list"
    pages = [said(venv)]
    venv.popcon("enable", "ipython")
    watch_list.parent.mkdir(parents=True, exist_ok=True)
    watch_list.write_text(render([("gpu", "any", ("torch",))]))
    pages.append(said(venv))
    venv.popcon("enable", "pth")
    watch_list.write_text("cut off")
    pages.append(said(venv, "--privacy=standard"))
    (venv.folder / "etc" / "popcon").mkdir()
    off = venv.folder / "etc" / "popcon" / "disabled"
    off.touch()
    pages.append(said(venv, "--format=markdown"))
    off.unlink()

    assert "Nothing switches it on here" in pages[0]
    assert "Checks of the admins' own: none here" in pages[0]
    assert "Counted are notebooks, in this environment. Not scripts and jobs" in pages[1]
    assert "`gpu` (one of `torch`)" in pages[1]
    assert "Counted are notebooks, scripts and jobs, in this environment." in pages[2]
    assert "none here" in pages[2]
    assert "once 10 processes have reported since the last time and 15 minutes" in pages[2]
    assert f"switched off: the file '{off}' is there. It collects nothing" in pages[3]


def test_one_persons_switches(venv: Venv, tmp_path: Path) -> None:
    """A file that is one person's says nothing about the others; a note says so to who asks."""
    (tmp_path / "popcon").mkdir()
    (tmp_path / "popcon" / "disabled").touch()
    done = venv.popcon("notice", XDG_CONFIG_HOME=str(tmp_path))
    by_variable = venv.popcon("notice", DO_NOT_TRACK="1")

    assert "Nothing is collected" not in done.stdout
    assert "disabled' is there, for you: the page is about everybody else" in done.stderr
    assert "nothing here says where reports go" in done.stderr
    assert "Nothing is collected" in by_variable.stdout
    assert "if that is for you alone" in by_variable.stderr


def test_html_is_utf_8_as_it_says(venv: Venv) -> None:
    """Printed where standard output has another encoding, the page is UTF-8 all the same."""
    page = said(venv, "--format=html", "--site=Zürich", PYTHONIOENCODING="latin-1")
    assert "<h1>What popcon collects at Zürich</h1>" in page


def test_into_a_file(tmp_path: Path) -> None:
    """With -o the page is written whole, and the command says where; the site's names are in it."""
    file = tmp_path / "notice.html"
    flags = ("--site=A & B", "--kept=13months", "--url=https://g.example/?a=1&b=2", "--readers=all")
    done = popcon("notice", "--format=html", "-o", str(file), *flags, POPCON_SINK="statsd://h:1")

    assert (done.returncode, done.stdout) == (0, f"wrote {file}\n")
    page = file.read_text("utf-8")
    assert "<title>What popcon collects at A &amp; B</title>" in page
    assert '<a href="https://g.example/?a=1&amp;b=2">' in page
    assert "</strong> for 13 months." in page


@pytest.mark.parametrize(
    ("arguments", "status", "quoted"),
    [
        (("--kept=long",), 2, "'long'"),
        (("--kept=0d",), 2, "'0d'"),
        (("--url=javascript:alert(1)",), 2, "'javascript:alert(1)'"),
        (("--url=https://user:word@g.example/",), 2, "'https://user:word@g.example/'"),
        (("--url=https://[",), 2, "'https://['"),
        (("--site=\n",), 2, r"'\n'"),
        (("--contact=",), 2, "''"),
        (("--exporter=other",), 2, "'other'"),
        (("--privacy=none",), 2, "'none'"),
        (("--privacy=strict", "--exporter=statsd_exporter"), 2, "'--privacy strict'"),
        (("--privacy.min-processes=5",), 2, "'--privacy'"),
        (("--output=/proc/no/such",), 3, "'/proc/no/such'"),
    ],
)
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, quoted: str
) -> None:
    """What can't be on the page is refused with the value in quotes, and nothing is printed."""
    try:
        ended = main(["notice", *arguments])
    except SystemExit as end:  # argparse's own
        ended = int(end.code or 0)
    printed = capsys.readouterr()

    assert (ended, printed.out) == (status, "")
    assert quoted in printed.err.splitlines()[-1]


def test_a_setting_that_cant_be_understood() -> None:
    """With it kernels send nothing, so there is no page; the value is in quotes."""
    done = popcon("notice", POPCON_SINK="there")

    assert (done.returncode, done.stdout) == (2, "")
    assert "'there'" in done.stderr
