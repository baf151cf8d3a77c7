"""In: the catalogue, and lists of site label keys. Out: mapping rules for both exporters.

Rules are ordered by length, shorter first: statsd_exporter's glob matcher silently loses a rule
whose path begins an earlier rule's path. Each rule is for one type alone, because a name belongs to
the first type that uses it, for the life of the exporter, and any kernel can send any line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from popcon.catalog import METRICS, PREFIX, SITE_LABELS, Metric
from popcon.config import taken_label_keys
from popcon.render.yaml_text import entry

_HEAD = """\
# Rendered from popcon/catalog.py by `popcon render`; edits are lost.
# Rules for statsd_exporter (--statsd.mapping-config) and for `popcon exporter`.
# Shorter rules stand first: statsd_exporter loses a short rule that follows a longer one.
# Site labels: {labels}.
mappings:
"""

_LAST = """\
# Whatever else comes to this port: any kernel can send any line, and none of it is shown.
- match: "."
  match_type: regex
  action: drop
  name: "dropped"
"""

_TABLE_HEAD = """\
# Rendered from popcon/catalog.py by `popcon render`; edits are lost.
# templates/_mapping.tpl makes the mapping rules of it, for the site labels in the values."""


def mapping_text(site_labels: Sequence[tuple[str, ...]] = ()) -> str:
    """Return a mapping file for the shipped lists of site label keys and the given ones.

    A list of keys is one rule set: `("namespace", "course")` maps
    `python_popcon.namespace.hub1.course.x.reports`.
    """
    lists = list(dict.fromkeys([*SITE_LABELS, *site_labels]))
    rules = [rule(metric, keys) for keys in lists for metric in METRICS]
    rules.sort(key=lambda found: found[0])
    named = [" + ".join(keys) or "none" for keys in lists]
    return _HEAD.format(labels=", ".join(named)) + "".join(text for _, text in rules) + _LAST


def table_text() -> str:
    """Return what `mapping_text` is made of, as YAML: the chart's template makes the same of it."""
    parts: dict[str, object] = {
        "prefix": PREFIX,
        "siteLabels": SITE_LABELS,
        "takenLabels": sorted(taken_label_keys()),
        "metrics": [
            {
                "wire": metric.wire,
                "name": metric.name,
                "kind": metric.kind,
                "labels": metric.labels,
                "tail": metric.tail,
                "help": metric.help,
            }
            for metric in METRICS
        ],
        "head": _HEAD,
        "last": _LAST,
    }
    lines = [line for key, value in parts.items() for line in entry(key, value)]
    return "\n".join([_TABLE_HEAD, *lines, ""])


def rule(metric: Metric, keys: tuple[str, ...]) -> tuple[int, str]:
    """Return the number of parts that one metric's names have behind these site labels, and its rule.

    A name is matched part by part, but where the last part may hold dots, by a regular expression.
    """
    parts = [PREFIX]
    for key in keys:
        parts += [key, "*"]
    parts += [metric.wire, *("*" for _ in metric.labels)]
    match = [f"- match: {json.dumps('.'.join(parts))}"]
    if metric.tail:
        regex = r"\.".join([*parts[:-1], f"([{metric.tail}]+)"]).replace("*", "([^.]+)")
        match = [f"- match: {json.dumps(f'^{regex}$')}", "  match_type: regex"]
    lines = [
        *match,
        f"  match_metric_type: {metric.kind}",
        f"  name: {json.dumps(metric.name)}",
        f"  help: {json.dumps(metric.help)}",
    ]
    if keys or metric.labels:
        lines.append("  labels:")
        for position, label in enumerate((*keys, *metric.labels), start=1):
            lines.append(f"    {label}: {json.dumps(f'${position}')}")
    return len(parts), "\n".join(lines) + "\n"
