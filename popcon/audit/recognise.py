"""In: what rose while many processes reported, and sets that are known. Out: which of these were there.

A library that hardly anybody uses is a beacon: where it rose, somebody who uses it was there. And
where all that rose rose equally often, somebody did the same again and again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from popcon.audit import bits
from popcon.audit.known import Known
from popcon.audit.published import Move
from popcon.audit.seen import Seen

#: Known sets that are tried, and libraries in which two are alike enough to be one person's.
_SETS, _ALIKE = 1500, 14
#: The share of a set that has to rise at once; the rest may rise within so many seconds.
_AT_ONCE, _LATER = 0.55, 4 * 3600.0


class Recognised(NamedTuple):
    """A set that a process of a move has, and how sure that is, higher for surer."""

    bits: int
    score: float


def repeated(move: Move) -> list[Recognised]:
    """Return the set of who did the same most of the times, as often as it can be."""
    more, _ = bits.compared(move.counts, move.reports // 2)
    if not more or move.rare:
        return []
    least, step = move.reports // 2, more
    while step == more and least < move.reports:
        least += 1
        step = bits.compared(move.counts, least)[0] & more
    # Sure, where nothing else rose nearly as often.
    others = move.reports // 2
    while others and not bits.compared(move.counts, others - 1)[0] & ~more:
        others -= 1
    return [Recognised(more, (least - others) / move.reports)] * least


class Beacons:
    """Known sets, with what tells each from all that are not alike."""

    def __init__(self, known: Known) -> None:
        self._total = known.total + 1
        heaviest = [(one, known.weights[one]) for one in known.order[:_SETS]]
        self._rows = []
        for one, weight in heaviest:
            alike = [(s, w) for s, w in heaviest if bits.size(s ^ one) <= _ALIKE]
            rates = []
            for library in known.rarest(one)[:6]:
                same = sum(w for s, w in alike if s >> library & 1)
                rates.append((known.often[library] - same + 0.3) / self._total)
            self._rows.append((one, weight, rates, alike))

    def found(self, seen: Seen, at: int) -> list[Recognised]:
        """Return the known sets that seem to be in a move, each once."""
        move = seen.moves[at]
        at_once, everything = seen.rose(at), seen.rose(at, _LATER)
        rows: list[Recognised] = []
        for one, weight, rates, alike in self._rows:
            if one & ~everything or bits.size(one & at_once) < _AT_ONCE * bits.size(one):
                continue
            # How unlikely is it that others let the rarest of its libraries rise?
            chances = sorted(-math.expm1(-move.reports * rate) for rate in rates)
            there = sum(-math.log(chance) for chance in chances[:3])
            there += math.log(weight * move.reports / self._total)
            if there <= 0:
                continue
            others = sum(w for s, w in alike if s != one and not s & ~everything)
            share = weight / (weight + others + 0.5)
            # As sure as the less sure of the two: that somebody of the kind was there, and which it was.
            rows.append(Recognised(one, min(there, 8.0) + 3 * math.log(share)))
        rows.sort(key=lambda row: (-row.score, row.bits))
        return rows[: move.reports]
