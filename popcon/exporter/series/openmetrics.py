r"""In: families of series. Out: the text of a scrape in OpenMetrics 1.0.

Where it differs from the text format 0.0.4:

- A counter's family is called without `_total`. One whose name doesn't end so, as the two that popcon
  has inherited, is of type `unknown`, and so is one that another family would be mistaken for.
- Nobody is told when a counter was made (`_created`): it could tell a birth.
- `le` and `quantile` are written as floats (`1.0`), `"` in a help text is escaped, `# EOF` ends it.
- Sums that are negative or no number are left out, as are negative quantiles: what a kernel observed
  may be anything, and a sum is a counter here.

Source: the OpenMetrics specification 1.0, "Text Format" and "Metric Types".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from popcon.exporter.series.exposition import (
    DEFAULT_HELP,
    VALUE_ESCAPES,
    format_value,
    labels_text,
    line,
    with_label,
)
from popcon.exporter.series.series import Family, Histogram, Series, Summary

_TOTAL = "_total"


def render_openmetrics(families: Iterable[Family]) -> str:
    """Return the text; families and their series come out in the order they come in."""
    families = tuple(families)
    names = {family.name for family in families}
    lines = [text for family in families for text in _family_lines(family, names)]
    return "".join([*lines, "# EOF\n"])


def _family_lines(family: Family, names: set[str]) -> Iterator[str]:
    name, type = _shown(family, names)
    yield f"# HELP {name} {(family.help or DEFAULT_HELP).translate(VALUE_ESCAPES)}\n"
    yield f"# TYPE {name} {type}\n"
    for series in family.series:
        yield from _series_lines(family.name, series)


def _shown(family: Family, names: set[str]) -> tuple[str, str]:
    """The name and type that a family has here; `names` are those of all families."""
    if family.type != "counter":
        return family.name, family.type
    base = family.name[: -len(_TOTAL)]
    if not family.name.endswith(_TOTAL) or not base or {base, f"{base}_created"} & names:
        return family.name, "unknown"
    return base, "counter"


def _series_lines(name: str, series: Series) -> Iterator[str]:
    labels = labels_text(series)
    value = series.value
    if isinstance(value, Histogram):
        for bound, count in (*value.buckets, (math.inf, value.count)):
            yield line(f"{name}_bucket", _with(labels, "le", bound), count)
        # Without a sum there is no count either: it is the +Inf bucket's, and belongs to the sum.
        if value.sum >= 0 and all(bound >= 0 for bound, _ in value.buckets):
            yield line(f"{name}_sum", labels, value.sum)
            yield line(f"{name}_count", labels, value.count)
    elif isinstance(value, Summary):
        for quantile, found in value.quantiles:
            if not found < 0:  # NaN is allowed: nothing came lately
                yield line(name, _with(labels, "quantile", quantile), found)
        if value.sum >= 0:
            yield line(f"{name}_sum", labels, value.sum)
        yield line(f"{name}_count", labels, value.count)
    else:
        yield line(name, labels, value)


def _with(labels: str, key: str, value: float) -> str:
    """The labels, and behind them the one that says which bucket or quantile this is."""
    text = format_value(value)
    if text.lstrip("-").isdigit():
        text += ".0"
    return with_label(labels, key, text)
