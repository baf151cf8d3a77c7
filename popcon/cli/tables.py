"""In: an answer: rows, what they are about, notes. Out: a table in a terminal, JSON, or CSV."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from popcon.catalog import NO_NAMESPACE
from popcon.cli.bars import bar, line
from popcon.cli.extras import needs
from popcon.enough import ENOUGH, ENOUGH_DAYS, HINT, TOO_EARLY

if TYPE_CHECKING:
    from rich.console import Console

#: Characters of a bar, and of a terminal below which there are none.
_BAR = 20
_NARROW = 72
#: Names that one cell lists.
_NAMED = 3
#: What a formula begins with, in one spreadsheet or another.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: A pipe has no width; nothing is cut there.
_PIPE = 1000


class Column(NamedTuple):
    """A column: a field of the rows, what stands above it, and how it is shown (a key of `_SHOWN`)."""

    field: str
    heading: str
    kind: str = "text"


class Table(NamedTuple):
    """What a terminal shows: at most `limit` of the rows, of each hub; `empty` is said where there are none."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Any]
    empty: str = ""
    limit: int | None = None


class Answer(NamedTuple):
    """An answer, before it is known who reads it.

    `facts` are JSON's, beside format, period and source; `row` is the type of the rows, whose fields
    are columns in CSV. `head` are the first lines in a terminal.
    """

    format: str
    facts: dict[str, Any]
    row: Any
    rows: Sequence[Any]
    notes: Sequence[str]
    head: Sequence[str]
    tables: Sequence[Table]


def add_format(command: argparse.ArgumentParser) -> None:
    """Add --json and --csv to a command."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="print one object")
    what.add_argument("--csv", action="store_true", help="print rows; notes go to standard error")


def show(answer: Answer, arguments: argparse.Namespace) -> None:
    """Print an answer as it was asked for."""
    if arguments.json:
        rows = [row._asdict() for row in answer.rows]
        whole = {"format": answer.format, **answer.facts, "rows": rows, "notes": answer.notes}
        json.dump(_plain(whole), sys.stdout, indent=1)
        print()
    elif arguments.csv:
        _csv(answer)
        for note in answer.notes:
            print(f"note: {printable(note)}", file=sys.stderr)
    else:
        with needs("cli"):
            import rich.table  # noqa: F401
        _terminal(answer, sys.stdout)


def _csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.row._fields)
    for row in answer.rows:
        writer.writerow(map(_cell, row))


def _cell(value: Any) -> Any:
    """Return what CSV has for a value.

    >>> _cell("=1+1"), _cell(("a", "b")), _cell(True), _cell(None)
    ("'=1+1", 'a b', 'true', None)
    """
    plain = _plain(value)
    if isinstance(plain, bool):
        return str(plain).lower()
    text = " ".join(plain) if isinstance(plain, list) else plain
    return no_formula(text) if isinstance(text, str) else text


def no_formula(text: str) -> str:
    """Return a text for CSV: one that a spreadsheet would take for a formula gets a `'` before it.

    Source: OWASP, CSV Injection.
    """
    return printable(f"'{text}" if text.startswith(_FORMULA) else text)


def _plain(value: Any) -> Any:
    """Return what JSON has for a value: times end in Z, sequences are lists."""
    if isinstance(value, datetime):
        return f"{value.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _plain(value._asdict())
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _terminal(answer: Answer, file: TextIO) -> None:
    console = console_of(file, _PIPE)
    if console.is_terminal:
        _draw(answer, console)
        return
    with console.capture() as captured:  # columns are padded, which only a terminal needs
        _draw(answer, console)
    file.write("".join(f"{each.rstrip()}\n" for each in captured.get().splitlines()))


def console_of(file: TextIO, piped: int) -> Console:
    """Return a console as wide as its terminal, or as COLUMNS says; so many characters in a pipe."""
    from rich.console import Console

    usual = Console(file=file)
    # Without a terminal some programs say that it has 0 columns.
    said = "COLUMNS" in os.environ and usual.width > 0
    width = None if said else usual.width or 80 if usual.is_terminal else piped
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def _draw(answer: Answer, console: Console) -> None:
    for each in answer.head:
        console.print(printable(each))
    for table in answer.tables:
        if not table.rows and not table.empty:
            continue
        console.print()
        if table.title:
            console.print(printable(table.title), style="bold")
        if table.rows:
            _draw_table(table, console)
        elif table.empty:
            console.print(table.empty)
    if answer.notes:
        console.print()
    for note in answer.notes:
        console.print(f"note: {printable(note)}")


def _draw_table(table: Table, console: Console) -> None:
    from rich.table import Table as RichTable
    from rich.text import Text

    rows = _first(table)
    drawn = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    columns = [
        column for column in table.columns if column.kind != "bar" or console.width >= _NARROW
    ]
    for column in columns:
        right = column.kind in _RIGHT
        drawn.add_column(column.heading, justify="right" if right else "left", overflow="fold")
    ascii_only = console.options.ascii_only
    cells = [_cells(column, rows, ascii_only) for column in columns]
    for each in zip(*cells):
        drawn.add_row(*(Text(text, style=_STYLES.get(text.partition(":")[0], "")) for text in each))
    console.print(drawn)
    if len(table.rows) > len(rows):
        console.print(f"and {len(table.rows) - len(rows):,} more")


def _first(table: Table) -> list[Any]:
    """Return the rows that are shown: the first ones of each hub, where rows have one."""
    seen: Counter[Any] = Counter()
    found = []
    for row in table.rows:
        hub = getattr(row, "namespace", None)
        seen[hub] += 1
        if table.limit is None or seen[hub] <= table.limit:
            found.append(row)
    return found


def _cells(column: Column, rows: Iterable[Any], ascii_only: bool) -> list[str]:
    values = [getattr(row, column.field) for row in rows]
    if column.kind == "bar":
        largest = max((value for value in values if value), default=1)
        return [bar((value or 0) / largest, _BAR, ascii_only) for value in values]
    if column.kind == "line":
        return [line(value, ascii_only) for value in values]
    return [
        "-" if value is None else printable(_SHOWN.get(column.kind, str)(value)) for value in values
    ]


def share(value: float) -> str:
    """Return a share for people.

    >>> share(0.1234), share(0.0001), share(0)
    ('12.3%', '<0.1%', '0.0%')
    """
    return "<0.1%" if 0 < value < 0.0005 else f"{value:.1%}"


def counted(value: int, one: str, many: str = "") -> str:
    """Return a number with what it counts.

    >>> counted(1, "process", "processes"), counted(1200, "hub")
    ('1 process', '1,200 hubs')
    """
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def size(value: int) -> str:
    """Return a number of bytes for people: 1 MB is a million.

    >>> size(999), size(12_345_678), size(2_500_000_000)
    ('999 B', '12.3 MB', '2.5 GB')
    """
    if value < 1000:
        return f"{value} B"
    number = value / 1000
    for unit in ("kB", "MB"):
        if number < 999.5:
            return f"{number:.0f} {unit}" if number >= 99.5 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} GB"


def listed(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many there are besides."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _moment(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M}"


def printable(text: str) -> str:
    """Return a text without what a terminal would obey: any kernel can send any name."""
    return (
        text
        if text.isprintable()
        else "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    )


_SHOWN: dict[str, Callable[[Any], str]] = {
    "count": "{:,}".format,
    "days": lambda days: f"{days}+" if days >= ENOUGH_DAYS else str(days),
    "mean": "{:,.1f}".format,
    "share": share,
    "size": size,
    "hub": lambda name: name or NO_NAMESPACE,
    "names": listed,
    "moment": _moment,
    "date": date.isoformat,
}
_RIGHT = ("count", "days", "mean", "share", "size")
#: Words that a terminal colours.
_STYLES = {
    TOO_EARLY: "red",
    HINT: "yellow",
    ENOUGH: "green",
    "silent": "red",
    "new": "green",
    "rising": "green",
    "gone": "red",
    "falling": "yellow",
}
