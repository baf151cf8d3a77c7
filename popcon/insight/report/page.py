"""In: the facts, a title, whom to ask. Out: the page, as text. Every text in it is escaped by the template."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from popcon import __version__
from popcon.enough import ENOUGH_DAYS
from popcon.insight.report import charts, inks, sentences, words
from popcon.insight.report.facts import Facts
from popcon.insight.usage import DAY

TITLE = "Which Python libraries are used"
#: How many of the libraries that could go are listed.
_LARGEST = 10
_HERE = Path(__file__).parent


def page(facts: Facts, title: str = TITLE, contact: str = "") -> str:
    """Return one HTML page, complete in itself: no script, and nothing that is fetched."""
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        (_HERE / "page.html.jinja").read_text("utf-8")
    )
    small = [
        (heading, [chart for _, chart in found])
        for heading, found in groupby(charts.small_ones(facts), key=lambda one: one[0])
    ]
    hub_chart = charts.coverage(facts)
    more = len(facts.unused) - _LARGEST
    return template.render(
        title=title,
        contact=contact,
        version=__version__,
        style=inks.style() + (_HERE / "page.css").read_text("utf-8"),
        when=words.days(*facts.period),
        made=words.day(facts.made),
        today=bool(facts.period.end % DAY),
        hubs=len(facts.hubs),
        empty=[] if facts.processes else sentences.nothing(facts),
        figures=sentences.figures(facts),
        short=sentences.in_short(facts),
        used=sentences.used(facts),
        most_used=charts.most_used(facts),
        over_time=sentences.over_time(facts),
        by_span=charts.by_span(facts.trend),
        changed=sentences.changed(facts),
        small=small,
        unit=facts.trend.unit if facts.trend else "",
        go=sentences.could_go(facts),
        go_table=_could_go(facts) if facts.unused else None,
        go_more=f"and {words.count(more, 'smaller one')}: ‘popcon unused’ lists {'it' if more == 1 else 'them'}."
        if more > 0
        else "",
        before=sentences.before_it_goes(facts),
        disk=charts.disk(facts),
        coverage=sentences.coverage(facts),
        hub_chart=hub_chart,
        hub_table=charts.hub_table(facts),
        unknown=sentences.unknown(facts),
        notes=[words.printable(one) for one in facts.notes],
        counted=sentences.counted(facts),
    )


def _could_go(facts: Facts) -> charts.Table:
    columns = ["Library", "Size", "Hubs that have it", "Whole days known"]
    if facts.needs_known:
        columns.append("Goes with it")
    rows = []
    for one in facts.unused[:_LARGEST]:
        row = [
            words.shown(one.library),
            words.size(one.size) if one.size else "not known",
            words.number(facts.hubs_with.get(one.library, 0)),
            f"{one.days}{' or more' if one.days >= ENOUGH_DAYS else ''}",
        ]
        if facts.needs_known:
            row.append(sentences.names(one.goes_with, 3) if one.goes_with else "nothing")
        rows.append(row)
    number = len(rows)
    caption = f"The {words.spelled(number)} largest" if number > 1 else "What could go"
    return charts.Table(caption, columns, rows, frozenset({1, 2, 3}))
