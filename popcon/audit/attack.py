"""In: what an onlooker sees, and perhaps what he knows from before. Out: his claims of who used what."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from popcon.audit import bits
from popcon.audit.claims import Claim, measured
from popcon.audit.follow import Life, lives
from popcon.audit.hub import AT_EXIT
from popcon.audit.known import Known
from popcon.audit.recognise import Beacons, repeated
from popcon.audit.seen import Seen
from popcon.audit.split import split

#: For how long what rises may complete a burst.
_HORIZON = 6 * 3600.0
#: How much a library counts in which a known set and what was followed differ.
_DIFFERENT = 1.5
#: Reports of an interval from which on known sets are looked for in it; fewer are split.
_MANY = 5


class Onlooker(NamedTuple):
    """Who attacks: a name, and whether every true set of the days before is known to him."""

    name: str
    knows_history: bool


#: Sees the series alone; knows each process's true set in the week before, too.
CURIOUS, STRONG = Onlooker("curious", False), Onlooker("strong", True)


def attack(seen: Seen, reporter: str, history: Mapping[int, int]) -> list[Claim]:
    """Return all claims, also weak ones, for each kind with a score.

    `history` are true sets that are known from before, with how often each came; empty for the curious.
    """
    found: list[Claim] = []
    if reporter == AT_EXIT:
        # What was seen alone is known in any case.
        known = Known(Counter(history) + Counter(seen.alone.weights)) if history else seen.alone
        found += _of_bursts(seen, known)
    else:
        known = Known(history)
        found += _of_lives(seen, known)
    beacons = Beacons(known)
    done = {claim.time for claim in found}
    for at, move in enumerate(seen.moves):
        if not measured(move.time) or move.time in done:
            continue
        again = repeated(move) if move.reports > 1 else []
        found += (Claim(move.time, one.bits, "the same again", one.score) for one in again)
        if move.reports >= _MANY:
            kind = f"recognised {_about(move.reports)}"
            others = {one.bits for one in again}
            found += (
                Claim(move.time, one.bits, kind, one.score)
                for one in beacons.found(seen, at)
                if one.bits not in others
            )
    return found


def _of_bursts(seen: Seen, known: Known) -> Iterator[Claim]:
    """Yield claims where each process says everything at once."""
    for at, move in enumerate(seen.moves):
        if move.rare or not measured(move.time):
            continue  # some of the names are not there
        if move.reports == 1:
            yield Claim(move.time, seen.rose(at), "alone", 0.0)
        for part in split(move.counts, move.reports, known):
            yield Claim(move.time, part.bits, f"split {_about(move.reports)}", part.odds)


def _of_lives(seen: Seen, known: Known) -> Iterator[Claim]:
    """Yield claims where each process says more and more."""
    whole = known or seen.alone
    found = lives(seen, whole)
    if not known:
        # Nobody told which sets there are: the surest of those put together tell about the others.
        learnt: Counter[int] = Counter()
        for life in found:
            learnt[life.bits] += math.exp(max(life.sure, -20.0))  # type: ignore[assignment]
        whole = Known({one: weight for one, weight in learnt.items() if weight > 0.2})
        found = lives(seen, whole)
    for life in found:
        if measured(life.time):
            yield _completed(life, seen, whole, complete=bool(known))


def _completed(life: Life, seen: Seen, whole: Known, *, complete: bool) -> Claim:
    """Return the likeliest set of a life: what was followed, or a known one that fits better."""
    costs = {life.bits: whole.cost(life.bits) - life.sure}
    if complete:
        rose = life.first | seen.rose(seen.at(life.time), _HORIZON)
        for one in whole.near(life.first):
            if not (life.first & ~one or one & ~rose):
                cost = whole.cost(one) + _DIFFERENT * bits.size(one ^ life.bits)
                costs[one] = min(cost, costs.get(one, math.inf))
    best = min(costs, key=lambda one: (costs[one], one))
    second = min((cost for one, cost in costs.items() if one != best), default=costs[best] + 5)
    margin = min(second - costs[best], 5.0)
    kind = "followed" if best == life.bits else "completed"
    own = 0.0 if complete else math.exp(life.sure)
    if whole.weights.get(best, 0.0) > own + 0.2:
        kind += ", seen before"
    return Claim(life.time, best, kind, margin + 2 * life.sure)


def _about(processes: int) -> str:
    """Return a class of sizes, so that claims about small batches and large ones are told apart."""
    for most in (2, 3, 4, 8, 15, 30, 100):
        if processes <= most:
            return f"up to {most}"
    return "more"
