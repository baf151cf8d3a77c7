"""In: counts and a standing. Out: the exporter's account of itself, as statsd_exporter names it."""

from __future__ import annotations

import socket
from collections import Counter
from pathlib import Path

import pytest
import requests
from prometheus_client import Counter as PrometheusCounter
from prometheus_client import Info
from prometheus_client.parser import text_string_to_metric_families

from popcon.exporter.self_metrics import SelfMetrics
from popcon.exporter.series.exposition import render
from popcon.exporter.standing import Buffer, Cache, Counted, Privacy, Relayed, Saved, Standing, Tcp
from tests.conftest import eventually
from tests.e2e.servers import exporter

NOTHING = Counted(0, 0, 0, 0, {}, {}, 0, {}, {}, {}, {}, 0, Cache())
COUNTED = Counted(
    lines_total=5,
    samples_total=4,
    tags_total=3,
    tag_errors_total=2,
    sample_errors_total={"malformed_line": 1, "news": 9},
    events_total={"counter": 6},
    events_unmapped_total=7,
    events_actions_total={"map": 8},
    events_conflict_total={("gauge", "a"): 10},
    events_error_total={"empty_metric_name": 11},
    metrics_total={"counter": 12},
    folds=12,
    cache=Cache(13, 14, 15),
)
EVERYTHING = Standing(
    udp_packets=1,
    unixgram_packets=2,
    tcp=Tcp(3, 4, 5, 6, 7),
    relay={"[::1]:9": Relayed(8, 9, 10, 11)},
    reloads={"failure": 16},
    loaded_mappings=17,
    reload_successful=False,
    reload_timestamp=1.7e9,
    kernel_drops={"udp": 18},
    buffers={"udp": Buffer(19, 20)},
    canaries_sent=21,
    persistence=Saved(22, 23, 24.5, 25),
    privacy=Privacy("standard", 10, 900, 1, frozenset({"interval"})),
    series=26,
    overflow={"series": 27},
    http_requests={"200": 28},
    http_in_flight=1,
)


@pytest.mark.parametrize(
    "line",
    [
        "statsd_exporter_lines_total 5",
        "statsd_exporter_samples_total 4",
        "statsd_exporter_tags_total 3",
        "statsd_exporter_tag_errors_total 2",
        'statsd_exporter_sample_errors_total{reason="malformed_line"} 1',
        'statsd_exporter_sample_errors_total{reason="malformed_value"} 0',
        'statsd_exporter_sample_errors_total{reason="news"} 9',
        'statsd_exporter_events_total{type="counter"} 6',
        "statsd_exporter_events_unmapped_total 7",
        'statsd_exporter_events_actions_total{action="map"} 8',
        'statsd_exporter_events_conflict_total{metric_name="a",type="gauge"} 10',
        'statsd_exporter_events_error_total{reason="empty_metric_name"} 11',
        'statsd_exporter_events_error_total{reason="illegal_negative_counter"} 0',
        'statsd_exporter_metrics_total{type="counter"} 12',
        "statsd_exporter_udp_packets_total 1",
        "statsd_exporter_udp_packet_drops_total 0",
        "statsd_exporter_unixgram_packets_total 2",
        "statsd_exporter_tcp_connections_total 3",
        "statsd_exporter_tcp_connection_errors_total 4",
        "statsd_exporter_tcp_too_long_lines_total 5",
        'popcon_exporter_tcp_connections_turned_away_total{reason="refused"} 6',
        'popcon_exporter_tcp_connections_turned_away_total{reason="evicted"} 7',
        'statsd_exporter_relay_packets_total{target="[::1]:9"} 8',
        'statsd_exporter_relay_lines_relayed_total{target="[::1]:9"} 9',
        'statsd_exporter_relay_long_lines_total{target="[::1]:9"} 10',
        'popcon_exporter_relay_errors_total{target="[::1]:9"} 11',
        "statsd_exporter_event_queue_flushed_total 12",
        "statsd_metric_mapper_cache_length 13",
        "statsd_metric_mapper_cache_gets_total 14",
        "statsd_metric_mapper_cache_hits_total 15",
        'statsd_exporter_config_reloads_total{outcome="failure"} 16',
        'statsd_exporter_config_reloads_total{outcome="success"} 0',
        "statsd_exporter_loaded_mappings 17",
        "popcon_exporter_config_last_reload_successful 0",
        "popcon_exporter_config_last_reload_success_timestamp_seconds 1.7e+09",
        'popcon_exporter_kernel_drops_total{listener="udp"} 18',
        'popcon_exporter_receive_buffer_asked_bytes{listener="udp"} 19',
        'popcon_exporter_receive_buffer_bytes{listener="udp"} 20',
        "popcon_exporter_canaries_sent_total 21",
        "popcon_exporter_persistence_writes_total 22",
        "popcon_exporter_persistence_errors_total 23",
        "popcon_exporter_persistence_last_success_timestamp_seconds 24.5",
        "popcon_exporter_persistence_size_bytes 25",
        'popcon_exporter_privacy_info{interval_seconds="900",min_library_processes="1",'
        'min_processes="10",policy="standard"} 1',
        'popcon_exporter_privacy_holding{reason="processes"} 0',
        'popcon_exporter_privacy_holding{reason="interval"} 1',
        "popcon_exporter_series 26",
        'popcon_exporter_overflow_total{bound="series"} 27',
        'promhttp_metric_handler_requests_total{code="200"} 28',
        'promhttp_metric_handler_requests_total{code="500"} 0',
        "promhttp_metric_handler_requests_in_flight 1",
    ],
)
def test_every_number_has_its_place(line: str) -> None:
    """Each number is shown once, under its name, as Go writes numbers."""
    assert SelfMetrics().text(COUNTED, EVERYTHING).splitlines().count(line) == 1


def test_what_is_not_there_is_not_shown() -> None:
    """Without a relay, a file for the state or a policy nothing is said of them."""
    text = SelfMetrics().text(NOTHING, Standing())

    assert not [word for word in ("relay", "persistence", "privacy") if word in text]
    assert "process_cpu_seconds_total" in text
    assert "python_info" in text


def test_no_name_is_left_to_a_kernel() -> None:
    """Whatever comes to be shown, its name was reserved from the start."""
    metrics = SelfMetrics()
    families = text_string_to_metric_families(metrics.text(COUNTED, EVERYTHING))

    shown = {name for family in families for name in (family.name, family.samples[0].name)}
    assert len(shown) > 80
    assert shown <= metrics.names()


def test_the_page_follows_the_counts() -> None:
    """What is kept from scrape to scrape is never an older number, nor one that counts on."""
    metrics, reloads = SelfMetrics(), Counter({"success": 1})
    standing = Standing(reloads=reloads)
    for expected in (1, 1, 2, 3):
        reloads["success"] = expected
        text = metrics.text(NOTHING, standing._replace(udp_packets=expected))

        assert f'config_reloads_total{{outcome="success"}} {expected}\n' in text
        assert f"udp_packets_total {expected}\n" in text
        assert "popcon_exporter_series 0\n" in text


def test_the_text_is_that_of_the_families() -> None:
    """Text that was kept is the text that rendering would give."""
    metrics = SelfMetrics()
    for counted in (NOTHING, COUNTED, NOTHING):
        text = metrics.text(counted, EVERYTHING)
        for family in metrics.families(counted, EVERYTHING):
            if not family.name.startswith("process_"):
                assert render([family]) in text


def test_collectors_of_prometheus_client_are_shown_too() -> None:
    """Counters and infos of other collectors are shown without the time when they were made."""
    metrics = SelfMetrics()
    PrometheusCounter("jobs", "Jobs.", ["kind"], registry=metrics.registry).labels("x").inc(2)
    Info("run", "The run.", registry=metrics.registry).info({"python": "3.13"})
    text = metrics.text(NOTHING, Standing())

    assert '# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{kind="x"} 2\n' in text
    assert '# TYPE run_info gauge\nrun_info{python="3.13"} 1\n' in text
    assert "_created" not in text
    assert {"jobs_total", "jobs", "run_info"} <= metrics.names()


def test_same_names_types_and_help_as_statsd_exporter(tmp_path: Path) -> None:
    """Each metric that the real statsd_exporter shows of itself is here, described the same."""

    def described(text: str) -> set[str]:
        ours = ("statsd_exporter_", "statsd_metric_mapper_", "promhttp_")
        lines = (line for line in text.splitlines() if line.startswith("# "))
        return {line for line in lines if line.split()[2].startswith(ours)}

    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("mappings: []\n")
    with exporter("statsd_exporter", mapping) as real:
        host, port = real.sink.removeprefix("statsd://").split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"a:1|c\na:1|g\n:1|c\nb:-1|c", (host, int(port)))
        page = f"{real.url}/metrics"
        assert eventually(lambda: "events_conflict_total{" in requests.get(page, timeout=10).text)
        theirs = described(requests.get(page, timeout=10).text)

    missing = theirs - described(SelfMetrics().text(COUNTED, EVERYTHING))
    assert len(theirs) > 40
    assert [line for line in missing if "build_info" not in line] == []
