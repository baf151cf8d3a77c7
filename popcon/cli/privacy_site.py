"""In: a site's Prometheus. Out: how few reports its counters move by, and what a simulation of it gives away."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from popcon.cli import source_flags
from popcon.cli.extras import needs
from popcon.cli.privacy_tables import as_csv, doing, percent, plain, print_json, span, words
from popcon.cli.tables import console_of, printable
from popcon.errors import PopconError

if TYPE_CHECKING:
    from popcon.audit.rows import Row
    from popcon.audit.site import Moved, Site
    from popcon.exporter.privacy.policy import Policy
    from popcon.insight.usage import Period

#: How far back is looked where nobody says: these are raw samples, not days.
SINCE = "7d"
#: Hubs that an estimate is made for: the one with the fewest reports a day, the middle, the most.
_ESTIMATED = 3


def look(arguments: argparse.Namespace, url: str, chosen: Policy | None) -> int:
    """Look at a site, and print what is seen there and what is estimated."""
    with needs("cli"):
        import requests  # noqa: F401
        import rich  # noqa: F401
    from popcon.audit.site import looked_at
    from popcon.insight.sources.notes import NO_NUMBERS
    from popcon.insight.sources.prometheus import Prometheus
    from popcon.insight.sources.scope import Scope

    arguments.since = arguments.since or SINCE
    period = source_flags.period(arguments, float(int(time.time())))
    server = Prometheus(source_flags.access(arguments, url))
    scope = Scope(tuple(arguments.namespace or ()), arguments.without_namespace)
    few = arguments.fewer_than or (chosen.min_processes if chosen and chosen.holds else None)
    doing("reading samples")
    site = looked_at(server, period, scope, few)
    doing("")
    for note in [*server.said, *([NO_NUMBERS] if server.is_odd else [])]:
        print(f"note: {note}", file=sys.stderr)
    if not site.moved:
        # Not an empty answer: a site that sees nothing must not take it for privacy.
        raise PopconError(f"no samples of reports from {_days(period)}: {server.shown!r}")
    estimates = _estimates(arguments, site, chosen)
    doing("")
    if arguments.json:
        print_json(
            arguments,
            simulated=False,
            period=dict(zip(("begin", "end"), map(_moment, period))),
            fewer_than=site.few,
            policy=site.policy.name if site.policy else None,
            namespaces=[_seen(one, site) for one in site.moved],
            estimates=[{"namespace": name, **plain(row)} for name, row in estimates],
        )
    elif arguments.csv:
        print(as_csv(_seen(one, site) for one in site.moved), end="")
        for name, row in estimates:
            read = row.read["strong"]
            shown = printable(name) or "no namespace"
            print(f"estimate for {shown}: {percent(read.share)}", file=sys.stderr)
    else:
        print_site(site, estimates, period)
    return 0


def _estimates(
    arguments: argparse.Namespace, site: Site, chosen: Policy | None
) -> list[tuple[str, Row]]:
    """Return rows of simulations with the rates of up to three hubs, by name."""
    from popcon.audit.hub import PER_CELL
    from popcon.audit.published import SCRAPE
    from popcon.audit.rows import Case, rows
    from popcon.audit.site import numbers_of
    from popcon.exporter.mapping.mapping import load
    from popcon.exporter.privacy.policy import OFF
    from popcon.render.mapping import mapping_text

    ranked = sorted(site.rates, key=lambda name: (site.rates[name].per_day, name))
    places = sorted({0, len(ranked) // 2, len(ranked) - 1}) if ranked else []
    rules = load(mapping_text(), source="popcon's own rules")
    scrapes = {one.namespace: one.scrape for one in site.moved}
    found = []
    for name in [ranked[place] for place in places][:_ESTIMATED]:
        doing(f"simulating hubs as {printable(name) or 'the one without a namespace'}")
        # A multiple of what the simulation scrapes at, and finer rather than coarser.
        scrape = max(SCRAPE, scrapes[name] // SCRAPE * SCRAPE)
        case = Case(numbers_of(site.rates[name]), PER_CELL, chosen or site.policy or OFF)
        more = {"hubs": arguments.hubs, "precision": arguments.precision}
        found += [(name, row) for row in rows(case, [scrape], rules, arguments.seed, **more)]
    return found


def _seen(one: Moved, site: Site) -> dict[str, object]:
    rates = site.rates.get(one.namespace)
    return {
        **one._asdict(),
        "fewer_than": site.few,
        "reports_a_day": round(rates.per_day, 2) if rates else None,
        "libraries_a_process": round(rates.typical, 1) if rates else None,
        "libraries": rates.libraries if rates else None,
    }


def _moment(seconds: float) -> str:
    from popcon.insight.answers.times import moment_of

    return f"{moment_of(seconds):%Y-%m-%dT%H:%M:%SZ}"


def _days(period: Period) -> str:
    """Return the period's first and last day.

    >>> from popcon.insight.usage import Period
    >>> _days(Period(0, 3 * 86_400))
    '1970-01-01 to 1970-01-03'
    """
    from popcon.insight.answers.times import day_of

    return f"{day_of(period.begin)} to {day_of(period.end - 1)}"


def print_site(site: Site, estimates: list[tuple[str, Row]], period: Period) -> None:
    """Print tables of what was seen and estimated. Namespaces are names that any kernel can send."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"Scrape intervals, {_days(period)}", title_justify="left")
    table.add_column("namespace")
    for name in ("scraped", "intervals", "moved", f"by fewer than {site.few}", "by one", "reports"):
        table.add_column(name, justify="right")
    for one in site.moved:
        counts = (one.intervals, one.moved, one.few, one.alone, one.reports)
        table.add_row(
            Text(printable(one.namespace)), span(one.scrape), *(f"{count:,}" for count in counts)
        )
    console = console_of(sys.stdout, 120)
    console.print(table)
    print("Each interval that moved by one report shows one process, as far as it had reported.")
    if site.policy is None:
        print(
            "The exporters there don't say one policy: the estimate is for the one given, or off."
        )
    if not estimates:
        return
    print()
    table = Table(title="An estimate: hubs simulated with these rates", title_justify="left")
    table.add_column("as namespace")
    for name in ("processes a day", "libraries of a process", "of"):
        table.add_column(name, justify="right")
    table.add_column("policy")
    for name in ("scraped", "curious", "strong", "late: half, 95 %"):
        table.add_column(name, justify="right")
    for name, row in estimates:
        rates = site.rates[name]
        shares = [percent(row.read[who].share) for who in ("curious", "strong")]
        late = f"{span(row.late.median)}, {span(row.late.most)}"
        table.add_row(
            Text(printable(name)),
            f"{rates.per_day:,.0f}",
            f"{rates.typical:.0f}",
            f"{rates.libraries:,}",
            words(row.case),
            span(row.scrape),
            *shares,
            late,
        )
    console.print(table)
    print(
        "Estimated, not measured: people there may be more alike, or less, than in the simulation.\n"
        "Which claims about this site would be right can't be known, and none was made."
    )
