"""In: a document with markers. Out: the same document, each marked table written anew.

A marker is a pair of HTML comments, `<!-- popcon render: metrics -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from popcon.catalog import METRICS, PREFIX
from popcon.config import DEFAULT_SINK, VARIABLES
from popcon.errors import EXIT_STATUSES, FileError
from popcon.render.rules import GROUPS, RUNBOOKS, Alert

_MARKED = re.compile(r"(<!-- popcon render: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled_in(text: str, more: Mapping[str, Callable[[], str]] | None = None) -> str:
    """Return the document with every marked table rendered; an unknown name is a `FileError`.

    `more` are tables that this document alone has.
    """
    tables = {**TABLES, **(more or {})}

    def fill(found: re.Match[str]) -> str:
        rendered = tables.get(found[2])
        if rendered is None:
            raise FileError(f"no table is called {found[2]!r}: there are {', '.join(tables)}")
        return found[1] + rendered() + found[3]

    return _MARKED.sub(fill, text)


def metrics_table() -> str:
    """Return the metrics: wire name, Prometheus name, meaning."""
    return table(
        (f"on the wire, behind `{PREFIX}.`", "in Prometheus", "meaning"),
        (
            (
                f"`{'.'.join((metric.wire, *(f'<{label}>' for label in metric.labels)))}`",
                f"`{metric.name}{'{' + ','.join(metric.labels) + '}' if metric.labels else ''}`",
                metric.help,
            )
            for metric in METRICS
        ),
    )


def variables_table() -> str:
    """Return the environment variables and what each says."""
    return (
        table(
            ("variable", "what it says"), ((f"`{name}`", said) for name, said in VARIABLES.items())
        )
        + f"\nWhere nothing is set, reports go to `{DEFAULT_SINK}`.\n"
    )


def statuses_table() -> str:
    """Return the command line's exit statuses."""
    return table(
        ("status", "meaning"), ((str(status), text) for status, text in EXIT_STATUSES.items())
    )


def alerts_table() -> str:
    """Return the alerts: how bad, and when somebody is told."""
    return table(
        ("alert", "severity", "when", "for"),
        (
            (f"[`{alert.name}`](runbooks/{alert.name}.md)", alert.severity, alert.when, alert.wait)
            for alert in _ALERTS
        ),
    )


def alert_text(alert: Alert) -> str:
    """Return what stands in an alert's runbook: how bad, when, and the expression."""
    return (
        f"`{alert.severity}`, where for {alert.wait} {alert.when}:\n\n"
        f"```promql\n{alert.expr}\n```\n"
    )


_ALERTS = tuple(alert for _, alerts in GROUPS.values() for alert in alerts)
#: Documents that are an alert's.
PAGES = tuple(f"{RUNBOOKS}/{alert.name}.md" for alert in _ALERTS)

TABLES: dict[str, Callable[[], str]] = {
    "metrics": metrics_table,
    "variables": variables_table,
    "statuses": statuses_table,
    "alerts": alerts_table,
    **{f"alert:{alert.name}": partial(alert_text, alert) for alert in _ALERTS},
}


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
