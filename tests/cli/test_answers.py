"""`popcon top`, `unused`, `trend`, `versions`, `coverage`: what they print, from a page and from a server."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from popcon.catalog import LIBRARY_USED, LIBRARY_VERSION, REPORTS
from popcon.cli import main
from popcon.cli.tables import Answer, Column, Table, show
from tests.conftest import ROOT, clean_environ
from tests.dashboards.remote_write import Sender
from tests.dashboards.stores import STARTED, settle
from tests.insight.stored import record
from tests.libraries.cases import Site

PAGE = """\
popcon_exporter_counting_since_timestamp_seconds 1.7615e9
python_popcon_reports{namespace="hub1"} 1000
python_popcon_reports 200
python_popcon_library_used{namespace="hub1",library="numpy"} 700
python_popcon_library_used{namespace="hub1",library="pandas"} 500
python_popcon_library_used{library="pandas"} 100
python_popcon_library_used{library="scikit-learn"} 20
python_popcon_library_used{library="torch"} 20
python_popcon_library_used{library="dask"} 3
python_popcon_library_used{library="bokeh"} 0
python_popcon_library_used{library="six"} 0
python_popcon_library_used{library="pip"} 0
python_popcon_library_used{library="_other"} 30
python_popcon_library_installed_bytes{library="bokeh",part="library"} 2.1e7
python_popcon_library_direct_total{namespace="hub1",library="pandas"} 400
python_popcon_library_version_used_total{library="pandas",version="2.9.1"} 51
python_popcon_library_version_used_total{library="pandas",version="2.10.0"} 49
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A page of two hubs, saved on 2026-01-05."""
    for name in ("POPCON_PROMETHEUS", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "metrics.txt"
    file.write_text(PAGE)
    os.utime(file, (1_767_571_200, 1_767_571_200))
    return str(file)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that succeeds, and return what it prints."""
    assert main(arguments) == 0
    return capsys.readouterr().out


TOP = """\
2025-10-26 to 2026-01-04 (71 days), by a saved page; 1,200 processes; 5 libraries used

#  library       processes  share                        direct
1  numpy               700  58.3%  ████████████████████    0.0%
2  pandas              600  50.0%  █████████████████▏     80.0%
3  scikit-learn         20   1.7%  ▋                          -

note: 1 more library has as many processes as scikit-learn, the last one here: 20
note: 30 processes (2.5%) used a library that is no part of the image, _other
note: direct is low where direct imports have been counted for a part of the period only
note: counts of all the time since 2025-10-26, when the exporter began
"""


def test_top(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A table in a pipe has no escape codes; a cut through a tie, and what has no name, is said."""
    assert printed(capsys, "top", "--metrics", page, "-n", "3") == TOP


def test_unused(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Never and rarely used are two lists, infrastructure is set apart."""
    assert (
        printed(capsys, "unused", "--metrics", page)
        == """\
2025-10-26 to 2026-01-04 (71 days), by a saved page; 1,200 processes
Enough to judge? yes: 70 whole days, in the hub with the fewest

Never used (2, 21.0 MB together)
library     size  days  enough?
bokeh    21.0 MB   28+  yes
six            -   28+  yes

Rarely used: by fewer than 10 processes (1)
library  processes  size  days  enough?
dask             3     -   28+  yes

note: infrastructure isn't judged by its counts: known by its name 1; --json lists it
note: which library needs which isn't known here: --here inside the environment, or --prefix DIR
note: counts of all the time since 2025-10-26, when the exporter began
"""
    )


@pytest.mark.parametrize(
    ("reports", "said"),
    [
        (1, "note: only 1 process reported, too few to say what isn't used\n"),
        (5, "note: only 5 processes reported, too few to say what isn't used\n"),
        (
            6,
            "note: only 6 processes reported: what one process in 2 uses may stand here by chance\n",
        ),
        (299, "reported: what one process in 99 uses may stand here by chance\n"),
        (300, ""),
    ],
)
def test_unused_in_few_processes(
    page: str, capsys: pytest.CaptureFixture[str], reports: int, said: str
) -> None:
    """Three in n of all processes may use what none of n did, one time in twenty: that is said."""
    Path(page).write_text(f'{REPORTS.name} {reports}\n{LIBRARY_USED.name}{{library="six"}} 0\n')
    out = printed(capsys, "unused", "--metrics", page)

    assert said in out
    assert ("may stand here" in out or "too few" in out) == bool(said)


def test_unused_by_hub_names_the_smallest(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several hubs, that with the fewest processes is the one that says least."""
    out = printed(capsys, "unused", "--metrics", page, "--by", "namespace")

    assert "only 200 processes reported in (no namespace): what one process in 66 uses" in out


def test_versions_and_coverage(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest version is first; a hub without a name has one for people."""
    assert """\
library  version  processes  share                        last used
pandas   2.10.0          49  49.0%  ███████████████████▎  -
pandas   2.9.1           51  51.0%  ████████████████████  -
""" in printed(capsys, "versions", "Pandas", "--metrics", page)
    assert """\
hub             since       last report  days watched  processes  a day
(no namespace)  2025-10-26  -                      70        200      -
hub1            2025-10-26  -                      70      1,000      -
""" in printed(capsys, "coverage", "--metrics", page)
    assert "note: no version was counted of numpy\n" in printed(
        capsys, "versions", "numpy", "--metrics", page
    )


def test_json(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has a format, times in UTC, shares as parts of 1, and notes inside."""
    found = json.loads(printed(capsys, "top", "--metrics", page, "-n", "1", "--json"))
    assert found == {
        "format": "popcon-top 1",
        "period": {"begin": "2025-10-26T00:00:00Z", "end": "2026-01-05T00:00:00Z"},
        "source": "a saved page",
        "processes": 1200,
        "groups": [
            {
                "namespace": None,
                "processes": 1200,
                "libraries": 5,
                "more": 4,
                "tied": 0,
                "other": 30,
                "rare": 0,
                "unreported": [],
            }
        ],
        "rows": [
            {
                "namespace": None,
                "rank": 1,
                "library": "numpy",
                "processes": 700,
                "share": 700 / 1200,
                "direct": 0.0,
            }
        ],
        "notes": found["notes"],
    }
    assert len(found["notes"]) == 3


def test_csv(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """CSV has rows and nothing else; notes are on standard error, what isn't known is empty."""
    assert main(["coverage", "--metrics", page, "--csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out == (
        "namespace,since,last,days,processes,mean,silent\n"
        ",2025-10-26,,70,200,,\n"
        "hub1,2025-10-26,,70,1000,,\n"
    )
    assert captured.err.startswith("note: counts of all the time since")
    rows = list(csv.DictReader(io.StringIO(printed(capsys, "unused", "--metrics", page, "--csv"))))
    assert [(row["library"], row["kind"], row["size"]) for row in rows] == [
        ("bokeh", "never", "21000000"),
        ("six", "never", ""),
        ("dask", "rarely", ""),
        ("pip", "infrastructure", ""),
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (
            ("trend", "sklearn"),
            1,
            "no hub knows the library 'sklearn' in this period; near: scikit-learn",
        ),
        (("trend", "numpy"), 2, "knows no days"),
        (("unused", "--prefix", "/no/such"), 3, "not an environment's folder: '/no/such'"),
        (("unused", "--prefix", ""), 3, "not an environment's folder: ''"),
    ],
)
def test_refusals(
    page: str,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    """What can't be answered is one line, with a status."""
    assert main([*arguments, "--metrics", page]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err


@pytest.mark.parametrize("number", ["0", "-1", "x", "²"])
def test_numbers(page: str, number: str) -> None:
    """A number of rows is at least 1, or all."""
    with pytest.raises(SystemExit) as caught:
        main(["top", "--metrics", page, "-n", number])
    assert caught.value.code == 2


def test_environment(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With an environment, what a used library needs isn't proposed; sizes and what goes along are told."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    site = Site(tmp_path, f"image/lib/python{version}/site-packages")
    for name, requires in (
        ("pandas", "six"),
        ("six", ""),
        ("bokeh", "xyz[more]"),
        ("xyz", 'deep; extra == "more"'),
        ("deep", ""),
        ("pip", "dask"),
        ("dask", ""),
    ):
        metadata = f"Requires-Dist: {requires}\n" if requires else "\n"
        site.add(f"{name}-1.0", record=f"{name}.py,,\n", METADATA=metadata)
        site.file(f"{name}.py", "0123456789")
    arguments = ("unused", "--metrics", page, "--prefix", str(tmp_path / "image"), "--json")
    rows = {row["library"]: row for row in json.loads(printed(capsys, *arguments))["rows"]}
    assert {library: row["kind"] for library, row in rows.items()} == {
        "bokeh": "never",
        "six": "needed",
        "xyz": "unknown",
        "deep": "unknown",
        "dask": "infrastructure",
        "pip": "infrastructure",
    }
    assert rows["six"]["needed_by"] == ["pandas"]
    assert rows["deep"]["dependents"] == ["bokeh"]
    assert rows["bokeh"]["goes_with"] == ["deep", "xyz"]
    assert (rows["bokeh"]["size"], rows["bokeh"]["frees"]) == (10, 30)
    assert (rows["xyz"]["dependents"], rows["xyz"]["needed_by"]) == (["bokeh"], [])


def _run(*arguments: str, **environ: str) -> str:
    command = [sys.executable, "-m", "popcon", *arguments]
    return subprocess.run(
        command, capture_output=True, check=True, env=clean_environ(PYTHONPATH=str(ROOT), **environ)
    ).stdout.decode()


def test_ascii_and_narrow(page: str) -> None:
    """Where there is no UTF-8, bars are ASCII; where it is narrow, there are none, and nothing is lost."""
    assert "1  numpy               700  58.3%  ####################    0.0%" in _run(
        "top", "--metrics", page, PYTHONIOENCODING="ascii"
    )
    narrow = _run("top", "--metrics", page, COLUMNS="30", PYTHONIOENCODING="utf-8")
    assert "█" not in narrow
    assert max(map(len, narrow.splitlines())) <= 30
    assert "numpy" in narrow
    assert "1  numpy               700  58.3%" in _run("top", "--metrics", page, COLUMNS="0")


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ("--csv --metrics {} >&-", 0),
        ("--json --metrics {} >&-", 0),
        ("--metrics {} >&-", 0),
        ("--csv --metrics {} 2>&-", 0),
        ("--csv --metrics /no/such 2>&-", 3),
        ("--metrics - <&-", 3),
    ],
)
def test_closed_streams(page: str, flags: str, status: int) -> None:
    """What nobody reads is not written, least of all among the rows; what can't be read is said."""
    command = f"{sys.executable} -m popcon top {flags.format(page)}"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=clean_environ(), check=False
    )

    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert not re.search("note|error", done.stdout)


def test_in_a_terminal(page: str) -> None:
    """A terminal gets escape codes, and none where NO_COLOR says so and TERM knows none."""
    for environ, codes in (({"TERM": "xterm"}, True), ({"TERM": "dumb", "NO_COLOR": "1"}, False)):
        leader, follower = pty.openpty()
        subprocess.run(
            [sys.executable, "-m", "popcon", "unused", "--metrics", page, "-n", "1"],
            stdout=follower,
            check=True,
            env=clean_environ(PYTHONPATH=str(ROOT), **environ),
        )
        os.close(follower)
        shown = os.read(leader, 65_536)
        os.close(leader)
        assert (b"\x1b[" in shown) is codes
        assert b"bokeh" in shown


def test_hostile_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that a kernel made up is printed, and obeyed by nothing: no terminal, no spreadsheet."""
    file = tmp_path / "page"
    names = ("\x1b[31m[bold]x", "=cmd()", "@x", "a,b")
    lines = [f'python_popcon_library_used{{library="{name}"}} 2\n' for name in names]
    file.write_text("".join(["python_popcon_reports 2\n", *lines]))
    assert "\\x1b[31m[bold]x" in printed(capsys, "top", "--metrics", str(file))
    rows = csv.DictReader(io.StringIO(printed(capsys, "top", "--metrics", str(file), "--csv")))
    assert [row["library"] for row in rows] == ["\\x1b[31m[bold]x", "'=cmd()", "'@x", "a,b"]


def test_hostile_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A count that no site can have is left out, and that is said."""
    file = tmp_path / "metrics"
    used = "".join(
        f'python_popcon_library_used{{namespace="{hub}",library="x"}} 1e308\n' for hub in "ab"
    )
    file.write_text(f'python_popcon_reports 1\n{used}python_popcon_library_used{{library="y"}} 1\n')
    answer = json.loads(printed(capsys, "top", "--json", "--metrics", str(file)))
    assert [(row["library"], row["share"]) for row in answer["rows"]] == [("y", 1.0)]
    assert any("above 2^53" in note for note in answer["notes"])


def test_many_hubs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of many hubs, what isn't shown is said; a library of all of them is one."""
    file = tmp_path / "page"
    lines = [
        f'python_popcon_library_used{{library="{library}",namespace="h{hub}"}} 0\n'
        for library in ("pip", "six")
        for hub in range(8)
    ]
    file.write_text("".join([*lines, 'python_popcon_reports{namespace="h1"} 1\n']))
    shown = printed(capsys, "unused", "--metrics", str(file), "--by", "namespace")
    assert "; 1 process\n" in shown
    assert "\nand 2 hubs more: --json has each hub's verdict\n" in shown
    assert "infrastructure isn't judged by its counts: known by its name 1;" in shown


def test_a_hostile_title(capsys: pytest.CaptureFixture[str]) -> None:
    """What stands above a table is no more obeyed than what stands in it."""
    table = Table("a\x1b[31m", [Column("x", "x")], [], "Nothing.")
    show(Answer("", {}, None, [], [], [], [table]), argparse.Namespace(json=False, csv=False))
    assert "a\\x1b[31m" in capsys.readouterr().out


#: Days of June and July 2026: 44 whole ones, and a noon.
_DAYS = 45


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus in which one library is new, one is gone, and a hub falls silent."""
    with STARTED["prometheus"](tmp_path_factory.mktemp("prometheus")) as url:
        sender = Sender(url)
        record(
            sender,
            {
                (REPORTS, ("a",)): [100] * _DAYS,
                (REPORTS, ("b",)): [10] * 30 + [0] * 15,
                (LIBRARY_USED, ("a", "numpy")): [50] * _DAYS,
                (LIBRARY_USED, ("b", "numpy")): [5] * 30 + [0] * 15,
                (LIBRARY_USED, ("a", "polars")): [0] * 25 + [4] * 20,
                (LIBRARY_USED, ("a", "theano")): [3] * 20 + [0] * 25,
                (LIBRARY_USED, ("a", "late")): [None] * 35 + [0] * 10,
                (LIBRARY_VERSION, ("a", "numpy", "2.1")): [40] * 30 + [0] * 15,
            },
        )
        sender.close()
        settle(url)
        yield url


def _asked(capsys: pytest.CaptureFixture[str], url: str, *arguments: str) -> dict[str, Any]:
    days = ("--since", "2026-06-01", "--until", "2026-07-14")
    found = json.loads(printed(capsys, *arguments, "--prometheus", url, *days, "--json"))
    assert isinstance(found, dict)
    return found


def test_a_server(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers known beforehand, from a real Prometheus, by each command."""
    top = _asked(capsys, server, "top")
    assert [(row["library"], row["processes"]) for row in top["rows"]] == [
        ("numpy", 44 * 50 + 30 * 5),
        ("polars", 19 * 4),
        ("theano", 60),
    ]
    assert top["processes"] == 4400 + 300
    unused = _asked(capsys, server, "unused")
    assert [(row["library"], row["days"], row["verdict"]) for row in unused["rows"]] == [
        ("late", 9, "too early to say")
    ]
    trend = _asked(capsys, server, "trend", "polars", "theano", "--every", "week")
    assert [(one["library"], one["change"]) for one in trend["changes"]] == [
        ("polars", "new"),
        ("theano", "gone"),
    ]
    assert [one["first"] for one in trend["changes"]] == ["2026-06-26", "2026-06-01"]
    assert sum(row["processes"] for row in trend["rows"]) == 19 * 4 + 60
    (version,) = _asked(capsys, server, "versions", "NumPy")["rows"]
    assert (version["processes"], version["last"]) == (1200, "2026-06-30")
    coverage = _asked(capsys, server, "coverage")["rows"]
    assert [(row["namespace"], row["days"], row["silent"]) for row in coverage] == [
        ("a", 44, False),
        ("b", 44, True),
    ]


def test_an_empty_period(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A period in which nothing was there is an empty answer and a note, not an error."""
    period = ("--prometheus", server, "--since", "2026-08-01", "--until", "2026-08-03")
    for command in (["top"], ["unused"], ["trend", "numpy"], ["versions", "numpy"], ["coverage"]):
        out = printed(capsys, *command, *period, "--json")
        assert "no counts from 2026-08-01 to 2026-08-03" in json.loads(out)["notes"]
        shown = printed(capsys, *command, *period)
        assert shown.startswith("2026-08-01 to 2026-08-03 (3 days)")
        assert "2026-08-02" not in shown  # no days in a row of which nothing is known
