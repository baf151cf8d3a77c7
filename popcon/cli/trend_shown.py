"""In: trends of libraries. Out: the answer of `popcon trend`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from popcon.cli.answers_shown import answer, by_hub, where, without_rows
from popcon.cli.tables import Answer, Column, Table
from popcon.enough import FLOOR
from popcon.insight.answers.groups import Group
from popcon.insight.answers.trend import GONE, NEW, Trend, TrendRow
from popcon.insight.usage import Period, Source

#: Lines of which a terminal shows each step, too.
_STEPS = 3


class _Line(NamedTuple):
    """A library's line in a terminal."""

    namespace: Group
    library: str
    line: list[float | None]
    processes: int
    share: float | None
    before: float | None
    after: float | None
    change: str


def trend_answer(source: Source, period: Period, found: Sequence[Trend], every: str) -> Answer:
    """Return the answer of `popcon trend`."""
    rows = [row for one in found for row in one.rows]
    lines = [
        _Line(
            one.namespace,
            one.library,
            [row.share if row.reports else None for row in one.rows],
            one.processes,
            one.share,
            one.before,
            one.after,
            _word(one),
        )
        for one in found
    ]
    columns = [
        *by_hub(lines),
        Column("library", "library"),
        Column("line", f"share, each {every}", "line"),
        Column("processes", "processes", "count"),
        Column("share", "share", "share"),
        Column("before", "first half", "share"),
        Column("after", "second half", "share"),
        Column("change", "change"),
    ]
    tables = [Table("", columns, lines, "No library was used in this period.")]
    notes = []
    if len(found) <= _STEPS:
        tables += [_steps(one, every) for one in found if one.share is not None]
    else:
        notes.append(f"each {every} in numbers: of up to {_STEPS} lines here, else --csv or --json")
    if found and not any(one.change for one in found):
        notes.append(
            "whether a share rises or falls is said where both halves of the period have 14 days, hubs "
            f"that were watched throughout, and {FLOOR} processes in one of them"
        )
    if any(not row.whole for row in rows):
        notes.append(f"a {every} marked * is not all in the period, or not over")
    reports = {(one.namespace, row.begin): row.reports or 0 for one in found for row in one.rows}
    return answer(
        "popcon-trend 1",
        source,
        period,
        sum(reports.values()),
        TrendRow,
        rows,
        notes,
        tables,
        every=every,
        changes=without_rows(found),
    )


def _word(one: Trend) -> str:
    """Return what changed, and the day from which on, or up to which, it is used."""
    day = {NEW: one.first, GONE: one.last}.get(one.change or "")
    return (
        f"{one.change}: {'first' if one.change == NEW else 'last'} {day}"
        if day
        else one.change or ""
    )


class _Step(NamedTuple):
    begin: str
    days: int
    processes: int | None
    reports: int | None
    share: float | None


def _steps(one: Trend, every: str) -> Table:
    rows = [
        _Step(
            row.begin.isoformat() + ("" if row.whole else " *"),
            row.days,
            row.processes,
            row.reports,
            row.share,
        )
        for row in one.rows
    ]
    columns = [
        Column("begin", every),
        *([] if every == "day" else [Column("days", "days", "count")]),
        Column("processes", "processes", "count"),
        Column("reports", "of", "count"),
        Column("share", "share", "share"),
        Column("share", "", "bar"),
    ]
    return Table(one.library + where(one.namespace), columns, rows)
