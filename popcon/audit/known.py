"""In: sets of libraries that somebody knows of, and how often each was seen. Out: how likely another is."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

from popcon.audit import bits

#: What a set costs that was never seen, and each library in which it differs from the nearest that
#: was, as negative logarithms of probabilities.
_NEW, _DIFFERENT = 2.0, 2.5
#: Sets that are looked through for the nearest one, by each of the rarest libraries.
_NEAR, _RAREST = 30, 3
_CHUNK = 16
_FADING = [math.exp(-_DIFFERENT * number) for number in range(20)]


class Known:
    """Sets with weights, found by the libraries in them.

    `order` has the heaviest first; `index` says for each library which places there have it, as the
    bits of an int, so that thousands of sets are asked for all their libraries in a few operations.
    """

    def __init__(self, weights: Mapping[int, float]) -> None:
        self.weights = dict(weights)
        self.total = sum(weights.values())
        self.order = sorted(self.weights, key=lambda one: (-self.weights[one], one))
        self.every = (1 << len(self.order)) - 1
        self.often: defaultdict[int, float] = defaultdict(float)
        having: defaultdict[int, list[int]] = defaultdict(list)
        for place, found in enumerate(self.order):
            for library in bits.members(found):
                having[library].append(place)
                self.often[library] += self.weights[found]
        self.libraries = bits.of(having)
        self.index = defaultdict(int, {one: bits.of(having[one]) for one in having})
        self._first = {one: [self.order[at] for at in having[one][:_NEAR]] for one in having}
        ranked = sorted(having, key=lambda library: (self.often[library], library))
        self._rank = {library: rank for rank, library in enumerate(ranked)}
        # The rarest together, then the next ones.
        self._rare = [bits.of(ranked[at : at + _CHUNK]) for at in range(0, len(ranked), _CHUNK)]
        self._new = math.log(self.total + 1) + _NEW
        self._costs: dict[int, float] = {}
        self.costs = [self.cost(one) for one in self.order]
        self._alone: dict[int, float] = {}
        self._nearest: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self.weights)

    def rarest(self, found: int) -> list[int]:
        """Return the libraries of a known set, the least seen first."""
        return sorted(bits.members(found), key=self._rank.__getitem__)

    def without(self, libraries: int, places: int) -> int:
        """Return those of the places whose sets have none of these libraries."""
        having = 0
        for library in bits.members(libraries & self.libraries):
            having |= self.index[library]
        return places & ~having

    def near(self, found: int) -> list[int]:
        """Return known sets that have one of this one's rarest libraries."""
        near = self._nearest.get(found)
        if near is None:
            near = list(dict.fromkeys(self._alike(found)))
            self._nearest[found] = near
        return near

    def _alike(self, found: int) -> list[int]:
        """Return what `near` does, some sets more than once."""
        near: list[int] = []
        left = _RAREST
        for some in self._rare:
            if some & found:
                rarest = self.rarest(some & found)[:left]
                for library in rarest:
                    near += self._first[library]
                left -= len(rarest)
                if not left:
                    break
        return near

    def at_least(self, found: int) -> float:
        """Return what `cost` is at least, without looking for the nearest set."""
        return self.cost(found) if found in self.weights else self._new + _DIFFERENT

    def cost(self, found: int) -> float:
        """Return the negative logarithm of the probability that a process has just this set."""
        weight = self.weights.get(found)
        if weight is not None:
            return -math.log(weight / (self.total + 1))
        cost = self._costs.get(found)
        if cost is None:
            least = min(map(bits.size, map(found.__xor__, self._alike(found))), default=20)
            cost = self._new + _DIFFERENT * min(least, 20)
            self._costs[found] = cost
        return cost

    def completes(self, base: int, more: int) -> float:
        """Return about how likely who has `base` so far goes on with `more`, 0 to 1."""
        both = self._near(more, base | more)
        alone = self._alone.get(base)
        if alone is None:
            alone = self._alone[base] = self._near(base, base)
        return min(1.0, (both + 0.001) / (alone + both + 0.1))

    def _near(self, among: int, found: int) -> float:
        """Return the weight of sets that have all of `found`, or nearly."""
        return sum(
            self.weights[one] * _FADING[min(bits.size(found & ~one), 19)]
            for one in self.near(among)
        )
