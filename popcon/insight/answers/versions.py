"""In: a source, a period, libraries. Out: the versions of each that were used, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from packaging.version import Version

from popcon.catalog import LIBRARY_VERSION
from popcon.errors import UsageError
from popcon.insight.answers.groups import UNNAMED, Group, group_of, grouped, share
from popcon.insight.answers.times import day_of
from popcon.insight.usage import Period, Source


class VersionRow(NamedTuple):
    """A version: the processes that used it, their share of those whose version is known.

    `last` is the last day on which it was used, None where the source knows no days.
    """

    namespace: Group
    library: str
    version: str
    processes: int
    share: float | None
    last: date | None


def versions(
    source: Source, period: Period, libraries: Sequence[str], by_namespace: bool = False
) -> list[VersionRow]:
    """Return the rows of each library, in the order of PEP 440 from the newest on; `_rare` is last."""
    counts = source.counts(LIBRARY_VERSION, period, libraries)
    last = _last(source, period, libraries, by_namespace)
    rows = []
    for group, by_version in grouped(counts, by_namespace).items():
        totals: dict[str, int] = {}
        for (library, _), count in by_version.items():
            totals[library] = totals.get(library, 0) + count
        rows += [
            VersionRow(
                group,
                library,
                version,
                count,
                share(count, totals[library]),
                last.get((group, library, version)),
            )
            for (library, version), count in by_version.items()
            if count
        ]
    place = {library: number for number, library in enumerate(libraries)}
    rows.sort(key=lambda row: newest(row.version), reverse=True)
    rows.sort(key=lambda row: (place.get(row.library, len(place)), row.namespace or ""))
    return rows


def are_counted(source: Source, period: Period) -> bool:
    """Return whether any version of anything is."""
    return bool(source.counts(LIBRARY_VERSION, period))


def newest(version: str) -> tuple[int, Version, str]:
    """Return what sorts versions; what is none by PEP 440 is older than any, and no name the oldest.

    >>> max("1.9", "1.10", "_rare", key=newest)
    '1.10'
    """
    try:
        return 2, Version(version), version
    except ValueError:  # none by PEP 440, or of more digits than Python reads
        return int(version not in UNNAMED), Version("0"), version


def _last(
    source: Source, period: Period, libraries: Sequence[str], by_namespace: bool
) -> dict[tuple[Group, str, str], date]:
    try:
        found = source.by_day(LIBRARY_VERSION, period, libraries)
    except UsageError:  # one page, which knows no days
        return {}
    last: dict[tuple[Group, str, str], date] = {}
    for (hub, library, version), days in found.items():
        key = group_of(hub, by_namespace), library, version
        used = [day_of(day) for day, count in days.items() if count]
        if used:
            last[key] = max(*used, last.get(key, used[0]))
    return last
