"""In: counts by hub. Out: the same for all hubs together, or for each by itself; names that are no libraries set apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Optional

from popcon.catalog import LIBRARY_USED, OTHER, RARE
from popcon.errors import PopconError
from popcon.insight.usage import Period, Source
from popcon.metadata import normalise

#: A hub's name; None where hubs are taken together.
Group = Optional[str]
#: No libraries: everything that is somebody's own, and what too few used for a name.
UNNAMED = (OTHER, RARE)


def group_of(hub: str, by_namespace: bool) -> Group:
    """Return what a hub belongs to."""
    return hub if by_namespace else None


def grouped(
    counts: Mapping[tuple[str, ...], int], by_namespace: bool
) -> dict[Group, dict[tuple[str, ...], int]]:
    """Return group → the labels behind the hub → the sum.

    >>> grouped({("a", "numpy"): 1, ("b", "numpy"): 2}, by_namespace=False)
    {None: {('numpy',): 3}}
    """
    found: defaultdict[Group, dict[tuple[str, ...], int]] = defaultdict(dict)
    for (hub, *labels), number in counts.items():
        of_group = found[group_of(hub, by_namespace)]
        key = tuple(labels)
        of_group[key] = of_group.get(key, 0) + number
    return dict(found)


def share(part: int, whole: int) -> float | None:
    """Return a share; None of nothing."""
    return part / whole if whole else None


def in_order(groups: Iterable[Group]) -> list[Group]:
    """Return groups by name."""
    return sorted(groups, key=lambda group: group or "")


def named(source: Source, period: Period, typed: Iterable[str]) -> list[str]:
    """Return libraries as they are counted, from names as people type them, each once.

    Raises `PopconError` where no hub of the period knows one. Where nothing at all is known, as in an
    empty store, nothing can be missing.
    """
    asked = {name: name if name in UNNAMED else normalise(name) for name in typed}
    found = source.counts(LIBRARY_USED, period, sorted(set(filter(None, asked.values()))))
    known = {library for _, library in found}
    if not known.issuperset(asked.values()):
        known = {library for _, library in source.counts(LIBRARY_USED, period)}
    for name, library in asked.items():
        if known and library not in known:
            raise PopconError(
                f"no hub knows the library {name!r} in this period{_near(library, known)}"
            )
    return list(dict.fromkeys(asked.values()))


def _near(library: str, known: set[str]) -> str:
    from difflib import get_close_matches

    # A name that a terminal would obey is nobody's, and is not shown in an error.
    names = sorted(name for name in known - set(UNNAMED) if name.isprintable())
    near = get_close_matches(library, names, 3, 0.6)
    return f"; near: {', '.join(near)}" if near else ""
