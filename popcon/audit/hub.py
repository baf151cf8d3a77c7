"""In: the size of a hub, and a seed. Out: its processes of ten working days, and what each of them says when.

The model follows what is known of teaching and research hubs: people with lasting preferences and a
few notebooks each, arrivals that peak by day, long-tailed lives, a lecture. `docs/privacy-audit.md`
says which numbers are chosen how.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from popcon.audit import bits
from popcon.audit.shelf import FIELDS, Shelf, drawn, shelf

DAY = 86_400
#: A Monday's midnight, UTC; weekends are left out, so that each day is a working day.
BEGIN = 1_767_571_200
#: Days of history, which an onlooker may know all about, and days that are measured.
HISTORY, MEASURED = 5, 5
#: What sends: one burst as the process ends, as popularity-contest does; or after each cell.
AT_EXIT, PER_CELL = "at exit", "per cell"

_LECTURE = 60


class Numbers(NamedTuple):
    """What a hub is like: `sessions` a person and day, `typical` libraries of a process, the median.

    `timers` people have a notebook run each half an hour, day and night, and do nothing else.
    """

    users: int
    sessions: float = 2.0
    typical: int = 41
    libraries: int = 300
    timers: int = 0


class Said(NamedTuple):
    """One report: when it leaves, in seconds since 1970, and what it says that was not said before."""

    time: float
    bits: int
    first: bool


class Process(NamedTuple):
    """One process: whose it is, all that it used, its reports, whether on a timer."""

    user: int
    bits: int
    says: tuple[Said, ...]
    timed: bool = False


class Notebook(NamedTuple):
    """What a notebook's first cell uses, and what it uses in all."""

    first: int
    all: int


def simulated(numbers: Numbers, reporter: str, seed: int) -> tuple[Shelf, list[Process]]:
    """Return what is installed, and the processes, sorted by when they first speak."""
    # Both reporters get the same people with the same days: the seed does not know which one it is.
    chance = random.Random(f"popcon {seed} {numbers}")  # noqa: S311 - no secret
    installed = shelf(numbers.libraries, max(1, round(numbers.typical / 3)), chance)
    lecture = _notebook(installed, _interests(chance), numbers.typical, chance)
    people = [_Person(installed, numbers, chance) for _ in range(numbers.users)]
    found: list[Process] = []
    for day in range(HISTORY + MEASURED):
        midnight = BEGIN + day * DAY
        for number, person in enumerate(people):
            if number < numbers.timers:
                found += person.timed(number, midnight, reporter, chance)
            else:
                found += person.day(number, midnight, reporter, chance)
        if numbers.users >= 200:
            for number in chance.sample(range(numbers.users), _LECTURE):
                start = midnight + 10 * 3600 + chance.random() * 300
                found.append(_process(installed, number, lecture, start, reporter, chance))
    found = [process for process in found if process.says]
    return installed, sorted(found, key=lambda process: process.says[0].time)


class _Person:
    """Somebody with interests, and a few notebooks that last."""

    def __init__(self, installed: Shelf, numbers: Numbers, chance: random.Random) -> None:
        self._installed, self._numbers = installed, numbers
        self._interests = _interests(chance)
        self._books = [self._new(chance) for _ in range(chance.randint(2, 6))]

    def _new(self, chance: random.Random) -> Notebook:
        return _notebook(self._installed, self._interests, self._numbers.typical, chance)

    def day(
        self, number: int, midnight: float, reporter: str, chance: random.Random
    ) -> Iterator[Process]:
        """Yield the processes of a day."""
        whole, rest = divmod(self._numbers.sessions, 1)
        for _ in range(int(whole) + (chance.random() < rest) + chance.choice((-1, 0, 0, 1))):
            if chance.random() < 0.04:
                self._books[chance.randrange(len(self._books))] = self._new(chance)
            # The one at hand most of the time, the others now and then.
            book = self._books[int(len(self._books) * chance.random() ** 2)]
            if chance.random() < 0.06:
                book = Notebook(self._installed.core, self._installed.core)  # opened, and left
            elif chance.random() < 0.5:
                book = _edited(self._installed, book, self._interests, chance)
            yield _process(
                self._installed, number, book, midnight + _arrival(chance), reporter, chance
            )

    def timed(
        self, number: int, midnight: float, reporter: str, chance: random.Random
    ) -> Iterator[Process]:
        """Yield a run each half an hour: always the same notebook, over in minutes."""
        book = self._books[0]
        for half in range(48):
            start = midnight + half * 1800 + chance.random() * 5
            late = Said(start + 60 + chance.random() * 60, book.all & ~book.first, False)
            says: tuple[Said, ...] = (Said(start + 20, book.first, True), late)
            if reporter == AT_EXIT or not late.bits:
                says = (Said(late.time, book.all, True),)
            yield Process(number, book.all, says, timed=True)


def _interests(chance: random.Random) -> list[float]:
    weights = [0.0] * FIELDS
    for weight in (1.0, 0.3, 0.1)[: chance.randint(1, 3)]:
        field = chance.choices(range(FIELDS), [1 / (rank + 1) for rank in range(FIELDS)])[0]
        weights[field] += weight
    return weights


def _notebook(
    installed: Shelf, interests: list[float], typical: int, chance: random.Random
) -> Notebook:
    size = min(typical * math.exp(chance.gauss(0, 0.45)), 2.7 * typical)
    everything = drawn(installed, interests, max(2, round(size)), chance)
    later = [one for one in bits.members(everything & ~installed.core) if chance.random() < 0.45]
    return Notebook(everything & ~bits.of(later), everything)


def _edited(
    installed: Shelf, book: Notebook, interests: list[float], chance: random.Random
) -> Notebook:
    """Return the notebook on a day on which one to three things are different."""
    first, everything = book
    for _ in range(chance.randint(1, 3)):
        if chance.random() < 0.7:
            everything |= drawn(installed, interests, bits.size(installed.core) + 1, chance)
        else:
            loose = list(bits.members(everything & ~first))
            if loose:
                everything &= ~(1 << chance.choice(loose))
    return Notebook(first, everything)


def _arrival(chance: random.Random) -> float:
    """Return a time of day in seconds: most come from nine to five."""
    kind = chance.random()
    if kind < 0.8:
        return 3600 * chance.triangular(8.5, 17.5, 11)
    return 3600 * (chance.triangular(16, 24, 19) if kind < 0.95 else chance.random() * 24)


def _process(
    installed: Shelf, user: int, book: Notebook, start: float, reporter: str, chance: random.Random
) -> Process:
    active = min(50 * 60 * math.exp(chance.gauss(0, 1.0)), 12 * 3600)
    idle = 3600 if chance.random() < 0.5 else 60  # left open until the culler comes, or closed
    soon = start + 5 + chance.random() * 25
    cells = chance.randint(1, 5)
    when = sorted(start + 30 + active * chance.random() ** 2 for _ in range(cells))
    parts = [0] * cells
    for library in bits.members(book.all & ~book.first):
        parts[chance.randrange(cells)] |= 1 << library
    if reporter == AT_EXIT:
        return Process(user, book.all, (Said(start + active + idle, book.all, True),))
    says = [Said(soon, book.first, True)]
    says += [Said(time, part, False) for time, part in zip(when, parts) if part]
    return Process(user, book.all, tuple(says))
