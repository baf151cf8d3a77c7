"""In: settings, and what an admin says besides. Out: Facts, all that the page goes by; None is unknown."""

from __future__ import annotations

import os
import re
import sys
from typing import NamedTuple

from popcon.catalog import PREFIX
from popcon.config import Settings, parse_statsd_url, why_off
from popcon.errors import UsageError
from popcon.sinks import is_network, scheme_of

#: Whom a thing reaches.
EVERYBODY, ONE_PERSON, NOBODY, UNKNOWN = "everybody", "one person", "nobody", "unknown"
_UNITS = {"d": "day", "w": "week", "y": "year", "day": "day", "week": "week", "month": "month"}
_UNITS["year"] = "year"
_KEPT = re.compile(r"([1-9][0-9]{0,4}) ?(d|w|y|(?:day|week|month|year)(?=s?$))s?")


class Publication(NamedTuple):
    """When popcon's exporter shows counts: an exporter's policy, in numbers.

    `when` is what has to have passed besides ("15 minutes have passed"), or nothing; `named_from` is
    from how many processes on a library is named.
    """

    name: str
    holds: bool
    min_processes: int = 0
    when: str = ""
    daily: bool = False
    named_from: int = 1
    by_address: bool = False


class Reach(NamedTuple):
    """Whose notebooks and other programs are armed, and the files that somebody wrote by hand for it."""

    notebooks: str
    programs: str
    by_hand: tuple[str, ...] = ()


class Said(NamedTuple):
    """What an environment can't know of its site, and an admin says: None where nobody did."""

    site: str | None = None
    contact: str | None = None
    exporter: str | None = None
    policy: Publication | None = None
    kept: str | None = None
    url: str | None = None
    readers: str | None = None


class Check(NamedTuple):
    """A check of the watch list: its name, and when it holds (a key of `watch_list.KINDS`, and modules)."""

    name: str
    kind: str
    modules: tuple[str, ...]


class Facts(NamedTuple):
    """What the page is made of."""

    settings: Settings
    reach: Reach
    checks: tuple[Check, ...]
    said: Said

    @property
    def off(self) -> str:
        """Why nobody here is counted, in words, or nothing. One person's own file is no reason."""
        off = self.settings.off
        return why_off(off) if off and not is_own_file(off) else ""

    @property
    def notebooks(self) -> str:
        """Whose notebooks are counted: those that a program's activation reaches too, where all programs count."""
        if self.reach.notebooks == NOBODY and self.settings.programs == "all":
            return self.reach.programs
        return self.reach.notebooks

    @property
    def networks(self) -> tuple[str, ...]:
        """The sinks by which reports leave the machine."""
        return tuple(url for url in self.settings.sinks if is_network(url))

    @property
    def published(self) -> bool:
        """Whether counts are shown somewhere: of files only where somebody says something about that."""
        said = self.said
        return bool(self.networks) or bool(
            self.written and (said.exporter or said.kept or said.url)
        )

    @property
    def written(self) -> tuple[str, ...]:
        """The sinks that are files."""
        return tuple(
            url for url in self.settings.sinks if not is_network(url) and scheme_of(url) != "print"
        )

    @property
    def front(self) -> str:
        """What stands in front of each line besides popcon's own name, or nothing."""
        return "" if self.settings.prefix == PREFIX else self.settings.prefix

    def whom(self) -> str:
        """Return whom to ask."""
        return self.said.contact or "your admins"


def is_own_file(off: str) -> bool:
    """Return whether a switch is the file of the person who asks, and so nobody else's."""
    prefix = sys.prefix.replace(os.sep, "/")
    return "/" in off and not off.startswith(("/etc/", f"{prefix}/etc/"))


def is_this_machine(url: str) -> bool:
    """Return whether a statsd sink is on the machine that the notebook runs on."""
    host, _ = parse_statsd_url(url, scheme_of(url))
    return host in ("localhost", "::1") or host.startswith("127.")


def kept_words(text: str) -> str:
    """Return a length of time for people, or raise `UsageError`.

    >>> kept_words("13months"), kept_words("400d"), kept_words("1y")
    ('13 months', '400 days', '1 year')
    """
    found = _KEPT.fullmatch(text)
    if found is None:
        raise UsageError(f"not a length of time such as 400d or 13months: {text!r}")
    number = int(found[1])
    return f"{number} {_UNITS[found[2]]}{'s' if number > 1 else ''}"
