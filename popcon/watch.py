"""In: specs of checks, and loaded modules. Out: the names of the checks that hold.

A check is a name and a predicate over the loaded modules, as in NERSC's customs, whose specs are read
here as they were there.
"""

from popcon.errors import UsageError
from popcon.guard import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

#: A name rides in a datagram and in a label; nobody reads a longer one.
MAX_NAME = 100


class Check:
    """A check: `name` is what a hit is called, `predicate` is asked with name → loaded module."""

    __slots__ = ("name", "predicate")

    def __init__(self, name: str, predicate: "Callable[[dict[str, Any]], object]") -> None:
        self.name = name
        self.predicate = predicate

    def __call__(self, modules: "dict[str, Any]") -> bool:
        """Return whether the check holds over these modules."""
        return bool(self.predicate(modules))


def parse(spec: object) -> Check:
    """Return the check that a spec means, or raise `UsageError` with the spec in quotes.

    `"numpy"` holds if that module is loaded; `(name, predicate)`, or a list of the two, if the
    predicate says so; a `Check` is taken as it is.
    """
    if isinstance(spec, Check):
        return spec
    if isinstance(spec, str):
        if not is_module_name(spec) or not is_word(wire_name(spec)):
            raise UsageError(f"not a module to watch for: {spec!r} (or say (name, predicate))")
        return Check(spec, lambda modules: spec in modules)
    if not isinstance(spec, (tuple, list)) or len(spec) != 2:
        raise UsageError(f"not a check: {spec!r} (a module's name or (name, predicate) is one)")
    name, predicate = spec
    if not isinstance(name, str) or not is_word(name):
        raise UsageError(f"not a check's name: {name!r} in {spec!r} ({WORD})")
    if not callable(predicate):
        raise UsageError(f"not a predicate: {predicate!r} in {spec!r} (it is called with a dict)")
    return Check(name, predicate)


#: What `is_word` asks for.
WORD = f"letters, digits, '_' and '-', {MAX_NAME} at most"


def is_word(name: str) -> bool:
    """Return whether a text can be a check's name, which is one part of a statsd name."""
    return (
        0 < len(name) <= MAX_NAME and name.isascii() and f"_{name}".replace("-", "_").isidentifier()
    )


def is_module_name(name: str) -> bool:
    """Return whether an import statement could name such a module."""
    return all(part.isidentifier() for part in name.split("."))


def wire_name(name: str) -> str:
    """Return a check's name as it is on the wire: `google.cloud` is `google-cloud`.

    A dot would part it there, and no module that is imported by name has a `-`.
    """
    return name.replace(".", "-")


def loaded(modules: "Mapping[str, Any]") -> "dict[str, Any]":
    """Return a copy of `sys.modules`, without the `None`s that keep modules from being imported."""
    # The list is one step of C, so that a thread that imports can't change it half-way.
    return {name: module for name, module in list(modules.items()) if module is not None}


def held(checks: "Iterable[Check]", modules: "dict[str, Any]") -> "list[str]":
    """Return the sorted names of the checks that hold; of those of one name, one is enough.

    Each predicate gets a copy of its own, and one that raises costs only itself.
    """
    found: "set[str]" = set()
    for check in checks:
        with contained(BaseException):
            if check.name not in found and check(dict(modules)):
                found.add(check.name)
    return sorted(found)
