"""In: nothing. Out: every metric that the exporter shows of itself, and where its numbers come from.

Where statsd_exporter has a metric, it has the same name, labels and help here. Labels that an alert
needs are there at zero from the start, because `increase()` can't see a counter that is born at 1.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Union

from popcon import __version__
from popcon.exporter.pipeline import ERRORS
from popcon.exporter.standing import HOLDING_REASONS, Counted, Standing

#: A number, or numbers by the value (or values) of the labels; empty where there is nothing to show.
Values = Union[float, Mapping[Any, float]]
Read = Callable[[Counted, Standing], Values]

_NOTHING: Mapping[str, float] = {}


class SelfMetric(NamedTuple):
    """One metric: `read` gives its numbers; `always` are the values of its one label that are shown
    before they occur.
    """

    name: str
    type: str
    help: str
    read: Read
    labels: tuple[str, ...] = ()
    always: tuple[str, ...] = ()


def _counter(
    name: str,
    help: str,
    read: Read,
    labels: tuple[str, ...] = (),
    always: tuple[str, ...] = (),
) -> SelfMetric:
    return SelfMetric(name, "counter", help, read, labels, always)


def _gauge(
    name: str,
    help: str,
    read: Read,
    labels: tuple[str, ...] = (),
    always: tuple[str, ...] = (),
) -> SelfMetric:
    return SelfMetric(name, "gauge", help, read, labels, always)


#: Why a sample is refused, in statsd_exporter's words and, at the end, in ours.
SAMPLE_ERRORS = (
    "malformed_line",
    "mixed_tagging_styles",
    "not_enough_parts_after_colon",
    "invalid_extended_aggregate_type",
    "malformed_component",
    "malformed_value",
    "invalid_sample_factor",
    "malformed_container_id",
    "illegal_event",
    "sample_rate_too_small",
    "too_many_tags",
)
_RECEIVING = (
    _counter(
        "statsd_exporter_udp_packets_total",
        "The total number of StatsD packets received over UDP.",
        lambda counted, standing: standing.udp_packets,
    ),
    _counter(
        "statsd_exporter_udp_packet_drops_total",
        "The total number of dropped StatsD packets which received over UDP.",
        lambda counted, standing: 0,  # no queue stands between our socket and our counts
    ),
    _counter(
        "statsd_exporter_unixgram_packets_total",
        "The total number of StatsD packets received over Unixgram.",
        lambda counted, standing: standing.unixgram_packets,
    ),
    _counter(
        "statsd_exporter_tcp_connections_total",
        "The total number of TCP connections handled.",
        lambda counted, standing: standing.tcp.connections,
    ),
    _counter(
        "statsd_exporter_tcp_connection_errors_total",
        "The number of errors encountered reading from TCP.",
        lambda counted, standing: standing.tcp.connection_errors,
    ),
    _counter(
        "statsd_exporter_tcp_too_long_lines_total",
        "The number of lines discarded due to being too long.",
        lambda counted, standing: standing.tcp.too_long_lines,
    ),
    _counter(
        "popcon_exporter_tcp_connections_turned_away_total",
        "TCP connections that were refused because all were taken, or evicted to make room.",
        lambda counted, standing: {
            "refused": standing.tcp.refused,
            "evicted": standing.tcp.evicted,
        },
        ("reason",),
    ),
    _counter(
        "popcon_exporter_kernel_drops_total",
        "Datagrams that the kernel dropped because the socket's receive buffer was full.",
        lambda counted, standing: standing.kernel_drops,
        ("listener",),
    ),
    _gauge(
        "popcon_exporter_receive_buffer_asked_bytes",
        "The size of the receive buffer that the kernel was asked for; 0 where it chose itself.",
        lambda counted, standing: {key: one.asked for key, one in standing.buffers.items()},
        ("listener",),
    ),
    _gauge(
        "popcon_exporter_receive_buffer_bytes",
        "The size of the receive buffer that the kernel granted.",
        lambda counted, standing: {key: one.granted for key, one in standing.buffers.items()},
        ("listener",),
    ),
    _counter(
        "popcon_exporter_canaries_sent_total",
        "Test counts that the exporter sent to itself; its canary counter is how many came.",
        lambda counted, standing: standing.canaries_sent,
    ),
)

_COUNTING = (
    _counter(
        "statsd_exporter_lines_total",
        "The total number of StatsD lines received.",
        lambda counted, standing: counted.lines_total,
    ),
    _counter(
        "statsd_exporter_samples_total",
        "The total number of StatsD samples received.",
        lambda counted, standing: counted.samples_total,
    ),
    _counter(
        "statsd_exporter_sample_errors_total",
        "The total number of errors parsing StatsD samples.",
        lambda counted, standing: counted.sample_errors_total,
        ("reason",),
        SAMPLE_ERRORS,
    ),
    _counter(
        "statsd_exporter_tags_total",
        "The total number of DogStatsD tags processed.",
        lambda counted, standing: counted.tags_total,
    ),
    _counter(
        "statsd_exporter_tag_errors_total",
        "The number of errors parsing DogStatsD tags.",
        lambda counted, standing: counted.tag_errors_total,
    ),
    _counter(
        "statsd_exporter_event_queue_flushed_total",
        "Number of times events were flushed to exporter",
        lambda counted, standing: counted.folds,
    ),
    _counter(
        "statsd_exporter_events_total",
        "The total number of StatsD events seen.",
        lambda counted, standing: counted.events_total,
        ("type",),
    ),
    _counter(
        "statsd_exporter_events_unmapped_total",
        "The total number of StatsD events no mapping was found for.",
        lambda counted, standing: counted.events_unmapped_total,
    ),
    _counter(
        "statsd_exporter_events_actions_total",
        "The total number of StatsD events by action.",
        lambda counted, standing: counted.events_actions_total,
        ("action",),
    ),
    _counter(
        "statsd_exporter_events_conflict_total",
        "The total number of StatsD events with conflicting names.",
        lambda counted, standing: counted.events_conflict_total,
        ("type", "metric_name"),
    ),
    _counter(
        "statsd_exporter_events_error_total",
        "The total number of StatsD events discarded due to errors.",
        lambda counted, standing: counted.events_error_total,
        ("reason",),
        ERRORS,
    ),
    _gauge(
        "statsd_exporter_metrics_total",
        "The total number of metrics.",
        lambda counted, standing: counted.metrics_total,
        ("type",),
    ),
    _gauge(
        "popcon_exporter_counting_since_timestamp_seconds",
        "When the counts began: the start, or that of the first process with this state file.",
        lambda counted, standing: standing.counting_since,
    ),
    _gauge(
        "popcon_exporter_series",
        "Series that are held now.",
        lambda counted, standing: standing.series,
    ),
    _counter(
        "popcon_exporter_overflow_total",
        "Measurements that one of the exporter's bounds kept out.",
        lambda counted, standing: standing.overflow,
        ("bound",),
    ),
)

_MAPPING = (
    _gauge(
        "statsd_exporter_loaded_mappings",
        "The current number of configured metric mappings.",
        lambda counted, standing: standing.loaded_mappings,
    ),
    _counter(
        "statsd_exporter_config_reloads_total",
        "The number of configuration reloads.",
        lambda counted, standing: standing.reloads,
        ("outcome",),
        ("success", "failure"),
    ),
    _gauge(
        "popcon_exporter_config_last_reload_successful",
        "Whether the mapping was well formed when it was last read; else older rules are in use.",
        lambda counted, standing: standing.reload_successful,
    ),
    _gauge(
        "popcon_exporter_config_last_reload_success_timestamp_seconds",
        "When the rules that are in use were read.",
        lambda counted, standing: standing.reload_timestamp,
    ),
    _gauge(
        "statsd_metric_mapper_cache_length",
        "The count of unique metrics currently cached.",
        lambda counted, standing: counted.cache.length,
    ),
    _counter(
        "statsd_metric_mapper_cache_gets_total",
        "The count of total metric cache gets.",
        lambda counted, standing: counted.cache.gets,
    ),
    _counter(
        "statsd_metric_mapper_cache_hits_total",
        "The count of total metric cache hits.",
        lambda counted, standing: counted.cache.hits,
    ),
)

_RELAY = (
    _counter(
        "statsd_exporter_relay_packets_total",
        "The number of StatsD packets relayed.",
        lambda counted, standing: {key: one.packets for key, one in standing.relay.items()},
        ("target",),
    ),
    _counter(
        "statsd_exporter_relay_lines_relayed_total",
        "The number of lines that were buffered to be relayed.",
        lambda counted, standing: {key: one.lines for key, one in standing.relay.items()},
        ("target",),
    ),
    _counter(
        "statsd_exporter_relay_long_lines_total",
        "The number lines that were too long to relay.",
        lambda counted, standing: {key: one.long_lines for key, one in standing.relay.items()},
        ("target",),
    ),
    _counter(
        "popcon_exporter_relay_errors_total",
        "Packets that could not be sent to the relay target.",
        lambda counted, standing: {key: one.errors for key, one in standing.relay.items()},
        ("target",),
    ),
)

_PERSISTENCE = (
    _counter(
        "popcon_exporter_persistence_writes_total",
        "Times that the state was written to disk.",
        lambda counted, standing: standing.persistence.writes if standing.persistence else _NOTHING,
    ),
    _counter(
        "popcon_exporter_persistence_errors_total",
        "Times that the state could not be written to disk; it is tried again.",
        lambda counted, standing: standing.persistence.errors if standing.persistence else _NOTHING,
    ),
    _gauge(
        "popcon_exporter_persistence_last_success_timestamp_seconds",
        "When the state was last written to disk; 0 for never.",
        lambda counted, standing: (
            standing.persistence.last_success if standing.persistence else _NOTHING
        ),
    ),
    _gauge(
        "popcon_exporter_persistence_size_bytes",
        "The size of the state on disk.",
        lambda counted, standing: standing.persistence.size if standing.persistence else _NOTHING,
    ),
)


def _privacy_info(counted: Counted, standing: Standing) -> Values:
    privacy = standing.privacy
    if privacy is None:
        return _NOTHING
    numbers = (privacy.min_processes, privacy.interval, privacy.min_library_processes)
    return {(privacy.policy, *(f"{number:g}" for number in numbers)): 1}


_PRIVACY = (
    _gauge(
        "popcon_exporter_privacy_info",
        "The publication policy of popcon's own metrics; always 1.",
        _privacy_info,
        ("policy", "min_processes", "interval_seconds", "min_library_processes"),
    ),
    _gauge(
        "popcon_exporter_privacy_holding",
        "Whether counts of popcon's own metrics are held for this reason; how many is not said.",
        lambda counted, standing: (
            {reason: reason in standing.privacy.holding for reason in HOLDING_REASONS}
            if standing.privacy
            else _NOTHING
        ),
        ("reason",),
    ),
)

_HTTP = (
    _counter(
        "promhttp_metric_handler_requests_total",
        "Total number of scrapes by HTTP status code.",
        lambda counted, standing: standing.http_requests,
        ("code",),
        ("200", "500", "503"),
    ),
    _gauge(
        "promhttp_metric_handler_requests_in_flight",
        "Current number of scrapes being served.",
        lambda counted, standing: standing.http_in_flight,
    ),
)

#: What there is of Go is left empty; who reads the version finds it where it is expected.
_GO_BUILD = {
    "branch": "",
    "goarch": platform.machine(),
    "goos": sys.platform,
    "goversion": "",
    "revision": "",
    "tags": "",
    "version": __version__,
}
_BUILD = (
    _gauge(
        "statsd_exporter_build_info",
        "The version of what stands in for statsd_exporter; always 1.",
        lambda counted, standing: {tuple(_GO_BUILD.values()): 1},
        tuple(_GO_BUILD),
    ),
    _gauge(
        "popcon_exporter_build_info",
        "The exporter's version; always 1.",
        lambda counted, standing: {__version__: 1},
        ("version",),
    ),
)

METRICS = tuple(
    sorted(
        _RECEIVING + _COUNTING + _MAPPING + _RELAY + _PERSISTENCE + _PRIVACY + _HTTP + _BUILD,
        key=lambda metric: metric.name,
    )
)
