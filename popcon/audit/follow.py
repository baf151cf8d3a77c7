"""In: what rose after each cell. Out: which rises are one process's, and how sure that is.

A process's first burst tells that it began; what rises later is somebody's who is there, and who
hasn't used it yet, for each library counts once a process.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from popcon.audit import bits
from popcon.audit.bits import Planes
from popcon.audit.known import Known
from popcon.audit.seen import Seen

#: For how long somebody is taken to be there, and after which time a next step is so much less likely.
_HORIZON, _PATIENCE = 6 * 3600.0, 2400.0
#: With more people there than that nobody tells them apart.
MOST = 25


@dataclass
class Life:
    """A process as it is seen: its burst, what it was given since, and the logarithm of how sure that is."""

    time: float
    first: int
    bits: int
    sure: float


def lives(seen: Seen, whole: Known) -> list[Life]:
    """Return the processes that can be told apart, with what they seem to have used.

    `whole` are sets that are known.
    """
    there = _There()
    for at, move in enumerate(seen.moves):
        there.turn_to(move.time)
        everything = seen.rose(at)
        if not move.reports:
            _give(everything, move.time, there, whole)
        elif move.reports == 1:
            more, _ = bits.compared(move.counts, 1)
            if more:
                _give(more, move.time, there, whole)
            there.add(Life(move.time, everything, everything, 0.0))
        else:
            for part in seen.parts(at):
                sure = -math.log1p(math.exp(-part.odds))
                there.add(Life(move.time, part.bits, part.bits, sure))
    return there.all()


class _There:
    """Lives, and who of them is there: a life's number is its bit in ints of all who have something."""

    def __init__(self) -> None:
        self._lives: list[Life] = []
        self._gone = 0
        self._having: defaultdict[int, int] = defaultdict(int)
        self._missed: Planes = ()

    def turn_to(self, time: float) -> None:
        """Let those go who are too old at a time."""
        lives = self._lives
        while self._gone < len(lives) and time - lives[self._gone].time >= _HORIZON:
            self._gone += 1

    def add(self, life: Life) -> None:
        """Somebody came."""
        self._lives.append(life)
        self._note(len(self._lives) - 1, life.bits)

    def able(self, more: int) -> int:
        """Return the lives that are there and have nothing of `more` yet."""
        having = 0
        for library in bits.members(more):
            having |= self._having[library]
        return ((1 << len(self._lives)) - 1) >> self._gone << self._gone & ~having

    def at(self, number: int) -> Life:
        """Return a life."""
        return self._lives[number]

    def give(self, number: int, more: int) -> None:
        """Add what rose to a life."""
        self._lives[number].bits |= more
        self._note(number, more)

    def miss(self, able: int) -> None:
        """Something rose that is one of these lives', and nobody can tell which one's."""
        self._missed = bits.added(self._missed, (able,))

    def all(self) -> list[Life]:
        """Return all lives that ever were, less sure by what they missed."""
        for digit, plane in enumerate(self._missed):
            for number in bits.members(plane):
                self._lives[number].sure -= float(1 << digit)
        self._missed = ()
        return self._lives

    def _note(self, number: int, libraries: int) -> None:
        for library in bits.members(libraries):
            self._having[library] |= 1 << number


def _give(more: int, time: float, there: _There, whole: Known) -> None:
    """Give what rose to the one whose it is most likely; all are less sure from then on."""
    those = there.able(more)
    if not those or bits.size(those) > MOST:
        there.miss(those)
        return
    numbers = list(bits.members(those))
    able = [there.at(number) for number in numbers]
    weights = [
        math.exp((life.time - time) / _PATIENCE) * (whole.completes(life.bits, more) + 1e-4)
        for life in able
    ]
    most, total = max(weights), sum(weights) * 1.02  # or somebody's whom nobody saw
    for life, weight in zip(able, weights):
        if weight < most:
            life.sure += math.log1p(-weight / total)
    best = weights.index(most)
    able[best].sure += math.log(most / total)
    there.give(numbers[best], more)
