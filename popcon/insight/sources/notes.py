"""In: a server. Out: what people have to know of its numbers: what exporters hold back, since when there is data."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from popcon.catalog import LIBRARY_USED, RARE, REPORTS
from popcon.durations import passed
from popcon.insight.usage import DAY, Observed, Period
from popcon.promql.exporter_names import HOLDING, POLICY

if TYPE_CHECKING:
    from popcon.insight.sources.stored import Stored

#: Said where a count is no number: somebody sent that, and an exporter added it.
NO_NUMBERS = (
    "some counts are NaN, infinite or above 2^53, and left out until their exporter restarts"
)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
#: Hubs that are named in one sentence.
_NAMED = 5


def notes(source: Stored, period: Period) -> list[str]:
    """Return the sentences: since when there is data, what is held back, what has no name."""
    observed = source.observed(period)
    found = _newborn(source, period)
    if not found:
        found = [*since(observed, period), *unheard(source.scope.hubs, observed, period)]
    found += _held(source, period)
    rare = sum(source.counts(LIBRARY_USED, period, (RARE,)).values())
    return [*found, *unnamed(rare)]


def _newborn(source: Stored, period: Period) -> list[str]:
    """Return why there is nothing yet where counters are there, and are minutes old."""
    if source.observed(period):
        return []
    reports = f"{REPORTS.name}{{{source.scope.matchers(REPORTS)}}}"
    if not source.server.at(f"group(last_over_time({reports}[10m]))", period.end):
        return []
    return ["counters are there, since some minutes: answers follow in steps of five, so ask again"]


def since(observed: Mapping[str, Observed], period: Period) -> list[str]:
    """Return since when there is data, where that is later than what was asked for; or that there is none."""
    if not any(one.days or one.processes for one in observed.values()):
        return [f"no counts from {day_of(period.begin)} to {day_of(period.end - 1)}"]
    first = min(one.first for one in observed.values())
    if first <= period.begin:
        return []
    there = Period(first, period.end).days
    return [f"data since {day_of(first)}: {there} of {period.days} days"]


def unheard(hubs: Iterable[str], observed: Collection[str], period: Period) -> list[str]:
    """Return from which of the hubs that were asked for nothing ever came: one may be mistyped.

    >>> unheard(("hub1", "hbu2"), {"hub1"}, Period(0, 2 * DAY))
    ["hub 'hbu2' did not report up to 1970-01-02: popcon coverage lists those that did"]
    """
    missing = [repr(hub) for hub in dict.fromkeys(hubs) if hub not in observed]
    if not missing:
        return []
    hubs_ = f"hub{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
    until = day_of(period.end - 1)
    return [f"{hubs_} did not report up to {until}: popcon coverage lists those that did"]


def unnamed(uses: int) -> list[str]:
    """Return how much has no name."""
    if not uses:
        return []
    are = "use is" if uses == 1 else "uses are"
    return [f"{uses:,} {are} under {RARE}: of libraries that too few processes used to be named"]


def policy(labels: Mapping[str, str], reasons: set[str]) -> str:
    """Return what a publication policy holds back, from its labels; "" where it holds nothing.

    >>> numbers = {"min_processes": "10", "interval_seconds": "900", "min_library_processes": "1"}
    >>> policy({"policy": "standard", **numbers}, {"processes"})
    'counts show once 10 processes have reported and 15 minutes have passed; something waits now'
    """
    if labels.get("policy", "off") == "off":
        return ""
    number = labels.get("min_processes", "?")
    when = _length(labels.get("interval_seconds", ""))
    words = f"counts show once {number} processes have reported and {when}"
    named = labels.get("min_library_processes", "1")
    if named != "1":
        words += (
            f"; a library is named from {named} processes on, and its 0 reads fewer than {named}"
        )
    return words + ("; something waits now" if reasons else "")


def day_of(moment: float) -> str:
    """Return a moment's UTC day.

    >>> day_of(0)
    '1970-01-01'
    """
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d}"


def kept(retention: str) -> float | None:
    """Return the seconds that a Prometheus keeps samples, from how it says it; None where it doesn't.

    >>> kept("15d"), kept("1y30d or 10GiB"), kept("10GiB")
    (1296000.0, 34128000.0, None)
    """
    text = retention.partition(" ")[0]
    if not re.fullmatch(r"(\d+(ms|[smhdwy]))+", text):
        return None
    found = re.findall(r"(\d+)(ms|[smhdwy])", text)
    return float(sum(int(number) * _UNITS[unit] for number, unit in found)) or None


def too_long(source: Stored, period: Period) -> str:
    """Return what is wrong, where a server has dropped what was asked for; "" where it hasn't.

    A young site has no more than it has: its first day is well after the retention's.
    """
    retention = source.server.retention()
    seconds = kept(retention)
    edge = time.time() - (seconds or 0)
    if seconds is None or edge <= period.begin:
        return ""
    observed = source.observed(period)
    if not observed:
        return ""
    first = min(one.first for one in observed.values())
    if first <= period.begin or first > edge + 2 * DAY:
        return ""
    return (
        f"{source.server.shown!r} keeps {retention}, and has nothing before {day_of(first)}; "
        f"{period.days} days were asked for: "
        "ask for fewer, or let it keep more (--storage.tsdb.retention.time)"
    )


def _held(source: Stored, period: Period) -> list[str]:
    """Return what exporters hold back at the end, by hub where they differ; and whether they do, if that is now."""
    server, moment = source.server, period.end
    waiting: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    if moment % DAY:  # a midnight is past
        for row in server.at(f"last_over_time({HOLDING}[10m]) == 1", moment):
            waiting[_target(row.labels)].add(row.labels.get("reason", ""))
    hubs: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    by = "group by (namespace, job, instance)"
    for row in server.at(f"{by} (last_over_time({REPORTS.name}[10m]))", moment):
        hubs[_target(row.labels)].add(row.labels.get("namespace", ""))
    said: defaultdict[str, set[str]] = defaultdict(set)
    for row in server.at(f"last_over_time({POLICY}[10m])", moment):
        target = _target(row.labels)
        # One that shows no hub yet holds back all that it has.
        shown = {hub for hub in hubs[target] if source.scope.has(hub)}
        if shown or not hubs[target]:
            said[policy(row.labels, waiting[target])] |= shown
    if len(said) == 1:
        return [words for words in said if words]
    by_hub = sorted((sorted(hubs), words) for words, hubs in said.items() if words)
    return [f"{_hubs(hubs)}: {words}" if hubs else words for hubs, words in by_hub]


def _target(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("job", ""), labels.get("instance", "")


def _hubs(hubs: list[str]) -> str:
    shown = [hub or "(no namespace)" for hub in hubs[:_NAMED]]
    more = len(hubs) - len(shown)
    return (
        f"hub{'s' if len(hubs) > 1 else ''} {', '.join(shown)}{f' and {more} more' if more else ''}"
    )


def _length(seconds: str) -> str:
    """Return an interval for people."""
    try:
        number = float(seconds)
    except ValueError:
        return f"{seconds} seconds have passed"
    return "a day is over" if number == DAY else passed(number)
