"""In: a name on the wire. Out: what it says, if it is one of popcon's own; None for a stranger's.

The publication policy goes by this, before any mapping: a mapping may give any name to anything.
"""

from __future__ import annotations

from typing import NamedTuple

from popcon.catalog import METRICS, PREFIX, Metric

_METRICS = {metric.wire: metric for metric in METRICS}
#: Families whose parts are no processes' libraries → how many variable parts their names have.
_EXEMPT = {"event": 2, "run": 2, "run_context": 2, "run_duration": 1}


class Own(NamedTuple):
    """A name of popcon's own.

    `group` is the text of its site labels, `namespace.hub1`, or empty; `metric` is None where the
    catalogue has no such metric; `values` are its variable parts, one for each label.
    """

    group: str
    metric: Metric | None
    values: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether a publication policy holds this back."""
        return self.metric is not None and self.metric.held


_UNKNOWN = Own("", None, ())


def read_own(name: str, prefix: str = PREFIX) -> Own | None:
    """Return what a statsd name, its tags taken off, says behind popcon's prefix.

    The metric is the first one that fits behind pairs of a site label's key and value. Where none
    does, it may stand behind an odd number of parts: a site's own prefix and mapping can have that
    (`python_popcon.hub1.reports`), and what could be a process's library is rather held than shown.

    >>> read_own("python_popcon.namespace.hub1.library_used.numpy").group
    'namespace.hub1'
    """
    if not name.startswith(f"{prefix}."):
        return None
    parts = name[len(prefix) + 1 :].split(".")
    for start in (0, 1):
        for at in range(start, len(parts), 2):
            metric, behind = _METRICS.get(parts[at]), len(parts) - at - 1
            if metric is not None and _fits(metric, behind):
                return Own(".".join(parts[:at]), metric, values_in(metric, parts[at + 1 :]))
            if start == 0 and _EXEMPT.get(parts[at]) == behind:
                return _UNKNOWN
    return _UNKNOWN


def values_in(metric: Metric, parts: list[str]) -> tuple[str, ...]:
    """Return the label values that the parts behind a metric's wire name say."""
    if not metric.tail:
        return tuple(parts)
    plain = len(metric.labels) - 1
    return (*parts[:plain], ".".join(parts[plain:]))


def labels_of(group: str) -> dict[str, str]:
    """Return a group's site labels; one `prefix`, where its parts don't pair up."""
    parts = group.split(".") if group else []
    if len(parts) % 2:
        return {"prefix": group}
    return dict(zip(parts[::2], parts[1::2]))


def _fits(metric: Metric, parts: int) -> bool:
    wanted = len(metric.labels)
    return parts >= wanted if metric.tail else parts == wanted
