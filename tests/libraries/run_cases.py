"""In: a folder. Out, as JSON on standard output: what popcon says to each case, without and with index.

And where all that is installed is to be named (`all`), and where nothing is (`denied`).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from popcon import index
from popcon.indexed import Indexed
from popcon.libraries import Libraries
from tests.libraries.cases import CASES, Case


def main(folder: str) -> int:
    """Run every case in this process, each in a folder of its own."""
    answers = {}
    for case in CASES:
        root = Path(folder) / case.name
        root.mkdir(parents=True)
        try:
            answers[case.name] = answer(case, root)
        except Exception:
            answers[case.name] = {"error": traceback.format_exc()}
    print(json.dumps(answers))
    return 0


def answer(case: Case, root: Path) -> dict[str, object]:
    """Build, import, and name the libraries, from metadata and from an index; then undo all that."""
    path, prefix, finders = sys.path[:], sys.prefix, sys.meta_path[:]
    before = set(sys.modules)
    try:
        sys.path[:] = [*map(str, case.build(root)), *path]
        sys.prefix = str(root / "image")
        importlib.invalidate_caches()
        exec(case.statement, {})  # the cases are ours
        names = [name for name in list(sys.modules) if name not in before]
        plain, _ = name_libraries(names, root)
        everything, _ = name_libraries(names, root, scope="all")
        with contextlib.redirect_stdout(sys.stderr):
            for made in index.build(sys.prefix):
                index.write(made)
        indexed, from_index = name_libraries(names, root)
        return {
            "metadata": plain,
            "index": indexed,
            "from_index": from_index,
            "all": everything,
            "all_by_index": name_libraries(names, root, scope="all")[0],
            "denied": name_libraries(names, root, scope="all", deny=("*",))[0],
        }
    finally:
        for name in set(sys.modules) - before:
            del sys.modules[name]
        sys.path[:], sys.prefix, sys.meta_path[:] = path, prefix, finders
        sys.path_importer_cache.clear()


def name_libraries(names: list[str], root: Path, **naming: Any) -> tuple[dict[str, str], bool]:
    """Return the libraries of these modules, and whether every answer of the image's came from an index."""
    homes = [str(root / "home"), str(root / "image/home")]
    libraries = Libraries([str(root / "image")], homes, **naming)
    found, _ = libraries.used_by(names, sys.modules)
    image = str(root / "image/lib/")
    sites = [site for base, site in libraries._sites.items() if base.startswith(image)]
    return found, all(isinstance(site, Indexed) for site in sites)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
