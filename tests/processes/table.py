"""The table of what is counted: programs, how they end, and what a collector then has got.

In every program `apples` is what it imports before the thing that the row is about, `plums` what it
imports afterwards, and `pears` what is imported in a child, or whatever else the row starts.
docs/counting.md shows the same rows.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Union

#: Library (or `reports`) → how often; a range where it is a race.
Counts = dict[str, Union[int, range]]

#: How a process is armed: by a first line above the program, as Python starts (in one way or in the
#: other, or in each of them), or by nothing but what the program itself says.
CALL, SITECUSTOMIZE, PTH, AT_START, OTHERWISE = (
    "call",
    "sitecustomize",
    "pth",
    "at start",
    "otherwise",
)


class Row(NamedTuple):
    """A program, how it is run and ended, and what is counted.

    `file` is where the text is written and `command` what Python is given; in both, `{folder}` is a
    folder of the program's own, `{bin}` the environment's, `{file}` and `{program}` are the file
    and its text. The text is on standard input too. `signal` is sent when the program prints a
    line, and then is the expected status too, unless that is set. `stderr` has to be part of what
    is printed there; nothing may be, where it is empty.
    `needs` is a module that not every environment has. `each` is counted with
    `POPCON_CHILDREN=each`, for rows about children.
    """

    name: str
    program: str
    counted: Counts
    armed: str = CALL
    each: Counts | None = None
    environ: Mapping[str, str] = MappingProxyType({})
    signal: int = 0
    status: int = 0
    stderr: str = ""
    file: str = "{folder}/program.py"
    command: tuple[str, ...] = ("{file}",)
    needs: str = ""


NOTHING: Counts = {}
REPORT: Counts = {"reports": 1}
ITSELF: Counts = {"reports": 1, "apples": 1}
WHOLE: Counts = {"reports": 1, "apples": 1, "plums": 1}

APPLES = "import apples\n"
SET_UP = "import popcon; popcon.setup_reporter()\n"
#: Wait until the interval has passed and what was imported is reported; five seconds at most, and two
#: intervals in a child that stays silent.
PASSES = (
    "import os, popcon, time; reporter = popcon._armed.reporter\n"
    "for _ in range(500 if reporter.pid == os.getpid() else 40):\n"
    "    if reporter.has_news() or reporter.lock.locked(): time.sleep(0.01)\n"
)
READY = "print('ready', flush=True); import time; time.sleep(60)"


_PARALLEL = """\
import multiprocessing

def work(*_):
    import pears

if __name__ == "__main__":
    import apples
    context = multiprocessing.get_context({method!r})
    {use}
    import plums
"""
_PROCESS = "one = context.Process(target=work); one.start(); one.join(); assert not one.exitcode"
_POOL = "pool = context.Pool(2, work); pool.map(work, range(2)); pool.{}(); pool.join()"
_EXECUTOR = """\
from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(1, context) as pool:
        pool.submit(work).result()"""
_LOKY = """\
import apples
from joblib import Parallel, delayed

def work():
    import pears

Parallel(2)(delayed(work)() for _ in range(2))
import plums
"""
_RUNS = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import pears'])\n"
_RANKS = (
    "SLURM_PROCID",
    "PMI_RANK",
    "PMIX_RANK",
    "OMPI_COMM_WORLD_RANK",
    "MV2_COMM_WORLD_RANK",
)


def ends() -> list[Row]:
    """A program that imports `apples`, and its end."""
    handler = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n"
    # A shell's background job has SIGINT ignored, and so do its children.
    interrupt = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    collecting = "import gc; gc.set_threshold(1)\nwhile True: kept = [[] for _ in range(9)]"
    failing = "import atexit; atexit.register(lambda: 1 / 0)\n"
    late = "import atexit; atexit.register(__import__, 'plums')\n"
    return [
        Row("it ends", APPLES, ITSELF),
        Row("it ends, and imported nothing", "", REPORT),
        Row("`sys.exit(3)`", APPLES + "import sys; sys.exit(3)", ITSELF, status=3),
        Row("`sys.exit('bye')`", APPLES + "exit('bye')", ITSELF, status=1, stderr="bye"),
        Row("an exception", APPLES + "1 / 0", ITSELF, status=1, stderr="ZeroDivisionError"),
        Row(
            "SIGINT (Ctrl-C)",
            APPLES + interrupt + READY,
            ITSELF,
            signal=signal.SIGINT,
            stderr="KeyboardInterrupt",
        ),
        Row(
            "SIGINT (Ctrl-C) while it collects garbage",
            APPLES + interrupt + "print('ready', flush=True)\n" + collecting,
            ITSELF,
            signal=signal.SIGINT,
            stderr="KeyboardInterrupt",
        ),
        Row("an exception in its `atexit` function", APPLES + failing, ITSELF, stderr="ZeroDiv"),
        Row("its `atexit` function imports `plums`", APPLES + late, WHOLE),
        Row(
            "SIGTERM",
            APPLES + READY,
            NOTHING,
            signal=signal.SIGTERM,
        ),
        Row(
            "SIGTERM, and its handler calls `sys.exit`",
            APPLES + handler + READY,
            ITSELF,
            signal=signal.SIGTERM,
            status=4,
        ),
        Row("SIGHUP", APPLES + READY, NOTHING, signal=signal.SIGHUP),
        Row("SIGKILL", APPLES + READY, NOTHING, signal=signal.SIGKILL),
        Row("`os._exit`", APPLES + "import os; os._exit(5)", NOTHING, status=5),
        Row("`os.abort`", APPLES + "import os; os.abort()", NOTHING, status=-signal.SIGABRT),
    ]


def set_ups() -> list[Row]:
    """Where and how often a process is armed."""
    return [
        Row("`setup_reporter()` twice", APPLES + SET_UP + "import plums", WHOLE),
        Row(
            "`setup_reporter()`, popcon reloaded, `setup_reporter()`",
            APPLES + "import importlib; importlib.reload(popcon)\n" + SET_UP + "import plums",
            WHOLE,
        ),
        Row(
            "`setup_reporter()` after `import apples`",
            APPLES + SET_UP + "import plums",
            {"reports": 1, "plums": 1},
            armed=OTHERWISE,
        ),
        Row(
            "armed as Python starts, and `setup_reporter()`",
            APPLES + SET_UP + "import plums",
            WHOLE,
            armed=SITECUSTOMIZE,
        ),
        Row("armed by a `.pth` file", APPLES, ITSELF, armed=PTH),
        Row(
            "armed by a `.pth` file, `python -I`",
            APPLES,
            ITSELF,
            armed=PTH,
            command=("-I", "{file}"),
        ),
        Row(
            "armed by a `.pth` file, `python -S`", "", NOTHING, armed=PTH, command=("-S", "{file}")
        ),
        Row(
            "armed by `sitecustomize` on `PYTHONPATH`, `python -E`",
            APPLES,
            NOTHING,
            armed=SITECUSTOMIZE,
            command=("-E", "{file}"),
        ),
    ]


def intervals() -> list[Row]:
    """Reports before the end."""
    once = APPLES + PASSES + "import plums\n"
    soon, never = {"POPCON_INTERVAL": "0.2"}, {"POPCON_INTERVAL": "0"}
    forks = "import os\nif not os.fork(): os._exit(0)\nos.wait()\n"
    unset = APPLES + "import time; time.sleep(0.4); import plums\n"
    return [
        Row("the interval passes, then it ends", once, WHOLE, environ=soon),
        Row(
            "the interval passes, then SIGKILL",
            once + READY,
            ITSELF,
            environ=soon,
            signal=signal.SIGKILL,
        ),
        Row(
            "the interval passes, then SIGTERM",
            once + READY,
            ITSELF,
            environ=soon,
            signal=signal.SIGTERM,
        ),
        Row(
            "the interval passes, then `os._exit`",
            once + "import os; os._exit(0)",
            ITSELF,
            environ=soon,
        ),
        Row(
            "the interval passes twice, then SIGKILL",
            once + PASSES + "import pears\n" + READY,
            WHOLE,
            environ=soon,
            signal=signal.SIGKILL,
        ),
        Row(
            "the interval passes, `import plums`, `os.fork`, then SIGKILL",
            once + forks + READY,
            WHOLE,
            environ=soon,
            signal=signal.SIGKILL,
        ),
        Row(
            "`POPCON_INTERVAL` is not set: `os.fork`, then SIGKILL",
            APPLES + forks + "import plums\n" + READY,
            ITSELF,
            signal=signal.SIGKILL,
        ),
        Row(
            "`os.fork`, then the interval passes, then SIGKILL",
            APPLES + forks + "import plums, time; time.sleep(0.4)\n" + READY,
            ITSELF,
            environ=soon,
            signal=signal.SIGKILL,
        ),
        Row(
            "the interval passes while a library is half imported",
            "import cherries",
            {"reports": 1, "cherries": 1},
            environ=soon,
        ),
        Row("`POPCON_INTERVAL=0`, then it ends", unset, WHOLE, environ=never),
        Row(
            "`POPCON_INTERVAL=0`, `os.fork`, then SIGKILL",
            unset + forks + READY,
            NOTHING,
            environ=never,
            signal=signal.SIGKILL,
        ),
        Row("`POPCON_INTERVAL=soon`", unset, NOTHING, environ={"POPCON_INTERVAL": "soon"}),
    ]


def threads() -> list[Row]:
    """What is imported in threads, and threads that outlive the program's last line."""
    wait = "import threading, time\ndone = threading.Event()\ndef work():\n"
    start = "one = threading.Thread(target=work, daemon={}); one.start()\n"
    busy = wait + "    import pears; done.set(); time.sleep(60)\n"
    stuck = (
        "import sys; text = 'import pears, sys, time; sys.done.set(); time.sleep(60)'\n"
        "with open('stuck.py', 'w') as file: file.write(text)\n"
        + wait
        + "    import stuck\nsys.done = done\n"
    )
    return [
        Row(
            "a thread imports `pears`",
            wait + "    import pears\n" + start.format(False) + "one.join()\n",
            {"reports": 1, "pears": 1},
        ),
        Row(
            "a thread goes on after the last line, and imports `pears`",
            APPLES + wait + "    time.sleep(0.2); import pears\n" + start.format(False),
            {"reports": 1, "apples": 1, "pears": 1},
        ),
        Row(
            "a daemon thread imported `pears`, and never ends",
            APPLES + busy + start.format(True) + "done.wait()",
            {"reports": 1, "apples": 1, "pears": 1},
        ),
        Row(
            "a daemon thread is in the middle of an import",
            APPLES + stuck + start.format(True) + "sys.done.wait()",
            {"reports": 1, "apples": 1, "pears": 1},
        ),
        Row(
            "`sys.exit` in a thread",
            APPLES
            + wait
            + "    import sys; sys.exit(3)\n"
            + start.format(False)
            + "one.join(); import plums",
            WHOLE,
        ),
    ]


def sub_interpreters() -> list[Row]:
    """Sub-interpreters, which are silent."""
    start = (
        "try:\n    import _interpreters as interpreters\n"
        "except ImportError:\n    import _xxsubinterpreters as interpreters\n"
        + APPLES
        + "one = interpreters.create()\n"
    )
    ended = "interpreters.destroy(one)\nimport plums"
    run = "assert not interpreters.run_string(one, {!r})\n"
    quiet = run.format("import pears")
    loud = run.format(SET_UP + "import pears")
    return [
        Row("a sub-interpreter imports `pears`", start + quiet + ended, WHOLE),
        Row("a sub-interpreter calls `setup_reporter()`", start + loud + ended, WHOLE),
        Row(
            "a sub-interpreter, armed as Python starts",
            start + quiet + ended,
            WHOLE,
            armed=SITECUSTOMIZE,
        ),
        Row(
            "a sub-interpreter of `python -c`",
            start + loud + ended,
            WHOLE,
            armed=SITECUSTOMIZE,
            command=("-c", "{program}"),
        ),
        Row(
            "a sub-interpreter whose name is deleted",
            start + loud + "del one\nimport plums",
            WHOLE,
            armed=SITECUSTOMIZE,
        ),
        Row("a sub-interpreter that is left to the end", start + loud, ITSELF, armed=SITECUSTOMIZE),
    ]


def forks() -> list[Row]:
    """`os.fork`, and what is no fork: `os.execv`."""
    fork = APPLES + "import os, sys\nif os.fork() == 0:\n    {}\nos.wait()\nimport plums\n"
    passes = "import pears\n" + PASSES + "os._exit(0)"
    leave = "if os.fork():\n    os._exit(0)\n"
    daemon = APPLES + "import os\n" + leave + "os.setsid()\n" + leave + "import pears\n"
    again = "import pears; child = os.fork(); child and os.wait(); sys.exit()"
    replaced = (
        APPLES + "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'import pears'])"
    )
    two: Counts = {**WHOLE, "reports": 2}
    return [
        Row(
            "`os.fork`; the child: `import pears`, `sys.exit`",
            fork.format("import pears; sys.exit()"),
            WHOLE,
            each={**two, "pears": 1},
        ),
        Row(
            "`os.fork`; the child: nothing, `sys.exit`",
            fork.format("sys.exit()"),
            WHOLE,
            each=two,
        ),
        Row(
            "`os.fork`; the child: `import apples` again, `sys.exit`",
            fork.format("import apples; sys.exit()"),
            WHOLE,
            each=two,
        ),
        Row(
            "`os.fork`; the child: `import pears`, an exception",
            fork.format("import pears; 1 / 0"),
            WHOLE,
            each={**two, "pears": 1},
            stderr="ZeroDivisionError",
        ),
        Row(
            "`os.fork`; the child: `import pears`, `os._exit`",
            fork.format("import pears; os._exit(0)"),
            WHOLE,
            each=WHOLE,
        ),
        Row(
            "`os.fork`; the child: `import pears`, `os.fork` again",
            fork.format(again),
            WHOLE,
            each={**WHOLE, "reports": 3, "pears": 1},
        ),
        Row(
            "`os.fork`; the child: `import pears`, the interval passes, `os._exit`",
            fork.format(passes.replace("\n", "\n    ")),
            WHOLE,
            each={**two, "pears": 1},
            environ={"POPCON_INTERVAL": "0.2"},
        ),
        Row(
            "a daemon (forks twice, leaves its parents by `os._exit`): `import pears`",
            daemon,
            ITSELF,
            each={**ITSELF, "reports": 2, "pears": 1},
        ),
        Row("`os.execv`; the new program: `import pears`", replaced, NOTHING, each=NOTHING),
        Row(
            "`os.execv`; the new program: `import pears`; armed as Python starts",
            replaced,
            {"reports": 1, "pears": 1},
            each={"reports": 1, "pears": 1},
            armed=SITECUSTOMIZE,
        ),
    ]


def children() -> list[Row]:
    """`multiprocessing`, what is built on it, and `subprocess`."""
    rows = []
    for method in ("fork", "spawn", "forkserver"):
        process = _parallel(method, _PROCESS)
        one: Counts = {**WHOLE, "reports": 2, "pears": 1}
        rows += [
            Row(f"`Process`, {method}", process, WHOLE, each=one),
            Row(
                f"`Process`, {method}; armed as Python starts",
                process,
                WHOLE,
                each=one,
                armed=SITECUSTOMIZE,
            ),
            Row(
                f"`Pool(2)`, {method}, `close` and `join`",
                _parallel(method, _POOL.format("close")),
                WHOLE,
                each={**WHOLE, "reports": 3, "pears": 2},
            ),
            Row(
                f"`Pool(2)`, {method}, `terminate` (the end of a `with`)",
                _parallel(method, _POOL.format("terminate")),
                WHOLE,
                each={**WHOLE, "reports": range(1, 4), "pears": range(3)},
            ),
            Row(
                f"`ProcessPoolExecutor(1)`, {method}",
                _parallel(method, _EXECUTOR),
                WHOLE,
                each=one,
            ),
        ]
    shared = "import apples\n" + _parallel("spawn", _PROCESS)
    run = APPLES + _RUNS
    return [
        *rows,
        Row(
            "`Process`, spawn; the main module imports `apples` in both processes",
            shared,
            WHOLE,
            each={"reports": 2, "apples": 2, "pears": 1, "plums": 1},
        ),
        Row(
            "joblib (loky), 2 workers; armed as Python starts",
            _LOKY,
            WHOLE,
            each={**WHOLE, "reports": range(1, 4), "pears": range(3)},
            armed=SITECUSTOMIZE,
            needs="joblib",
        ),
        Row("`subprocess` runs a Python: `import pears`", run, ITSELF, each=ITSELF),
        Row(
            "`subprocess` runs a Python: `import pears`; armed as Python starts",
            run,
            {"reports": 2, "apples": 1, "pears": 1},
            each={"reports": 2, "apples": 1, "pears": 1},
            armed=SITECUSTOMIZE,
        ),
    ]


def _parallel(method: str, use: str) -> str:
    return _PARALLEL.format(method=method, use=use)


def ranks() -> list[Row]:
    """Of the many processes of one job, the first one counts."""
    return [
        *(Row(f"`{variable}=0`", APPLES, ITSELF, environ={variable: "0"}) for variable in _RANKS),
        *(Row(f"`{variable}=3`", APPLES, NOTHING, environ={variable: "3"}) for variable in _RANKS),
        Row(
            "`SLURM_PROCID=3`; armed as Python starts",
            APPLES,
            NOTHING,
            armed=SITECUSTOMIZE,
            environ={"SLURM_PROCID": "3"},
        ),
    ]


def programs() -> list[Row]:
    """Whose program it is, where every Python of an environment is armed as it starts."""
    all_of_them = {"POPCON_PROGRAMS": "all"}
    pip = ("-m", "pip", "--version")
    rows = [
        Row("a script", APPLES, ITSELF),
        Row("a script in somebody's own `bin` folder", APPLES, ITSELF, file="{folder}/bin/eat"),
        Row(
            "a folder with a `__main__.py`",
            APPLES,
            ITSELF,
            file="{folder}/__main__.py",
            command=("{folder}",),
        ),
        Row("`python -c`", APPLES, ITSELF, command=("-c", "{program}")),
        Row("`python -m own_module`", APPLES, ITSELF, command=("-m", "program")),
        Row(
            "`python -m own_package`",
            APPLES,
            ITSELF,
            file="{folder}/own/__main__.py",
            command=("-m", "own"),
        ),
        Row("`python - < script`", APPLES, ITSELF, command=("-",)),
        Row("`python < script`", APPLES, ITSELF, command=()),
        Row("the prompt (`python -i`)", APPLES, ITSELF, command=("-q", "-i"), stderr=">>>"),
        Row("`python -m pip`", "", NOTHING, command=pip, needs="pip"),
        Row(
            "`python -m pip`, `POPCON_PROGRAMS=all`",
            "",
            {"reports": 1, "pip": 1},
            command=pip,
            environ=all_of_them,
            needs="pip",
        ),
        Row("`python -m venv`", "", NOTHING, command=("-m", "venv", "--help")),
        Row("`python -m library`", "", NOTHING, command=("-m", "apples")),
        Row(
            "`python -m library`, `POPCON_PROGRAMS=all`",
            "",
            ITSELF,
            command=("-m", "apples"),
            environ=all_of_them,
        ),
        Row("a console script of the environment", APPLES, NOTHING, file="{bin}/eat"),
        Row(
            "a console script of the environment, `sys.exit`",
            APPLES + "import sys; sys.exit(3)",
            NOTHING,
            status=3,
            file="{bin}/eat",
        ),
        Row(
            "a console script of the environment, `POPCON_PROGRAMS=all`",
            APPLES,
            ITSELF,
            file="{bin}/eat",
            environ=all_of_them,
        ),
        Row(
            "a console script of the environment that calls `setup_reporter()`",
            SET_UP + APPLES,
            ITSELF,
            file="{bin}/eat",
        ),
        Row(
            "a console script of the environment that forks, and then calls `setup_reporter()`",
            APPLES + "import os\nif not os.fork(): os._exit(0)\nos.wait()\n" + SET_UP,
            ITSELF,
            file="{bin}/eat",
        ),
        Row(
            "a console script of the environment runs `python -c 'import pears'`",
            _RUNS,
            {"reports": 1, "pears": 1},
            file="{bin}/eat",
        ),
        Row("`POPCON_PROGRAMS=some`", APPLES, NOTHING, environ={"POPCON_PROGRAMS": "some"}),
        Row("`POPCON_CHILDREN=some`", APPLES, NOTHING, environ={"POPCON_CHILDREN": "some"}),
    ]
    return [row._replace(armed=AT_START) for row in rows]


#: Heading → rows.
TABLE = {
    "How a program ends": ends(),
    "Where it is armed": set_ups(),
    "Before the end": intervals(),
    "Threads": threads(),
    "Sub-interpreters": sub_interpreters(),
    "Forks and new programs": forks(),
    "Child processes": children(),
    "Jobs of many processes": ranks(),
    "Whose program it is": programs(),
}
