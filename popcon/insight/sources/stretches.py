"""In: when exporters began, ended or moved. Out: the time between in stretches, each to be asked for in one question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from popcon.insight.usage import DAY
from popcon.promql.steps import STEP

#: Runs of steps are one, where no more than this lies between.
_NEAR = 3 * STEP

#: Nothing moved, nor in the day before.
QUIET = "quiet"
#: Nothing moved, but in the day before something did.
WIDE = "wide"
#: Something moved: five minutes by five minutes.
STEPS = "steps"


class Stretch(NamedTuple):
    """From one moment, which is not in it, to another, which is; and how it has to be asked for."""

    begin: float
    end: float
    kind: str

    @property
    def width(self) -> str:
        """Return its length as PromQL has it."""
        return f"{self.end - self.begin:.0f}s"

    @property
    def day(self) -> float:
        """Return the midnight of the day that it begins in."""
        return self.begin - self.begin % DAY


def stretches(
    moments: Iterable[float], begin: float, end: float, *, by_day: bool = False
) -> list[Stretch]:
    """Return the stretches from the beginning to the end. `moments` are ends of steps in which something moved.

    A scrape before such a moment may still be seen in the step after it, so that one is short, too.

    >>> [(one.begin, one.end, one.kind) for one in stretches([900], 0, 2 * DAY)]
    [(0, 600, 'quiet'), (600, 1200, 'steps'), (1200, 87600, 'wide'), (87600, 172800, 'quiet')]
    """
    found: list[Stretch] = []
    place, loud_until = begin, float("-inf")
    for first, last in _runs(moments):
        if first - STEP > place:
            found += _calm(place, min(first - STEP, end), loud_until)
        found += _whole(max(place, first - STEP), min(last, end), STEPS)
        place, loud_until = max(place, last), last + DAY
    found += _calm(place, end, loud_until)
    return list(_cut(found, by_day))


def _runs(moments: Iterable[float]) -> Iterator[tuple[float, float]]:
    """Yield the first and the last step's end of each run."""
    first = last = None
    for moment in sorted(set(moments)):
        if first is None or last is None:
            first = moment
        elif moment - last > _NEAR:
            yield first, last
            first = moment
        last = moment + STEP
    if first is not None and last is not None:
        yield first, last


def _calm(begin: float, end: float, loud_until: float) -> list[Stretch]:
    middle = min(max(begin, loud_until), end)
    return [*_whole(begin, middle, WIDE), *_whole(middle, end, QUIET)]


def _whole(begin: float, end: float, kind: str) -> list[Stretch]:
    return [Stretch(begin, end, kind)] if begin < end else []


def _cut(found: Iterable[Stretch], by_day: bool) -> Iterator[Stretch]:
    """Yield stretches that end at midnights, where days are asked for; steps always do."""
    for one in found:
        begin = one.begin
        while by_day or one.kind == STEPS:
            midnight = begin - begin % DAY + DAY
            if midnight >= one.end:
                break
            yield Stretch(begin, midnight, one.kind)
            begin = midnight
        yield Stretch(begin, one.end, one.kind)
