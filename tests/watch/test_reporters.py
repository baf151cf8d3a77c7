"""The ready-made reporters: what they print and write, where, and over what they never write."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import popcon.reporters
from popcon.reporters import (
    FileReporter,
    JSONFileReporter,
    JSONLinesReporter,
    PickleReporter,
    Reporter,
    TextFileReporter,
)
from tests.conftest import ROOT, clean_environ, interpreters, run_python

HITS = ["google.cloud", "root"]
KINDS = [TextFileReporter, JSONFileReporter, JSONLinesReporter, PickleReporter]
REGISTER = (
    "import os, popcon, popcon.reporters as r\n"
    "popcon.register_exit_hook(['os', 'no.such', ('root', lambda m: True)], r.{})\n"
)


@pytest.mark.parametrize(
    ("kind", "read", "expected"),
    [
        (TextFileReporter, bytes.decode, "# popcon checks 1\ngoogle.cloud\nroot\n"),
        (JSONFileReporter, json.loads, {"format": "popcon-checks 1", "checks": HITS}),
        (
            JSONLinesReporter,
            lambda data: [json.loads(line) for line in data.splitlines()],
            [
                {"format": "popcon-checks-lines 1"},
                {"check": "google.cloud"},
                {"check": "root"},
            ],
        ),
        (PickleReporter, pickle.loads, {"format": "popcon-checks 1", "checks": HITS}),
    ],
)
def test_formats(
    tmp_path: Path, kind: type[FileReporter], read: Callable[[bytes], object], expected: object
) -> None:
    """Each file says its format in its first line or key."""
    kind(tmp_path / "hits")(HITS)

    assert read((tmp_path / "hits").read_bytes()) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_an_older_file_stays(tmp_path: Path, kind: type[FileReporter]) -> None:
    """An older file is never written over, unless told so, and nothing is left beside it."""
    path = tmp_path / "hits"
    path.write_text("older")
    with pytest.raises(FileExistsError):
        kind(str(path))(HITS)
    assert (path.read_text(), os.listdir(tmp_path)) == ("older", ["hits"])

    kind(str(path), overwrite=True)(HITS)
    assert path.read_bytes() == kind().content(HITS)
    assert os.listdir(tmp_path) == ["hits"]


@pytest.mark.parametrize("python", interpreters(few=True))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_place_is_that_of_the_call(
    tmp_path: Path, python: str, kind: type[FileReporter]
) -> None:
    """A program that changes its directory finds the file, named by chance, where it was before."""
    program = (
        f"{REGISTER.format(kind.__name__)}"
        f"popcon.register_exit_hook(['os'], r.{kind.__name__}, 'given')\n"
        "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"
    )
    done = subprocess.run(
        [python, "-c", program],
        env=clean_environ(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    given, named = sorted(os.listdir(tmp_path))

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert given == "given"
    assert re.fullmatch(rf"popcon-checks-[0-9a-f]{{32}}\.{kind.ending}", named)
    assert (tmp_path / named).read_bytes() == kind().content(["os", "root"])


def test_print() -> None:
    """PrintReporter prints the list as customs does, behind what the program printed."""
    done = run_python(
        sys.executable, REGISTER.format("PrintReporter") + "print('theirs', end='; ')"
    )

    assert (done.stdout, done.stderr) == ("theirs; ['os', 'root']\n", "")


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.stdout.close()",
        "os.close(1); os.open('/dev/full', os.O_WRONLY)",
        "import sys; sys.stdout = None",
        "import sys; sys.stdout = sys.__stdout__ = None",
        "import sys, types; sys.stdout = types.SimpleNamespace(flush=int)",
    ],
)
def test_where_nothing_can_be_printed(program: str) -> None:
    """A standard output that takes nothing changes neither the exit status nor standard error."""
    done = run_python(
        sys.executable,
        f"{REGISTER.format('PrintReporter')}{program}\nraise SystemExit(7)",
    )
    theirs = run_python(sys.executable, f"import os\n{program}\nraise SystemExit(7)")

    assert (theirs.stderr, theirs.returncode) == (done.stderr, done.returncode)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("reporter", "shown"),
    [
        ("TextFileReporter, '/nowhere/hits'", "'/nowhere/"),
        ("TextFileReporter, '/dev/null'", "'/dev/null'"),
        ("Reporter", "NotImplementedError"),
    ],
)
def test_one_that_fails(reporter: str, shown: str) -> None:
    """A reporter that fails at exit is silent, unless POPCON_DEBUG asks; the others are served."""
    program = REGISTER.format(reporter) + "popcon.register_exit_hook(['os'], r.PrintReporter)"
    done = run_python(sys.executable, program)
    debug = run_python(sys.executable, program, POPCON_DEBUG="1")

    assert (done.stdout, done.stderr, done.returncode) == ("['os']\n", "", 0)
    assert debug.stdout == done.stdout
    assert shown in debug.stderr
    assert len(debug.stderr.splitlines()) == 1


def test_one_of_ones_own() -> None:
    """A class derived from Reporter is a reporter."""

    class Own(Reporter):
        def __call__(self, checks: list[str]) -> None:
            seen.extend(checks)

    seen: list[str] = []
    Own()(HITS)

    assert seen == HITS
    assert popcon.reporters.Reporter is Reporter


@pytest.mark.parametrize(
    ("reporter", "module"),
    [("JSONFileReporter", "json"), ("JSONLinesReporter", "json"), ("PickleReporter", "pickle")],
)
def test_a_script_of_that_name_runs_once(tmp_path: Path, reporter: str, module: str) -> None:
    """A person's `json.py` is not imported for a reporter's own needs."""
    script = tmp_path / f"{module}.py"
    script.write_text(
        "import popcon, popcon.reporters as reporters; print('ran')\n"
        f"popcon.register_exit_hook(['os'], reporters.{reporter}, {str(tmp_path / 'told')!r})"
    )
    environ = clean_environ(PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [sys.executable, script], env=environ, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("ran\n", "")
    assert b"os" in (tmp_path / "told").read_bytes()


def test_any_name_is_json() -> None:
    """A check that is handed in whole may have any name; it is written as `json` would."""
    name = 'a"b\\c\n\té\u2028\U0001f40d'

    assert JSONFileReporter("x").content([name]).decode() == (
        json.dumps({"format": "popcon-checks 1", "checks": [name]}) + "\n"
    )
