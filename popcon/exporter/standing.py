"""In: nothing. Out: the words for what a server knows of itself, as plain values.

The server fills in a `Standing` at each scrape, and `self_metrics` makes metrics of it. Everything has
a default, so that a server without TCP, a relay or a file for its state says nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

_NONE: Mapping[str, int] = MappingProxyType({})

#: Why increments of popcon's own metrics wait: too few processes so far, or too little time.
HOLDING_REASONS = ("processes", "interval")


@dataclass
class Tcp:
    """What happened on the TCP listener, as counts since the start; the listener itself counts in one.

    `refused` came when all connections were taken, `evicted` had been silent and made room.
    """

    connections: int = 0
    connection_errors: int = 0
    too_long_lines: int = 0
    refused: int = 0
    evicted: int = 0


class Relayed(NamedTuple):
    """What went on to one relay target, as counts since the start."""

    packets: int = 0
    lines: int = 0
    long_lines: int = 0
    errors: int = 0


class Cache(NamedTuple):
    """The mapping's answers that are kept: how many, how often one was looked for, how often found."""

    length: int = 0
    gets: int = 0
    hits: int = 0


class Counted(NamedTuple):
    """What happened so far, for the self metrics; each field is named as its metric is.

    `events_conflict_total` is by (type, metric name); a sampled observation counts as many events
    as it stands for. `folds` is how often what came in was worked out; `cache` are the names whose
    rule is remembered.
    """

    lines_total: int
    samples_total: int
    tags_total: int
    tag_errors_total: int
    sample_errors_total: dict[str, int]
    events_total: dict[str, int]
    events_unmapped_total: int
    events_actions_total: dict[str, int]
    events_conflict_total: dict[tuple[str, str], int]
    events_error_total: dict[str, int]
    metrics_total: dict[str, int]
    folds: int
    cache: Cache


class Buffer(NamedTuple):
    """A socket's receive buffer in bytes: what was asked for (0: nothing), what the kernel granted."""

    asked: int
    granted: int


class Saved(NamedTuple):
    """The state on disk; `last_success` is in seconds since 1970, 0 for never; `size` in bytes."""

    writes: int = 0
    errors: int = 0
    last_success: float = 0.0
    size: int = 0


class Privacy(NamedTuple):
    """The publication policy that runs, and why something is held now: some of `HOLDING_REASONS`.

    How much is held is not here: a live count of reports would undo the policy.
    """

    policy: str
    min_processes: int
    interval: float
    min_library_processes: int
    holding: frozenset[str] = frozenset()


class Standing(NamedTuple):
    """All that a server knows of itself. Counts are since the start, times since 1970, in seconds.

    `counting_since` is when the counts began, over restarts; `reloads` is by outcome, `relay` by
    target, `kernel_drops` (datagrams that found the buffer full) and `buffers` by listener,
    `overflow` (what a bound kept out) by bound, `http_requests` (scrapes) by status.
    """

    udp_packets: int = 0
    unixgram_packets: int = 0
    tcp: Tcp = Tcp()
    relay: Mapping[str, Relayed] = MappingProxyType({})
    reloads: Mapping[str, int] = _NONE
    loaded_mappings: int = 0
    reload_successful: bool = True
    reload_timestamp: float = 0.0
    counting_since: float = 0.0
    kernel_drops: Mapping[str, int] = _NONE
    buffers: Mapping[str, Buffer] = MappingProxyType({})
    canaries_sent: int = 0
    persistence: Saved | None = None
    privacy: Privacy | None = None
    series: int = 0
    overflow: Mapping[str, int] = _NONE
    http_requests: Mapping[str, int] = _NONE
    http_in_flight: int = 0
