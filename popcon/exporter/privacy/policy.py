"""In: a policy's name, and numbers that a site chose. Out: a Policy, when counts become visible.

What the numbers are worth was measured by attack; `docs/privacy.md` says what each of them means.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from popcon.durations import passed
from popcon.errors import UsageError

DAY = 86_400.0


@dataclass(frozen=True)
class Policy:
    """When a group's increments become visible, all in one step.

    At least `min_processes` have to have reported for the first time since the group's last step,
    and `interval` seconds have to have passed; with `daily`, it is once a day, after midnight in
    `timezone`. Below `min_library_processes` a name is not shown (1 shows all). With `by_address`,
    an address counts as one process in each batch.
    """

    name: str
    min_processes: int
    interval: float
    daily: bool = False
    min_library_processes: int = 1
    timezone: tzinfo = timezone.utc
    by_address: bool = False

    @property
    def holds(self) -> bool:
        """Whether anything is held at all."""
        return self.name != "off"

    def words(self) -> str:
        """Return what the policy does, for people."""
        if not self.holds:
            return "off: every count shows at once"
        k = self.min_library_processes
        named = f"; a library is named from {k} processes on" if k > 1 else ""
        return (
            f"{self.name}: popcon's own metrics show when {self.min_processes} processes have "
            f"reported and {self.when()}{named}"
        )

    def when(self) -> str:
        """Return what has to have passed between two steps, for people."""
        if self.daily:
            return f"the day is over ({self.timezone})"
        return passed(self.interval)

    def day(self, now: float) -> int:
        """Return the number of the day that it is, by the policy's time zone."""
        return datetime.fromtimestamp(now, self.timezone).toordinal()

    def next_midnight(self, now: float) -> float:
        """Return when the next day begins, in seconds since 1970."""
        tomorrow = datetime.fromtimestamp(now, self.timezone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), self.timezone).timestamp()


OFF = Policy("off", 0, 0.0)
STANDARD = Policy("standard", 10, 900.0)
STRICT = Policy("strict", 20, DAY, daily=True, min_library_processes=20)
POLICIES = {policy.name: policy for policy in (OFF, STANDARD, STRICT)}


def chosen(
    name: str,
    *,
    min_processes: int | None = None,
    interval: float | None = None,
    min_library_processes: int | None = None,
    timezone: str | None = None,
    by_address: bool = False,
) -> Policy:
    """Return a policy by name, with the numbers that are given in place of its own.

    An interval takes the place of *strict*'s midnight. Raises `UsageError`.
    """
    if name not in POLICIES:
        raise UsageError(f"not a privacy policy: '{name}' ({', '.join(POLICIES)})")
    numbers = {
        "min_processes": min_processes,
        "interval": interval,
        "min_library_processes": min_library_processes,
        "timezone": None if timezone is None else _zone(timezone),
        "by_address": by_address or None,
        "daily": None if interval is None else False,
    }
    given: dict[str, Any] = {key: value for key, value in numbers.items() if value is not None}
    if name == OFF.name and given:
        raise UsageError("the privacy policy 'off' holds nothing, so it takes no numbers")
    for what, number in (("processes", min_processes), ("processes", min_library_processes)):
        if number is not None and number < 1:
            raise UsageError(f"not a number of {what}: '{number}' (1 or more)")
    if interval is not None and not 0 <= interval <= 366 * DAY:
        raise UsageError(f"not an interval: '{interval:g}' seconds (0 to a year)")
    return dataclasses.replace(POLICIES[name], **given)


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; a path; a folder of zones
        raise UsageError(f"not a time zone: '{name}' (as in Europe/Berlin)") from None
