"""In: a name and what may be chosen. Out: a dashboard's variable, as the JSON that Grafana has for it.

`PROMETHEUS_DS` and `hub` are the names that jupyterhub/grafana-dashboards uses.
"""

from __future__ import annotations

from typing import Any

from popcon.catalog import LIBRARY_USED, OTHER, RARE, REPORTS
from popcon.promql.recordings import recorded

#: The data source that the reader chose.
SOURCE = {"type": "prometheus", "uid": "${PROMETHEUS_DS}"}


def source() -> dict[str, Any]:
    """Return the choice of a Prometheus."""
    return {
        "name": "PROMETHEUS_DS",
        "label": "Data source",
        "description": "A Prometheus that has popcon's recording rules.",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
    }


def hub() -> dict[str, Any]:
    """Return the choice of hubs, by their namespaces."""
    return {
        **values_of("hub", "Hub", recorded(REPORTS, "increase_today"), "namespace"),
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def values_of(name: str, label: str, series: str, of: str) -> dict[str, Any]:
    """Return a choice among a label's values, of which several may be taken; asked anew for each range."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": f"label_values({series}, {of})", "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
    }


def libraries(chosen: tuple[str, ...]) -> dict[str, Any]:
    """Return the choice of libraries for lines; `chosen` are those that it comes with, where they are used."""
    series = (
        f'{recorded(LIBRARY_USED, "increase_today")}{{namespace=~"$hub",library!~"{OTHER}|{RARE}"}}'
    )
    return {
        **values_of("library", "Libraries", series, "library"),
        # A line for each of hundreds is none that can be read.
        "includeAll": False,
        "current": {"text": list(chosen), "value": list(chosen)},
    }


def left_out() -> tuple[dict[str, Any], ...]:
    """Return the two fields for what to leave out, hubs and libraries; as they come, that is nothing."""
    return (
        _pattern("without_hub", "Without hubs", "hub3|test-.*"),
        _pattern("without_library", "Without libraries", "theano|old-.*"),
    )


def _pattern(name: str, label: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        # An empty one would leave out what has no namespace, which may be all that there is.
        "description": f"A regular expression, for what is dead but still counted, such as {example} "
        "(none, and not an empty field, leaves nothing out).",
        "type": "textbox",
        "query": "none",
        "current": {"text": "none", "value": "none"},
    }


def one_of(name: str, label: str, values: tuple[int, ...]) -> dict[str, Any]:
    """Return a choice of one number; the first is chosen."""
    texts = [str(value) for value in values]
    return {
        "name": name,
        "label": label,
        "type": "custom",
        "query": ",".join(texts),
        "options": [{"text": text, "value": text, "selected": text == texts[0]} for text in texts],
        "current": {"text": texts[0], "value": texts[0]},
        "multi": False,
        "includeAll": False,
    }
