"""In: rows of an audit. Out: them as a table, as values for JSON, as CSV."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from popcon.cli.extras import needs
from popcon.cli.tables import console_of, no_formula

if TYPE_CHECKING:
    from popcon.audit.rows import Case, Row

_OLD = "popularity-contest"


def plain(row: Row) -> dict[str, object]:
    """Return a row as JSON and CSV have it: shares from 0 to 1, seconds."""
    case, policy = row.case, row.case.policy
    found: dict[str, object] = {
        "users": case.numbers.users,
        "timers": case.numbers.timers,
        "reports": case.reporter,
        "policy": policy.name,
        "min_processes": policy.min_processes,
        "interval": policy.interval,
        "min_library_processes": policy.min_library_processes,
        "by_address": policy.by_address,
        "scrape_interval": row.scrape,
        "hubs": row.hubs,
    }
    for name, read in row.read.items():
        found |= {
            f"{name}_share": round(read.share, 5),
            f"{name}_precision": round(read.precision, 5) if read.made else None,
            f"{name}_claims": read.made,
            f"{name}_chance": round(read.chance / max(read.processes, 1), 5),
            f"{name}_timed_share": round(read.timed_right / read.timed, 5) if read.timed else None,
            "processes": read.processes,
        }
    found |= {
        "late_median": row.late.median,
        "late_95": row.late.most,
        "never_shown": row.hidden,
    }
    return found


def print_json(arguments: argparse.Namespace, *, simulated: bool, **facts: object) -> None:
    """Print one object: what both kinds of an audit say, and these facts."""
    said = {
        "format": "popcon-privacy 1",
        "simulated": simulated,
        "seed": arguments.seed,
        "precision": arguments.precision,
        **facts,
    }
    print(json.dumps(said, indent=1))


def as_csv(rows: Iterable[dict[str, object]]) -> str:
    """Return rows with the first one's columns."""
    listed = list(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(listed[0]) if listed else [], lineterminator="\n")
    writer.writeheader()
    for row in listed:
        writer.writerow(
            {key: no_formula(one) if isinstance(one, str) else one for key, one in row.items()}
        )
    return out.getvalue()


def print_rows(found: list[Row], precision: float) -> None:
    """Print a table, and what its columns mean."""
    with needs("cli"):
        from rich.table import Table
    table = Table(title="Processes whose exact set is read back", title_justify="left")
    for name in ("users", "reports", "policy"):
        table.add_column(name, justify="right" if name == "users" else "left")
    for name in ("scraped", "curious", "strong", "by chance", "claims right", "late: half, 95 %"):
        table.add_column(name, justify="right")
    before = None
    for row in found:
        curious, strong = row.read["curious"], row.read["strong"]
        if before not in (None, row.case.numbers):
            table.add_section()
        before = row.case.numbers
        timers = row.case.numbers.timers
        table.add_row(
            f"{row.case.numbers.users:,}" + (f", {timers} on a timer" if timers else ""),
            _OLD if row.case.reporter == "at exit" else row.case.reporter,
            words(row.case),
            span(row.scrape),
            percent(curious.share),
            percent(strong.share),
            percent(max(one.chance / max(one.processes, 1) for one in (curious, strong))),
            percent(strong.precision) if strong.made else "none made",
            f"{span(row.late.median)}, {span(row.late.most)}",
        )
        if timers:
            shares = [percent(x.timed_right / max(x.timed, 1)) for x in (curious, strong)]
            table.add_row("", "", "of those on a timer", "", *shares, "", "", "")
    console_of(sys.stdout, 140).print(table)
    print(
        "curious: sees the series alone. strong: also knows each process's true set in the week before.\n"
        f"Only claims that should be right {precision:.0%} of the time are made, as was learnt on other hubs;\n"
        "'claims right' is how many of strong's are. By chance: right, if sets and times had nothing to do\n"
        "with each other."
    )


def doing(what: str) -> None:
    """Say on a terminal what is being done, in place of what was said before; "" takes that away."""
    if sys.stderr.isatty():
        line = f"popcon: {what}"[:79] if what else ""
        print(line.ljust(79), end="\r", file=sys.stderr, flush=True)


def words(case: Case) -> str:
    """Return a case's policy, short."""
    policy = case.policy
    said = policy.name
    if policy.holds:
        said += f", m = {policy.min_processes}, "
        said += "daily" if policy.daily else span(int(policy.interval))
        said += f", k = {policy.min_library_processes}" if policy.min_library_processes > 1 else ""
        said += ", by address" if policy.by_address else ""
    return said


def percent(share: float) -> str:
    """Return a share for people.

    >>> percent(0.0049)
    '0.5 %'
    """
    return f"{100 * share:.1f} %"


def span(seconds: int) -> str:
    """Return a duration, short.

    >>> span(15), span(900), span(5400)
    ('15 s', '15 min', '1.5 h')
    """
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds / 60:.3g} min" if seconds < 3600 else f"{seconds / 3600:.3g} h"
