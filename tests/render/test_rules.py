"""The alerts, evaluated by the real promtool: when each tells somebody, and when none may."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from popcon.catalog import METRICS
from popcon.exporter.self_catalog import METRICS as SELF_METRICS
from popcon.promql.recordings import recordings
from popcon.render.rules import GROUPS, rules_text
from tests.bundle.test_dashboards import selected
from tests.conftest import ROOT, eventually
from tests.e2e.servers import exporter
from tests.peers.found import program
from tests.render.alert_cases import CASES

ALERTS = {alert.name: alert for _, alerts in GROUPS.values() for alert in alerts}


def test_every_alert_has_its_cases() -> None:
    """Each alert fires in one case, and in another it doesn't."""
    assert list(CASES) == list(ALERTS)
    for cases in CASES.values():
        assert {bool(case.fires) for case in cases} == {True, False}


@pytest.mark.parametrize("name", CASES)
def test_when_it_fires(tmp_path: Path, name: str) -> None:
    """Each alert fires where something is wrong, and not after a restart, at night, or for others."""
    (group, interval, rule) = next(
        (group["name"], group.get("interval"), rule)
        for group in yaml.safe_load(rules_text())["groups"]
        for rule in group["rules"]
        if rule.get("alert") == name
    )
    alone = {"name": group, **({"interval": interval} if interval else {}), "rules": [rule]}
    (tmp_path / "rules.json").write_text(json.dumps({"groups": [alone]}))
    tests = [
        {
            "name": case.what,
            "interval": case.step,
            "input_series": [
                {"series": series, "values": values} for series, values in case.series.items()
            ],
            "promql_expr_test": [
                {
                    "expr": f'max without (alertstate) (ALERTS{{alertname="{name}",alertstate="firing"}})',
                    "eval_time": case.at,
                    "exp_samples": [
                        {
                            "labels": _labels({**one, **rule["labels"], "alertname": name}),
                            "value": 1,
                        }
                        for one in case.fires
                    ],
                }
            ],
        }
        for case in CASES[name]
    ]
    file = tmp_path / "test.json"  # JSON is YAML
    whole = {
        "rule_files": ["rules.json"],
        "evaluation_interval": interval or "1m",
        "tests": tests,
    }
    file.write_text(json.dumps(whole))
    command = [str(program("promtool")), "test", "rules", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def _labels(labels: dict[str, str]) -> str:
    return f"{{{','.join(f'{key}={json.dumps(value)}' for key, value in labels.items())}}}"


def test_promtool_accepts_the_rules() -> None:
    """The committed rule file is well formed, its templates too, and no rule stands there twice."""
    command = [
        str(program("promtool")),
        "check",
        "rules",
        str(ROOT / "grafana" / "popcon-rules.yaml"),
    ]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
    count = len(ALERTS) + sum(len(rules) for _, rules in recordings().values())
    assert f"SUCCESS: {count} rules found" in checked.stdout


@pytest.mark.parametrize("name", ALERTS)
def test_what_it_says(name: str) -> None:
    """An alert's texts name labels that it has, so that no sentence has a hole."""
    alert = ALERTS[name]
    used = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    had = {label for case in CASES[name] for fired in case.fires for label in fired}

    assert used <= had
    assert alert.severity in ("critical", "warning", "info")
    assert alert.when
    assert alert.summary
    assert alert.description.endswith(".")


@pytest.mark.skipif(sys.version_info < (3, 10), reason="promql-parser needs Python 3.10")
@pytest.mark.parametrize("name", ALERTS)
def test_the_exporter_shows_what_is_asked_for(name: str) -> None:
    """No alert waits for a metric that no exporter of popcon's shows."""
    import promql_parser

    known = {metric.name for metric in METRICS} | {metric.name for metric in SELF_METRICS}

    known |= {rule.record for _, rules in recordings().values() for rule in rules}

    assert selected(promql_parser.parse(ALERTS[name].expr)) <= known | {
        "up",
        "process_start_time_seconds",
        "prometheus_rule_evaluation_failures_total",
    }


#: A line that each counter of both exporters rises by, and how it stands on the page then.
SHOWN_BY_BOTH = {
    'statsd_exporter_sample_errors_total{reason="malformed_line"}': b"nothing",
    'statsd_exporter_events_error_total{reason="illegal_negative_counter"}': b"mine:-1|c",
    'statsd_exporter_events_actions_total{action="drop"}': b"dropped:1|c",
    'statsd_exporter_events_conflict_total{metric_name="mine",type="gauge"}': b"mine:1|g",
    'statsd_exporter_config_reloads_total{outcome="failure"}': b"",
    "statsd_exporter_lines_total": b"x:1|c",
    "process_start_time_seconds": b"",
}

RULES = """\
mappings:
- {match: dropped, name: dropped, action: drop}
"""


@pytest.mark.parametrize("kind", ["statsd_exporter", "popcon"])
def test_both_exporters_show_it(tmp_path: Path, kind: str) -> None:
    """What alerts ask of both exporters, both show, under the same names and labels."""
    file = tmp_path / "mapping.yaml"
    file.write_text(RULES)
    with exporter(kind, file, flags=("--web.enable-lifecycle",)) as running:
        host, port = running.sink.removeprefix("statsd://").split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for line in (b"mine:1|c", *SHOWN_BY_BOTH.values()):
                sender.sendto(line, (host, int(port)))
        file.write_text("mappings: 1")
        requests.post(f"{running.url}/-/reload", timeout=10)

        def missing() -> list[str]:
            page = requests.get(f"{running.url}/metrics", timeout=10).text.splitlines()
            above = {line.rpartition(" ")[0] for line in page if not line.endswith(" 0")}
            return [series for series in SHOWN_BY_BOTH if series not in above]

        eventually(lambda: not missing())
        assert missing() == []
        assert (
            "statsd_exporter_udp_packet_drops_total 0"
            in requests.get(f"{running.url}/metrics", timeout=10).text
        )
