"""In: a sample, and the name that it would have. Out: why it can't, where that name is popcon's own."""

from __future__ import annotations

from popcon.catalog import METRICS
from popcon.exporter.mapping.routes import Route
from popcon.exporter.wire import Sample

#: Under popcon's own names: a tag (any kernel could add a `user` label), a line of another kind than the
#: metric's, and what no number of processes, and no size, can be.
OWN_TAGS = "popcon_with_tags"
OWN_KIND = "popcon_wrong_kind"
OWN_COUNT = "popcon_not_a_count"
#: A stranger's line that would end up under the name of one of popcon's own metrics.
OWN_NAME = "popcon_name_taken"
#: The most processes that one line may stand for. `popcon load` sends the sums of a whole cluster;
#: much more would leave a counter where adding 1 is lost in rounding.
MAX_COUNT = 1_000_000_000
#: The largest size: below a petabyte, where a float still tells each byte.
MAX_SIZE = 10**15 - 1

_NAMES = frozenset(metric.name for metric in METRICS)


def refusal_of_own(sample: Sample, route: Route) -> str | None:
    """Why a sample under one of popcon's own names can't be taken, None where it can."""
    if route.own is None:
        return None
    if sample.labels:
        return OWN_TAGS
    metric = route.own.metric
    if metric is not None and sample.kind != metric.kind:
        return OWN_KIND
    if metric is None or not (metric.held or metric.kind == "gauge"):
        return None
    most = MAX_COUNT if metric.held else MAX_SIZE
    if sample.relative or not (0 <= sample.value <= most and sample.value.is_integer()):
        return OWN_COUNT
    return None


def refusal_of_namesake(sample: Sample, route: Route) -> str | None:
    """Why a sample that is none of popcon's own can't be shown under the name of one of these, None
    where it has another name, or a rule of the admin's says so in as many words.

    What only begins as popcon's own do is none: `python_popcon.library.used`.
    """
    if (route.own is not None and route.own.metric is not None) or route.name not in _NAMES:
        return None
    if route.rule is None or route.rule.name != route.name:
        return OWN_NAME
    return OWN_TAGS if sample.labels else None
