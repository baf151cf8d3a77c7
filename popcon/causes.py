"""In: modules, namespaces, code. Out: who brought a module: what refers to it, what imports it.

No source is kept: of a syntax tree only the names of imported modules, and they only until they
are loaded. Values are never asked for an attribute of theirs, because that may load or run things.
"""

import sys

from popcon.libraries import is_standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import CodeType
    from typing import Any

_MODULE = type(sys)


def _function() -> None: ...


_FUNCTION = type(_function)
_CODE = type(_function.__code__)
#: Where a syntax tree's statements hold further statements; imports stand nowhere else.
_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")
#: Statements that hold no others, and make up most of a cell.
_PLAIN = frozenset(
    ("Expr", "Assign", "AnnAssign", "AugAssign", "Return", "Pass", "Raise", "Assert")
)
#: A file larger than this is data that somebody wrote as Python.
_MAX_SOURCE_BYTES = 1_000_000


def imports_of(tree: "Any") -> "set[str]":
    """Return the modules that a syntax tree's import statements name, with their parents.

    Of `from a import b` both `a` and `a.b` are named: whether `b` is a module shows when it is
    loaded. Relative imports name nothing.
    """
    found: set[str] = set()
    todo = list(getattr(tree, "body", ()))
    while todo:
        node = todo.pop()
        kind = type(node).__name__
        if kind == "Import":
            names = [alias.name for alias in node.names]
        elif kind == "ImportFrom":
            if node.level or not node.module:
                continue
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            if kind not in _PLAIN:
                for block in _BLOCKS:
                    inner = getattr(node, block, None)
                    if type(inner) is list:
                        todo += inner
            continue
        for name in names:
            while name:
                found.add(name)
                name = name.rpartition(".")[0]
    return found


def imports_of_file(path: str) -> "set[str]":
    """Return `imports_of` a source file, or nothing where it can't be read."""
    import ast
    import warnings

    try:
        with open(path, "rb") as file:
            source = file.read(_MAX_SOURCE_BYTES + 1)
        if len(source) > _MAX_SOURCE_BYTES:
            return set()
        # Python has said its warnings already, when it compiled the file. This is no thread of ours:
        # what is caught here is the whole process's.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return imports_of(ast.parse(source))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return set()


def referred(namespace: "Mapping[str, object]") -> "set[str]":
    """Return the modules that a namespace refers to: modules, and where functions and classes are from."""
    found = set()
    for value in list(namespace.values()):
        kind = type(value)
        name: object
        if kind is _MODULE:
            name = object.__getattribute__(value, "__dict__").get("__name__")
        elif kind is _FUNCTION:
            name = value.__module__
        elif issubclass(kind, type):
            name = type.__getattribute__(value, "__dict__").get("__module__")
        else:
            continue
        if type(name) is str:
            found.add(name)
    return found


def belonging(
    named: "Iterable[str]", pool: "set[str]", modules: "Mapping[str, Any]"
) -> "list[str]":
    """Return the modules of the pool that came with the named ones.

    They are the named ones that are in the pool, what else is of their packages, what all of these
    and the named ones refer to, and so on.
    """
    tops: "dict[str, list[str]]" = {}
    for name in pool:
        tops.setdefault(name.partition(".")[0], []).append(name)
    found: "list[str]" = []
    todo: "set[str]" = set()
    members = list(named)
    todo.update(name.partition(".")[0] for name in members)
    while members or todo:
        for name in members:
            module = modules.get(name)
            if type(module) is _MODULE:
                space = object.__getattribute__(module, "__dict__")
                todo.update(other.partition(".")[0] for other in referred(space))
        members = tops.pop(todo.pop(), []) if todo else []
        found += members
    return found


def drawn(
    names: "list[str]", named: "set[str]", modules: "Mapping[str, Any]", drawer: "set[str]"
) -> "list[str]":
    """Return those modules at the end of the names that the drawing of a traceback brought.

    `names` are in the order in which their imports ended, which is Python's own in `sys.modules`:
    a module stands behind what it imports. `drawer` is what `imports_of_class` says of the class that
    draws. Seen from the end, a module is the drawer's as long as it is the standard library's, or the
    drawer's code imports it, or another of these refers to it; the first that isn't, or that the user
    named, is where the user's imports ended. (Where `is_standard` knows none, so does a module of the
    standard library's.)
    """
    wanted = set(drawer)
    end = len(names)
    while end:
        name = names[end - 1]
        top = name.partition(".")[0]
        if name in named or not (top in wanted or is_standard(top)):
            break
        module = modules.get(name)
        if type(module) is _MODULE and not is_standard(top):
            space = object.__getattribute__(module, "__dict__")
            wanted.update(other.partition(".")[0] for other in referred(space))
        end -= 1
    return names[end:]


def imports_of_class(kind: type, modules: "Mapping[str, Any]") -> "set[str]":
    """Return the packages that the code of a class's modules imports when it runs, its own included."""
    todo = {ancestor.__module__ for ancestor in kind.__mro__}
    own = kind.__module__.partition(".")[0]
    done: set[str] = set()
    found = {own}
    while todo:
        name = todo.pop()
        module = modules.get(name)
        if name in done or type(module) is not _MODULE:
            continue
        done.add(name)
        for used in _imports_in(object.__getattribute__(module, "__dict__")):
            found.add(used.partition(".")[0])
            if used.startswith(own + "."):
                todo.add(used)
    return found


def imports_of_packages(packages: "set[str]", modules: "Mapping[str, Any]") -> "set[str]":
    """Return the packages that the code of loaded packages imports when it runs."""
    found = set()
    for name, module in list(modules.items()):
        if type(module) is _MODULE and name.partition(".")[0] in packages:
            for used in _imports_in(object.__getattribute__(module, "__dict__")):
                found.add(used.partition(".")[0])
    return found


def _imports_in(namespace: "Mapping[str, object]") -> "set[str]":
    """Return the modules that the code of a module's functions and classes imports when it runs."""
    from opcode import EXTENDED_ARG, opmap

    wanted = opmap["IMPORT_NAME"]
    found: "set[str]" = set()
    todo: "list[CodeType]" = []
    for value in list(namespace.values()):
        members = list(vars(value).values()) if issubclass(type(value), type) else [value]
        todo += [member.__code__ for member in members if type(member) is _FUNCTION]
    while todo:
        code = todo.pop()
        todo += [constant for constant in code.co_consts if type(constant) is _CODE]
        steps = code.co_code
        place = steps.find(wanted)
        while place >= 0:
            if place % 2 == 0:
                index = steps[place + 1]
                if place and steps[place - 2] == EXTENDED_ARG:
                    index |= steps[place - 1] << 8
                if index < len(code.co_names):
                    found.add(code.co_names[index])
            place = steps.find(wanted, place + 1)
    return found
