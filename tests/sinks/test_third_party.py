"""Sinks that other packages bring, by an entry point."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from popcon.config import read
from popcon.errors import UsageError
from tests.conftest import Collector, interpreters, run_python

EACH_PYTHON = pytest.mark.parametrize("python", interpreters(few=True))
MODULE = """
import queue_of_theirs
from popcon.sinks import Sink

class Theirs(Sink):
    def __init__(self, url, prefix):
        self.url, self.prefix = url, prefix

    def send(self, report, *, final):
        with open(self.url.partition("://")[2], "a") as stream:
            print(self.prefix, *report.libraries, report.first, final, file=stream)

def broken(url, prefix): raise RuntimeError(url)
def leaves(url, prefix): raise SystemExit(9)
def nothing(url, prefix): return None
"""
ENTRY_POINTS = """
[popcon.sinks]
theirs = theirs:Theirs
broken = theirs:broken
leaves = theirs:leaves
nothing = theirs:nothing
missing = no_such_module:thing
statsd = theirs:broken
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site directory with a package that has sinks, and a library that it needs."""
    site = tmp_path / "site-packages"
    for name, entry_points in (("theirs", ENTRY_POINTS), ("queue_of_theirs", "")):
        folder = site / f"{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "RECORD").write_text(f"{name}.py,,\n{folder.name}/RECORD,,\n")
        if entry_points:
            (folder / "entry_points.txt").write_text(entry_points)
        (site / f"{name}.py").write_text(MODULE if entry_points else "")
    return site


@EACH_PYTHON
def test_a_third_partys_sink(site: Path, tmp_path: Path, python: str) -> None:
    """A scheme that a package names is opened by its object; what that imports is not the user's."""
    told = tmp_path / "told"
    done = run_python(
        python,
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import popcon; popcon.setup_reporter(); assert 'queue_of_theirs' in sys.modules\n"
        "assert not {'email', 'importlib.metadata'} & set(sys.modules)",
        POPCON_SINK=f"theirs://{told}",
        POPCON_DEBUG="1",
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert told.read_text() == "python_popcon True True\n"


@EACH_PYTHON
@pytest.mark.parametrize("scheme", ["broken", "leaves", "nothing", "missing"])
def test_one_that_fails_costs_only_itself(
    collector: Collector, site: Path, python: str, scheme: str
) -> None:
    """Whatever a third party's sink does, the others are served, and the user sees nothing."""
    done = run_python(
        python,
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import popcon; popcon.setup_reporter(); sys.exit(7)",
        POPCON_SINK=f"{scheme}://x {collector.url}",
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 7)
    assert collector.lines(wait=5) == ["python_popcon.reports:1|c"]


@EACH_PYTHON
def test_our_own_schemes_are_ours(collector: Collector, site: Path, python: str) -> None:
    """No package can take a scheme of popcon's, and for those no metadata is read."""
    done = run_python(
        python,
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import popcon; popcon.setup_reporter()\n"
        "assert 'importlib.metadata' not in sys.modules",
        POPCON_SINK=f"{collector.url} file:{os.devnull} print:stderr",
        POPCON_DEBUG="",
    )

    assert (done.stderr, done.returncode) == ("popcon: reports\n", 0)
    assert collector.lines(wait=5) == ["python_popcon.reports:1|c"]


def test_a_scheme_that_nobody_knows() -> None:
    """Where no package knows the scheme either, the URL is refused, with the known ones named."""
    with pytest.raises(UsageError) as caught:
        read({}, sink="gopher://h")

    assert str(caught.value).startswith("not a sink that popcon knows: 'gopher://h' (file:, json:")
