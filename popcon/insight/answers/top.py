"""In: a source, a period. Out: the libraries that most processes used, by all hubs together or by each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from popcon.catalog import LIBRARY_DIRECT, LIBRARY_USED, OTHER, RARE, REPORTS
from popcon.insight.answers.groups import UNNAMED, Group, group_of, grouped, in_order, share
from popcon.insight.usage import Counts, Period, Source


class TopRow(NamedTuple):
    """A library: the processes that used it, and their share of those that reported.

    `direct` is the share of these in which the user's own code imports it, of hubs that count that;
    None where none does. Libraries that as many used have the same `rank`.
    """

    namespace: Group
    rank: int
    library: str
    processes: int
    share: float | None
    direct: float | None


class Top(NamedTuple):
    """The first libraries of a group, and what has to be said of the rest.

    `processes` reported, `libraries` were used, `more` of them have no row; of those, `tied` were
    used by as many as the last one that has. `other` and `rare` are no libraries. From the hubs
    `unreported` came uses and no reports, which leaves shares too high.
    """

    namespace: Group
    rows: list[TopRow]
    processes: int
    libraries: int
    more: int
    tied: int
    other: int
    rare: int
    unreported: tuple[str, ...]


def top(
    source: Source, period: Period, number: int | None = 20, by_namespace: bool = False
) -> list[Top]:
    """Return the `number` most used libraries of each group, or all; one group but for `by_namespace`.

    Libraries that as many processes used come by name.
    """
    used = source.counts(LIBRARY_USED, period)
    direct = source.counts(LIBRARY_DIRECT, period)
    reported = source.counts(REPORTS, period)
    reports = grouped(reported, by_namespace)
    by_group = grouped(used, by_namespace)
    shares = _direct_shares(used, direct, by_namespace)
    unreported = {hub for (hub, _), count in used.items() if count and not reported.get((hub,))}
    groups = reports.keys() | by_group.keys() if by_namespace else {None}
    return [
        _top(
            group,
            {library: count for (library,), count in by_group.get(group, {}).items()},
            reports.get(group, {}).get((), 0),
            shares.get(group, {}),
            tuple(sorted(hub for hub in unreported if group_of(hub, by_namespace) == group)),
            number,
        )
        for group in in_order(groups)
    ]


def _top(
    group: Group,
    used: Mapping[str, int],
    reports: int,
    direct: Mapping[str, float],
    unreported: tuple[str, ...],
    number: int | None,
) -> Top:
    ranked = sorted(
        ((count, name) for name, count in used.items() if count and name not in UNNAMED),
        key=lambda each: (-each[0], each[1]),
    )
    first = ranked if number is None else ranked[:number]
    rows: list[TopRow] = []
    for place, (count, name) in enumerate(first, 1):
        rank = rows[-1].rank if rows and rows[-1].processes == count else place
        rows.append(TopRow(group, rank, name, count, share(count, reports), direct.get(name)))
    rest = ranked[len(rows) :]
    tied = sum(1 for count, _ in rest if rows and count == rows[-1].processes)
    return Top(
        group,
        rows,
        reports,
        len(ranked),
        len(rest),
        tied,
        used.get(OTHER, 0),
        used.get(RARE, 0),
        unreported,
    )


def _direct_shares(
    used: Counts, direct: Counts, by_namespace: bool
) -> dict[Group, dict[str, float]]:
    """Return group → library → the share of direct imports, of hubs that count these."""
    counting = {hub for hub, _ in direct}
    wholes = grouped({key: n for key, n in used.items() if key[0] in counting}, by_namespace)
    parts = grouped(direct, by_namespace)
    return {
        group: {
            key[0]: parts.get(group, {}).get(key, 0) / whole
            for key, whole in libraries.items()
            if whole
        }
        for group, libraries in wholes.items()
    }
