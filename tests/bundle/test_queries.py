"""The dashboards' queries, run by promtool over series whose right answer is known beforehand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from popcon.catalog import REPORTS
from popcon.render.queries import added
from tests.peers.found import program

#: What our exporter shows; statsd_exporter doesn't.
SINCE = "popcon_exporter_counting_since_timestamp_seconds"

#: Range one hour, ending at 2 h; a scrape each minute. `_` is a scrape that did not happen.
CASES: dict[str, tuple[Any, ...]] = {
    "nothing happened": (["7x120"], ["0x120"], 0),
    "born at 1 in the range": (["_x89 1x30"], ["0x120"], 1),
    "born, then used again": (["_x80 1x20 3x20"], ["0x120"], 3),
    "old, and used again": (["100x90 103x30"], ["0x120"], 3),
    "one sample in all": (["_x120 1"], ["0x120"], 1),
    "an exporter restarted, and the series came back": (["5x89 _ 1x30"], ["0x89 5400x30"], 1),
    "a new exporter": (["_x90 4x30"], ["_x90 5390x30"], 4),
    "a new exporter that is gone again": (["_x70 4x10 _x40"], ["_x70 4250x10 _x40"], 4),
    "two replicas": (["_x89 2x30", "50x89 53x31"], ["0x120", "0x120"], 5),
    "Prometheus is younger than the range": (["_x89 10000x10 10003x20"], ["_x89 0x30"], 3),
    "Prometheus was down when the range began": (["9x30 _x60 9x30"], ["0x30 _x60 0x30"], 0),
    "an exporter moved with its file": (
        ["5x80", "_x80 5x10 7x30"],
        ["0x80", "_x80 4800x40"],
        2,
        ["0x80", "_x80 0x40"],
    ),
    "a new exporter with a new file": (["_x90 4x30"], ["_x90 5390x30"], 4, ["_x90 5390x30"]),
    "no data at all": ([], [], None),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_added(tmp_path: Path, case: str) -> None:
    """What was added in the last hour is counted, births included and nothing else."""
    counters, starts, expected, *since = CASES[case]
    query = (
        added(REPORTS).replace("$__range_s", "3600").replace("$__range", "1h").replace("$hub", ".*")
    )
    series = [
        {"series": f'{name}{{job="exporter",instance="{number}"}}', "values": values}
        for name, many in (
            (REPORTS.name, counters),
            ("process_start_time_seconds", starts),
            (SINCE, since[0] if since else []),
        )
        for number, values in enumerate(many)
    ]
    samples = [] if expected is None else [{"labels": "{}", "value": expected}]
    test = {
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{"expr": query, "eval_time": "2h", "exp_samples": samples}],
    }
    file = tmp_path / "test.json"  # JSON is YAML
    file.write_text(json.dumps({"tests": [test]}))
    command = [str(program("promtool")), "test", "rules", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr
