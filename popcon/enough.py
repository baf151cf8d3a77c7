"""In: days watched, processes. Out: from when on they say something. Dashboards and answers share these numbers."""

from __future__ import annotations

#: Whole days: fewer than two weeks tell nothing, four have every weekday often enough.
HINT_DAYS = 14
ENOUGH_DAYS = 28
#: What share of a range's days has to be watched: one of ten on which Prometheus was down is forgiven.
MOST_DAYS = 0.9
#: Below so many processes in both of two ranges, a change of a share is noise.
FLOOR = 20
#: Used by fewer processes is rarely used, unless said otherwise.
RARELY = 10

#: In fewer processes, one time in twenty none uses what one in a hundred does (the rule of three).
FEW = 300

TOO_EARLY = "too early to say"
HINT = "a hint"
ENOUGH = "yes"


def unseen(processes: int) -> int | None:
    """Return n where a library that one process in n uses may be missing from so many by chance.

    That is, with one chance in twenty. None of `FEW` processes or more, 1 of so few that they say nothing.

    >>> unseen(300), unseen(299), unseen(30), unseen(5)
    (None, 99, 10, 1)
    """
    return None if processes >= FEW else max(1, processes // 3)


def verdict(days: int) -> str:
    """Return whether so many whole days are enough to call a library unused.

    >>> verdict(13), verdict(14), verdict(28)
    ('too early to say', 'a hint', 'yes')
    """
    if days < HINT_DAYS:
        return TOO_EARLY
    return HINT if days < ENOUGH_DAYS else ENOUGH
