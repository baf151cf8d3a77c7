"""In: files of modules. Out: the libraries whose RECORD lists them, found without popcon's code.

Every row of every RECORD is read with the csv module, and joined by the file's full path. It is
slow and has no rules of its own, so it can be held against something fast that has.
"""

from __future__ import annotations

import csv
import os.path
import re
from collections.abc import Iterable
from pathlib import Path


class Truth:
    """Who installed which file of a site directory."""

    def __init__(self, site: Path) -> None:
        self._owners: dict[str, set[str]] = {}
        for record in site.glob("*.dist-info/RECORD"):
            stem = record.parent.name.removesuffix(".dist-info").rpartition("-")[0]
            library = re.sub(r"[-_.]+", "-", stem).lower()
            with open(record, encoding="utf-8", newline="") as rows:
                for row in csv.reader(rows):
                    file = os.path.normpath(site / row[0])
                    self._owners.setdefault(file, set()).add(library)

    def of(self, files: Iterable[str]) -> set[str]:
        """Return the libraries that the files belong to, popcon left out."""
        found = [self._owners.get(os.path.normpath(file), set()) for file in files]
        return set().union(*found) - {"popcon"}
