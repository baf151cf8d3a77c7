"""In: which hubs and libraries are asked for. Out: matchers, as they stand between a selector's braces."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from popcon.catalog import Metric


class Scope(NamedTuple):
    """The hubs that are asked for, all where none is named, less those that a regular expression matches."""

    hubs: tuple[str, ...] = ()
    without: str = ""

    def has(self, hub: str) -> bool:
        """Return whether a hub is one of them.

        >>> Scope(("h",)).has("h"), Scope(without="test-.*").has("test-1"), Scope().has("")
        (True, False, True)
        """
        if self.hubs and hub not in self.hubs:
            return False
        return not (self.without and re.fullmatch(self.without, hub))

    def matchers(self, metric: Metric, libraries: Iterable[str] = ()) -> str:
        r"""Return the matchers for a metric's series, of these libraries where any are given.

        >>> from popcon.catalog import LIBRARY_USED
        >>> Scope(("hub1",), "test-.*").matchers(LIBRARY_USED, ["numpy", "scipy"])
        'namespace=~"hub1",namespace!~"test-.*",library=~"numpy|scipy"'
        """
        found = []
        if self.hubs:
            found.append(f"namespace=~{one_of(self.hubs)}")
        if self.without:
            found.append(f"namespace!~{quoted(self.without)}")
        chosen = tuple(libraries)
        if chosen and "library" in metric.labels:
            found.append(f"library=~{one_of(chosen)}")
        return ",".join(found)


def one_of(values: Iterable[str]) -> str:
    """Return a regular expression that matches these values and no other, as PromQL spells it."""
    return quoted("|".join(re.escape(value) for value in dict.fromkeys(values)))


def quoted(text: str) -> str:
    r"""Return a string as PromQL spells it.

    >>> quoted('a"b')
    '"a\\"b"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
