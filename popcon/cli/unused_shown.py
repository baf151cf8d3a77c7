"""In: unused libraries. Out: the answer of `popcon unused`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from popcon.cli.answers_shown import SIDE_BY_SIDE, answer, by_hub, where, without_rows
from popcon.cli.tables import Answer, Column, Table, counted, listed, size
from popcon.enough import unseen
from popcon.insight.answers.unused import (
    INFRASTRUCTURE,
    NEEDED,
    NEVER,
    RARE_USE,
    UNKNOWN,
    Unused,
    UnusedRow,
)
from popcon.insight.usage import Period, Source


def unused_answer(
    source: Source,
    period: Period,
    groups: Sequence[Unused],
    rarely: int,
    prefix: str | None,
    limit: int | None,
) -> Answer:
    """Return the answer of `popcon unused`."""
    rows = [row for group in groups for row in group.rows]
    verdicts = [
        f"Enough to judge{where(group.namespace)}? {group.verdict}: {counted(group.days, 'whole day')}"
        + (", in the hub with the fewest" if group.namespace is None and group.hubs > 1 else "")
        for group in groups
    ]
    if len(verdicts) > SIDE_BY_SIDE:
        more = len(verdicts) - SIDE_BY_SIDE
        verdicts[SIDE_BY_SIDE:] = [
            f"and {counted(more, 'hub')} more: --json has each hub's verdict"
        ]
    frees = [group.frees for group in groups if group.frees is not None]
    freed = f", {size(frees[0])} together" if len(groups) == 1 and any(frees) else ""
    tables = _tables(rows, rarely, freed, prefix is not None, limit)
    return answer(
        "popcon-unused 1",
        source,
        period,
        sum(group.processes for group in groups),
        UnusedRow,
        rows,
        _unused_notes(groups, rows, prefix),
        tables,
        lines=verdicts,
        rarely=rarely,
        groups=without_rows(groups),
        prefix=prefix,
    )


def _tables(
    rows: Sequence[UnusedRow], rarely: int, freed: str, inside: bool, limit: int | None
) -> list[Table]:
    def kind(name: str) -> list[UnusedRow]:
        return [row for row in rows if row.kind == name]

    library, processes = Column("library", "library"), Column("processes", "processes", "count")
    bytes_ = Column("size", "size", "size")
    judged = [Column("days", "days", "days"), Column("verdict", "enough?")]
    together = [Column("goes_with", "goes with it", "names"), Column("frees", "frees", "size")]
    hub = by_hub(rows)
    tail = [*judged, *(together if inside else [])]
    return [
        Table(
            f"Never used ({len(kind(NEVER)):,}{freed})",
            [*hub, library, bytes_, *tail],
            kind(NEVER),
            "Nothing that is known to be installed is unused." if rows else "Nothing is known.",
            limit,
        ),
        Table(
            f"Rarely used: by fewer than {rarely:,} processes ({len(kind(RARE_USE)):,})",
            [*hub, library, processes, bytes_, *tail],
            kind(RARE_USE),
            "",
            limit,
        ),
        Table(
            f"Never or rarely used, but needed ({len(kind(NEEDED)):,})",
            [*hub, library, processes, bytes_, Column("needed_by", "needed by", "names")],
            kind(NEEDED),
            "",
            limit,
        ),
        Table(
            f"Installed, and not known to the hubs ({len(kind(UNKNOWN)):,})",
            [*hub, library, bytes_, Column("dependents", "needed by", "names"), together[1]],
            kind(UNKNOWN),
            "",
            limit,
        ),
    ]


def _too_few(groups: Sequence[Unused]) -> list[str]:
    """Return what the smallest number of processes can't tell."""
    least = min((group for group in groups if group.processes), key=lambda group: group.processes)
    one_in = unseen(least.processes)
    if one_in is None:
        return []
    said = (
        f"only {counted(least.processes, 'process', 'processes')} reported{where(least.namespace)}"
    )
    if one_in == 1:
        return [f"{said}, too few to say what isn't used"]
    return [f"{said}: what one process in {one_in} uses may stand here by chance"]


def _unused_notes(
    groups: Sequence[Unused], rows: Sequence[UnusedRow], prefix: str | None
) -> list[str]:
    notes = []
    if not any(group.processes for group in groups):
        notes.append(
            "no process reported in this period, so nothing says whether any could use something"
        )
    else:
        notes += _too_few(groups)
    apart = {(row.part, row.library) for row in rows if row.kind == INFRASTRUCTURE}
    parts = Counter(part for part, _ in apart)
    if parts:
        named = ", ".join(f"{part} {number:,}" for part, number in sorted(parts.items()))
        notes.append(f"infrastructure isn't judged by its counts: {named}; --json lists it")
    if prefix is None:
        if not any(row.processes == 0 or row.size is not None for row in rows):
            notes.append(
                "no inventory was sent in this period, so what is installed and never used isn't known: "
                "popcon inventory --send"
            )
        notes.append(
            "which library needs which isn't known here: --here inside the environment, or --prefix DIR"
        )
        return notes
    notes.append(f"sizes, and which library needs which, are those of {prefix}")
    missing = sorted({row.library for row in rows if row.kind == NEVER and not row.installed})
    if missing:
        notes.append(
            f"never used, but not in {prefix} (taken out, or in another image): {listed(missing)}"
        )
    if any(row.kind == UNKNOWN for row in rows):
        notes.append(
            "what no hub knows was never counted, and no inventory of it was sent: popcon inventory --send"
        )
    return notes
