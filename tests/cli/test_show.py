"""`popcon show`: what would be sent, and, in a real kernel, what has been."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from popcon.activate.ipython import FILE_NAME, startup_text
from popcon.cli.show import IN_A_NOTEBOOK
from popcon.demo.kernels import PATIENCE, KernelSession, kernel
from tests.cli.test_cli import popcon
from tests.conftest import ROOT, Collector, clean_environ

Start = Callable[..., AbstractContextManager[KernelSession]]


@pytest.fixture
def start(collector: Collector, tmp_path: Path) -> Start:
    """Start a kernel that sends to the collector, armed by the startup file."""

    @contextmanager
    def started(startup: str = startup_text(), **environ: str) -> Iterator[KernelSession]:
        folder = tmp_path / "profile_default" / "startup"
        folder.mkdir(parents=True)
        (folder / FILE_NAME).write_text(startup)
        settings = {"POPCON_SINK": collector.url, "IPYTHONDIR": str(tmp_path), **environ}
        with kernel(clean_environ(**settings), sys.executable) as session:
            yield session

    return started


def shown(session: KernelSession, code: str = IN_A_NOTEBOOK) -> list[str]:
    """Run a cell and return the lines that it printed."""
    printed = []

    def hook(message: dict[str, dict[str, str]]) -> None:
        if message["header"]["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    session.client.execute_interactive(code, timeout=PATIENCE, output_hook=hook)
    return "".join(printed).splitlines()


@pytest.mark.parametrize(
    ("modules", "environ"),
    [
        ([], {}),
        (["json"], {}),
        (["yaml"], {}),
        (["yaml.loader", "jinja2.sandbox"], {"POPCON_DETAILS": "version,direct"}),
        (["jinja2"], {"POPCON_DENY": "mark*", "POPCON_LABELS": "namespace=hub1"}),
        (["own"], {"POPCON_SCOPE": "all"}),
    ],
)
def test_what_would_be_sent(
    collector: Collector, tmp_path: Path, modules: list[str], environ: dict[str, str]
) -> None:
    """The lines are those that a script with these imports sends, and nothing is sent meanwhile."""
    environ = clean_environ(POPCON_SINK=collector.url, **environ)
    (tmp_path / "own.py").write_text("import jinja2\n")
    imports = "".join(f"import {module}\n" for module in modules)
    (tmp_path / "script.py").write_text("import popcon; popcon.setup_reporter()\n" + imports)
    show = [sys.executable, "-m", "popcon", "show", *modules]
    done = subprocess.run(show, cwd=tmp_path, env=environ, capture_output=True, text=True)
    before = collector.lines(wait=0.2)
    subprocess.run([sys.executable, "script.py"], cwd=tmp_path, env=environ, check=True)

    assert (done.stderr, done.returncode, before) == ("", 0, [])
    head, _, lines = done.stdout.partition("\n\n")
    assert head.startswith(f"sink     {collector.url} (from POPCON_SINK)\nprefix   python_popcon")
    assert lines.splitlines() == collector.lines(wait=5)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {},
            "named    libraries of the image; other libraries read _other\nalso     no versions, no direct imports\n\n",
        ),
        (
            {"POPCON_SCOPE": "all", "POPCON_ALLOW": "a b*", "POPCON_DENY": "c"},
            "named    all that is installed, only a b*, never c; other libraries read _other\n",
        ),
        ({"POPCON_DETAILS": "direct,version"}, "also     versions and direct imports\n\n"),
        (
            {"DO_NOT_TRACK": "1"},
            "off      DO_NOT_TRACK is set: nothing is sent; without that it would be",
        ),
        ({"SLURM_PROCID": "3"}, "off      SLURM_PROCID says that this is not the first process"),
    ],
)
def test_by_which_settings(environ: dict[str, str], said: str) -> None:
    """Above the lines stands what is named, what is said besides, and which switch is on."""
    done = popcon("show", **environ)

    assert said in done.stdout
    assert done.stdout.endswith("\n\npython_popcon.reports:1|c\n")


def test_a_switch_that_is_a_file(tmp_path: Path) -> None:
    """A file that turns popcon off is named by `show`, `status` and `doctor`."""
    file = tmp_path / "popcon" / "disabled"
    file.parent.mkdir()
    file.touch()
    said = [
        popcon(command, XDG_CONFIG_HOME=str(tmp_path)).stdout
        for command in ("show", "status", "doctor")
    ]

    assert all(f"the file '{file}' is there" in each for each in said)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["no_such_module"], 2, "no module named 'no_such_module'"),
        (["json.nothing"], 2, "no module named 'json.nothing'"),
        (["a..b"], 2, "not a module's name: 'a..b'"),
        ([""], 2, "not a module's name: ''"),
        (["raises"], 1, "'raises' can't be imported: ValueError: first line"),
        (["leaves"], 1, "'leaves' can't be imported: SystemExit: 3"),
        (["lacks"], 1, "'lacks' can't be imported: No module named 'no_such_module'"),
        (["--last"], 2, f"in a notebook, type: {IN_A_NOTEBOOK}"),
        (["--last", "json"], 2, "--last takes no module: 'json'"),
    ],
)
def test_refusals(tmp_path: Path, arguments: list[str], status: int, said: str) -> None:
    """What can't be shown is refused in one line."""
    (tmp_path / "raises.py").write_text("raise ValueError('first line\\nsecond')")
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)")
    (tmp_path / "lacks.py").write_text("import no_such_module")
    done = popcon("show", *arguments, PYTHONPATH=f"{ROOT}:{tmp_path}")

    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("popcon: error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_a_module_prints(tmp_path: Path) -> None:
    """What a module prints as it is imported is not among the lines."""
    (tmp_path / "prints.py").write_text("print('hello')")
    done = popcon("show", "prints", PYTHONPATH=f"{ROOT}:{tmp_path}")

    assert done.stderr == "hello\n"
    assert done.stdout.endswith("\n\npython_popcon.reports:1|c\n")


def test_where_every_program_counts(collector: Collector, tmp_path: Path) -> None:
    """`show` sends nothing of what it imports, though it is armed as Python starts, and would count."""
    (tmp_path / "sitecustomize.py").write_text("import popcon; popcon.setup_reporter()")
    environ = {
        "POPCON_SINK": collector.url,
        "POPCON_PROGRAMS": "all",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }
    popcon("show", **environ)
    other = collector.lines(wait=5)
    done = popcon("show", "yaml", **environ)

    assert other == ["python_popcon.reports:1|c"]
    assert "python_popcon.library_used.pyyaml:1|c" in done.stdout
    assert collector.lines(wait=0.3) == []


def test_what_a_notebook_has_sent(start: Start, collector: Collector) -> None:
    """`--last` prints what has arrived, line by line, and leaves no name behind."""
    with start() as session:
        early = shown(session)
        session.run("import yaml; before = set(globals())")
        session.run("import jinja2")
        late = shown(session)
        left = shown(session, "print(*set(globals()) - before)")
    arrived = collector.lines(wait=5)

    assert early == ["nothing has been sent: not yet, the first report leaves after this cell"]
    assert "python_popcon.library_used.jinja2:1|c" in arrived
    assert late[late.index("") + 1 :] == arrived
    assert late[0] == f"sink     {collector.url} (from POPCON_SINK)"
    # The last two are IPython's own: of a cell, and of %run.
    names = [name for name in left[0].split() if not name.startswith("_i")]
    assert set(names) <= {"before", "jinja2", "__nonzero__"}


def test_a_child_of_a_notebook(start: Start) -> None:
    """A forked child has sent nothing, and says so."""
    with start() as session:
        session.run("import os, popcon, popcon.cli.show as show")
        code = (
            "out, into = os.pipe()\n"
            "if os.fork() == 0:\n"
            "    os.write(into, show.last(popcon._armed, os.environ)[0].encode()); os._exit(0)\n"
            "os.wait(); print(os.read(out, 1000).decode())"
        )
        lines = shown(session, code)

    assert "nothing has been sent: this is a child process" in lines


def test_lines_that_wait(start: Start) -> None:
    """What waits for a name that isn't resolved is said to wait."""
    with start(POPCON_SINK="statsd://no-such-host.invalid:9125") as session:
        session.run("import yaml")
        lines = shown(session)

    assert "waiting  2 of these lines, until the sink's name is resolved" in lines
    assert lines[-2:] == ["python_popcon.library_used.pyyaml:1|c", "python_popcon.reports:1|c"]


@pytest.mark.parametrize(
    ("startup", "environ", "why"),
    [
        ("", {}, "popcon is not armed in this kernel"),
        (None, {"DO_NOT_TRACK": "1"}, "DO_NOT_TRACK is set"),
        (None, {"SLURM_PROCID": "7"}, "SLURM_PROCID says that this is not the first process"),
        (None, {"POPCON_SINK": "statsd://h:x"}, "not a port: 'x' (from statsd://h:x)"),
        ("import os; os.environ['DO_NOT_TRACK'] = '1'", {}, "DO_NOT_TRACK is set"),
    ],
    ids=["not armed", "off", "other rank", "wrong setting", "off by a startup file"],
)
def test_why_nothing_was_sent(
    start: Start, collector: Collector, startup: str | None, environ: dict[str, str], why: str
) -> None:
    """Where nothing has been sent, `--last` says why."""
    text = startup_text() if startup is None else startup and startup_text() + startup
    with start(text, **environ) as session:
        session.run("import yaml")
        lines = shown(session)

    assert lines[0].startswith(f"nothing has been sent: {why}")
    assert len(lines) == 1
    assert collector.lines(wait=0.3) == []


def test_modules_in_a_notebook(start: Start) -> None:
    """In a kernel a module isn't imported to be shown: that would count."""
    with start() as session:
        lines = shown(session, "%run -m popcon show yaml")

    assert lines[0].startswith("popcon: error: here 'yaml' would be imported into the notebook")
    assert lines[0].endswith("!{sys.executable} -m popcon show yaml")
