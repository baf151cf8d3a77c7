"""`popcon privacy`: a real Prometheus with a history, and the command's own outputs."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from popcon.audit.site import Moved, Site
from popcon.cli import main
from popcon.cli.privacy_site import print_site
from popcon.cli.privacy_tables import as_csv
from popcon.insight.usage import Period
from tests.dashboards.remote_write import Sender, encoded, spelled_times
from tests.dashboards.stores import prometheus, settle, victoria_metrics

_STEP, _HOURS = 60, 10
_POINTS = _HOURS * 3600 // _STEP
#: What may appear nowhere.
_SECRET = "very-rare-library"


def _rising(rises: dict[int, float]) -> list[float]:
    """Return a counter's values; a negative rise is a restart, after which it stands there."""
    value, found = 100.0, []
    for number in range(_POINTS):
        rise = rises.get(number, 0.0)
        value = -rise if rise < 0 else value + rise
        found.append(value)
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that watched two namespaces for ten hours."""
    begin = int(time.time()) // _STEP * _STEP - _POINTS * _STEP
    times = spelled_times(begin + number * _STEP for number in range(_POINTS))
    small = dict.fromkeys(range(10, 310, 10), 1.0)  # thirty times one
    small |= {400: 3.0, 410: 12.0, 420: -2.0, 430: 9.0}  # a restart, and two since
    large = dict.fromkeys(range(30, 580, 20), 15.0)
    info = {"policy": "standard", "min_processes": "10", "interval_seconds": "900"}
    with prometheus(tmp_path_factory.mktemp("prometheus")) as url:
        sender = Sender(url)
        for namespace, rises in (("small", small), ("large", large)):
            labels = {"namespace": namespace, "instance": "a:9102"}
            sender.add(encoded("python_popcon_reports", labels, times, _rising(rises)))
            for library in (_SECRET, "numpy", "pandas"):
                more = {**labels, "library": library}
                sender.add(encoded("python_popcon_library_used", more, times, _rising(rises)))
        info["min_library_processes"] = "1"
        sender.add(encoded("popcon_exporter_privacy_info", info, times, [1.0] * _POINTS))
        sender.close()
        yield url


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return the command's status and outputs."""
    status = main(["privacy", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_site(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Intervals with few reports are counted exactly, through a restart; the estimate is called one."""
    status, out, _ = run(capsys, "--prometheus", site, "--since", "2d", "--json", "--hubs", "2")
    assert status == 0
    said: dict[str, Any] = json.loads(out)
    large, small = said["namespaces"]
    assert (said["simulated"], said["policy"], said["fewer_than"]) == (False, "standard", 10)
    wanted = {"namespace": "small", "scrape": 60, "intervals": _POINTS - 1, "moved": 34}
    assert wanted.items() <= small.items()
    # Thirty ones, 3, 2 after the restart, and 9; the 12 are no few.
    assert (small["few"], small["alone"], small["reports"]) == (33, 30, 56)
    assert (large["few"], large["alone"], large["reports"]) == (0, 0, 28 * 15)
    assert small["libraries"] == 3
    assert {one["namespace"] for one in said["estimates"]} == {"small", "large"}
    assert all(one["policy"] == "standard" for one in said["estimates"])


def test_what_is_no_number_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any kernel can make a counter of statsd_exporter infinite: its intervals count no more, and a note says so."""
    end = int(time.time()) // _STEP * _STEP
    times = spelled_times(range(end - 10 * _STEP, end, _STEP))
    values = [*map(float, range(5)), *[float("inf")] * 5]
    with prometheus(tmp_path) as url:
        sender = Sender(url)
        sender.add(encoded("python_popcon_reports", {"namespace": "hub1"}, times, values))
        sender.close()
        status, out, err = run(capsys, "--prometheus", url, "--since", "2d", "--json")
    (one,) = json.loads(out)["namespaces"]
    assert (status, one["intervals"], one["reports"]) == (0, 4, 4)
    assert err.startswith("note: some counts are NaN, infinite or above 2^53")


def test_the_end_of_a_series_is_no_number_that_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """VictoriaMetrics answers NaN where a series ended: no note."""
    end = int(time.time()) // _STEP * _STEP
    times = spelled_times(range(end - 10 * _STEP, end, _STEP))
    values = [1.0, 2.0, 3.0, 4.0, None, None, 0.0, 1.0, 2.0, 3.0]
    with victoria_metrics(tmp_path) as url:
        sender = Sender(url)
        sender.add(encoded("python_popcon_reports", {"namespace": "hub1"}, times, values))
        sender.close()
        settle(url)
        status, out, err = run(capsys, "--prometheus", url, "--since", "2d", "--json")
    (one,) = json.loads(out)["namespaces"]
    assert (status, one["intervals"], one["reports"], err) == (0, 7, 6, "")


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_no_library_is_named(
    site: str, form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In no form does any output hold a library of the site, or a made-up one, or a set."""
    status, out, err = run(
        capsys, "--prometheus", site, "--since", "2d", "--hubs", "2", "--fewer-than", "5", *form
    )
    assert status == 0
    assert "small" in out
    for name in (_SECRET, "numpy", "pandas", "library-0"):
        assert name not in out + err
    assert "stimate" in out + err


def test_refusals(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What can't be is one line with the value in quotes; a site without reports is found wrong."""
    for arguments, status, words in (
        (["--scrape-interval", "20s"], 2, "'20'"),
        (["--hubs", "1"], 2, "'1'"),
        (["--hubs", "1001"], 2, "'1001'"),
        (["--privacy", "loose"], 2, "'loose'"),
        (["--privacy", "off", "--privacy.min-processes", "3"], 2, "'off'"),
        (["--users", "100000"], 2, "'100000'"),
        (["--prometheus", "http://127.0.0.1:1"], 4, "127.0.0.1:1"),
        (["--prometheus", f"{site}/no/such"], 4, "/no/such"),
        (["--prometheus", site, "--header", "X: $NO_SUCH"], 2, "'NO_SUCH'"),
        (["--prometheus", site, "--users", "20"], 2, "'--users'"),
        (["--prometheus"], 2, "POPCON_PROMETHEUS"),
        (["--since", "2d"], 2, "'--since'"),
        (["--bearer-token-file", "token"], 2, "'--bearer-token-file'"),
    ):
        found, out, err = run(capsys, *arguments)
        assert (found, out, err.count("\n")) == (status, "", 1), arguments
        assert words in err
    found, _, err = run(capsys, "--prometheus", site, "--until", "2001-01-31", "--since", "1d")
    assert (found, err.count("\n")) == (1, 1)
    assert "2001-01-31" in err


def test_what_is_missing_is_said_before_the_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without what draws tables nothing is simulated, unless JSON is asked for."""
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "popcon.audit.rows", None)
    status, _, err = run(capsys)
    assert (status, err.count("\n")) == (5, 1)
    assert "'rich': pip install 'popcon[cli]'" in err
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "rich", None)
    status, out, _ = run(capsys, "--users", "3", "--hubs", "2", "--privacy", "off", "--json")
    assert (status, out[0]) == (0, "{")


def test_no_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is there also where a program says that its terminal has 0 columns."""
    monkeypatch.setenv("COLUMNS", "0")
    status, out, _ = run(capsys, "--users", "3", "--hubs", "2", "--privacy", "off")
    assert status == 0
    assert "per cell" in out


def test_a_hub_of_a_site(
    site: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--prometheus` alone takes the variable, which does nothing without it; `--namespace` chooses."""
    monkeypatch.setenv("POPCON_PROMETHEUS", site)
    _, out, _ = run(
        capsys, "--prometheus", "--namespace", "small", "--since", "2d", "--hubs", "2", "--json"
    )
    said = json.loads(out)
    assert [one["namespace"] for one in said["namespaces"]] == ["small"]
    assert [one["namespace"] for one in said["estimates"]] == ["small"]
    _, out, _ = run(capsys, "--users", "8", "--hubs", "2", "--privacy.min-processes", "3", "--json")
    assert json.loads(out)["simulated"]


def test_simulated_outputs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The table, JSON and CSV say the same, and the same for the same seed."""
    arguments = ["--users", "8", "--hubs", "2", "--privacy.min-processes", "3", "--seed", "7"]
    _, out, _ = run(capsys, *arguments, "--json")
    said = json.loads(out)
    (row,) = said["rows"]
    assert (said["format"], said["simulated"], said["seed"]) == ("popcon-privacy 1", True, 7)
    assert (row["users"], row["policy"], row["min_processes"]) == (8, "standard", 3)
    _, out, _ = run(capsys, *arguments, "--csv")
    (same,) = csv.DictReader(io.StringIO(out))
    assert {key: "" if value is None else str(value) for key, value in row.items()} == same
    _, out, _ = run(capsys, *arguments)
    assert f"{100 * row['strong_share']:.1f} %" in out
    assert "m = 3" in out


def test_a_namespace_that_a_kernel_made_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of a name is obeyed: by a terminal, by what draws tables, by a spreadsheet."""
    name = "=1+1[/x]\x1b[31m"
    site = Site(10, [Moved(name, 15, 1, 1, 1, 1, 1, 1)], {}, None)

    print_site(site, [], Period(0, 86_400))
    table = capsys.readouterr().out
    assert "=1+1[/x]" in table
    assert "\x1b[31m" not in table
    assert as_csv([{"namespace": name}]) == "namespace\n'=1+1[/x]\\x1b[31m\n"
