"""In: `popcon explain MODULE…`. Out: which library a module counts for, and how that is known.

Nothing is imported: the finders are asked where the module would come from.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from popcon.catalog import OTHER
from popcon.config import read_naming
from popcon.errors import UsageError
from popcon.evidence import evidence
from popcon.globs import admits
from popcon.index import index_of
from popcon.libraries import Libraries, file_of, sites_on_path, split_site
from popcon.site_directory import SiteDirectory


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    help = "say which library a module counts for, and how that is known"
    command = commands.add_parser("explain", help=help, description=f"{help}.".capitalize())
    command.add_argument(
        "modules", metavar="MODULE", nargs="+", help="such as google.cloud.storage"
    )
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Explain each module; refuse one that can't be found before anything is printed."""
    answers = [explain(name) for name in arguments.modules]
    if arguments.json:
        print(json.dumps(answers, indent=2))
        return 0
    for answer in answers:
        print(answer["module"])
        for key in ("file", "site", "index"):
            if answer[key]:
                print(f"  {key:20}{answer[key]}")
        for link in answer["chain"]:
            print(f"  {link['link']:20}{link['says']}")
        counted = " ".join(filter(None, (answer["counted_as"], answer["version"])))
        print(f"  {'counted as':20}{counted or 'nothing'}: {answer['why']}")
    return 0


def explain(name: str) -> dict[str, Any]:
    """Return what is known of a module, as `--json` prints it. Raises `UsageError` if there is none."""
    modules = find(name)
    naming = read_naming(os.environ)
    found, _ = Libraries(**naming).used_by([name], modules)
    counted, version = next(iter(found.items()), ("", ""))
    file = file_of(modules[name])
    base, relative = split_site(file) if file else ("", "")
    answer: dict[str, Any] = {
        "module": name,
        "file": file,
        "site": base or None,
        "index": None,
        "chain": [],
        "library": None,
        "counted_as": counted or None,
        "version": version or None,
    }
    if base:
        site = SiteDirectory(base)
        answer["library"] = site.find(relative)[0]
        answer["index"] = index_of(base, relative)
        answer["chain"] = [
            {"link": link, "library": library, "says": says}
            for link, library, says in evidence(site, relative)
        ]
    if counted == OTHER and _is_hidden(answer["library"], naming):
        which = answer["library"] or "this editable install"
        answer["why"] = f"{which} is not to be named (POPCON_ALLOW, POPCON_DENY)"
    else:
        answer["why"] = _why(name, file, base, answer["library"], counted)
    return answer


def find(name: str) -> dict[str, object]:
    """Return stand-ins for a module and its parents, with the files that they would come from.

    Raises `UsageError` where no finder knows the module.
    """
    found: dict[str, object] = {}
    added = []
    places = None
    parts = name.split(".")
    try:
        for end in range(1, len(parts) + 1):
            each = ".".join(parts[:end])
            spec = _spec(each, places) if all(parts) and (end == 1 or places is not None) else None
            if spec is None:
                raise UsageError(
                    f"no module named '{name}'" + (f": '{each}' isn't found" * (each != name))
                )
            found[each] = stand_in = _stand_in(spec)
            places = getattr(stand_in, "__path__", None)
            if each not in sys.modules:  # the search below a namespace asks its parent
                sys.modules[each] = stand_in
                added.append(each)
    finally:
        for each in added:
            sys.modules.pop(each, None)
    return found


def _spec(name: str, places: list[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, places)
        except Exception:  # noqa: S112 - somebody else's finder
            continue
        if spec is not None:
            return spec
    return None


def _stand_in(spec: ModuleSpec) -> ModuleType:
    module = ModuleType(spec.name)
    if spec.has_location and spec.origin:
        module.__file__ = spec.origin
    if spec.submodule_search_locations is not None:
        # A namespace's own list would look for its parent in sys.modules each time.
        places = getattr(spec.submodule_search_locations, "_path", spec.submodule_search_locations)
        module.__path__ = list(places)
    return module


def _is_hidden(library: str | None, naming: dict[str, Any]) -> bool:
    if library is None:
        return bool(naming["scope"] == "all")
    return not admits(library, naming["allow"], naming["deny"])


def _why(name: str, file: str | None, base: str, library: str | None, counted: str) -> str:
    if name.partition(".")[0] == "popcon":
        return "popcon doesn't count itself"
    if file is None:
        return "it has no file: it is built in, or a namespace, whose modules count for themselves"
    if counted == OTHER and not base:
        return "the file belongs to an editable install, which is somebody's own code"
    if counted == OTHER:
        own = SiteDirectory(base).version(library or "") == "*"
        return (
            f"{library} was installed from a repository, a folder or a file"
            if own
            else f"{library} is not part of the image, and the image has no library of that name"
        )
    if counted and not base:
        return (
            "the file belongs to an editable install of it, and all is to be named (POPCON_SCOPE)"
        )
    if counted:
        return "the file was installed by it"
    if base:
        return "no library says that the file is its own"
    if file.startswith(os.path.dirname(os.__file__)):
        return "it is part of Python"
    known = "" if sites_on_path() else "; there is no site directory on sys.path at all"
    return f"the file is in no site directory: it is somebody's own{known}"
