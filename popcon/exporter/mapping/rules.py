"""In: nothing. Out: the values that a mapping file turns into: a rule, its options, the defaults.

The names are the file's own (statsd_exporter's README, "Metric Mapping and Configuration").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

KINDS = ("counter", "gauge", "observer")


@dataclass(frozen=True)
class HistogramOptions:
    """A histogram. In a rule, a native option of 0 means that the file's defaults apply."""

    buckets: tuple[float, ...] = ()
    native_histogram_bucket_factor: float = 0.0
    native_histogram_max_buckets: int = 0


@dataclass(frozen=True)
class SummaryOptions:
    """A summary: (quantile, allowed error) pairs, and how long an observation counts (seconds).

    0 leaves it to the client: ten minutes, five buckets, a buffer of 500.
    """

    quantiles: tuple[tuple[float, float], ...] = ()
    max_age: float = 0.0
    age_buckets: int = 0
    buf_cap: int = 0


#: client_golang's DefBuckets; statsd_exporter's pkg/mapper/mapper.go for the others.
DEFAULT_HISTOGRAM = HistogramOptions(
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0), 1.1, 256
)
DEFAULT_SUMMARY = SummaryOptions(((0.5, 0.05), (0.9, 0.01), (0.99, 0.001)))


@dataclass(frozen=True)
class Defaults:
    """What the file's `defaults:` says, filled in. `ttl` in seconds, 0 keeps series for ever."""

    ttl: float = 0.0
    observer_type: str = ""
    match_type: str = "glob"
    glob_disable_ordering: bool = False
    histogram_options: HistogramOptions = DEFAULT_HISTOGRAM
    summary_options: SummaryOptions = DEFAULT_SUMMARY


@dataclass(frozen=True)
class Rule:
    """One entry of `mappings:`, defaults applied.

    `match_metric_type` "" means any kind; `observer_type` "" means that nobody chose, which is a
    summary; `ttl` is in seconds; `scale` None leaves values as they are; `help` is "" when absent.
    """

    match: str
    name: str
    labels: tuple[tuple[str, str], ...] = ()
    match_type: str = "glob"
    match_metric_type: str = ""
    action: str = "map"
    help: str = ""
    honor_labels: bool = False
    ttl: float = 0.0
    scale: float | None = None
    observer_type: str = ""
    histogram_options: HistogramOptions | None = None
    summary_options: SummaryOptions | None = None


class Match(NamedTuple):
    """A rule that fits a name, with the rule's name and labels filled in; not escaped yet."""

    rule: Rule
    name: str
    labels: dict[str, str]
