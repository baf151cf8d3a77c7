"""Whose import was it: real kernels, the startup file, and what arrives of each cell."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import IPython
import pytest

from popcon.activate.ipython import FILE_NAME, startup_text
from popcon.demo.kernels import KernelSession, kernel
from tests.conftest import ROOT, Collector, clean_environ

#: Older ones load what they draw tracebacks with as they start: it is never anybody's then.
DRAWS_LATE = pytest.mark.skipif(
    IPython.version_info < (9,), reason="this IPython loads stack_data as it starts"
)

Start = Callable[..., AbstractContextManager[KernelSession]]


@pytest.fixture
def start(collector: Collector, tmp_path: Path) -> Start:
    """Start a kernel of this environment that sends to the collector."""

    @contextmanager
    def started(startup: str = "", **environ: str) -> Iterator[KernelSession]:
        folder = tmp_path / "ipython" / "profile_default" / "startup"
        folder.mkdir(parents=True)
        (folder / FILE_NAME).write_text(startup_text())
        (folder / "50-own.py").write_text(startup)
        settings = clean_environ(
            POPCON_SINK=collector.url, IPYTHONDIR=str(tmp_path / "ipython"), **environ
        )
        with kernel(settings, sys.executable) as session:
            yield session

    return started


def used(*libraries: str, first: bool = False) -> list[str]:
    """Return the lines that say so."""
    lines = [f"python_popcon.library_used.{library}:1|c" for library in libraries]
    return [*lines, "python_popcon.reports:1|c"] if first else lines


def test_the_drawing_of_a_traceback_is_not_the_users(start: Start, collector: Collector) -> None:
    """What IPython loads to draw a traceback doesn't count; what the cell imported before it does."""
    with start() as session:
        session.run("import yaml; 1 / 0", may_raise=True)
        first = collector.lines(wait=5)
        session.run("import sys; assert 'stack_data' in sys.modules")
        session.run("import jinja2; raise ValueError", may_raise=True)

    assert used("pyyaml", first=True) == first
    assert used("jinja2", "markupsafe") == collector.lines(wait=5)


@DRAWS_LATE
def test_what_a_traceback_loaded_counts_when_a_cell_imports_it(
    start: Start, collector: Collector
) -> None:
    """A name says nothing of who caused an import: the user's own `import stack_data` counts."""
    with start() as session:
        session.run("1 / 0", may_raise=True)
        first = collector.lines(wait=5)
        session.run("import stack_data")

    assert used(first=True) == first
    assert used("asttokens", "executing", "pure-eval", "stack-data") == collector.lines(wait=5)


@DRAWS_LATE
def test_the_users_own_import_of_it_before_an_error(start: Start, collector: Collector) -> None:
    """A cell that imports one of the traceback's own libraries, and raises, used it."""
    with start() as session:
        session.run("import pure_eval; 1 / 0", may_raise=True)

    assert used("pure-eval", first=True) == collector.lines(wait=5)


def test_completion_is_not_the_users(start: Start, collector: Collector) -> None:
    """Pressing Tab loads jedi, and what is being typed; it counts with all it brings once a cell imports it."""
    with start() as session:
        session.run("1")
        for typed in ("import reque", "import requests.ad"):
            session.client.complete(typed, reply=True, timeout=30)
        session.run("import sys; assert 'jedi' in sys.modules and 'requests' in sys.modules")
        before = collector.lines(wait=5)
        session.run("import requests")

    assert used(first=True) == before
    brought = collector.lines(wait=5)
    assert "python_popcon.library_used.requests:1|c" in brought
    assert "python_popcon.library_used.urllib3:1|c" in brought
    assert "python_popcon.library_used.jedi:1|c" not in brought


def test_a_cell_that_runs_on(start: Start, collector: Collector) -> None:
    """What a long cell imports has left within five seconds, once, and so survives a SIGKILL."""
    with start() as session:
        session.client.execute("import time, yaml\ntime.sleep(60)")
        lines = collector.lines(wait=30)
        session.kill()

    assert used("pyyaml", first=True) == lines


def test_a_long_cell_that_ends(start: Start, collector: Collector) -> None:
    """What was reported while the cell ran is not reported again at its end."""
    with start() as session:
        session.run("import time, yaml\ntime.sleep(7)\nimport jinja2")

    assert used("pyyaml", first=True) + used("jinja2", "markupsafe") == collector.lines(wait=5)


def test_a_thread_that_goes_on(start: Start, collector: Collector) -> None:
    """What a thread of the user's imports between cells is the user's: a cell named it."""
    with start() as session:
        session.run(
            "import threading\n"
            "def work():\n"
            "    import time; time.sleep(1); import jinja2\n"
            "threading.Thread(target=work).start()"
        )
        time.sleep(2)

    assert used(first=True) + used("jinja2", "markupsafe") == collector.lines(wait=5)


def test_a_startup_file_of_the_users(start: Start, collector: Collector) -> None:
    """What the user's own startup files bring into the namespace counts with the first cell."""
    with start(startup="import jinja2 as j") as session:
        session.run("1")

    assert used("jinja2", "markupsafe", first=True) == collector.lines(wait=5)


def test_an_own_module_that_imports_what_completion_loaded(
    start: Start, collector: Collector, tmp_path: Path
) -> None:
    """Python takes it from memory then, but the user's module refers to it: it is used."""
    (tmp_path / "own.py").write_text("import requests\n")
    with start() as session:
        session.run(f"import sys; sys.path.insert(0, {str(tmp_path)!r})")
        session.client.complete("import requests.ad", reply=True, timeout=30)
        session.run("assert 'requests' in sys.modules")
        before = collector.lines(wait=5)
        session.run("import own")

    assert used(first=True) == before
    assert "python_popcon.library_used.requests:1|c" in collector.lines(wait=5)


def test_what_autoreload_imports(start: Start, collector: Collector, tmp_path: Path) -> None:
    """A module of the user's own that is loaded anew before a cell is that cell's."""
    own = tmp_path / "own.py"
    own.write_text("")
    with start() as session:
        session.run("%load_ext autoreload\n%autoreload 2")
        session.run(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import own")
        before = collector.lines(wait=5)
        own.write_text("import jinja2\n")
        session.run("1")

    assert used(first=True) == before
    assert used("jinja2", "markupsafe") == collector.lines(wait=5)


def test_what_the_shell_loads_for_itself(start: Start, collector: Collector) -> None:
    """`!` runs a command by pexpect: that is IPython's affair, until the user imports it too."""
    with start() as session:
        session.run("!true")
        session.run("import sys; assert 'pexpect' in sys.modules")
        before = collector.lines(wait=5)
        session.run("import pexpect")

    assert used(first=True) == before
    # Older ones have it before the first cell: it is the kernel's own then.
    late = IPython.version_info >= (9,)
    assert collector.lines(wait=1) == (used("pexpect", "ptyprocess") if late else [])


def test_an_opt_out_in_a_startup_file(start: Start, collector: Collector) -> None:
    """A person's own startup file runs after popcon's, and is in time to say no."""
    with start(startup="import os; os.environ['DO_NOT_TRACK'] = '1'") as session:
        session.run("import jinja2")

    assert collector.lines(wait=0.5) == []


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("POPCON_DENY", "jinja2", used("_other", "markupsafe", first=True)),
        ("DO_NOT_TRACK", "1", []),
    ],
)
def test_settings_of_a_startup_file(
    start: Start,
    collector: Collector,
    tmp_path: Path,
    variable: str,
    value: str,
    expected: list[str],
) -> None:
    """They are in time, also where Python was armed as it started: the first cell reads them again."""
    (tmp_path / "sitecustomize.py").write_text("import popcon; popcon.setup_reporter()")
    with start(
        startup=f"import os; os.environ[{variable!r}] = {value!r}",
        PYTHONPATH=f"{tmp_path}:{ROOT}",
    ) as session:
        session.run("import jinja2")

    assert collector.lines(wait=1) == expected


def test_a_kernel_without_cells(start: Start, collector: Collector) -> None:
    """A kernel in which nothing was run used nothing; it is counted when it ends."""
    with start():
        pass

    assert used(first=True) == collector.lines(wait=5)


def test_details(start: Start, collector: Collector) -> None:
    """Versions, and what the cells import themselves: a library of the baseline then counts in both."""
    with start(POPCON_DETAILS="version,direct") as session:
        session.run("import dateutil\n%time import jinja2")

    lines = collector.lines(wait=5)
    libraries = {line for line in lines if ".library_used." in line}
    direct = {line.replace("_direct", "_used") for line in lines if ".library_direct." in line}
    assert set(used("jinja2", "python-dateutil")) == direct
    assert set(used("jinja2", "python-dateutil", "markupsafe")) == libraries
    versions = {line.split(".")[2] for line in lines if ".library_version." in line}
    assert {"jinja2", "python-dateutil", "markupsafe"} == versions
