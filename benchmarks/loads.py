"""In: a seed. Out: datagrams as kernels send them, and the order in which they go out."""

from __future__ import annotations

import random
import re
import struct
from bisect import bisect
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from popcon.catalog import LIBRARY_USED, PREFIX, REPORTS
from popcon.sinks.statsd import MAX_DATAGRAM, pack

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
#: How fast a library's share falls from one to the next: measured shares of downloads do so.
ZIPF = 1.05
LIBRARIES = 300


class Load(NamedTuple):
    """Datagrams, and which of them goes out at each place; behind the last the first follows."""

    name: str
    datagrams: list[bytes]
    order: list[int]

    def lines(self, sent: int) -> int:
        """Return how many lines the first so many sent datagrams hold."""
        each = [self.datagrams[index].count(b"\n") + 1 for index in self.order]
        rounds, rest = divmod(sent, len(each))
        return rounds * sum(each) + sum(each[:rest])

    def lines_each(self) -> float:
        """Return the mean number of lines of a datagram."""
        return self.lines(len(self.order)) / len(self.order)

    def packed(self) -> bytes:
        """Return what `generate.c` reads."""
        parts = [struct.pack("=I", len(self.datagrams))]
        for datagram in self.datagrams:
            parts += [struct.pack("=I", len(datagram)), datagram]
        parts.append(struct.pack(f"=I{len(self.order)}I", len(self.order), *self.order))
        return b"".join(parts)


class Shares:
    """Numbers from 0 on, drawn so that each is rarer than the one before, by Zipf's law."""

    def __init__(self, count: int, random: random.Random) -> None:
        self._sums = list(accumulate((rank + 1) ** -ZIPF for rank in range(count)))
        self._random = random

    def draw(self) -> int:
        """Return one of the numbers."""
        return bisect(self._sums, self._random.random() * self._sums[-1])


def libraries() -> list[str]:
    """Return names of libraries as they stand on the wire, the most used one first."""
    names = re.findall(r"^[\w.-]+(?===)", _REQUIREMENTS.read_text(), re.MULTILINE)
    public = sorted({re.sub(r"[-_.]+", "-", name).lower() for name in names})
    random.Random(0).shuffle(public)  # noqa: S311 - a load is to be the same each time
    return public[:LIBRARIES]


def multi(seed: int = 1) -> Load:
    """Full datagrams of lines drawn one by one: 20,000 of them, hardly two the same."""
    source = random.Random(seed)  # noqa: S311
    shares = Shares(LIBRARIES, source)
    used = [LIBRARY_USED.line(PREFIX, name) for name in libraries()]
    drawn = [used[shares.draw()] for _ in range(20_000 * 34)]
    datagrams = pack(drawn)[:20_000]
    return Load("many lines", datagrams, list(range(len(datagrams))))


def single(seed: int = 2) -> Load:
    """One line in each datagram, as the `statsd` package sends them."""
    source = random.Random(seed)  # noqa: S311
    shares = Shares(LIBRARIES, source)
    used = [LIBRARY_USED.line(PREFIX, name).encode() for name in libraries()]
    return Load("one line", used, [shares.draw() for _ in range(1 << 16)])


def repeat(seed: int = 3) -> Load:
    """3,000 distinct full datagrams, some of them far more often than others: equal import sets."""
    source = random.Random(seed)  # noqa: S311
    shares = Shares(LIBRARIES, source)
    used = [LIBRARY_USED.line(PREFIX, name) for name in libraries()]
    drawn = [used[shares.draw()] for _ in range(3_000 * 34)]
    datagrams = pack(drawn)[:3_000]
    chosen = Shares(len(datagrams), source)
    return Load("that repeat", datagrams, [chosen.draw() for _ in range(1 << 16)])


def realistic(seed: int = 4) -> Load:
    """What processes of a hub send: their sorted libraries and that they reported, by namespace.

    2,000 import sets of up to 80 libraries in 20 namespaces, some far more often than others.
    """
    source = random.Random(seed)  # noqa: S311
    shares, names = Shares(LIBRARIES, source), libraries()
    sets = [
        sorted({names[shares.draw()] for _ in range(source.randint(1, 120))}) for _ in range(2_000)
    ]
    chosen, namespaces = Shares(len(sets), source), Shares(20, source)
    made: dict[bytes, int] = {}
    order: list[int] = []
    for _ in range(1 << 15):
        prefix = f"{PREFIX}.namespace.course-{namespaces.draw()}"
        lines = [LIBRARY_USED.line(prefix, name) for name in sets[chosen.draw()]]
        # "reports" is behind "library_used" in the alphabet, as a sink sorts.
        for datagram in pack([*lines, REPORTS.line(prefix)], MAX_DATAGRAM):
            order.append(made.setdefault(datagram, len(made)))
    return Load("as from a hub", list(made), order)


LOADS = (multi, single, repeat, realistic)
