"""In: rows of an answer. Out: the answer as a whole: what it is about, its tables, what people have to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from popcon.catalog import NO_NAMESPACE, OTHER, RARE
from popcon.cli.tables import Answer, Column, Table, counted, listed, share
from popcon.insight.answers.coverage import SILENT_DAYS, CoverageRow
from popcon.insight.answers.groups import Group
from popcon.insight.answers.times import day_of, moment_of
from popcon.insight.answers.top import Top, TopRow
from popcon.insight.answers.trend import Trend
from popcon.insight.answers.unused import Unused
from popcon.insight.answers.versions import VersionRow, are_counted
from popcon.insight.usage import DAY, Period, Source

HUB = Column("namespace", "hub", "hub")
#: Lines that still fit beside each other, step by step.
SIDE_BY_SIDE = 6


def top_answer(source: Source, period: Period, groups: Sequence[Top]) -> Answer:
    """Return the answer of `popcon top`."""
    rows = [row for group in groups for row in group.rows]
    notes = [note for group in groups for note in _top_notes(group)]
    if len(notes) > SIDE_BY_SIDE:
        notes = [
            *notes[:SIDE_BY_SIDE],
            f"and {len(notes) - SIDE_BY_SIDE:,} notes more: --json has each hub's numbers",
        ]
    direct = any(row.direct is not None for row in rows)
    if direct:
        notes.append(
            "direct is low where direct imports have been counted for a part of the period only"
        )
    columns = [
        *by_hub(rows),
        Column("rank", "#", "count"),
        Column("library", "library"),
        Column("processes", "processes", "count"),
        Column("share", "share", "share"),
        Column("share", "", "bar"),
        *([Column("direct", "direct", "share")] if direct else []),
    ]
    processes = sum(group.processes for group in groups)
    libraries = [group.libraries for group in groups]
    used = (
        f"; {counted(libraries[0], 'library', 'libraries')} used"
        if len(groups) == 1 and not groups[0].namespace
        else ""
    )
    return answer(
        "popcon-top 1",
        source,
        period,
        processes,
        TopRow,
        rows,
        notes,
        [Table("", columns, rows, "No library was used in this period.")],
        head=used,
        groups=without_rows(groups),
    )


def _top_notes(group: Top) -> list[str]:
    notes = []
    hub = where(group.namespace)
    if group.tied:
        last = group.rows[-1]
        notes.append(
            f"{group.tied:,} more {'library has' if group.tied == 1 else 'libraries have'} as many "
            f"processes as {last.library}, the last one here: {last.processes:,}{hub}"
        )
    if group.unreported:
        hubs = listed([hub or NO_NAMESPACE for hub in group.unreported])
        notes.append(
            f"libraries were counted and no reports, so shares are too high, or none: {hubs}"
        )
    if group.other:
        part = f" ({share(group.other / group.processes)})" if group.processes else ""
        notes.append(
            f"{counted(group.other, 'process', 'processes')}{part} used a library that is no part of the image, "
            f"{OTHER}{hub}"
        )
    return notes


def versions_answer(
    source: Source, period: Period, libraries: Sequence[str], rows: Sequence[VersionRow]
) -> Answer:
    """Return the answer of `popcon versions`."""
    notes = []
    missing = [name for name in libraries if name not in {row.library for row in rows}]
    if missing and not rows and not are_counted(source, period):
        notes.append("versions are not counted: kernels with POPCON_DETAILS=version do that")
    elif missing:
        notes.append(f"no version was counted of {', '.join(missing)}")
    if any(row.version == RARE for row in rows):
        notes.append(f"{RARE} are versions that too few processes used for the policy to name them")
    columns = [
        Column("library", "library"),
        *by_hub(rows),
        Column("version", "version"),
        Column("processes", "processes", "count"),
        Column("share", "share", "share"),
        Column("share", "", "bar"),
        Column("last", "last used", "date"),
    ]
    return answer(
        "popcon-versions 1",
        source,
        period,
        None,
        VersionRow,
        rows,
        notes,
        [Table("", columns, rows, "No version was counted in this period.")],
    )


class _Hub(NamedTuple):
    namespace: str
    since: Any
    last: Any
    days: int
    processes: int
    mean: float | None
    state: str


def coverage_answer(source: Source, period: Period, rows: Sequence[CoverageRow]) -> Answer:
    """Return the answer of `popcon coverage`."""
    lines = [_Hub(*row[:-1], "silent" if row.silent else "") for row in rows]
    columns = [
        HUB,
        Column("since", "since", "date"),
        Column("last", "last report", "moment"),
        Column("days", "days watched", "count"),
        Column("processes", "processes", "count"),
        Column("mean", "a day", "mean"),
        Column("state", ""),
    ]
    silent = sum(bool(row.silent) for row in rows)
    notes = [f"silent: nothing came for {SILENT_DAYS} whole days and today"] if silent else []
    if any(row.last is not None and not row.last.timestamp() % DAY for row in rows):
        notes.append("a last report at 00:00 is known to the day, the one that ended then")
    return answer(
        "popcon-coverage 1",
        source,
        period,
        sum(row.processes for row in rows),
        CoverageRow,
        rows,
        notes,
        [Table("", columns, lines, "No hub is known.")],
        head=f"; {counted(len(rows), 'hub')}" + (f", {silent:,} silent" if silent else ""),
    )


def answer(
    format: str,
    source: Source,
    period: Period,
    processes: int | None,
    row: Any,
    rows: Sequence[Any],
    notes: Sequence[str],
    tables: Sequence[Table],
    head: str = "",
    lines: Sequence[str] = (),
    **facts: Any,
) -> Answer:
    """Return an answer with what all of them say: the days, the source, how many processes reported."""
    last = day_of(period.end - 1)
    so_far = ", today so far" if period.end % DAY else ""
    reported = "" if processes is None else f"; {counted(processes, 'process', 'processes')}"
    return Answer(
        format,
        {
            "period": {"begin": moment_of(period.begin), "end": moment_of(period.end)},
            "source": source.words,
            **({} if processes is None else {"processes": processes}),
            **facts,
        },
        row,
        rows,
        [*notes, *source.notes(period)],
        [
            f"{day_of(period.begin)} to {last} ({counted(period.days, 'day')}{so_far}), by {source.words}{reported}{head}",
            *lines,
        ],
        tables,
    )


def without_rows(groups: Sequence[Top | Unused | Trend]) -> list[dict[str, Any]]:
    """Return what JSON has of groups, whose rows stand by themselves."""
    return [
        {key: value for key, value in group._asdict().items() if key != "rows"} for group in groups
    ]


def by_hub(rows: Sequence[Any]) -> list[Column]:
    """Return the column of the hub, where rows have one."""
    return [HUB] if any(row.namespace is not None for row in rows) else []


def where(namespace: Group) -> str:
    """Return the words for a hub; none for all together."""
    return "" if namespace is None else f" in {namespace or NO_NAMESPACE}"
