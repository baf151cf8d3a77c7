"""The reporter as a guest: what it counts, when, and what it never does."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import types
from pathlib import Path

import pytest

from popcon.cells import Cells
from popcon.config import read
from popcon.reporter import Reporter
from tests.conftest import ROOT, Collector, clean_environ, interpreters, run_python

EACH_PYTHON = pytest.mark.parametrize("python", interpreters())


@EACH_PYTHON
def test_arming_imports_next_to_nothing(python: str) -> None:
    """Arming loads os, sys, atexit and popcon's own modules, no others."""
    done = run_python(
        python,
        "import sys; before = set(sys.modules)\n"
        "import popcon; popcon.setup_reporter()\n"
        "print(*sorted(set(sys.modules) - before))\n",
        POPCON_SINK="statsd://127.0.0.1:9",
    )

    loaded = {name for name in done.stdout.split() if name.partition(".")[0] != "popcon"}
    assert loaded <= {"os", "sys", "atexit"}
    assert (done.stderr, done.returncode) == ("", 0)


@EACH_PYTHON
def test_reporting_loads_nothing_of_third_parties(python: str) -> None:
    """By the end of the report only _socket and popcon's own modules were loaded on top."""
    done = run_python(
        python,
        "import sys, popcon; popcon.setup_reporter(); before = set(sys.modules)\n"
        "popcon._armed.at_exit()\n"
        "print(*sorted(set(sys.modules) - before))\n",
        POPCON_SINK="statsd://127.0.0.1:9",
    )

    loaded = {name for name in done.stdout.split() if name.partition(".")[0] != "popcon"}
    assert loaded <= {"_socket"}


@EACH_PYTHON
@pytest.mark.parametrize(
    ("ending", "status"),
    [("pass", 0), ("sys.exit(3)", 3), ("raise SystemExit('bye')", 1), ("1 / 0", 1)],
)
def test_a_script_reports_at_exit(
    collector: Collector, python: str, ending: str, status: int
) -> None:
    """A script reports once, at exit, however Python ends; status and output stay its own."""
    code = f"import sys, popcon; popcon.setup_reporter(); popcon.setup_reporter()\n{ending}"
    done = run_python(python, code, POPCON_SINK=collector.url)
    silent = run_python(python, f"import sys, popcon\n\n{ending}", POPCON_SINK=collector.url)

    assert collector.lines(wait=5) == ["python_popcon.reports:1|c"]
    assert (status, done.stdout) == (done.returncode, "")
    assert silent.stderr.splitlines()[-1:] == done.stderr.splitlines()[-1:]


def test_libraries_are_counted_once(collector: Collector) -> None:
    """A library counts once a process, however often and by however many modules it is imported."""
    done = run_python(
        sys.executable,
        "import popcon, sys; popcon.setup_reporter()\n"
        "import yaml, yaml.loader\n"
        "popcon._armed.reporter.report_all(final=False)\n"
        "del sys.modules['yaml']; import yaml, yaml.constructor, statsd\n",
        POPCON_SINK=collector.url,
    )

    assert done.stderr == ""
    assert collector.lines(wait=5) == [
        "python_popcon.library_used.pyyaml:1|c",
        "python_popcon.reports:1|c",
        "python_popcon.library_used.statsd:1|c",
    ]


@pytest.mark.parametrize(
    "prefix", ["python_popcon.namespace.a", "python_popcon.namespace.a.library_used"]
)
def test_popularity_contests_variables(collector: Collector, prefix: str) -> None:
    """The three old variables work, with and without the ending that the old document asks for."""
    run_python(
        sys.executable,
        "import popcon; popcon.setup_reporter(); import statsd",
        PYTHON_POPCONTEST_STATSD_HOST="127.0.0.1",
        PYTHON_POPCONTEST_STATSD_PORT=str(collector.port),
        PYTHON_POPCONTEST_STATSD_PREFIX=prefix,
    )

    assert collector.lines(wait=5) == [
        "python_popcon.namespace.a.library_used.statsd:1|c",
        "python_popcon.namespace.a.reports:1|c",
    ]


@EACH_PYTHON
@pytest.mark.parametrize(
    "environ",
    [
        {"POPCON_SINK": "statsd://no-such-host.invalid:9125"},
        {"POPCON_SINK": "statsd://127.0.0.1:1"},
        {"POPCON_SINK": "statsd://h:http"},
        {"POPCON_SINK": "nonsense"},
        {"POPCON_SINK": " "},
        {"POPCON_LABELS": "a.b=c"},
        {"PYTHON_POPCONTEST_STATSD_PORT": "x"},
        {"PYTHON_POPCONTEST_STATSD_PREFIX": "a..b"},
    ],
    ids=lambda environ: "-".join(environ.values()),
)
def test_silence(python: str, environ: dict[str, str]) -> None:
    """Whatever the settings say, a user sees nothing and the exit status is theirs."""
    done = run_python(
        python, "import popcon, sys; popcon.setup_reporter(); import json; sys.exit(7)", **environ
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 7)


def test_debug_shows_what_was_swallowed() -> None:
    """POPCON_DEBUG shows the fault that is otherwise swallowed, value in quotes."""
    done = run_python(
        sys.executable, "import popcon; popcon.setup_reporter(sink='nonsense')", POPCON_DEBUG="1"
    )

    assert "popcon: UsageError: not a sink that popcon knows: 'nonsense'" in done.stderr


@pytest.mark.parametrize("variable", ["DO_NOT_TRACK", "POPCON_DISABLED"])
def test_opt_out(collector: Collector, variable: str) -> None:
    """An opt-out is looked at before anything else is imported, and nothing is sent."""
    done = run_python(
        sys.executable,
        "import sys, popcon; popcon.setup_reporter()\nprint('popcon.sinks' in sys.modules)",
        POPCON_SINK=collector.url,
        **{variable: "1"},
    )

    assert (done.stdout, collector.lines(wait=0.3)) == ("False\n", [])


@EACH_PYTHON
@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork on this system")
def test_forked_children_stay_silent(collector: Collector, python: str) -> None:
    """A forked child that ends normally does not report its parent's imports again."""
    run_python(
        python,
        "import os, sys, popcon; popcon.setup_reporter()\n"
        "if os.fork() == 0: sys.exit()\nos.wait()\n"
        "import multiprocessing\n"
        "child = multiprocessing.get_context('fork').Process(target=int)\n"
        "child.start(); child.join()\n",
        POPCON_SINK=collector.url,
        PYTHONWARNINGS="error::DeprecationWarning",
    )

    assert collector.lines(wait=5) == ["python_popcon.reports:1|c"]


def test_what_comes_between_cells_is_not_the_users(collector: Collector) -> None:
    """Only modules that appear while a cell's code runs count; a cell that runs cells is one cell."""
    modules: dict[str, object] = {}
    cells = Cells(Reporter(read({}, sink=collector.url), modules), Shell())
    modules["statsd"] = __import__("statsd")  # the kernel's own start-up
    cells.starts(None)
    tree = ast.parse("import nothing_that_came")
    assert tree is cells.visit(tree)
    modules["yaml"] = __import__("yaml")
    cells.starts(None)
    cells.visit(tree)
    cells.ended(None)
    first = collector.lines(wait=5)
    cells.ended(None)
    modules["requests"] = __import__("requests")  # tab completion, say
    cells.starts(None)
    modules["psutil"] = __import__("psutil")  # a cell with a syntax error
    cells.ended(types.SimpleNamespace(error_before_exec=SyntaxError()))
    cells.at_exit()

    assert first == ["python_popcon.library_used.pyyaml:1|c", "python_popcon.reports:1|c"]
    assert collector.lines(wait=0.2) == []


def test_what_completion_loaded_counts_when_a_cell_imports_it(collector: Collector) -> None:
    """Completion imports the library that is being typed; the cell that then imports it uses it."""
    modules: dict[str, object] = {}
    cells = Cells(Reporter(read({}, sink=collector.url), modules), Shell())
    for name in ("yaml", "yaml.loader", "statsd", "requests"):
        modules[name] = importlib.import_module(name)
    for code in (
        "import os",
        "def f():\n    from yaml.loader import Loader",
        "import statsd.client",
        "1",
    ):
        cells.starts(None)
        cells.visit(ast.parse(code))
        cells.ended(None)

    assert collector.lines(wait=5) == [
        "python_popcon.reports:1|c",
        "python_popcon.library_used.pyyaml:1|c",
        "python_popcon.library_used.statsd:1|c",
    ]


def test_an_end_without_a_start_is_no_cell(collector: Collector) -> None:
    """IPython announces the end of an empty cell, but not its start: nothing counts by it."""
    modules: dict[str, object] = {}
    cells = Cells(Reporter(read({}, sink=collector.url), modules), Shell())
    blank = types.SimpleNamespace(info=types.SimpleNamespace(raw_cell=" \n"))
    cells.starts(None)
    cells.visit(ast.parse("run_cell('')"))
    cells.ended(blank)
    modules["yaml"] = importlib.import_module("yaml")
    cells.ended(None)
    modules["statsd"] = importlib.import_module("statsd")
    cells.ended(blank)
    cells.at_exit()

    assert collector.lines(wait=5) == [
        "python_popcon.library_used.pyyaml:1|c",
        "python_popcon.reports:1|c",
    ]


@EACH_PYTHON
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_children_of_multiprocessing_stay_silent(
    collector: Collector, tmp_path: Path, python: str, method: str
) -> None:
    """A script with a pool of processes reports once, however its children are started."""
    script = tmp_path / "script.py"
    script.write_text(
        "import popcon, multiprocessing\n"
        "popcon.setup_reporter()\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({method!r}).Pool(2) as pool:\n"
        "        pool.map(int, [1, 2, 3]); pool.close(); pool.join()\n"
    )
    environ = clean_environ(POPCON_SINK=collector.url)
    done = subprocess.run(
        [python, str(script)], env=environ, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert collector.lines(wait=5) == ["python_popcon.reports:1|c"]


class Shell:
    """As much of IPython's shell as is looked at, in a kernel."""

    kernel = object()

    def __init__(self) -> None:
        self.user_ns: dict[str, object] = {}
        self.ast_transformers: list[object] = []


def test_a_later_set_up_wins(collector: Collector, tmp_path: Path) -> None:
    """What a program says itself goes from then on, though popcon was armed before it started."""
    (tmp_path / "sitecustomize.py").write_text("import popcon; popcon.setup_reporter()")
    done = run_python(
        sys.executable,
        "import popcon, statsd\n"
        f"popcon.setup_reporter(sink='file:{tmp_path}/told', deny='pyyaml', prefix='p')\n"
        "import yaml",
        POPCON_SINK=collector.url,
        PYTHONPATH=f"{tmp_path}:{ROOT}",
    )

    assert (done.returncode, done.stderr, collector.lines(wait=0.3)) == (0, "", [])
    assert (tmp_path / "told").read_text().splitlines()[1:] == [
        "p.library_used._other:1|c",
        "p.library_used.statsd:1|c",
        "p.reports:1|c",
    ]


def test_a_later_set_up_that_is_wrong(collector: Collector) -> None:
    """Where it can't be understood nothing more leaves: counts in a wrong place are worse than none."""
    done = run_python(
        sys.executable,
        "import popcon; popcon.setup_reporter(); popcon.setup_reporter(labels='rubbish')",
        POPCON_SINK=collector.url,
        POPCON_DEBUG="1",
    )

    assert "'rubbish'" in done.stderr
    assert collector.lines(wait=0.3) == []


@pytest.mark.parametrize("variable", ["DO_NOT_TRACK", "POPCON_DISABLED"])
def test_an_opt_out_in_the_script(collector: Collector, variable: str) -> None:
    """An opt-out that the program sets before anything was sent is heeded too."""
    run_python(
        sys.executable,
        f"import os, popcon; popcon.setup_reporter(); os.environ[{variable!r}] = '1'; import yaml",
        POPCON_SINK=collector.url,
    )

    assert collector.lines(wait=0.3) == []
