"""enable, disable and status: what they print, what they refuse, and that nothing is left behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from popcon import __version__
from tests.activate.conftest import Venv, tree
from tests.conftest import interpreters

WAYS = {
    "ipython": ["etc/ipython/startup/000-popcon.py"],
    "pth": ["{site}/popcon.pth", "{site}/popcon.start"],
    "sitecustomize": ["{site}/sitecustomize.py"],
}
ways = pytest.mark.parametrize("how", WAYS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    """An environment of the oldest Python, in which nothing is active."""
    python = str(interpreters(few=True)[0].values[0])
    return Venv(python, tmp_path_factory.mktemp("made") / "venv")


@pytest.fixture
def venv(made: Venv) -> Venv:
    """The same, cleaned of what the last test left."""
    for way in WAYS:
        for file in files(made, way):
            file.unlink(missing_ok=True)
    for folder in ("etc", "share", "ipython", "home"):
        shutil.rmtree(made.folder / folder, ignore_errors=True)
    return made


def files(venv: Venv, how: str) -> list[Path]:
    """Return the files that a way writes."""
    return [venv.folder / name.format(site=venv.site) for name in WAYS[how]]


def test_a_story(venv: Venv) -> None:
    """The three commands agree on where the file is and what it does."""
    environ = {
        "IPYTHONDIR": str(venv.folder / "ipython"),
        "POPCON_SINK": "statsd://exporter.example:9125",
    }
    (file,) = files(venv, "ipython")
    enabled = venv.popcon("enable", "ipython", **environ)
    status = venv.popcon("status", **environ)
    off = venv.popcon("status", **environ, DO_NOT_TRACK="1")
    wrong = venv.popcon("status", **{**environ, "POPCON_SINK": "x"})
    disabled = venv.popcon("disable", "ipython", **environ)
    again = venv.popcon("disable", "ipython", **environ)

    assert f"enabled: {file}" == enabled.stdout.splitlines()[0]
    assert f"active  {file}  (IPython, environment)" in status.stdout.splitlines()
    assert f"in a notebook: {file}" in status.stdout.splitlines()
    assert (
        status.stdout.splitlines()[-1]
        == "reports go to statsd://exporter.example:9125 as python_popcon.…"
    )
    assert off.stdout.splitlines()[-1] == "nothing would be sent: DO_NOT_TRACK is set"
    assert "nothing would be sent: not a sink" in wrong.stdout
    assert (status.returncode, off.returncode, wrong.returncode) == (0, 0, 1)
    assert f"disabled: {file} is gone" == disabled.stdout.splitlines()[0]
    assert "nothing to do" in again.stdout
    assert venv.popcon("status", **environ).returncode == 1
    told = json.loads(venv.popcon("status", "--json", **environ).stdout)["watch_list"]
    assert told in status.stdout.splitlines()


@ways
def test_undo_leaves_the_tree_as_it_was(venv: Venv, how: str) -> None:
    """After enable, enable again, a program, and disable, every byte and folder is as before."""
    before = venv.tree()
    enabled = [venv.popcon("enable", how) for _ in range(2)]
    venv.run("-c", "", PYTHONDONTWRITEBYTECODE="")
    for folder in venv.site.rglob("__pycache__"):
        if folder.parent != venv.site:
            shutil.rmtree(folder)  # of popcon, which has run
    written = venv.tree().keys() - before.keys()
    disabled = venv.popcon("disable", how)

    assert [done.returncode for done in (*enabled, disabled)] == [0, 0, 0]
    assert {str(file.relative_to(venv.folder)) for file in files(venv, how)} <= written
    assert [line.partition(":")[0] for line in enabled[1].stdout.splitlines()][:-2] == [
        "already there" for _ in WAYS[how]
    ]
    assert before == venv.tree()


def test_the_index_goes_with_the_last(venv: Venv) -> None:
    """Each activation leaves a fresh index as long as there is another, and the last takes it along."""
    before = venv.tree()
    for how in WAYS:
        venv.popcon("enable", how)
    states = []
    said = []
    for how in WAYS:
        states.append(json.loads(venv.popcon("status", "--json").stdout)["index"])
        said.append(venv.popcon("disable", how).stdout)

    assert states == ["fresh"] * 3
    assert ["\nindex written anew: " in text for text in said] == [True, True, False]
    assert before == venv.tree()


@ways
def test_dry_run_says_it_and_does_nothing(venv: Venv, how: str) -> None:
    """--dry-run names the files that are then written or removed, and changes nothing."""
    for verb, done, would in (
        ("enable", "enabled", "would write"),
        ("disable", "disabled", "would remove"),
    ):
        before = venv.tree()
        dry = venv.popcon(verb, how, "--dry-run")
        assert before == venv.tree()
        real = venv.popcon(verb, how)

        named = [f"{would}: {file}" for file in files(venv, how)]
        assert dry.stdout.splitlines()[: len(named)] == named
        assert [line for line in real.stdout.splitlines() if line.startswith(f"{done}: ")][
            : len(named)
        ] == [line.replace(would, done) + " is gone" * (verb == "disable") for line in named]
        assert (dry.returncode, real.returncode) == (0, 0)


@ways
@pytest.mark.parametrize("last", ["# mine\n", "{written}\n# and this\n"], ids=["mine", "edited"])
def test_what_is_in_the_way(venv: Venv, how: str, last: str) -> None:
    """Where one file isn't ours, or was edited, nothing is written or removed, and it is named."""
    venv.popcon("enable", how)
    file = files(venv, how)[-1]
    file.write_text(last.format(written=file.read_text()))
    before = venv.tree()
    refused = [
        venv.popcon(verb, how, *more)
        for verb in ("enable", "disable")
        for more in ((), ("--dry-run",))
    ]

    for done in refused:
        assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (3, 1, "")
        assert f"'{file}'" in done.stderr
    assert before == venv.tree()


def test_another_version_wrote_it(venv: Venv) -> None:
    """What another popcon wrote is active, with its version; enable writes it anew."""
    venv.popcon("enable", "pth")
    file, _ = files(venv, "pth")
    ours = file.read_text()
    file.write_text(ours.replace(f"popcon {__version__}", "popcon 0.0.9"))
    status = venv.popcon("status")
    venv.popcon("enable", "pth")

    assert f"active  {file}  (.pth, environment; popcon 0.0.9 wrote it)" in status.stdout
    assert ours == file.read_text()


def test_for_oneself(venv: Venv) -> None:
    """--user writes below the home directory or IPYTHONDIR, and leaves the environment alone."""
    before = venv.tree()
    home = venv.folder / "home"
    home.mkdir()
    for environ, folder in (
        ({"HOME": str(home)}, home / ".ipython"),
        ({"HOME": str(home), "IPYTHONDIR": "~/own"}, home / "own"),
    ):
        enabled = venv.popcon("enable", "ipython", "--user", **environ)
        file = folder / "profile_default" / "startup" / "000-popcon.py"
        status = json.loads(venv.popcon("status", "--json", **environ).stdout)

        assert enabled.stdout.splitlines()[0] == f"enabled: {file}"
        assert "# To remove it: popcon disable ipython --user\n" in file.read_text()
        assert status["notebooks"] == str(file)
        assert venv.popcon("disable", "ipython", "--user", **environ).returncode == 0
    assert tree(home) == {}
    home.rmdir()
    assert before == venv.tree()


def test_a_venv_reads_no_site_directory_of_the_users(venv: Venv) -> None:
    """--user is refused for .pth and sitecustomize where Python doesn't read that directory."""
    for how in ("pth", "sitecustomize"):
        done = venv.popcon("enable", how, "--user")

        assert (done.returncode, done.stdout) == (3, "")
        assert f"'{venv.folder}'" in done.stderr


@pytest.mark.parametrize("prefix", ["/no/such", "/dev/null"])
def test_status_of_no_environment(venv: Venv, prefix: str) -> None:
    """Where there is no environment, status says what it could not look for, and ends with 1."""
    done = venv.popcon("status", "--prefix", prefix)

    assert done.returncode == 1
    assert f"note: no Python that runs in '{prefix}'" in done.stdout
    assert done.stderr == ""


def test_another_environment(venv: Venv, tmp_path: Path) -> None:
    """--prefix writes into that environment, with the command that undoes it."""
    other = Venv(str(venv.python), tmp_path / "other")
    done = venv.popcon("enable", "pth", "--prefix", str(other.folder))
    text = (other.site / "popcon.pth").read_text()

    assert done.returncode == 0, done.stderr
    assert f"# To remove it: popcon disable pth --prefix {other.folder}\n" in text
    assert json.loads(other.popcon("status", "--json").stdout)["programs"] == str(
        other.site / "popcon.pth"
    )
