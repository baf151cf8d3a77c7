"""In: nothing. Out: the values that answers are worked out from, and what a source of them has to say.

A hub is a namespace, and "" where a sender has none. Times are seconds since 1970, days are UTC's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from popcon.catalog import Metric

DAY = 86_400


class Period(NamedTuple):
    """Whole days, the last one perhaps not over: from a midnight to a midnight, or to now."""

    begin: float
    end: float

    @property
    def days(self) -> int:
        """Return how many days it has, today included.

        >>> Period(0, 2 * DAY).days, Period(0, 2 * DAY + 1).days
        (2, 3)
        """
        return int(-((self.begin - self.end) // DAY))


class Observed(NamedTuple):
    """What is known of a hub's reports.

    `first` is the midnight of the first day of which there is data at all, also before the period;
    `last` when its reports rose last, to the day or better, None if they never were seen to;
    `days` are the whole days of the period on which it was watched, `processes` the reports in it.
    """

    first: float
    last: float | None
    days: int
    processes: int


#: Label values, the hub's first → a number.
Counts = dict[tuple[str, ...], int]


def is_number(value: float) -> bool:
    """Return whether a value can be one: a NaN, an infinite one, or one above 2^53 is no count, size or time.

    Any kernel can send such, and statsd_exporter adds it.

    >>> is_number(3.0), is_number(float("nan")), is_number(1e308)
    (True, False, False)
    """
    return abs(value) <= 2**53


class Source(Protocol):
    """Where counts are kept. Every method may raise a `PopconError`."""

    #: What an answer says of where it is from, such as "recording rules".
    words: str

    def counts(self, metric: Metric, period: Period, libraries: Iterable[str] = ()) -> Counts:
        """Return (hub, the metric's own labels) → by how much it rose; 0 where it was there and didn't.

        `libraries` are all that is asked for, where there are any. `_other` and `_rare` are among them.
        """

    def by_day(
        self, metric: Metric, period: Period, libraries: Iterable[str] = ()
    ) -> dict[tuple[str, ...], dict[float, int]]:
        """Return the same for each day, by its midnight, today included; a day that wasn't watched is not there."""

    def observed(self, period: Period) -> dict[str, Observed]:
        """Return what is known of each hub, also of those that are silent in the period."""

    def sizes(self, period: Period) -> dict[tuple[str, str, str], int]:
        """Return (hub, library, part) → bytes on disk, from inventories that were sent."""

    def notes(self, period: Period) -> list[str]:
        """Return what people have to know of these numbers, a sentence each: what is held back, what is missing."""
