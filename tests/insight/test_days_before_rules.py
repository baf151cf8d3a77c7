"""Days before the rules existed, recorded as docs/dashboards.md says, by promtool or vmalert, are what truly happened."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import requests
import yaml

from popcon.catalog import LIBRARY_USED
from popcon.insight.sources.prometheus import Access, Prometheus
from popcon.insight.sources.recorded import RecordedSource
from popcon.insight.sources.scope import Scope
from popcon.insight.usage import Period
from popcon.promql.recordings import recorded
from tests.conftest import ROOT
from tests.dashboards.remote_write import Sender
from tests.dashboards.stores import prometheus, settle, victoria_metrics
from tests.insight.stored import FIRST
from tests.insight.test_raw import BEGIN, expected, send
from tests.peers.found import program, system_program
from tests.render.recording_cases import DAY
from tests.render.recording_histories import DAYS, random_exporter

END = BEGIN + DAYS * DAY * 60


HISTORY = random_exporter(Random("before the rules"), "a")


def test_promtool(tmp_path: Path) -> None:
    """When exporters began, then days, then weeks: each pass reads what the one before wrote."""
    data = tmp_path / "server" / "data"
    with prometheus(tmp_path / "first", "--web.enable-admin-api") as url:
        send_all(url)
        # promtool may not write where the newest samples lie, which are in no block yet.
        answer = requests.post(f"{url}/api/v1/admin/tsdb/snapshot", timeout=60).json()
        shutil.copytree(tmp_path / "first/data/snapshots" / answer["data"]["name"], data)
    for number, group in enumerate(copies()):
        with prometheus(data.parent) as url:
            blocks = written(url, group, tmp_path / f"pass-{number}")
        for block in blocks:
            shutil.move(str(block), data)
    with prometheus(data.parent) as url:
        compare(url)


def test_vmalert(tmp_path: Path) -> None:
    """VictoriaMetrics' program for rules writes the same into VictoriaMetrics."""
    with victoria_metrics(tmp_path / "store") as url:
        send_all(url)
        for number, group in enumerate(copies()):
            replayed(url, group, tmp_path / f"pass-{number}")
        compare(url)


def send_all(url: str) -> None:
    """Send what the exporter's scrapes saw."""
    sender = Sender(url)
    for row in HISTORY.series():
        send(sender, FIRST, "old", row["series"], row["values"])
    sender.close()
    settle(url)


def compare(url: str) -> None:
    """Hold the recorded days and weeks against what happened."""
    source = RecordedSource(Prometheus(Access(url)), Scope(("old",)))
    days = source.by_day(LIBRARY_USED, Period(BEGIN, END))
    seven = source.by_day(LIBRARY_USED, Period(END - 7 * DAY * 60, END))
    name = recorded(LIBRARY_USED, "increase1w")
    week = source.server.at(f"last_over_time({name}[2h])", END + 7200)

    assert days == expected(dict(enumerate(HISTORY.days[:DAYS])), "old")
    assert {(row.labels["namespace"], row.labels["library"]): row.value for row in week} == {
        key: sum(added.values()) for key, added in seven.items()
    }


def copies() -> Iterable[dict[str, Any]]:
    """Yield the group of each pass, cut to one metric."""
    rules = yaml.safe_load((ROOT / "grafana/popcon-rules.yaml").read_text())
    groups = {group["name"]: group for group in rules["groups"]}
    yield groups["popcon-started"]
    for operation in ("increase1d", "increase1w"):
        name = recorded(LIBRARY_USED, operation)
        days = groups["popcon-days"]
        yield {**days, "rules": [rule for rule in days["rules"] if rule["record"] == name]}


def written(url: str, group: dict[str, Any], folder: Path) -> list[Path]:
    """Record a group's past, and return the blocks."""
    command = [str(program("promtool")), "tsdb", "create-blocks-from", "rules", f"--url={url}"]
    times = [f"--start={_shown(FIRST)}", f"--end={_shown(END + DAY * 60)}"]
    copy = _copy(group, folder)
    output = folder / "blocks"
    subprocess.run(
        [*command, *times, f"--output-dir={output}", str(copy)], check=True, capture_output=True
    )
    found = sorted(output.iterdir())
    assert found
    return found


def replayed(url: str, group: dict[str, Any], folder: Path) -> None:
    """Record a group's past, and return once it can be read."""
    command = [
        str(system_program("vmalert")),
        f"-rule={_copy(group, folder)}",
        f"-datasource.url={url}",
        f"-remoteWrite.url={url}",
        f"-replay.timeFrom={_shown(FIRST)}",
        f"-replay.timeTo={_shown(END + DAY * 60)}",
        "-replay.disableProgressBar",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    settle(url)
    for rule in group["rules"]:
        assert Prometheus(Access(url)).at(f"last_over_time({rule['record']}[{DAYS}d])", END)


def _copy(group: dict[str, Any], folder: Path) -> Path:
    folder.mkdir()
    copy = folder / "copy.yaml"
    copy.write_text(yaml.safe_dump({"groups": [group]}))
    return copy


def _shown(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
