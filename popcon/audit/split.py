"""In: the counts of an interval in which several processes reported. Out: the sets that add up to them.

An exact cover: all sets but one are known ones, the last is what remains, known or not. Each way to
do it has a probability; a set is as sure as the ways that have it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from popcon.audit import bits
from popcon.audit.bits import Planes
from popcon.audit.known import Known

#: A way to take an interval apart: a set for each process.
Way = tuple[int, ...]

#: The most processes of an interval that is tried, and how long, in last sets that are tried; to
#: choose one before takes as long as so many of these.
MOST, _PATIENCE, _BRANCH = 12, 1000, 10
#: A way this much less likely than the best one, as a logarithm, is not followed.
_HOPELESS = 7.0
#: More than known sets that there can be.
_ORDERS = 1 << 40


class Part(NamedTuple):
    """A set that is in the best way, and how sure that is, as log-odds."""

    bits: int
    odds: float


def split(counts: Planes, processes: int, known: Known) -> list[Part]:
    """Return the sets of so many processes, nothing where no way was found."""
    if not 2 <= processes <= MOST or not known:
        return []
    search = _Search(known)
    fitting = known.without(known.libraries & ~bits.support(counts), known.every)
    search.go(counts, processes, 0, 0.0, (), fitting)
    if not search.ways:
        return []
    best = min(search.ways.values())
    shares = {way: math.exp(best - cost) for way, cost in search.ways.items()}
    total = sum(shares.values())
    first = min(search.ways, key=lambda way: (search.ways[way], way))
    found = []
    for one in first:
        sure = sum(share for way, share in shares.items() if one in way) / total
        # Who gave up before all ways were tried can't be as sure.
        odds = math.log((sure + 1e-9) / (1 - sure + 1e-4))
        found.append(Part(one, odds if search.patience > 0 else min(odds, 0.5)))
    return found


class _Search:
    def __init__(self, known: Known) -> None:
        self._known = known
        self._best = math.inf
        self.patience = _PATIENCE
        self.ways: dict[Way, float] = {}

    def go(
        self, counts: Planes, processes: int, last: int, cost: float, chosen: Way, fitting: int
    ) -> None:
        """Choose a known set for one library, then the others; `last` are those of the last set only.

        `fitting` are the places of known sets that may still be chosen: ever fewer.
        """
        known = self._known
        more, must = bits.compared(counts, processes)
        if more:
            return
        for each in bits.members(must):
            fitting &= known.index[each]
        everything = bits.support(counts)
        if processes == 2:
            self._finish(everything, must, cost, chosen, fitting)
            return
        _, once = bits.compared(counts, 1)
        while self.patience > 0:
            self.patience -= _BRANCH
            library, alone = self._pivot(everything & ~last & ~must, once, fitting)
            last |= alone
            if library is None and not alone & ~once:  # what all have is all that is left
                library, _ = self._pivot(everything & ~last, once, fitting)
            if library is None:
                return
            for place in bits.members(fitting & known.index[library]):
                then = cost + known.costs[place]
                if then + (processes - 1) * known.costs[0] > self._best + _HOPELESS:
                    break  # the next ones are no likelier
                if self.patience <= 0:
                    return
                left = bits.without(counts, known.order[place])
                fewer = known.without(everything & ~bits.support(left), fitting)
                way = (*chosen, known.order[place])
                self.go(left, processes - 1, last, then, way, fewer)
            if not once >> library & 1:
                return
            # Or it is the last one's.
            last |= 1 << library
            fitting &= ~known.index[library]

    def _finish(self, everything: int, must: int, cost: float, chosen: Way, fitting: int) -> None:
        """Choose one of the last two sets, and note what is left as the last, known or not."""
        known = self._known
        for place in bits.members(fitting):
            then = cost + known.costs[place]
            if then + known.costs[0] > self._best + _HOPELESS or self.patience <= 0:
                break
            self.patience -= 1
            one = known.order[place]
            left = everything & ~one | must
            if then + known.at_least(left) > self._best + _HOPELESS:
                continue
            then += known.cost(left)
            way = tuple(sorted((*chosen, one, left)))
            self.ways[way] = min(then, self.ways.get(way, math.inf))
            self._best = min(self._best, then)

    def _pivot(self, free: int, once: int, fitting: int) -> tuple[int | None, int]:
        """Return the library that the fewest fitting sets have, and those that none has.

        No library where there is no way: what rose more than once is in one known set at least.
        """
        fewest, found, alone = math.inf, None, 0
        for library in bits.members(free):
            having = bits.size(fitting & self._known.index[library])
            if not having:
                alone |= 1 << library
            # Who is in one set only is asked for first: the others would come in each order.
            elif (rank := having + (0 if once >> library & 1 else _ORDERS)) < fewest:
                fewest, found = rank, library
        return None if alone & ~once else found, alone
