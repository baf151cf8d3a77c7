"""In: the truth, whole UTC days. Out: what `popcon top`, `unused`, `trend`, `versions` and `coverage` have to answer.

Written from what the commands say of themselves, without their code. Numbers are rows' fields by name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from packaging.version import Version

from popcon.catalog import (
    LIBRARY_DIRECT,
    LIBRARY_USED,
    LIBRARY_VERSION,
    OTHER,
    RARE,
    REPORTS,
    Metric,
)
from popcon.well_known import PATTERN
from tests.dashboards import site
from tests.dashboards.counts import counts, day_of
from tests.dashboards.exporters import NOW, at
from tests.dashboards.shown import OF_LATE

#: One row: its fields, in JSON's words.
Row = dict[str, Any]


class Days(NamedTuple):
    """The first day and the last one, which may be the one on which the history ends."""

    first: int
    last: int

    @property
    def since(self) -> str:
        """Return the first day as a person types it."""
        return spelled(self.first)

    @property
    def until(self) -> str:
        """Return the last one."""
        return spelled(self.last)

    @property
    def begin(self) -> float:
        """Return the first midnight."""
        return at(self.first)

    @property
    def end(self) -> float:
        """Return the last one, or when the history ends."""
        return min(at(self.last + 1), NOW)

    @property
    def whole(self) -> range:
        """Return those that are over."""
        return range(self.first, self.last + (at(self.last + 1) <= NOW))

    def added(self, metric: Metric, *by: str) -> dict[tuple[str, ...], int]:
        """Return what was added, by labels; nothing for what was not there."""
        names = ("namespace", *metric.labels)
        found: dict[tuple[str, ...], int] = {}
        for key, days in counts().added.items():
            numbers = [days[day] for day in range(self.first, self.last + 1) if day in days]
            if key.metric == metric.name and numbers:
                labels = tuple(key.labels[names.index(name)] for name in by)
                found[labels] = found.get(labels, 0) + sum(numbers)
        return found


def spelled(day: int) -> str:
    """Return a day's date."""
    return f"{datetime.fromtimestamp(at(day), timezone.utc):%Y-%m-%d}"


def top(days: Days, by_hub: bool = False) -> list[Row]:
    """Return all rows of `popcon top -n all`."""
    rows: list[Row] = []
    for hub in _hubs(days, REPORTS) if by_hub else (None,):
        reports = _of(days.added(REPORTS, "namespace"), hub)[()]
        used = _of(days.added(LIBRARY_USED, "namespace", "library"), hub)
        counting = _hubs(days, LIBRARY_DIRECT)
        whole = _of(_among(days.added(LIBRARY_USED, "namespace", "library"), counting), hub)
        direct = _of(days.added(LIBRARY_DIRECT, "namespace", "library"), hub)
        ranked = sorted((-number, name) for (name,), number in used.items() if number)
        ranked = [(number, name) for number, name in ranked if name not in (OTHER, RARE)]
        for number, name in ranked:
            rows.append(
                {
                    "namespace": hub,
                    "rank": 1 + sum(other < number for other, _ in ranked),
                    "library": name,
                    "processes": -number,
                    "share": -number / reports,
                    "direct": direct[(name,)] / whole[(name,)] if whole[(name,)] else None,
                }
            )
    return rows


def unused(days: Days) -> list[Row]:
    """Return the rows of `popcon unused`: what nobody used, what fewer than ten did, infrastructure."""
    used = days.added(LIBRARY_USED, "library")
    fewest: dict[str, int] = {}
    for key, known in counts().added.items():
        if key.metric == LIBRARY_USED.name and any(
            day in known for day in (*days.whole, days.last)
        ):
            name = key.labels[1]
            there = min(28, sum(day in known for day in days.whole))
            fewest[name] = min(there, fewest.get(name, there))
    reports = days.added(REPORTS)[()]
    # Before any inventory was sent, names have to do.
    told = days.end > OF_LATE
    rows = []
    for (name,), number in used.items():
        if name in (OTHER, RARE):
            continue
        kind = "never" if not number else "rarely" if number < 10 else ""
        if site.BY_NAME[name].part != "library" if told else re.fullmatch(PATTERN, name):
            kind = "infrastructure"
        if kind:
            enough = fewest[name] >= 28
            rows.append(
                {
                    "library": name,
                    "kind": kind,
                    "processes": number,
                    "share": number / reports,
                    "days": fewest[name],
                    "verdict": "yes"
                    if enough
                    else "a hint"
                    if fewest[name] >= 14
                    else "too early to say",
                }
            )
    return sorted(rows, key=lambda row: str(row["library"]))


def trend(days: Days, library: str) -> list[Row]:
    """Return the steps of `popcon trend --every month`."""
    months: dict[str, list[int]] = {}
    for day in range(days.first, days.last + 1):
        months.setdefault(spelled(day)[:7], []).append(day)
    rows = []
    for month, inside in months.items():
        watched = [day for day in inside if any(day in known for known in _reported().values())]
        reports = sum(known.get(day, 0) for day in inside for known in _reported().values())
        number = sum(
            known.get(day, 0)
            for day in inside
            for key, known in counts().added.items()
            if key.metric == LIBRARY_USED.name and key.labels[1] == library
        )
        rows.append(
            {
                "library": library,
                "begin": f"{month}-01",
                "days": len(watched),
                "processes": number if watched else None,
                "reports": reports if watched else None,
                "share": number / reports if reports else None,
            }
        )
    return rows


def versions(days: Days, libraries: Iterable[str]) -> list[Row]:
    """Return the rows of `popcon versions`."""
    rows = []
    for library in libraries:
        found = days.added(LIBRARY_VERSION, "library", "version")
        known = {version: number for (name, version), number in found.items() if name == library}
        for version in sorted(known, key=Version, reverse=True):
            last = max(
                (
                    day
                    for key, added in counts().added.items()
                    if key.metric == LIBRARY_VERSION.name and key.labels[1:] == (library, version)
                    for day in range(days.first, days.last + 1)
                    if added.get(day)
                ),
                default=None,
            )
            if last is not None:
                rows.append(
                    {
                        "library": library,
                        "version": version,
                        "processes": known[version],
                        "share": known[version] / sum(known.values()),
                        "last": spelled(last),
                    }
                )
    return rows


def coverage(days: Days) -> list[Row]:
    """Return the rows of `popcon coverage`, of hubs that were there by then. `last` is to the day."""
    rows = []
    for hub, known in sorted(_reported().items()):
        if min(known) > days.last:
            continue
        whole = [known[day] for day in days.whole if day in known]
        rose = [day for day, number in known.items() if number and day <= days.last]
        silent = not rose or days.whole[-1] - max(rose) >= 7
        rows.append(
            {
                "namespace": hub,
                "since": spelled(min(known)),
                "days": len(whole),
                "processes": days.added(REPORTS, "namespace").get((hub,), 0),
                "mean": sum(whole) / len(whole) if whole else None,
                "silent": silent,
                "last": max(rose, default=None),
            }
        )
    return rows


def last_day(row: Mapping[str, Any]) -> int | None:
    """Return the day of a `last` of coverage: when it is known to the day, it is the midnight at its end."""
    if row["last"] is None:
        return None
    moment = datetime.strptime(row["last"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    return day_of(moment.timestamp())


def _reported() -> dict[str, Counter[int]]:
    return {
        key.labels[0]: days for key, days in counts().added.items() if key.metric == REPORTS.name
    }


def _hubs(days: Days, metric: Metric) -> list[str]:
    return sorted({hub for (hub,) in days.added(metric, "namespace")})


def _of(found: Mapping[tuple[str, ...], int], hub: str | None) -> Counter[tuple[str, ...]]:
    totals: Counter[tuple[str, ...]] = Counter()
    for (of_hub, *labels), number in found.items():
        if hub in (None, of_hub):
            totals[tuple(labels)] += number
    return totals


def _among(found: Mapping[tuple[str, ...], int], hubs: Iterable[str]) -> dict[tuple[str, ...], int]:
    return {key: number for key, number in found.items() if key[0] in set(hubs)}
