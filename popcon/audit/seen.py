"""In: how counters moved. Out: what attacks ask of that again and again, worked out once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence

from popcon.audit import bits
from popcon.audit.known import Known
from popcon.audit.published import Move
from popcon.audit.split import Part, split

#: Moves whose libraries are kept together.
_BLOCK = 64


class Seen:
    """Moves in order of time; `alone` are the bursts that were seen by themselves."""

    def __init__(self, moves: Sequence[Move]) -> None:
        self.moves = moves
        self._times = [move.time for move in moves]
        self._rose = [bits.support(move.counts) for move in moves]
        self._blocks = [_union(self._rose[at : at + _BLOCK]) for at in range(0, len(moves), _BLOCK)]
        self._parts: dict[int, list[Part]] = {}
        self.alone = Known(
            Counter(
                rose
                for move, rose in zip(moves, self._rose)
                if move.reports == 1 and not move.rare and not bits.compared(move.counts, 1)[0]
            )
        )

    def at(self, time: float) -> int:
        """Return the number of the first move that is not before a time."""
        return bisect_left(self._times, time)

    def rose(self, at: int, seconds: float = 0.0) -> int:
        """Return all that rose in a move, and in those up to so many seconds later."""
        end = bisect_right(self._times, self._times[at] + seconds)
        low, high = -(-at // _BLOCK), end // _BLOCK
        if low >= high:
            return _union(self._rose[at:end])
        whole = _union(self._blocks[low:high])
        return whole | _union(self._rose[at : low * _BLOCK] + self._rose[high * _BLOCK : end])

    def parts(self, at: int) -> list[Part]:
        """Return the sets that add up to a move, of which all but one were seen alone."""
        found = self._parts.get(at)
        if found is None:
            move = self.moves[at]
            found = self._parts[at] = split(move.counts, move.reports, self.alone)
        return found


def _union(sets: Sequence[int]) -> int:
    found = 0
    for one in sets:
        found |= one
    return found
