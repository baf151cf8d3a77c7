"""In: a source, a period. Out: all numbers of the page, so that what writes it only has to say them."""

from __future__ import annotations

from typing import NamedTuple

from popcon.catalog import LIBRARY_USED, OTHER, RARE
from popcon.enough import RARELY, TOO_EARLY
from popcon.errors import UsageError
from popcon.insight.answers.groups import UNNAMED
from popcon.insight.answers.needs import Environment
from popcon.insight.answers.unused import INFRASTRUCTURE, NEEDED, NEVER, UnusedRow, unused
from popcon.insight.report.changes import Changes, changes
from popcon.insight.report.spans import Trend, trend
from popcon.insight.usage import Counts, Observed, Period, Source


class Used(NamedTuple):
    """A library that was used: by how many processes, and by which share of a hub's, lowest and highest."""

    name: str
    processes: int
    share: float
    lowest: float
    highest: float
    hubs: int


class Image(NamedTuple):
    """What the libraries of one hub's image take, in bytes."""

    hub: str
    used: int
    rare: int
    unused: int
    early: int
    infrastructure: int


class Facts(NamedTuple):
    """All that the page says.

    `unused` are libraries for users that no process used and of which enough days are known, the
    largest first; `early` those of which too few are; `needed` those that one that is used needs.
    `hubs_with` is library → the hubs that reported and have it. `frees` are bytes in the image where
    that is most. `needs_known` is whether it was looked at what needs what.
    """

    period: Period
    made: float
    words: str
    notes: list[str]
    hubs: dict[str, Observed]
    processes: int
    libraries_of: dict[str, int]
    used: list[Used]
    unused: list[UnusedRow]
    early: list[UnusedRow]
    needed: list[UnusedRow]
    hubs_with: dict[str, int]
    infrastructure: list[str]
    image: Image | None
    frees: int
    without_inventory: list[str]
    other: int
    rare: int
    needs_known: bool
    changes: Changes | None
    trend: Trend | None

    @property
    def active(self) -> list[str]:
        """Return the hubs from which reports came, those with most first."""
        found = [hub for hub, seen in self.hubs.items() if seen.processes]
        return sorted(found, key=lambda hub: (-self.hubs[hub].processes, hub))

    @property
    def days(self) -> int:
        """Return on how many whole days the hub was watched that was watched longest."""
        return max((self.hubs[hub].days for hub in self.active), default=0)

    @property
    def rarely(self) -> list[Used]:
        """Return what was used, by few."""
        return [one for one in self.used if one.processes < RARELY]

    @property
    def installed(self) -> int:
        """Return how many libraries for users are known to be there."""
        for_users = sum(1 for one in self.used if one.name not in self.infrastructure)
        return for_users + len(self.unused) + len(self.early) + len(self.needed)


def facts(
    source: Source, period: Period, made: float, environment: Environment | None = None
) -> Facts:
    """Return what the page says. `environment` is what the image has, where this runs in it."""
    hubs = source.observed(period)
    counts = source.counts(LIBRARY_USED, period)
    sizes = source.sizes(period)
    active = {hub for hub, seen in hubs.items() if seen.processes}
    totals: dict[str, int] = {}
    there: dict[str, int] = {}
    for (hub, library), number in counts.items():
        totals[library] = totals.get(library, 0) + number
        there[library] = there.get(library, 0) + (hub in active)
    other, rare = totals.pop(OTHER, 0), totals.pop(RARE, 0)
    processes = sum(seen.processes for seen in hubs.values())
    rows = unused(source, period, environment=environment)[0].rows
    # Where nothing reports, a library that is there says nothing.
    never = [one for one in rows if one.kind == NEVER and there.get(one.library)]
    early = [one for one in never if one.verdict == TOO_EARLY]
    may_go = [one for one in never if one.verdict != TOO_EARLY]
    apart = {one.library for one in rows if one.kind == INFRASTRUCTURE}
    used = _used(totals, counts, hubs, processes)
    compared, shares = _over_time(source, period)
    with_inventory = {hub for hub, _, _ in sizes} | {
        hub for (hub, _), number in counts.items() if not number
    }
    names = {one.library for one in may_go}
    return Facts(
        period=period,
        made=made,
        words=source.words,
        notes=source.notes(period),
        hubs=hubs,
        processes=processes,
        libraries_of=_libraries_of(counts),
        used=used,
        unused=sorted(may_go, key=lambda one: (-(one.size or 0), one.library)),
        early=early,
        needed=[one for one in rows if one.kind == NEEDED and not one.processes],
        hubs_with=there,
        infrastructure=sorted(apart),
        image=_image(
            sizes,
            active,
            apart,
            names,
            {one.library for one in early},
            {one.name for one in used if one.processes < RARELY} - apart,
        ),
        frees=max(_by_hub(sizes, active, names).values(), default=0)
        or sum(one.size or 0 for one in may_go),
        without_inventory=sorted(active - with_inventory),
        other=other,
        rare=rare,
        needs_known=environment is not None,
        changes=compared,
        trend=shares,
    )


def _over_time(source: Source, period: Period) -> tuple[Changes | None, Trend | None]:
    """Return what changed, and how it went; a saved page knows no days."""
    try:
        compared = changes(source, period)
        moved = [] if compared is None else [one.name for one in compared.moved]
        begin = period.begin if compared is None else min(period.begin, compared.before.begin)
        return compared, trend(source, Period(begin, period.end), moved)
    except UsageError:
        return None, None


def _used(
    totals: dict[str, int], counts: Counts, hubs: dict[str, Observed], processes: int
) -> list[Used]:
    shares: dict[str, list[float]] = {}
    for (hub, library), number in counts.items():
        if hub in hubs and hubs[hub].processes:
            shares.setdefault(library, []).append(number / hubs[hub].processes)
    rows = [
        Used(
            name,
            number,
            # A process of another day may have reported its first library before the period.
            min(number / processes, 1.0) if processes else 0.0,
            min(min(shares.get(name, [0.0])), 1.0),
            min(max(shares.get(name, [0.0])), 1.0),
            sum(1 for share in shares.get(name, ()) if share),
        )
        for name, number in totals.items()
        if number
    ]
    return sorted(rows, key=lambda one: (-one.processes, one.name))


def _by_hub(
    sizes: dict[tuple[str, str, str], int], hubs: set[str], libraries: set[str]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for (hub, library, _), number in sizes.items():
        if hub in hubs:
            found[hub] = found.get(hub, 0) + (number if library in libraries else 0)
    return found


def _image(
    sizes: dict[tuple[str, str, str], int],
    hubs: set[str],
    apart: set[str],
    unused: set[str],
    early: set[str],
    rarely: set[str],
) -> Image | None:
    """Return where the disk goes in the largest image."""
    totals = _by_hub(sizes, hubs, {library for _, library, _ in sizes})
    if not totals:
        return None
    largest = min(totals, key=lambda hub: (-totals[hub], hub))
    own = {largest}
    parts = [
        _by_hub(sizes, own, chosen).get(largest, 0) for chosen in (rarely, unused, early, apart)
    ]
    return Image(largest, totals[largest] - sum(parts), *parts)


def _libraries_of(counts: Counts) -> dict[str, int]:
    found: dict[str, int] = {}
    for (hub, library), number in counts.items():
        if number and library not in UNNAMED:
            found[hub] = found.get(hub, 0) + 1
    return found
