"""In: the facts. Out: the page's charts: for each two pictures, wide and narrow, and a table that says the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from popcon.insight.report import specs, words
from popcon.insight.report.changes import Change
from popcon.insight.report.facts import Facts
from popcon.insight.report.sentences import libraries, lowest_highest
from popcon.insight.report.spans import Span, Trend
from popcon.insight.report.svg import drawn

#: What stands where nothing is known.
_UNKNOWN = "–"
#: How many are drawn; and the rows of a table.
MOST_USED = 15
MOST_MOVED = 4
MOST_HUBS = 20
ROWS = 200

#: Pixels: a page's width, a telephone's; and of these the names'.
_WIDE, _NARROW = 720, 330
_NAMES_WIDE, _NAMES_NARROW = 180, 138


class Table(NamedTuple):
    """A table: the first column names the row; `numbers` are the columns that are set to the right."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()


class Chart(NamedTuple):
    """A chart: its title, its pictures, what it says in words, and its table."""

    title: str
    pictures: tuple[str, ...]
    words: str
    table: Table
    note: str = ""


def most_used(facts: Facts) -> Chart | None:
    """Return the libraries that most processes used."""
    rows = facts.used[:MOST_USED]
    if not rows:
        return None
    title = "Share of processes that used a library"
    bars = [
        specs.Bar(words.shortened(words.shown(one.name)), one.share, words.percent(one.share))
        for one in rows
    ]
    table = Table(
        title,
        (
            "Library",
            "Share",
            "Processes",
            "In hubs that have it, lowest to highest",
            "Hubs that used it",
        ),
        [
            (
                words.shown(one.name),
                words.percent(one.share),
                words.number(one.processes),
                lowest_highest(one),
                words.number(one.hubs),
            )
            for one in rows
        ],
        frozenset({1, 2, 3, 4}),
    )
    said = f"Bars for {libraries(len(rows))}, the most used first: " + "; ".join(
        f"{bar.name} {bar.text}" for bar in bars
    )
    return Chart(title, _two("used", title, said, _bars(bars)), said, table)


def by_span(trend: Trend | None) -> Chart | None:
    """Return how many processes reported in each week or so."""
    if trend is None or not trend.spans:
        return None
    title = f"Processes that reported, by {trend.unit}"
    rows = [
        specs.Column(_time(trend, place), span.processes, _processes(span), span.whole)
        for place, span in enumerate(trend.spans)
    ]
    table = Table(
        title,
        (trend.unit.capitalize(), "Processes", "Days watched"),
        [
            (
                words.days(span.begin, span.end),
                _processes(span),
                words.number(span.days) + ("" if span.whole else ", a part"),
            )
            for span in trend.spans
        ],
        frozenset({1, 2}),
    )
    said = f"Bars for {words.count(len(rows), trend.unit)}: " + "; ".join(
        f"{row.time} {row.text}" for row in rows
    )
    note = "" if all(row.whole for row in rows) else f"Hollow: a part of a {trend.unit}."
    if not all(span.days for span in trend.spans):
        note = f"{note} {_UNKNOWN}: no hub was watched.".lstrip()
    said = f"{said}. {note}".rstrip()

    def draw(width: int, _: int) -> specs.Spec:
        return specs.columns(rows, width)

    return Chart(title, _two("time", title, said, draw), said, table, note)


def small_ones(facts: Facts) -> list[tuple[str, Chart]]:
    """Return a small chart for each library that rose or fell most, below "Rising" or "Falling"."""
    if facts.changes is None or facts.trend is None:
        return []
    return [
        (heading, _small(facts.trend, one, facts.changes.after.begin, f"{heading}-{place}".lower()))
        for heading, rows in (("Rising", facts.changes.rising), ("Falling", facts.changes.falling))
        for place, one in enumerate(rows[:MOST_MOVED])
    ]


def _small(trend: Trend, one: Change, since: float, name: str) -> Chart:
    shares = trend.shares.get(one.name, [])
    known = [(place, share) for place, share in enumerate(shares) if share is not None]
    first, last = (words.percent(known[place][1]) if known else "" for place in (0, -1))
    title = words.shown(one.name)
    said = (
        f"Share by {trend.unit}: from {first} to {last}. On the whole {words.percent(one.before)} "
        f"before and {words.percent(one.after)} now, {words.points(one.before, one.after)} points."
    )
    begins = next((i for i, span in enumerate(trend.spans) if span.end > since), None)
    spec = specs.line(shares, first, last, "rise" if one.by > 0 else "fall", begins)
    table = Table(
        f"{title}, share of processes by {trend.unit}",
        (trend.unit.capitalize(), "Share"),
        [
            (words.days(trend.spans[place].begin, trend.spans[place].end), words.percent(share))
            for place, share in known
        ],
        frozenset({1}),
    )
    return Chart(title, (drawn(spec, f"chart-{name}", title, said),), said, table)


def disk(facts: Facts) -> Chart | None:
    """Return where the disk goes in the largest image."""
    image = facts.image
    if image is None:
        return None
    title = "Disk taken by libraries" + (
        f", in the image of {words.shown(image.hub)}, the largest" if len(facts.active) > 1 else ""
    )
    parts = [
        ("Used or needed" if facts.needed else "Used", image.used, "bar"),
        ("Rarely used", image.rare, "bar"),
        ("Used by too few" if facts.rare else "Used by nobody", image.unused, "fall"),
        ("Too early to judge", image.early, "pale"),
        ("Infrastructure", image.infrastructure, "pale"),
    ]
    total = sum(number for _, number, _ in parts) or 1
    rows = [part for part in parts if part[1]]
    bars = [specs.Bar(name, number, words.size(number), ink) for name, number, ink in rows]
    table = Table(
        title,
        ("Part", "Size", "Share of it"),
        [(name, words.size(number), words.percent(number / total)) for name, number, _ in rows],
        frozenset({1, 2}),
    )
    said = "Bars: " + "; ".join(f"{bar.name} {bar.text}" for bar in bars)
    return Chart(title, _two("disk", title, said, _bars(bars)), said, table)


def coverage(facts: Facts) -> Chart | None:
    """Return when reports came from which hub."""
    trend = facts.trend
    if trend is None or not trend.spans or not facts.hubs:
        return None
    hubs = sorted(facts.hubs, key=lambda hub: (-facts.hubs[hub].processes, hub))
    shown = [hub for hub in hubs if hub in trend.watched][:MOST_HUBS]
    if not shown:
        return None
    title = f"Hubs that reported, by {trend.unit}"
    if len(hubs) > len(shown):
        title += f": the {len(shown)} largest of {words.number(len(hubs))}"
    names = [words.shortened(words.shown(hub)) for hub in shown]
    cells = [
        specs.Cell(row, place, bool(number))
        for row, hub in enumerate(shown)
        for place, number in enumerate(trend.watched[hub])
        if number is not None
    ]
    times = [_time(trend, place) for place in range(len(trend.spans))]
    said = (
        f"A row for each hub, a cell for each {trend.unit}: full where reports came, hollow where "
        "none did, empty where nothing is known. " + "; ".join(
            f"{name}: reports in {sum(1 for cell in cells if cell.row == at and cell.reports)} of {len(times)}"
            for at, name in enumerate(names)
        )
    )  # fmt: skip

    def draw(width: int, room: int) -> specs.Spec:
        return specs.strip(names, times, cells, width, room)

    silent = any(not cell.reports for cell in cells)
    note = "Hollow: watched, and no report came." if silent else ""
    return Chart(title, _two("hubs", title, said, draw), said, hub_table(facts), note)


def hub_table(facts: Facts) -> Table:
    """Return what is known of each hub."""
    hubs = sorted(facts.hubs, key=lambda hub: (-facts.hubs[hub].processes, hub))
    more = f" (the first {ROWS} of {words.number(len(hubs))})" if len(hubs) > ROWS else ""
    spans = facts.trend.watched if facts.trend is not None else {}
    return Table(
        f"Hubs{more}",
        ("Hub", "Processes", "Libraries used", "Data since", "Last report", "Whole days", "With reports"),
        [
            (
                words.shown(hub),
                words.number((seen := facts.hubs[hub]).processes),
                words.number(facts.libraries_of.get(hub, 0)),
                words.day(seen.first),
                _UNKNOWN if seen.last is None else words.last_day(seen.last),
                words.number(seen.days),
                f"{sum(1 for one in spans[hub] if one)} of {len(spans[hub])}" if hub in spans else _UNKNOWN,
            )
            for hub in hubs[:ROWS]
        ],
        frozenset({1, 2, 5, 6}),
    )  # fmt: skip


def _bars(rows: Sequence[specs.Bar]) -> Callable[[int, int], specs.Spec]:
    return lambda width, names: specs.bars(rows, width, names)


def _two(
    name: str, title: str, said: str, draw: Callable[[int, int], specs.Spec]
) -> tuple[str, ...]:
    return tuple(
        drawn(draw(width, names), f"chart-{name}-{kind}", title, said, kind)
        for kind, width, names in (
            ("wide", _WIDE, _NAMES_WIDE),
            ("narrow", _NARROW, _NAMES_NARROW),
        )
    )


def _time(trend: Trend, place: int) -> str:
    begin = trend.spans[place].begin
    return words.month(begin) if trend.unit == "month" else words.day(begin, year=False)


def _processes(span: Span) -> str:
    return words.number(span.processes) if span.days else _UNKNOWN
