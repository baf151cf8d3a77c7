"""The table of edge cases, on every Python of this machine."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from popcon.catalog import OTHER
from tests.conftest import ROOT, interpreters, run_python
from tests.libraries.cases import CASES, Case


@cache
def answers(python: str, folder: Path) -> dict[str, Any]:
    """Run the whole table once in an interpreter."""
    code = f"from tests.libraries.run_cases import main; main({str(folder)!r})"
    done = run_python(python, code, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cases of this run are built."""
    return tmp_path_factory.mktemp("cases")


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: Case, folder: Path) -> None:
    """Each case is exact, from metadata and from an index, which agree about versions too."""
    answer = answers(sys.executable, folder / "this")[case.name]

    assert "error" not in answer, answer["error"]
    assert set(answer["metadata"]) == case.expected
    assert answer["index"] == answer["metadata"]
    assert answer["from_index"]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_naming_all(case: Case, folder: Path) -> None:
    """Where all is named, what reads `_other` else has the name of its metadata; what is denied never."""
    answer = answers(sys.executable, folder / "this")[case.name]
    own = case.statement.split()[-1]  # in these cases it is called as its module

    assert set(answer["all"]) == {own if name == OTHER else name for name in case.expected}
    assert answer["all_by_index"] == answer["all"]
    assert set(answer["denied"]) == ({OTHER} if case.expected else set())


@pytest.mark.parametrize("python", interpreters())
def test_table(python: str, folder: Path) -> None:
    """The whole table is exact on each Python."""
    found = answers(python, folder / Path(python).resolve().parent.parent.name)
    wrong = {
        case.name: found[case.name]
        for case in CASES
        if set(found[case.name].get("metadata", ())) != case.expected
        or found[case.name]["index"] != found[case.name]["metadata"]
    }

    assert wrong == {}


def test_the_table_is_long() -> None:
    """There are at least 30 cases, each with a name of its own."""
    assert len({case.name for case in CASES}) == len(CASES) >= 30
