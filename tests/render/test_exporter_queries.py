"""What the dashboard Pipeline asks, answered by promtool over series whose right answer is known beforehand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from popcon.render import exporter_queries as queries
from tests.peers.found import program

#: A value each minute for three hours; asked at the end for the last hour.
AT = 180
HOUR = {"$__range_s": "3600", "$__range": "1h", "$__rate_interval": "5m", "$hub": ".*"}
CHOSEN = {"$job": "popcon", "$instance": "a|b"}


class Case(NamedTuple):
    """An expression, the series that there are (a name with its labels → values), and the samples it gives."""

    expr: str
    known: dict[str, str]
    answers: dict[str, float]


def of(name: str, instance: str = "a", job: str = "popcon", **labels: str) -> str:
    """Return a series of one exporter."""
    every = {"job": job, "instance": instance, **labels}
    return f"{name}{{{','.join(f'{key}=' + json.dumps(value) for key, value in every.items())}}}"


UP = {of("up"): "1x180"}
REFUSED = "statsd_exporter_sample_errors_total"
OVERFLOW = "popcon_exporter_overflow_total"
CANARY = "python_popcon_canary_total"
STARTED = "process_start_time_seconds"


def canary(*times: str, up: str = "1x180", **labels: str) -> dict[str, str]:
    """Return a canary's counts at each of two exporters, and that these answer."""
    found = {}
    for instance, values in zip("ab", times):
        found[of(CANARY, instance, id="job", **labels)] = values
        found[of("up", instance)] = up
    return found


def occurred(*known: str, started: str = "0x180") -> dict[str, str]:
    """Return refused lines at each of two exporters, and since when these run."""
    found = {}
    for instance, values in zip("ab", known):
        found[of(REFUSED, instance, reason="malformed_line")] = values
        found[of("up", instance)] = "1x180"
        found[of(STARTED, instance)] = started
    return found


def last(minute: int) -> dict[str, float]:
    """Return the answer that the canary came last at this minute, to five minutes."""
    return {'{id="job"}': minute * 60_000}


_OCCURRED = queries.occurred(REFUSED, by=("reason",))
_TWICE = queries.occurred(REFUSED, "statsd_exporter_events_error_total", by=("reason",))
_CANARY = queries.last_canary()

CASES = {
    "refused before the range": Case(_OCCURRED, occurred("7x180"), {}),
    "refused in the range": Case(
        _OCCURRED, occurred("7x150 7+1x29"), {'{reason="malformed_line"}': 29 * 60 / 59}
    ),
    "refused for the first time, and once": Case(
        _OCCURRED, occurred("_x150 1x29"), {'{reason="malformed_line"}': 1}
    ),
    "refused once by a new exporter": Case(
        _OCCURRED,
        {**occurred("_x150 1x29", started="_x149 8940x30"), of("up"): "_x149 1x30"},
        {'{reason="malformed_line"}': 1},
    ),
    "refused long ago, where Prometheus is new": Case(
        _OCCURRED,
        {**occurred("_x150 100x29"), of("up"): "_x150 1x29"},
        {},
    ),
    "refused long ago, and the target has got another label": Case(
        _OCCURRED,
        {
            of(REFUSED, reason="malformed_line"): "7x150",
            of("up"): "1x150",
            of(REFUSED, reason="malformed_line", site="x"): "_x150 7x30",
            of("up", site="x"): "_x150 1x30",
        },
        {},
    ),
    "refused by two": Case(
        _OCCURRED, occurred("_x150 2x29", "_x160 3x19"), {'{reason="malformed_line"}': 5}
    ),
    "refused in two ways": Case(
        _TWICE,
        {
            **occurred("_x150 2x29"),
            of("statsd_exporter_events_error_total", reason="empty_metric_name"): "_x150 4x29",
        },
        {'{reason="malformed_line"}': 2, '{reason="empty_metric_name"}': 4},
    ),
    "another statsd_exporter's": Case(
        _OCCURRED, {of(REFUSED, job="other", reason="malformed_line"): "_x150 1x29"}, {}
    ),
    "lost: statsd_exporter can't see the kernel": Case(
        queries.lost(),
        {of("statsd_exporter_udp_packet_drops_total"): "0x119 0+1x60"},
        {"{}": 60},
    ),
    "lost: of two exporters": Case(
        queries.lost(),
        {
            of("statsd_exporter_udp_packet_drops_total"): "0x180",
            of("statsd_exporter_udp_packet_drops_total", "b"): "0x119 0+1x60",
            of("popcon_exporter_kernel_drops_total", listener="udp"): "0x119 0+2x60",
        },
        {"{}": 180},
    ),
    "lost: nobody to tell": Case(queries.lost(), {}, {}),
    "a canary came each 15 minutes": Case(_CANARY, canary("5x110 6x15 7x15 8x15 9x21"), last(160)),
    "a canary came twelve minutes ago, and none before": Case(
        _CANARY, canary("_x168 1x11"), last(170)
    ),
    "no canary in the range": Case(_CANARY, canary("5x180"), {}),
    "an exporter began again at 0": Case(_CANARY, canary("5x124 6x14 _x5 1x14 2x20"), last(160)),
    "Prometheus was away": Case(_CANARY, canary("5x124 _x20 5x40", up="1x124 _x20 1x40"), {}),
    "an exporter went on elsewhere with its file": Case(
        _CANARY,
        {
            **canary("9x150"),
            of(CANARY, "b", id="job"): "_x151 9x29",
            of("up", "b"): "_x151 1x29",
        },
        {},
    ),
    "a canary's hub": Case(
        _CANARY,
        canary("5x130 6x49", namespace="x"),
        {'{id="job",namespace="x"}': 135 * 60_000},
    ),
    "two of three targets answer, one never did": Case(
        queries.silent_targets(),
        {
            of("up"): "1x180",
            of("up", "b"): "0x180",
            of("up", "c", "ns/popcon"): "0x180",
            of("up", "d", "other"): "0x180",
        },
        {"{}": 2},
    ),
    "all answer": Case(queries.silent_targets(), UP, {"{}": 0}),
    "since the file's first count": Case(
        queries.counting_since(),
        {
            of("popcon_exporter_counting_since_timestamp_seconds"): "50x180",
            of("statsd_exporter_build_info"): "1x180",
            of(STARTED): "100x180",
            of("statsd_exporter_build_info", "b"): "1x180",
            of(STARTED, "b"): "70x180",
            of(STARTED, "b", "other"): "1x180",
        },
        {'{job="popcon",instance="a"}': 50_000, '{job="popcon",instance="b"}': 70_000},
    ),
    "which program it is": Case(
        queries.versions(),
        {
            of("popcon_exporter_build_info", version="1"): "1x180",
            of("statsd_exporter_build_info", version="1", goos="linux"): "1x180",
            of("statsd_exporter_build_info", "b", version="0.28.0", goos="linux"): "1x180",
        },
        {
            '{job="popcon",instance="a",program="popcon exporter",version="1"}': 1,
            '{job="popcon",instance="b",program="statsd_exporter",version="0.28.0"}': 1,
        },
    ),
    "each exporter's series once": Case(
        queries.series_of_the_other(),
        {
            of("popcon_exporter_series"): "9x180",
            of("statsd_exporter_metrics_total", type="counter"): "9x180",
            of("statsd_exporter_metrics_total", "b", type="counter"): "4x180",
            of("statsd_exporter_metrics_total", "b", type="gauge"): "3x180",
        },
        {'{instance="b"}': 7},
    ),
    "an alert and since when": Case(
        queries.alerts(),
        {
            'ALERTS{alertname="PopconNameTaken",alertstate="firing",severity="critical",metric_name="x"}': "1x180",
            'ALERTS_FOR_STATE{alertname="PopconNameTaken",severity="critical",metric_name="x"}': "60x180",
            'ALERTS{alertname="Other",alertstate="firing"}': "1x180",
        },
        {'{alertname="PopconNameTaken",alertstate="firing",severity="critical"}': 60_000},
    ),
    "the groups of rules": Case(
        queries.of_rules("prometheus_rule_group_last_duration_seconds"),
        {
            'prometheus_rule_group_last_duration_seconds{rule_group="/etc/x.yaml;popcon-days"}': "2x180",
            'prometheus_rule_group_last_duration_seconds{rule_group="/popcon/x.yaml;else"}': "9x180",
        },
        {'{group="popcon-days"}': 2},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_answered(tmp_path: Path, case: str) -> None:
    """Each question has the answer that was known beforehand."""
    expr, known, expected = CASES[case]
    for variable, value in {**HOUR, **CHOSEN}.items():
        expr = expr.replace(variable, value)
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in known.items()],
        "promql_expr_test": [
            {
                "expr": expr,
                "eval_time": f"{AT}m",
                "exp_samples": [{"labels": name, "value": one} for name, one in expected.items()],
            }
        ],
    }
    file = tmp_path / "test.json"  # JSON is YAML
    file.write_text(json.dumps({"tests": [test], "fuzzy_compare": True}))
    command = [str(program("promtool")), "test", "rules", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr
