"""In: datagrams, as they come. Out: how often each line came since somebody last looked.

Counting is all that happens on the way in, in C, by `collections.Counter`: what a line means is
worked out when somebody looks, once for all its repetitions (measurements: docs/benchmarks.md). Two
things make that lossless. Counters may be added up in any order; and a line that sets or moves a
gauge may not, so datagrams that hold one are handed back to be taken in order, now.

Equal import sets make equal datagrams. As long as datagrams repeat, whole ones are counted, and
taken apart when somebody looks; where they don't, hashing them is wasted, and lines are counted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from popcon.catalog import REPORTS

#: What every line has that isn't a counter's or an observation's.
_IN_ORDER = b"|g"
#: How a datagram of popcon's ends with which a process reports for the first time: lines are sorted.
_FIRST = f".{REPORTS.wire}:1|c".encode()

#: Different datagrams, or lines, and their bytes, that wait at most until they are looked at.
MAX_WAITING = 8192
MAX_WAITING_BYTES = 8 * 1024 * 1024
#: Whole datagrams are worth counting where each came so often, on average.
_REPEATS = 2.0
#: Seconds after which datagrams get another chance to repeat.
_TRY_AGAIN = 10.0


class Counted(NamedTuple):
    """How often each text came, in the order of their first coming: datagrams if `whole`, else lines.

    `firsts` is how often a line of `reports` ended a datagram that holds something else, too; where
    whole datagrams were counted, that is still to be seen.
    """

    texts: Counter[bytes]
    firsts: Counter[bytes]
    whole: bool

    def lines(self) -> tuple[Counter[bytes], Counter[bytes]]:
        """Return how often each line came, and the firsts."""
        if not self.whole:
            return self.texts, self.firsts
        lines: Counter[bytes] = Counter()
        firsts: Counter[bytes] = Counter()
        for datagram, times in self.texts.items():
            if times == 1:
                lines.update(datagram.split(b"\n"))
            else:
                for line in datagram.split(b"\n"):
                    lines[line] += times
            for first in firsts_of([datagram]):
                firsts[first] += times
        return lines, firsts


class Intake:
    """What came in and waits to be looked at. Not safe for two threads: the pipeline has the lock.

    Without `tells_firsts` nobody asks for the firsts, and they are not looked for.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, tells_firsts: bool = True
    ) -> None:
        self._clock = clock
        self._tells_firsts = tells_firsts
        self._waiting: Counter[bytes] = Counter()
        self._firsts: Counter[bytes] = Counter()
        self._bytes = 0
        self._whole = True  # whether whole datagrams are counted, or lines
        self._until = 0.0

    def count(self, datagrams: list[bytes]) -> bool:
        """Count them; False, with nothing counted, where their order matters."""
        if self._whole:
            return self._count(datagrams)
        if not self._count(b"\n".join(datagrams).split(b"\n")):
            return False
        if self._tells_firsts:
            self._firsts.update(firsts_of(datagrams))
        return True

    def is_full(self) -> bool:
        """Whether it is time to look."""
        return len(self._waiting) >= MAX_WAITING or self._bytes >= MAX_WAITING_BYTES

    def look(self) -> Counted:
        """Return what waits, and forget it."""
        found = Counted(self._waiting, self._firsts, self._whole)
        self._waiting, self._firsts, self._bytes = Counter(), Counter(), 0
        if not self._whole:
            self._whole = self._clock() >= self._until
        else:
            total = sum(found.texts.values())
            if total > MAX_WAITING // 2 and total < _REPEATS * len(found.texts):
                self._whole, self._until = False, self._clock() + _TRY_AGAIN
        return found

    def _count(self, texts: list[bytes]) -> bool:
        into = self._waiting
        before = len(into)
        into.update(texts)
        new = len(into) - before
        if new:
            fresh = list(islice(reversed(into), new))
            if any(_IN_ORDER in text for text in fresh):
                into.subtract(texts)
                for text in fresh:
                    del into[text]
                return False
            self._bytes += sum(map(len, fresh))
        return True


def firsts_of(datagrams: list[bytes]) -> list[bytes]:
    """The `reports` lines that end a datagram which holds something else, too."""
    return [
        datagram[datagram.rindex(b"\n") + 1 :]
        for datagram in datagrams
        if datagram.endswith(_FIRST) and b"\n" in datagram
    ]
