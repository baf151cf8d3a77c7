"""In: an exporter and the times at which it was looked at. Out: what it shows of itself and of its hubs' images.

What the recordings need is there all the time, the rest of late only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Union

from popcon import __version__
from popcon.catalog import CANARY, LIBRARY_INSTALLED
from popcon.exporter.self_catalog import SAMPLE_ERRORS
from popcon.exporter.standing import HOLDING_REASONS
from tests.dashboards import site
from tests.dashboards.counts import counts
from tests.dashboards.exporters import DAY, LIVES, NOW, Life, at, ends, scrapes

#: Since when the rest is there: sizes come with a newer version of popcon.
OF_LATE = at(site.DAYS - 9)
#: Lines that a process sends, and lines of a datagram.
_LINES, _DATAGRAM = 14, 7

#: A number, or one for each time.
Read = Union[float, Callable[[float], float]]
Row = tuple[str, dict[str, str], Read]


class Series(NamedTuple):
    """One series; a value of None is the mark of its end."""

    name: str
    labels: dict[str, str]
    times: Sequence[float]
    values: Sequence[float | None]


def shown() -> Iterator[Series]:
    """Yield what exporters show besides counts of processes, and what Prometheus adds to each scrape."""
    for life in LIVES:
        times = scrapes(life)
        for row in _always(life):
            yield _scraped(life, row, times)
        late = times[bisect_left(times, OF_LATE) :]
        if late:
            own = _popcon(life) if life.kind == "popcon" else _statsd(life)
            for row in (*_both(life), *own, *_installed(life), *_scrape(life)):
                yield _scraped(life, row, late)


def _always(life: Life) -> Iterator[Row]:
    yield "statsd_exporter_lines_total", {}, _lines(life)
    yield "process_start_time_seconds", {}, life.begin
    if life.kind == "popcon":
        yield "popcon_exporter_counting_since_timestamp_seconds", {}, life.counting_since


def _both(life: Life) -> Iterator[Row]:
    prefix = "statsd_exporter_"
    dropped, series = _lines(life, 900), len(counts().changes[life])
    yield f"{prefix}samples_total", {}, _lines(life)
    yield f"{prefix}udp_packets_total", {}, _lines(life, _DATAGRAM)
    yield f"{prefix}udp_packet_drops_total", {}, 0
    yield f"{prefix}tcp_connections_total", {}, _every(life, 3600)
    yield f"{prefix}tcp_connection_errors_total", {}, 0
    yield f"{prefix}tcp_too_long_lines_total", {}, 0
    for reason in SAMPLE_ERRORS if life.kind == "popcon" else ("malformed_line",):
        each = {"malformed_line": 4000, "malformed_value": 19_000}.get(reason)
        labels = {"reason": reason}
        yield f"{prefix}sample_errors_total", labels, _lines(life, each) if each else 0
    negative = {"reason": "illegal_negative_counter"}
    yield f"{prefix}events_error_total", negative, _lines(life, 11_000)
    yield f"{prefix}events_actions_total", {"action": "map"}, _lines(life)
    yield f"{prefix}events_actions_total", {"action": "drop"}, dropped
    yield f"{prefix}events_unmapped_total", {}, 0
    conflict = {"type": "gauge", "metric_name": "python_popcon_reports"}
    if life.hubs == ("biology",):
        yield f"{prefix}events_conflict_total", conflict, _since(20_000, 3)
    yield f"{prefix}loaded_mappings", {}, 16
    yield f"{prefix}config_reloads_total", {"outcome": "success"}, 2
    yield f"{prefix}config_reloads_total", {"outcome": "failure"}, 0
    yield f"{prefix}metrics_total", {"type": "counter"}, series + 1
    for hub in life.hubs:
        yield CANARY.name, {"id": "job", "namespace": hub}, _every(life, 300)


def _statsd(life: Life) -> Iterator[Row]:
    yield "statsd_exporter_build_info", {"version": "0.31.0", "goversion": "go1.23.2"}, 1


def _popcon(life: Life) -> Iterator[Row]:
    own, strict = "popcon_exporter_", life.policy == "strict"
    yield f"{own}build_info", {"version": __version__}, 1
    numbers = ("20", "86400", "20") if strict else ("10", "900", "1")
    names = ("min_processes", "interval_seconds", "min_library_processes")
    yield f"{own}privacy_info", {"policy": life.policy, **dict(zip(names, numbers))}, 1
    for reason in HOLDING_REASONS:
        yield f"{own}privacy_holding", {"reason": reason}, _holds(reason, strict)
    lost = {"listener": "udp"}
    yield f"{own}kernel_drops_total", lost, _since(32_000, 12)
    yield f"{own}tcp_connections_turned_away_total", {"reason": "refused"}, 0
    yield f"{own}series", {}, len(counts().changes[life]) + 40
    for bound in ("series", "names", "memory"):
        over = 7 if strict and bound == "names" else 0
        yield f"{own}overflow_total", {"bound": bound}, _since(50_000, over)
    yield f"{own}config_last_reload_successful", {}, 1
    yield f"{own}config_last_reload_success_timestamp_seconds", {}, max(life.begin, at(66.3))
    yield f"{own}canaries_sent_total", {}, _every(life, 60)
    yield CANARY.name, {"id": "self"}, _every(life, 60)
    yield f"{own}persistence_writes_total", {}, _every(life, 30)
    yield f"{own}persistence_errors_total", {}, 0
    written = f"{own}persistence_last_success_timestamp_seconds"
    yield written, {}, lambda time: time // 30 * 30
    yield f"{own}persistence_size_bytes", {}, 90 * len(counts().changes[life]) + 4096
    relayed = {"target": "10.9.0.4:9125"}
    yield "statsd_exporter_relay_packets_total", relayed, _lines(life, _DATAGRAM)
    yield "statsd_exporter_relay_lines_relayed_total", relayed, _lines(life)
    yield "statsd_exporter_relay_long_lines_total", relayed, 0
    yield f"{own}relay_errors_total", relayed, _since(20_000, 30)


def _installed(life: Life) -> Iterator[Row]:
    for hub in (hub for hub in site.HUBS if hub.name in life.hubs):
        for library in site.installed(hub):
            labels = {"namespace": hub.name, "library": library.name, "part": library.part}
            yield LIBRARY_INSTALLED.name, labels, library.size


def _scrape(life: Life) -> Iterator[Row]:
    samples = len(counts().changes[life]) + 60
    yield "up", {}, 1
    yield "scrape_duration_seconds", {}, lambda time: 4e-3 + samples * 2e-5 + time % 7 * 1e-4
    yield "scrape_samples_scraped", {}, samples
    yield "scrape_sample_limit", {}, 5000
    yield "scrape_body_size_bytes", {}, 118 * samples


def _scraped(life: Life, row: Row, times: Sequence[float]) -> Series:
    """Return a series with its ends: where the target is gone, `up` is 0 and the rest is marked."""
    name, labels, read = row
    ended = [end for end in ends(life) if end > times[0]]
    value = read if callable(read) else lambda _: read
    values: dict[float, float | None] = {time: float(value(time)) for time in times}
    values.update(dict.fromkeys(ended, 0.0 if name == "up" else None))
    moments = sorted(values)
    return Series(name, {**labels, **life.target}, moments, [values[one] for one in moments])


def _every(life: Life, seconds: float) -> Read:
    return lambda time: (time - life.begin) // seconds


def _lines(life: Life, each: int = 1) -> Read:
    """Return the lines that an exporter has received, by a number: most of them by day."""
    daily = _LINES * sum(hub.size for hub in site.HUBS if hub.name in life.hubs) / life.parts
    before = _worked(life.begin)
    return lambda time: (_worked(time) - before) * daily // each


def _worked(time: float) -> float:
    """Return days of work since the history's first; a day of work is from six to ten."""
    days, rest = divmod(time - at(0), DAY)
    return days + min(1.0, max(0.0, (rest / 3600 - 6) / 16))


def _holds(reason: str, strict: bool) -> Read:
    """Return whether counts wait: a strict exporter's for the night, another's for some more processes."""
    start, end, why = (7, 24, "interval") if strict else (20, 23, "processes")
    return lambda time: reason == why and start <= time % DAY / 3600 < end


def _since(seconds: float, number: float) -> Read:
    """Return 0, and a number in the history's last seconds."""
    return lambda time: number * (time > NOW - seconds)
