"""The environments of this machine: every module file agrees with a plain join over all RECORDs."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import pytest

from popcon.indexed import find_owner
from popcon.metadata import normalise, parse_entry
from popcon.site_directory import SiteDirectory
from tests.conftest import ROOT

_SITES = sorted(
    {
        folder.resolve()
        for root in (Path(sys.prefix), ROOT / ".venv", *(ROOT / ".peers").glob("*"), Path("/usr"))
        for pattern in ("lib/python3*/site-packages", "lib/python3*/dist-packages")
        for folder in root.glob(pattern)
        if next(folder.glob("*.dist-info"), None)
    }
)


def truth(base: Path) -> dict[str, set[str]]:
    """Return file → the libraries whose RECORD lists it, read the slow and plain way."""
    found: dict[str, set[str]] = {}
    for record in base.glob("*.dist-info/RECORD"):
        library = normalise(parse_entry(record.parent.name)[0])
        with open(record, encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                if row and row[0].endswith((".py", ".so")) and not row[0].startswith(("..", "/")):
                    found.setdefault(row[0], set()).add(library)
    return found


@pytest.mark.parametrize("base", _SITES, ids=str)
def test_every_module_file(base: Path) -> None:
    """Hopping, looking at each row, and the rows of an index all name the one whose RECORD lists it."""
    owners = truth(base)
    hopping = SiteDirectory(str(base))
    rows = SiteDirectory(str(base), exact=True).rows()
    wrong = {
        path: (libraries, hopping.find(path)[0], find_owner(rows, path)[0])
        for path, libraries in owners.items()
        if os.path.exists(base / path)
        and not {hopping.find(path)[0], find_owner(rows, path)[0]} <= libraries
    }

    assert owners
    assert wrong == {}
