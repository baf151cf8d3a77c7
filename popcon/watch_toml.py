"""In: an admin's watch list in TOML. Out: its checks, or a line that says where it is wrong.

The line of a value is found by the parser itself: it is the last line of the shortest beginning of the
file that has the value, with open brackets closed. So layouts need not be known here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from popcon.errors import FileError
from popcon.watch import WORD, is_module_name, is_word
from popcon.watch_list import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from popcon.watch_list import Entry

    #: A key of the document, a number of a list, and so on.
    Path = tuple["str | int", ...]

#: What may close a beginning: an array, one in another, one in an inline table, that in an array.
_CLOSINGS = ("", "\n]", "\n]]", "\n]}", "\n]}]")
#: Characters that the search for a line may read, about a second's worth. In a text of thousands of lines,
#: none of which can be an end, it would go on for minutes; then a later line is told.
_SEARCHED = 10_000_000
_KINDS = "any, all or submodules"


def read_toml(data: bytes, file: str) -> list[Entry]:
    """Return the checks that a file's content says, in its order.

    Raises `FileError` naming file, line and value, and `ModuleNotFoundError` on Pythons before 3.11
    that have no `tomli`.
    """
    return _Document(data, file).checks()


def _parser() -> Callable[[str], dict[str, Any]]:
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads
    import tomli

    loads: Callable[[str], dict[str, Any]] = tomli.loads
    return loads


class _Document:
    """A TOML document, read, that knows its lines."""

    def __init__(self, data: bytes, file: str) -> None:
        self._file = file if file.isprintable() else repr(file)
        self._loads = _parser()
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            byte = data[error.start : error.start + 1]
            self._refuse(line, f"not UTF-8: {byte!r}")
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._left = _SEARCHED
        try:
            self._tables = self._loads("\n".join(self._lines))
        except RecursionError:
            deepest = max(self._lines, key=lambda line: line.count("["))
            line = self._lines.index(deepest) + 1
            self._refuse(line, f"brackets too deep to be read: {deepest[:20]!r}")
        except ValueError as error:
            reason, _, place = str(error).partition(" (at ")
            number = re.match(r"line (\d+)", place)  # or it is the document's end
            line = int(number[1]) if number else len("\n".join(self._lines).rstrip().split("\n"))
            said = self._lines[line - 1].strip()
            self._refuse(line, f"not TOML: {reason[:1].lower()}{reason[1:]}: {said!r}")

    def checks(self) -> list[Entry]:
        """Return the checks."""
        for key in self._tables:
            if key != "check":
                self._refuse_at((key,), f"not a key of a watch list: {key!r} ([[check]] is one)")
        tables = self._tables.get("check", [])
        if not isinstance(tables, list):
            self._refuse_at(("check",), f"not a list of checks: {tables!r} (write [[check]])")
        if not tables:
            self._refuse(1, "no '[[check]]' in it")
        return [self._check(number, table) for number, table in enumerate(tables)]

    def _check(self, number: int, table: object) -> Entry:
        at: Path = ("check", number)
        if not isinstance(table, dict):
            self._refuse_at(at, f"not a check: {table!r} (a table with name and {_KINDS} is one)")
        for key in table:
            if key != "name" and key not in KINDS:
                self._refuse_at((*at, key), f"not a key of a check: {key!r} (name, {_KINDS})")
        if "name" not in table:
            self._refuse_at(at, f"a check without a 'name': {table!r}")
        name = table["name"]
        if not isinstance(name, str) or not is_word(name):
            self._refuse_at((*at, "name"), f"not a check's name: {name!r} ({WORD})")
        kinds = [key for key in table if key in KINDS]
        if not kinds:
            self._refuse_at(at, f"a check that says no modules: {name!r} ({_KINDS})")
        if len(kinds) > 1:
            self._refuse_at(
                (*at, kinds[1]),
                f"{kinds[1]!r} beside {kinds[0]!r} in one check (write two of the same name)",
            )
        return name, kinds[0], self._modules((*at, kinds[0]), table[kinds[0]])

    def _modules(self, at: Path, modules: object) -> tuple[str, ...]:
        if not isinstance(modules, list):
            self._refuse_at(at, f"not a list of modules: {modules!r}")
        if not modules:
            self._refuse_at(at, f"an empty list of modules: {modules!r}")
        for number, module in enumerate(modules):
            if not isinstance(module, str) or not is_module_name(module):
                self._refuse_at((*at, number), f"not a module's name: {module!r}")
        return tuple(modules)

    def _refuse(self, line: int, reason: str) -> NoReturn:
        raise FileError(f"{self._file}:{line}: {reason}")

    def _refuse_at(self, path: Path, reason: str) -> NoReturn:
        self._refuse(self._line_of(path), reason)

    def _line_of(self, path: Path) -> int:
        """Return the line, from 1, on which the value at a path ends; if it is hard to find, a later one."""
        low, high = 0, len(self._lines)
        while high - low > 1:
            middle = (low + high) // 2
            if _has(self._beginning(middle), path):
                high = middle
            elif self._left < 0:
                break
            else:
                low = middle
        return high

    def _beginning(self, length: int) -> dict[str, Any]:
        """Return what so many lines say, or as many fewer as can be read."""
        for end in range(length, 0, -1):
            text = "\n".join(self._lines[:end])
            for closing in _CLOSINGS:
                self._left -= len(text)
                try:
                    return self._loads(text + closing)
                except ValueError:
                    continue
            if self._left < 0:
                break
        return {}


def _has(value: Any, path: Path) -> bool:
    try:
        for step in path:
            value = value[step]
    except (KeyError, IndexError):
        return False
    return True
