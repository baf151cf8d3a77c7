"""In: a period, seconds since 1970. Out: days, and the weeks and months that they belong to. All of it UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

from popcon.insight.usage import DAY, Period

#: How long a step of a trend may be.
STEPS = ("day", "week", "month")


def moment_of(seconds: float) -> datetime:
    """Return a time as a value that knows its zone."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def day_of(seconds: float) -> date:
    """Return the day that a time is in.

    >>> day_of(86_399.0)
    datetime.date(1970, 1, 1)
    """
    return moment_of(seconds).date()


def midnights(period: Period) -> list[float]:
    """Return the midnight at which each day of a period begins, today's included."""
    return [period.begin + number * DAY for number in range(period.days)]


def whole_days(period: Period) -> set[float]:
    """Return the midnights of those days that are over."""
    return {midnight for midnight in midnights(period) if midnight + DAY <= period.end}


def step_of(midnight: float, every: str) -> date:
    """Return the first day of a day's step: itself, the Monday of its week, the first of its month.

    >>> step_of(0.0, "week")
    datetime.date(1969, 12, 29)
    """
    day = day_of(midnight)
    if every == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every == "month" else day


class Step(NamedTuple):
    """A day, a week or a month: the day on which it begins, its midnights in the period.

    `whole` says that all of its days are in the period, and over.
    """

    begin: date
    days: list[float]
    whole: bool


def steps(period: Period, every: str) -> list[Step]:
    """Return a period's days, weeks or months.

    >>> [(len(one.days), one.whole) for one in steps(Period(0.0, 12.5 * DAY), "week")]
    [(4, False), (7, True), (2, False)]
    """
    over = whole_days(period)
    days: dict[date, list[float]] = {}
    for midnight in midnights(period):
        days.setdefault(step_of(midnight, every), []).append(midnight)
    return [
        Step(
            begin,
            inside,
            over.issuperset(inside)
            and day_of(inside[0]) == begin
            and step_of(inside[-1] + DAY, every) != begin,
        )
        for begin, inside in days.items()
    ]


def usual_step(period: Period) -> str:
    """Return the step by which a period fits on a screen."""
    if period.days <= 45:
        return "day"
    return "week" if period.days <= 400 else "month"
