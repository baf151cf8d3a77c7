"""Several sinks at once, and which of them an opt-out silences."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from popcon.config import read
from popcon.errors import UsageError
from popcon.sinks import SCHEMES, is_network, open_sink
from tests.conftest import Collector, interpreters, run_python

EACH_PYTHON = pytest.mark.parametrize("python", interpreters(few=True))
#: One URL for each scheme.
URLS = {
    "statsd": "statsd://127.0.0.1:9",
    "statsd+tcp": "statsd+tcp://127.0.0.1:9",
    "print": "print:",
    "file": "file:a",
    "json": "json:a",
    "jsonl": "jsonl:a",
    "pickle": "pickle:a",
}
LOCAL = ["print:", "file:{}/a", "json:{}/a", "jsonl:{}/a", "pickle:{}/a"]
ARMED = "import popcon; popcon.setup_reporter(sink={!r})"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_scheme_opens(scheme: str) -> None:
    """Each scheme of the table is understood at the door, and opened."""
    assert read({}, sink=URLS[scheme]).sinks == (URLS[scheme],)
    assert type(open_sink(URLS[scheme], "p")).__name__ == SCHEMES[scheme][1]


@pytest.mark.parametrize(
    ("sink", "quoted"),
    [
        ("statsd+tcp://", "'statsd+tcp://'"),
        ("statsd+tcp:h", "'statsd+tcp:h'"),
        ("statsd+tcp://h:x", "'x'"),
        ("statsd:h", "'statsd:h'"),
        ("print:x", "'print:x'"),
        ("jsonl:", "'jsonl:'"),
        ("file:a file:b?c", "'c' in 'file:b?c'"),
    ],
)
def test_refused(sink: str, quoted: str) -> None:
    """One URL of several that can't be understood is quoted, and nothing is opened."""
    with pytest.raises(UsageError) as caught:
        read({"POPCON_SINK": sink})

    assert quoted in str(caught.value)


@EACH_PYTHON
def test_each_gets_every_report(collector: Collector, tmp_path: Path, python: str) -> None:
    """Several sinks stand apart by spaces; one that can't write or be opened costs only itself."""
    line = "python_popcon.reports:1|c"
    done = run_python(
        python,
        "import popcon; popcon.setup_reporter()",
        POPCON_SINK=f"file:/proc/no/such/ statsd://no-such-host.invalid {collector.url} "
        f"file:{tmp_path}/a file:{tmp_path}/a file:{tmp_path}/b",
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert collector.lines(wait=5) == [line]
    for name in "ab":
        assert (tmp_path / name).read_text().splitlines()[1:] == [line]


def test_one_that_is_not_opened_costs_only_itself(collector: Collector, tmp_path: Path) -> None:
    """A relative path in a directory that is gone can't be settled; the other sinks are opened."""
    done = run_python(
        sys.executable,
        f"import os; os.mkdir({str(tmp_path / 'gone')!r}); os.chdir({str(tmp_path / 'gone')!r})\n"
        "os.rmdir(os.getcwd()); import popcon; popcon.setup_reporter()",
        POPCON_SINK=f"file:a {collector.url}",
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert collector.lines(wait=5) == ["python_popcon.reports:1|c"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        *((url, scheme.startswith("statsd")) for scheme, url in URLS.items()),
        ("kafka://h", True),
        ("nonsense", True),
    ],
)
def test_is_network(url: str, expected: bool) -> None:
    """Files and prints stay on the machine; statsd leaves it, and so may what others bring."""
    assert is_network(url) is expected


@pytest.mark.parametrize("variable", ["DO_NOT_TRACK", "POPCON_DISABLED"])
@pytest.mark.parametrize("local", LOCAL)
def test_what_one_asks_for_by_name_works_under_an_opt_out(
    collector: Collector, tmp_path: Path, local: str, variable: str
) -> None:
    """A file or a print that a program asks for is there; the network sink beside it is silent."""
    sink = f"{collector.url} {local.format(tmp_path)}"
    done = run_python(sys.executable, ARMED.format(sink), **{variable: "1"})

    assert (done.stderr, done.returncode) == ("", 0)
    assert (done.stdout == "popcon: reports\n") is (local == "print:")
    assert (tmp_path / "a").exists() is (local != "print:")
    assert collector.lines(wait=0.2) == []


@EACH_PYTHON
def test_from_the_environment_nothing_works_under_an_opt_out(
    collector: Collector, tmp_path: Path, python: str
) -> None:
    """What an admin chose is off altogether, by the environment and as Python starts."""
    sink = f"print: file:{tmp_path}/a {collector.url}"
    (tmp_path / "sitecustomize.py").write_text(ARMED.format(sink))
    silent = run_python(
        python, "import popcon; popcon.setup_reporter()", POPCON_SINK=sink, DO_NOT_TRACK="1"
    )
    at_start = run_python(
        python,
        "",
        DO_NOT_TRACK="1",
        PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}",
    )

    assert (silent.stdout, at_start.stdout) == ("", "")
    assert not (tmp_path / "a").exists()
    assert collector.lines(wait=0.2) == []


def test_one_of_many_processes_stays_silent_under_an_opt_out_too(tmp_path: Path) -> None:
    """Of a job's processes only the first speaks, whatever else is set."""
    run_python(
        sys.executable, ARMED.format(f"file:{tmp_path}/a"), DO_NOT_TRACK="1", SLURM_PROCID="3"
    )

    assert not (tmp_path / "a").exists()
