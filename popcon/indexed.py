"""In: an environment's index, the file that `popcon index` writes. Out: who installed what, by path.

Reading it is on the hot path, so the writing has a module of its own, `popcon.index`. The watch list
lies beside it, and is read in the same way.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional

#: The index file's first and last block. A file without the last one was not written to its end.
INDEX_HEAD = "popcon-index 2"
INDEX_END = "end\n"
#: More bytes than any index has: of what is larger no more is read into a user's process.
LARGEST = 1 << 24
#: What an index has in the place of a version for a library that is own code.
OWN = "*"


class Indexed:
    """A site directory as the index tells it: rows of the shortest paths that only one library claims."""

    def __init__(
        self,
        state: int,
        rows: "dict[str, str]",
        versions: "dict[str, str]",
        projects: "dict[str, str]",
    ) -> None:
        self.state = state
        self._rows = rows
        self._versions = versions
        self.projects = projects

    def find(self, relative: str) -> "tuple[Optional[str], bool]":
        """Return who installed a file, and whether its whole folder is theirs."""
        return find_owner(self._rows, relative)

    def version(self, library: str) -> "Optional[str]":
        """Return a library's version, empty if unknown, `*` if it is own code, None if not here."""
        return self._versions.get(library)


def find_owner(rows: "Mapping[str, str]", relative: str) -> "tuple[Optional[str], bool]":
    """Return who installed a file, and whether its whole folder is theirs.

    No row's path lies below another's, but for those with a slash behind: they say whose the rest
    of a folder is, or a module of that name, by a list of names and not of files.
    """
    end = relative.find("/")
    while end >= 0:
        library = rows.get(relative[:end])
        if library is not None:
            return library, True
        end = relative.find("/", end + 1)
    stem = relative[: relative.find(".", relative.rfind("/") + 1)]
    library = rows.get(relative) or rows.get(stem)
    while library is None and stem:
        library = rows.get(stem + "/")
        stem = stem.rpartition("/")[0]
    return library, False


def state_of(base: str) -> int:
    """Return what changes when something is installed: the directory's time of change in ns, or 0."""
    try:
        return os.stat(base).st_mtime_ns
    except OSError:
        return 0


def is_fresh(then: int, now: int) -> bool:
    """Return whether a time of change is the same still. Container layers keep whole seconds."""
    return then == now or (now % 10**9 == 0 and now // 10**9 == then // 10**9)


def index_file(prefix: str, tag: "Optional[str]" = None) -> str:
    """Return where an environment's index lies, for this interpreter or for another's cache tag."""
    return f"{prefix}/share/popcon/index-{tag or sys.implementation.cache_tag}"


def watch_list_file(prefix: str) -> str:
    """Return where an environment's watch list lies."""
    return f"{prefix}/share/popcon/watch-list"


def find_watch_list(*prefixes: str) -> "Optional[tuple[str, str]]":
    """Return the text and the path of the watch list of the first environment that has one, or None."""
    for prefix in dict.fromkeys(prefixes):
        path = watch_list_file(prefix)
        text = read_to_end(path)
        if text is not None:
            return text, path
    return None


def read_to_end(path: str) -> "Optional[str]":
    """Return a file that ends as an index does, or what there is of it; None if it can't be read."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    end = INDEX_END.encode()
    try:
        file = os.open(path, flags)
        try:
            data = more = os.read(file, 1 << 18)
            while more and not data.endswith(end) and len(data) < LARGEST:  # most are read at once
                more = os.read(file, 1 << 20)
                data += more
        finally:
            os.close(file)
    except OSError:
        return None
    return data.decode("utf-8", "surrogateescape")


def read_index(path: str) -> "dict[str, list[str]]":
    """Return an index's blocks by site directory, relative to the environment; {} if it's no index.

    Empty lines part them: a head; each directory's key, rows, libraries and projects; `end`.
    """
    blocks = (read_to_end(path) or "").split("\n\n")
    if blocks[0] != INDEX_HEAD or blocks[-1] != INDEX_END or len(blocks) % 4 != 2:
        return {}
    return {
        blocks[start].partition("\t")[0]: blocks[start : start + 4]
        for start in range(1, len(blocks) - 1, 4)
    }


def parse_site(blocks: "list[str]", state: int) -> "Optional[Indexed]":
    """Return a site directory from its blocks, or None if they are stale or make no sense."""
    try:
        then, row_count, library_count = map(int, blocks[0].split("\t")[1:])
    except ValueError:
        return None
    rows, versions = _pairs(blocks[1]), _pairs(blocks[2])
    if not is_fresh(then, state) or (len(rows), len(versions)) != (row_count, library_count):
        return None
    return Indexed(state, rows, versions, _pairs(blocks[3]))


def _pairs(block: str) -> "dict[str, str]":
    cells = iter(block.replace("\n", "\t").split("\t"))
    return dict(zip(cells, cells)) if block else {}
