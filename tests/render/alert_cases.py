"""Histories of exporters, and which alert each of them brings: rows for `test_rules.py`."""

from __future__ import annotations

from tests.render.alert_case import Case, named
from tests.render.arriving_cases import ARRIVING


def lines(
    rate: int, minutes: int = 240, of: str = 'job="popcon-metrics",instance="a"'
) -> dict[str, str]:
    """Return an exporter that answers and receives so many lines a minute."""
    return {
        named("up", of=of): f"1x{minutes}",
        named("statsd_exporter_lines_total", of=of): f"0+{rate}x{minutes}",
    }


#: A target that is not named after popcon.
PLAIN = 'job="statsd",instance="a"'

#: The chart's, with a label more.
LABELLED = 'job="popcon-metrics",instance="a",site="x"'

#: A second exporter of the chart's job.
OTHERS = 'job="popcon-metrics",instance="b"'
SINCE = "popcon_exporter_counting_since_timestamp_seconds"
MAPPINGS = "statsd_exporter_loaded_mappings"


def both(minutes: int) -> dict[str, str]:
    """Return two exporters that answer."""
    return {named("up"): f"1x{minutes}", named("up", of=OTHERS): f"1x{minutes}"}


A = {"job": "popcon-metrics", "instance": "a"}
CONFLICT = 'type="counter",metric_name="python_popcon_reports"'
REFUSED = named("statsd_exporter_sample_errors_total", 'reason="malformed_line"')
NEGATIVE = named("statsd_exporter_events_error_total", 'reason="illegal_negative_counter"')
DROPPED = named("statsd_exporter_events_actions_total", 'action="drop"')
FAILURES = named("statsd_exporter_config_reloads_total", 'outcome="failure"')
RELOADED = named("popcon_exporter_config_last_reload_successful")
SAVES = named("popcon_exporter_persistence_errors_total")
OVERFLOW = named("popcon_exporter_overflow_total", 'bound="series"')
DROPS = named("popcon_exporter_kernel_drops_total", 'listener="udp"')
GO_DROPS = named("statsd_exporter_udp_packet_drops_total")
HUB = 'namespace="hub1"'


#: Reports that end after an hour, and those of a job whose other targets are not popcon's.
REPORTED = {named("python_popcon_reports", HUB, of=PLAIN): "5x60 _x90"}
OTHER = named("up", of='job="statsd",instance="other"')
SHARED = {**lines(1, 150, of=PLAIN), named("python_popcon_reports", HUB, of=PLAIN): "5x150"}

CASES: dict[str, list[Case]] = {
    "PopconExporterDown": [
        Case("answers", lines(1), "3h", []),
        Case("does not answer", {named("up"): "1x60 0x60"}, "80m", [A]),
        Case("is restarted at its place", {named("up"): "1x60 0x5 1x60"}, "66m", []),
        Case(
            "another pod took over",
            {
                named("up"): "1x60 _x60",
                named("up", of='job="popcon-metrics",instance="b"'): "_x61 1x60",
            },
            "100m",
            [],
        ),
        Case(
            "has no pod any more", {named("up"): "1x60 _x90"}, "100m", [{"job": "popcon-metrics"}]
        ),
        Case(
            "is known by what it shows",
            {named("up", of=PLAIN): "1x60 0x90", **REPORTED},
            "100m",
            [{"job": "statsd", "instance": "a"}],
        ),
        Case("is another's statsd_exporter", {named("up", of=PLAIN): "1x60 0x90"}, "100m", []),
        Case("another target of its job is down", {**SHARED, OTHER: "1x60 0x90"}, "100m", []),
        Case(
            "went from a job that it shares",
            {OTHER: "1x150", named("up", of=PLAIN): "1x60 _x90", **REPORTED},
            "100m",
            [{"job": "statsd"}],
        ),
        Case(
            "is replaced in a job that it shares, and nobody works yet",
            {
                OTHER: "1x150",
                named("up", of=PLAIN): "1x60 _x90",
                **REPORTED,
                **lines(0, 150, of='job="statsd",instance="b"'),
            },
            "100m",
            [],
        ),
        Case(
            "is named otherwise",
            {named("up", of='job="popcon-grafana",instance="a"'): "0x90"},
            "80m",
            [],
        ),
        Case("was taken away on purpose", {named("up"): "1x60 _x4400"}, "73h30m", []),
    ],
    "PopconMappingReloadFailed": [
        Case("popcon: wrong rules", {**lines(1), RELOADED: "1x60 0x60"}, "70m", [A]),
        Case("popcon: right again", {**lines(1), RELOADED: "1x60 0x60 1x60"}, "125m", []),
        Case(
            "popcon: its own count of failures says less",
            {**lines(1), RELOADED: "1x120", FAILURES: "0x60 1x60"},
            "70m",
            [],
        ),
        Case(
            "statsd_exporter: a first failure",
            {**lines(1), FAILURES: "_x90 1x90"},
            "100m",
            [{**A, "outcome": "failure"}],
        ),
        Case(
            "statsd_exporter: one more failure",
            {**lines(1), FAILURES: "3x90 4x90"},
            "100m",
            [{**A, "outcome": "failure"}],
        ),
        Case(
            "statsd_exporter: a first failure, soon after its start",
            {
                named("up"): "_x60 1x90",
                named("statsd_exporter_lines_total"): "_x60 0x90",
                named("process_start_time_seconds"): "_x60 3600x90",
                FAILURES: "_x63 1x90",
            },
            "70m",
            [{**A, "outcome": "failure"}],
        ),
        Case("statsd_exporter: long ago", {**lines(1), FAILURES: "_x30 1x180"}, "200m", []),
        Case(
            "another's statsd_exporter",
            {
                **lines(1, of=PLAIN),
                named(
                    "statsd_exporter_config_reloads_total", 'outcome="failure"', of=PLAIN
                ): "3x90 4x90",
            },
            "100m",
            [],
        ),
        Case(
            "Prometheus is new, the failure old",
            {
                **lines(1, 30),
                named("process_start_time_seconds"): "-86400x30",
                FAILURES: "1x30",
            },
            "20m",
            [],
        ),
    ],
    "PopconDatagramsDropped": [
        Case("popcon", {**lines(1), DROPS: "0x60 50x60"}, "70m", [{**A, "listener": "udp"}]),
        Case("statsd_exporter", {**lines(1), GO_DROPS: "0x60 50x60"}, "70m", [A]),
        Case("none", {**lines(1), DROPS: "0x120", GO_DROPS: "0x120"}, "70m", []),
        Case("restarted", {**lines(1), DROPS: "50x60 0x60"}, "70m", []),
        Case(
            "another's statsd_exporter",
            {named("statsd_exporter_udp_packet_drops_total", of=PLAIN): "0x60 50x60"},
            "70m",
            [],
        ),
    ],
    "PopconLinesRefused": [
        Case("one in five", {**lines(50), REFUSED: "0+10x240"}, "100m", [A]),
        Case("of two kinds", {**lines(50), REFUSED: "0+2x240", NEGATIVE: "0+2x240"}, "100m", [A]),
        Case("one in fifty", {**lines(100), REFUSED: "0+2x240"}, "100m", []),
        Case(
            "another's statsd_exporter",
            {
                **lines(50, of=PLAIN),
                named(
                    "statsd_exporter_sample_errors_total", 'reason="malformed_line"', of=PLAIN
                ): "0+10x240",
            },
            "100m",
            [],
        ),
        Case("few, on an idle night", {**lines(1), REFUSED: "0+1x240"}, "100m", []),
        Case(
            "a reason shown for the first time", {**lines(10), REFUSED: "_x90 300x100"}, "110m", [A]
        ),
        Case("seen for the first time", {**lines(10, 30), REFUSED: "300x30"}, "25m", []),
        Case("restarted", {**lines(10), REFUSED: "900x90 0x100"}, "110m", []),
    ],
    "PopconLinesWithoutRule": [
        Case("nearly all", {**lines(20), DROPPED: "0+19x240"}, "100m", [A]),
        Case("some", {**lines(20), DROPPED: "0+5x240"}, "100m", []),
        Case(
            "another's statsd_exporter",
            {
                **lines(20, of=PLAIN),
                named(
                    "statsd_exporter_events_actions_total", 'action="drop"', of=PLAIN
                ): "0+19x240",
            },
            "100m",
            [],
        ),
        Case("on an idle night", {**lines(1), DROPPED: "0+1x240"}, "100m", []),
    ],
    "PopconNameTaken": [
        Case(
            "a first time",
            {**lines(1), named("statsd_exporter_events_conflict_total", CONFLICT): "_x90 1+1x90"},
            "100m",
            [{**A, "metric_name": "python_popcon_reports"}],
        ),
        Case(
            "a name that is not popcon's",
            {
                **lines(1),
                named(
                    "statsd_exporter_events_conflict_total", 'type="gauge",metric_name="x"'
                ): "0+1x240",
            },
            "100m",
            [],
        ),
        Case(
            "long ago, and the target has got another label",
            {
                named("statsd_exporter_lines_total"): "1x90",
                named("statsd_exporter_lines_total", of=LABELLED): "_x90 1x90",
                named("statsd_exporter_events_conflict_total", CONFLICT): "5x90",
                named("statsd_exporter_events_conflict_total", CONFLICT, LABELLED): "_x90 5x90",
            },
            "110m",
            [],
        ),
        Case(
            "no more",
            {**lines(1), named("statsd_exporter_events_conflict_total", CONFLICT): "0+1x30 30x200"},
            "200m",
            [],
        ),
    ],
    "PopconSeriesOverflow": [
        Case("full", {OVERFLOW: "0x60 0+9x60"}, "70m", [{**A, "bound": "series"}]),
        Case("not full", {OVERFLOW: "0x120"}, "70m", []),
        Case("restarted", {OVERFLOW: "900x60 0x60"}, "70m", []),
    ],
    "PopconSavesFailing": [
        Case("a full disk", {SAVES: "0x60 0+120x60"}, "80m", [A]),
        Case("one failure", {SAVES: "0x60 1x60"}, "65m", []),
        Case("restarted", {SAVES: "900x60 0x60"}, "80m", []),
    ],
    "PopconHonorLabelsMissing": [
        Case(
            "overwritten",
            {
                named(
                    "python_popcon_reports", 'namespace="monitoring",exported_namespace="hub1"'
                ): "1x60"
            },
            "20m",
            [{"job": "popcon-metrics"}],
        ),
        Case("as it should be", {named("python_popcon_reports", HUB): "1x60"}, "20m", []),
    ],
    "PopconScrapedTwice": [
        Case(
            "popcon under two jobs, at one address",
            {named(SINCE): "1700000000.25x90", named(SINCE, of=PLAIN): "1700000000.25x90"},
            "80m",
            [{"counting_since": "1700000000.25"}],
        ),
        Case(
            "popcon at two addresses",
            {named(SINCE): "1700000000.25x90", named(SINCE, of=OTHERS): "1700000000.25x90"},
            "80m",
            [{"counting_since": "1700000000.25"}],
        ),
        Case(
            "statsd_exporter under two jobs",
            {**lines(1, 90), **lines(1, 90, of=PLAIN), named("python_popcon_reports"): "1x90"},
            "80m",
            [],  # Who knows whether the other one is popcon's too?
        ),
        Case(
            "statsd_exporter under two jobs, both with reports",
            {
                **lines(1, 90),
                **lines(1, 90, of=PLAIN),
                named("python_popcon_reports"): "1x90",
                named("python_popcon_reports", of=PLAIN): "1x90",
            },
            "80m",
            [{"instance": "a"}],
        ),
        Case(
            "two exporters",
            {
                **lines(1, 90),
                **lines(1, 90, of=OTHERS),
                named(SINCE): "1700000000.25x90",
                named(SINCE, of=OTHERS): "1700000000.5x90",
            },
            "80m",
            [],
        ),
        Case(
            "moved with its file, the old target there for a moment",
            {named(SINCE): "5x40 _x50", named(SINCE, of=OTHERS): "_x38 5x50"},
            "45m",
            [],
        ),
    ],
    "PopconMappingDiffers": [
        Case(
            "one is behind",
            {named(MAPPINGS): "10x60 12x60", named(MAPPINGS, of=OTHERS): "10x120", **both(120)},
            "100m",
            [{"job": "popcon-metrics"}],
        ),
        Case(
            "one after the other",
            {
                named(MAPPINGS): "10x60 12x60",
                named(MAPPINGS, of=OTHERS): "10x70 12x50",
                **both(120),
            },
            "100m",
            [],
        ),
        Case(
            "another job's",
            {named(MAPPINGS): "10x120", named(MAPPINGS, of=PLAIN): "12x120", **both(120)},
            "100m",
            [],
        ),
    ],
    **ARRIVING,
}
