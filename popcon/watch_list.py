"""In: an environment's watch list, compiled by `popcon watch`. Out: its checks that hold.

It is about what the user imports: a check holds where its modules are loaded, and the user's code
brought at least one of them, or names it in a cell. Judged over all that is loaded, a check on
`tornado` would hold in every kernel, and over the user's alone, one on `ipykernel` and `torch` in none.
"""

import sys

from popcon.errors import FileError
from popcon.indexed import INDEX_END, find_watch_list, watch_list_file
from popcon.libraries import is_loading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    #: A check's name, one of `KINDS`, and module names.
    Entry = tuple[str, str, tuple[str, ...]]

#: How the file begins in every version of its format, and in this one.
FAMILY = "popcon-watch-list "
HEAD = FAMILY + "1"
#: Kind → when a check holds; the documents and the command line go by it.
KINDS = {
    "any": "one of these modules is loaded",
    "all": "all of these modules are loaded",
    "submodules": "a module below one of these is loaded",
}


def render(entries: "list[Entry]") -> str:
    """Return the file's text: a line for each check, its words separated by spaces."""
    lines = [" ".join((kind, name, *modules)) for name, kind, modules in entries]
    return "\n".join([HEAD, *lines, INDEX_END])


def parse(text: str, path: str) -> "list[Entry]":
    """Return the checks in a file's text. Raises `FileError` where it is damaged."""
    lines = text.split("\n")
    entries = [line.split(" ") for line in lines[1:-2]]
    if (
        lines[0] != HEAD
        or "\n".join(lines[-2:]) != INDEX_END
        or not all(len(words) > 2 and all(words) and words[0] in KINDS for words in entries)
    ):
        raise FileError(f"{path!r} is damaged, and ignored")
    return [(words[1], words[0], tuple(words[2:])) for words in entries]


def summary(entries: "list[Entry]") -> str:
    """Return how many checks there are, and what they are called."""
    called = sorted({name for name, _, _ in entries})
    return f"{len(entries)} check{'s' if len(entries) != 1 else ''}: {', '.join(called)}"


def describe(prefix: str) -> str:
    """Return a line about the watch list that kernels of an environment go by."""
    found = find_watch_list(prefix, sys.base_prefix if prefix == sys.prefix else prefix)
    if found is None:
        return f"watch list: none, 'popcon watch FILE.toml' makes one ({watch_list_file(prefix)})"
    try:
        return f"watch list: {summary(parse(*found))} ({found[1]})"
    except FileError as error:
        return f"watch list: {error}"


class WatchList:
    """One process's account of a watch list: each name holds once in its life."""

    __slots__ = ("_begun", "_below", "_by_module", "_entries", "_held", "_prefixes", "_waiting")

    def __init__(self, entries: "list[Entry]") -> None:
        self._entries = entries
        self._by_module: "dict[str, list[int]]" = {}
        self._below: "dict[str, list[int]]" = {}
        for number, (_, kind, modules) in enumerate(entries):
            for module in modules:
                if kind == "submodules":
                    self._below.setdefault(module + ".", []).append(number)
                else:
                    self._by_module.setdefault(module, []).append(number)
        self._prefixes = tuple(self._below)
        self._begun: "set[int]" = set()
        self._waiting: "set[str]" = set()
        self._held: "set[str]" = set()

    def hits(
        self, names: "Collection[str]", named: "Collection[str]", modules: "Mapping[str, object]"
    ) -> "tuple[str, ...]":
        """Return the names of the checks that hold and did not before, sorted.

        `names` are modules that the user's code brought, `named` are those that it imports by name,
        which may not be loaded.
        """
        lazy_type = getattr(modules.get("importlib.util"), "_LazyModule", None)
        candidates = self._waiting.union(filter(self._is_watched, names))
        candidates.update(name for name in named if name in modules and self._is_watched(name))
        self._waiting = set()
        for name in candidates:
            if _is_there(modules.get(name), lazy_type):
                self._begun.update(self._by_module.get(name, ()))
                for prefix in self._prefixes:
                    if name.startswith(prefix):
                        self._begun.update(self._below[prefix])
            else:  # its import is running, or has failed and is tried again
                self._waiting.add(name)
        found = set()
        for number in list(self._begun):
            check, kind, wanted = self._entries[number]
            if kind != "all" or all(_is_there(modules.get(name), lazy_type) for name in wanted):
                self._begun.discard(number)
                found.add(check)
        found -= self._held
        self._held |= found
        return tuple(sorted(found))

    def _is_watched(self, name: str) -> bool:
        return name in self._by_module or name.startswith(self._prefixes)


def _is_there(module: object, lazy_type: object) -> bool:
    """Return whether a module is loaded, and whole."""
    if module is None:
        return False
    try:
        return not is_loading(module, lazy_type)
    except Exception:  # somebody's own object in the place of a module
        return True
