"""In: claims of an attack, and the truth. Out: how sure each kind is, and how many processes are read back."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from popcon.audit.hub import BEGIN, DAY, HISTORY, Process
from popcon.audit.published import Published

#: How often a claim has to be right, on average, to count.
PRECISION = 0.9


class Claim(NamedTuple):
    """That a process which showed first at `time` has just this set.

    `kind` says how it was found; a higher `score` is surer, within a kind.
    """

    time: float
    bits: int
    kind: str
    score: float


class Judged(NamedTuple):
    """The claims about a hub's measured days, each with whether it is right, and by chance would be.

    `processes` is how many there are to be read back, `timed` how many of them are on a timer; a
    right claim may be about such a one.
    """

    claims: list[tuple[Claim, bool, bool, bool]]
    processes: int
    timed: int


def measured(time: float) -> bool:
    """Whether a time is within the days that are measured."""
    return time >= BEGIN + HISTORY * DAY


def judged(
    claims: Iterable[Claim],
    processes: Sequence[Process],
    found: Published,
    core: int,
    seed: int = 0,
) -> Judged:
    """Say of each claim whether it is right. One process makes one claim right.

    A process with nothing but what the kernel loads is trivial: it counts nowhere.
    """
    real = [
        (process, seen)
        for process, seen in zip(processes, found.seen)
        if process.bits & ~core and measured(process.says[0].time)
    ]
    # By chance: the same sets at the same times, but not together.
    shuffled = [process.bits for process, _ in real]
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    true = Counter((seen, process.bits) for process, seen in real)
    timed = Counter((seen, process.bits) for process, seen in real if process.timed)
    chance = Counter((seen, other) for (_, seen), other in zip(real, shuffled))
    rows = []
    for claim in sorted(claims, key=lambda one: (-one.score, one.time, one.bits)):
        if not measured(claim.time) or not claim.bits & ~core:
            continue
        key = (claim.time, claim.bits)
        row = [bool(counter[key]) for counter in (true, chance, timed)]
        for counter in (true, chance, timed):
            counter[key] -= counter[key] > 0
        rows.append((claim, row[0], row[1], row[2]))
    return Judged(rows, len(real), sum(process.timed for process, _ in real))


class Sureness:
    """How often claims of a kind with a score were right elsewhere: never less for a higher score."""

    def __init__(self, others: Iterable[Judged]) -> None:
        by_kind: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
        for other in others:
            for claim, right, _, _ in other.claims:
                by_kind[claim.kind].append((claim.score, right))
        self._steps = {kind: _rising(rows) for kind, rows in by_kind.items()}

    def __call__(self, claim: Claim) -> float:
        """Return the share, 0 for a kind that was never seen."""
        share = 0.0
        for score, step in self._steps.get(claim.kind, ()):
            if score > claim.score:
                break
            share = step
        return share


class Read(NamedTuple):
    """What an attack reads back: claims made, right ones, right ones by chance, of all `processes`."""

    made: int
    right: int
    chance: int
    processes: int
    timed_right: int
    timed: int

    @property
    def share(self) -> float:
        """The share of all processes whose set is read back."""
        return self.right / self.processes if self.processes else 0.0

    @property
    def precision(self) -> float:
        """How many of the claims made are right."""
        return self.right / self.made if self.made else 0.0


def read_back(hubs: Sequence[Judged], precision: float = PRECISION) -> Read:
    """Return what is read back of hubs by claims that are right so often.

    How sure an attacker may be of a claim is known from the other hubs, never from the one itself.
    """
    counts = [0] * 6
    for number, hub in enumerate(hubs):
        sure = Sureness(other for at, other in enumerate(hubs) if at != number)
        for row in _made(hub, sure, precision):
            counts[0] += 1
            counts[1] += row[1]
            counts[2] += row[2]
            counts[4] += row[3]
        counts[3] += hub.processes
        counts[5] += hub.timed
    return Read(*counts)


def _made(hub: Judged, sure: Sureness, precision: float) -> list[tuple[Claim, bool, bool, bool]]:
    """Return the claims that are made: as many as are right so often, as far as is known."""
    ranked = sorted(
        ((sure(row[0]), row) for row in hub.claims),
        key=lambda one: (-one[0], -one[1][0].score, one[1][0].time, one[1][0].bits),
    )
    total, most = 0.0, 0
    for number, (share, _) in enumerate(ranked, 1):
        total += share
        if total >= precision * number:
            most = number
    return [row for _, row in ranked[:most]]


def _rising(rows: list[tuple[float, bool]]) -> list[tuple[float, float]]:
    """Return scores from which on claims are right so often: isotonic regression, by pooling.

    Each pool has one wrong claim more than it was seen to have: few right ones prove little.
    """
    pools: list[list[float]] = []  # lowest score, right, all
    for score, tied in groupby(sorted(rows), key=itemgetter(0)):
        rights = [right for _, right in tied]
        pools.append([score, float(sum(rights)), float(len(rights))])
        while len(pools) > 1 and pools[-2][1] * pools[-1][2] >= pools[-1][1] * pools[-2][2]:
            _, right_above, all_above = pools.pop()
            pools[-1][1] += right_above
            pools[-1][2] += all_above
    return [(lowest, right / (every + 1)) for lowest, right, every in pools]
