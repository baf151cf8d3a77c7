"""What is counted of a process, and what it notices: every row of the table, and the page about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, interpreters
from tests.processes.environments import Environment, Run
from tests.processes.table import AT_START, PTH, SITECUSTOMIZE, TABLE, Counts, Row

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

PAGE = ROOT / "docs" / "counting.md"
ROWS = [row for rows in TABLE.values() for row in rows]


@pytest.fixture(scope="session", params=interpreters(few=True))
def environments(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[bool, Environment]:
    """Two environments of a Python: one where a `.pth` file arms every process, and one without."""
    folder = tmp_path_factory.mktemp("environments")
    return {
        pth: Environment(request.param, folder / f"pth-{pth}", pth=pth) for pth in (True, False)
    }


def cases() -> Iterator[ParameterSet]:
    """Return (row, settings, counts): one for each way that a row is armed, and for its children."""
    for row in ROWS:
        for armed in (SITECUSTOMIZE, PTH) if row.armed == AT_START else (row.armed,):
            case = row._replace(armed=armed)
            how = f", by {armed}" if armed != row.armed else ""
            yield pytest.param(case, {}, row.counted, id=row.name + how)
            if row.each is not None:
                each = {"POPCON_CHILDREN": "each"}
                yield pytest.param(case, each, row.each, id=f"{row.name}{how}, each")


@pytest.mark.parametrize(("row", "environ", "counted"), list(cases()))
def test_row(
    environments: dict[bool, Environment],
    tmp_path: Path,
    row: Row,
    environ: dict[str, str],
    counted: Counts,
) -> None:
    """Exactly these counts arrive, none twice, and the program ends and prints as without popcon."""
    environment = environments[row.armed == PTH]
    if not environment.has(row.needs):
        pytest.skip(f"no {row.needs} here")
    run = Run(row, environment, tmp_path, environ)

    assert run.status == (row.status or -row.signal), run.stderr
    assert row.stderr in run.stderr
    assert bool(row.stderr) == bool(run.stderr), run.stderr
    assert "popcon" not in run.stderr
    assert matches(run.counted, counted), f"{run.counted}, not {counted}"


def matches(found: dict[str, int], counted: Counts) -> bool:
    """Return whether the counts are these, or within these."""
    return found.keys() <= counted.keys() and all(
        found.get(name, 0) in (number if isinstance(number, range) else [number])
        for name, number in counted.items()
    )


def test_the_page_shows_the_table() -> None:
    """docs/counting.md has the same rows and counts as are tested here, under the same headings."""
    page = PAGE.read_text(encoding="utf-8")

    for heading, rows in TABLE.items():
        assert f"## {heading}\n" in page
        section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        found = "\n".join(line for line in section.splitlines() if line.startswith("|"))
        assert found == "\n".join(table_lines(rows))


def test_names_are_told_apart() -> None:
    """No two rows are called the same."""
    names = [row.name for row in ROWS]

    assert sorted(names) == sorted(set(names))


def table_lines(rows: list[Row]) -> list[str]:
    """Return the lines of the page's table for these rows."""
    columns = ["the program", "counted"]
    cells = [[row.name, in_words(row.counted)] for row in rows]
    if rows[0].each is not None:
        columns.append("with `POPCON_CHILDREN=each`")
        for row, cell in zip(rows, cells):
            assert row.each is not None
            cell.append("the same" if row.each == row.counted else in_words(row.each))
    return [f"| {' | '.join(cell)} |" for cell in (columns, ["---"] * len(columns), *cells)]


def in_words(counts: Counts) -> str:
    """Return counts as the page writes them: `2 reports, apples, 2 pears`."""
    words = []
    for name, number in counts.items():
        least, most = (number[0], number[-1]) if isinstance(number, range) else (number, number)
        times = str(most) if least == most else f"{least} to {most}"
        if name == "reports":
            words.append(f"{times} report{'s' if most > 1 else ''}")
        else:
            words.append(name if times == "1" else f"{times} {name}")
    return ", ".join(words) or "nothing"
