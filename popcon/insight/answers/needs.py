"""In: which installed library needs which. Out: who needs one, and what goes with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from popcon.well_known import FOR_USERS


class Installed(NamedTuple):
    """A library of an environment: its bytes, what it is part of, what it needs there, directly.

    Somebody's `own` is counted as `_other`, so that nobody knows whether it is used.
    """

    size: int
    part: str = FOR_USERS
    needs: frozenset[str] = frozenset()
    own: bool = False


#: What an environment has, by name.
Environment = Mapping[str, Installed]


class Needs:
    """Who needs whom in an environment."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._needed_by: defaultdict[str, set[str]] = defaultdict(set)
        for name, installed in environment.items():
            for needed in installed.needs & environment.keys():
                self._needed_by[needed].add(name)

    def dependents(self, library: str) -> set[str]:
        """Return all that need a library, directly or not."""
        return self._reached([library]) - {library}

    def _reached(self, starts: Iterable[str]) -> set[str]:
        found = set(starts)
        waiting = list(found)
        while waiting:
            for dependent in self._needed_by.get(waiting.pop(), ()):
                if dependent not in found:
                    found.add(dependent)
                    waiting.append(dependent)
        return found

    def going(self, libraries: Iterable[str], may_go: Collection[str]) -> set[str]:
        """Return what goes with these: they, all that need them, and what only these need.

        Of the latter only what `may_go`. What nothing needs was asked for by itself, and stays.
        """
        gone = self._reached(libraries)
        waiting = list(gone)
        while waiting:
            installed = self._environment.get(waiting.pop())
            for needed in installed.needs if installed else ():
                if needed in may_go and needed not in gone and self._needed_by[needed] <= gone:
                    gone.add(needed)
                    waiting.append(needed)
        return gone

    def size(self, libraries: Iterable[str]) -> int:
        """Return the bytes of libraries together."""
        return sum(self._environment[each].size for each in libraries if each in self._environment)
