"""In: what an environment has. Out: which of its libraries needs which, directly, by their metadata."""

from __future__ import annotations

from collections.abc import Mapping

from popcon.inventory.environment import Contents
from popcon.inventory.infrastructure import Facts, extras_of, markers_of, needs


def requirements(there: Contents) -> dict[str, frozenset[str]]:
    """Return library → those that are installed and that it needs itself.

    What it asks of another one as an extra, `dask[dataframe]`, it needs, too.
    """
    markers = markers_of(there.python)
    return {name: _needed(name, there.facts, markers) for name in there.facts}


def _needed(
    name: str, libraries: Mapping[str, Facts], markers: Mapping[str, str]
) -> frozenset[str]:
    found = set()
    waiting = [(name, extras_of(name, libraries, markers))]
    seen = set(waiting)
    while waiting:
        each, extras = waiting.pop()
        # Without an extra it needs these in any case, which is its own affair.
        own = (
            set()
            if each == name
            else {needed for needed, _ in needs(libraries[each], frozenset(), markers)}
        )
        for needed in needs(libraries[each], extras, markers):
            if needed[0] not in libraries or needed[0] in own:
                continue
            found.add(needed[0])
            if needed[1] and needed not in seen:
                seen.add(needed)
                waiting.append(needed)
    return frozenset(found - {name})
