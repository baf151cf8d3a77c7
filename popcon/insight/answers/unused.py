"""In: a source, a period; an environment, where there is one. Out: what could go, whether that can be said yet, what it frees."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.enough import ENOUGH_DAYS, RARELY, TOO_EARLY, verdict
from popcon.errors import UsageError
from popcon.insight.answers.groups import UNNAMED, Group, group_of, grouped, in_order, share
from popcon.insight.answers.needs import Environment, Needs
from popcon.insight.usage import DAY, Observed, Period, Source
from popcon.well_known import BY_NAME, FOR_USERS, PARTS, PATTERN

NEVER, RARE_USE, NEEDED, UNKNOWN, INFRASTRUCTURE = KINDS = (
    "never",
    "rarely",
    "needed",
    "unknown",
    "infrastructure",
)
#: A server compares each series with a regular expression of names: of more than these, all is asked for.
_MATCHED = 100


class UnusedRow(NamedTuple):
    """A library that is never or rarely used, or infrastructure.

    `kind` is one of `KINDS`: never used; used by fewer processes than asked for; either of these, but
    needed by one that is used; installed, and not known to any hub; infrastructure. `days` are the
    whole days for which its count is there, in the hub with the fewest, and at most `ENOUGH_DAYS`.
    `size` is None where nobody told. The others are None without an environment: whether it has the
    library, which need it there (directly or not), which of these are used, what would go with it
    (these, and what only they need), and the bytes that this frees.
    """

    namespace: Group
    library: str
    kind: str
    processes: int | None
    share: float | None
    days: int
    verdict: str
    part: str
    size: int | None
    installed: bool | None = None
    dependents: tuple[str, ...] | None = None
    needed_by: tuple[str, ...] | None = None
    goes_with: tuple[str, ...] | None = None
    frees: int | None = None


class Unused(NamedTuple):
    """A group's rows, by kind, and whether its days are enough.

    `days` are the whole ones on which it was watched, of its `hubs` that with the fewest; `frees` the
    bytes that all never used free together.
    """

    namespace: Group
    rows: list[UnusedRow]
    processes: int
    hubs: int
    days: int
    verdict: str
    frees: int | None


def unused(
    source: Source,
    period: Period,
    rarely: int = RARELY,
    by_namespace: bool = False,
    environment: Environment | None = None,
) -> list[Unused]:
    """Return each group's unused libraries; one group but for `by_namespace`."""
    used = source.counts(LIBRARY_USED, period)
    reported = source.counts(REPORTS, period)
    reports = grouped(reported, by_namespace)
    by_group = grouped({key: n for key, n in used.items() if key[1] not in UNNAMED}, by_namespace)
    observed = source.observed(period)
    parts, sizes = _told(source, period, by_namespace, environment or {})
    few = {
        library
        for libraries in by_group.values()
        for (library,), count in libraries.items()
        if count < rarely
    }
    days = _days(source, period, few, [key for key in used if key[1] in few], observed)
    fewest: defaultdict[Group, dict[str, int]] = defaultdict(dict)
    for (hub, library), number in days.items():
        of_group = fewest[group_of(hub, by_namespace)]
        of_group[library] = min(number, of_group.get(library, number))
    could: defaultdict[Group, set[str]] = defaultdict(set)
    for hub, library in used:
        if reported.get((hub,)):
            could[group_of(hub, by_namespace)].add(library)
    found = []
    for group in in_order(reports.keys() | by_group.keys() if by_namespace else {None}):
        hubs = [
            one.days
            for hub, one in observed.items()
            if group_of(hub, by_namespace) == group and (one.days or one.processes)
        ]
        facts = _Group(
            group,
            {library: count for (library,), count in by_group.get(group, {}).items()},
            reports.get(group, {}).get((), 0),
            len(hubs),
            min(hubs, default=0),
            fewest[group],
            could[group],
            parts[group],
            sizes[group],
        )
        found.append(_of_group(facts, rarely, environment))
    return found


class _Group(NamedTuple):
    name: Group
    used: Mapping[str, int]
    reports: int
    hubs: int
    watched: int
    days: Mapping[str, int]
    #: Libraries of hubs from which reports came: only there could one have been used.
    could: Collection[str]
    parts: Mapping[str, set[str]]
    sizes: Mapping[str, int]

    def part(self, library: str) -> str:
        """Return what a library is part of: for users, if one image says so; else by its name."""
        told = self.parts.get(library)
        if told:
            order = (FOR_USERS, *PARTS)
            return min(told, key=lambda part: order.index(part) if part in order else len(order))
        return BY_NAME if re.fullmatch(PATTERN, library) else FOR_USERS


def _of_group(group: _Group, rarely: int, environment: Environment | None) -> Unused:
    inside = environment or {}
    kinds: dict[str, str] = {}
    for library in sorted(group.used.keys() | inside.keys()):
        count = group.used.get(library)
        if library in inside and inside[library].own:
            continue
        if group.part(library) != FOR_USERS:
            kinds[library] = INFRASTRUCTURE
        elif count is None:
            kinds[library] = UNKNOWN
        elif count < rarely:
            kinds[library] = RARE_USE if count else NEVER
    rows = [_row(group, library, kind) for library, kind in kinds.items()]
    frees = None
    if environment is not None:
        needs = Needs(environment)
        rows = [_with_needs(row, kinds, environment, needs) for row in rows]
        never = {row.library for row in rows if row.kind == NEVER and row.installed}
        frees = needs.size(needs.going(never, _of(kinds, NEVER, UNKNOWN)))
    elif any(row.size is not None for row in rows):
        frees = sum(row.size or 0 for row in rows if row.kind == NEVER)
    rows.sort(key=_order)
    said = verdict(group.watched) if group.reports else TOO_EARLY
    return Unused(group.name, rows, group.reports, group.hubs, group.watched, said, frees)


def _row(group: _Group, library: str, kind: str) -> UnusedRow:
    count = group.used.get(library)
    days = group.days.get(library, min(group.watched, ENOUGH_DAYS)) if count is not None else 0
    return UnusedRow(
        group.name,
        library,
        kind,
        count,
        None if count is None else share(count, group.reports),
        days,
        verdict(days) if library in group.could else TOO_EARLY,
        group.part(library),
        group.sizes.get(library),
    )


def _with_needs(
    row: UnusedRow, kinds: Mapping[str, str], environment: Environment, needs: Needs
) -> UnusedRow:
    """Return the row with who needs it; what a used library needs, or infrastructure, isn't proposed."""
    if row.library not in environment:
        return row._replace(installed=False)
    dependents = needs.dependents(row.library)
    row = row._replace(installed=True, dependents=tuple(sorted(dependents)))
    if row.kind == INFRASTRUCTURE:
        return row
    also = {RARE_USE: (NEVER, RARE_USE), UNKNOWN: (NEVER, UNKNOWN)}.get(row.kind, (NEVER,))
    kept = dependents - _of(kinds, *also)
    row = row._replace(needed_by=tuple(sorted(kept)))
    if kept:
        return row._replace(kind=row.kind if row.kind == UNKNOWN else NEEDED)
    going = needs.going([row.library], _of(kinds, *also, UNKNOWN))
    return row._replace(goes_with=tuple(sorted(going - {row.library})), frees=needs.size(going))


def _of(kinds: Mapping[str, str], *wanted: str) -> set[str]:
    return {library for library, kind in kinds.items() if kind in wanted}


def _order(row: UnusedRow) -> tuple[object, ...]:
    """Kinds one after the other; the rarest first, then what is largest."""
    size = -1 if row.size is None else row.size
    processes = row.processes or 0
    first = row.part if row.kind == INFRASTRUCTURE else ""
    return KINDS.index(row.kind), first, 0 if first else processes, -size, row.library


def _told(
    source: Source, period: Period, by_namespace: bool, environment: Environment
) -> tuple[defaultdict[Group, dict[str, set[str]]], defaultdict[Group, dict[str, int]]]:
    """Return group → library → what it is part of, and its bytes: the environment's, else the largest."""
    inside_parts = {name: one.part for name, one in environment.items()}
    inside_sizes = {name: one.size for name, one in environment.items()}
    parts: defaultdict[Group, dict[str, set[str]]] = defaultdict(
        lambda: {name: {part} for name, part in inside_parts.items()}
    )
    sizes: defaultdict[Group, dict[str, int]] = defaultdict(lambda: dict(inside_sizes))
    for (hub, library, part), size in source.sizes(period).items():
        group = group_of(hub, by_namespace)
        parts[group].setdefault(library, set()).add(part)
        if library not in environment:
            sizes[group][library] = max(size, sizes[group].get(library, 0))
    return parts, sizes


def _days(
    source: Source,
    period: Period,
    libraries: Collection[str],
    keys: Iterable[tuple[str, ...]],
    observed: Mapping[str, Observed],
) -> dict[tuple[str, ...], int]:
    """Return (hub, library) → on how many whole days its count is there, at most `ENOUGH_DAYS`.

    So it is enough to look at the last days, and further back for those few that weren't there on
    all of them: a year of each day of each library is a lot to ask for.
    """
    found = dict.fromkeys(keys, 0)
    end = period.end // DAY * DAY
    while libraries and end > period.begin:
        begin = max(period.begin, end - ENOUGH_DAYS * DAY)
        try:
            few = sorted(libraries) if len(libraries) <= _MATCHED else ()
            days = source.by_day(LIBRARY_USED, Period(begin, end), few)
        except UsageError:  # one page, which knows no days
            return {
                key: min(observed[key[0]].days, ENOUGH_DAYS) for key in found if key[0] in observed
            }
        for key, there in days.items():
            if key in found:
                found[key] = min(found[key] + len(there), ENOUGH_DAYS)
        libraries = {key[1] for key, number in found.items() if number < ENOUGH_DAYS}
        end = begin
    return found
