"""In: an environment's folder. Out: which of its libraries needs which, directly, by their metadata."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.markers import default_environment

from popcon.inventory.disk import in_order
from popcon.inventory.environment import facts_of, python_of, site_directories
from popcon.inventory.infrastructure import Facts, extras_of, needs


def requirements(prefix: str) -> dict[str, frozenset[str]]:
    """Return library → those that are installed and that it needs itself.

    What it asks of another one as an extra, `dask[dataframe]`, it needs, too. Raises `FileError`
    where there is no site directory.
    """
    sites, _ = site_directories(prefix)
    found = [(site, library) for site in sites for library in in_order(site)]
    libraries = {library: facts_of(site, library) for site, library in reversed(found)}
    markers = {key: str(value) for key, value in default_environment().items()}
    markers.update(python_of(prefix))
    return {name: _needed(name, libraries, markers) for name in libraries}


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
