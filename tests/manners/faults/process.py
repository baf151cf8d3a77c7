"""What a process may be short of: streams, descriptors, threads, memory; and how Python was started."""

from __future__ import annotations

import re

from tests.manners.fault import ALL, LINE, REPORTS, SHELL, SITECUSTOMIZE, STARTUP, USED, Fault

_OTHER = "python_popcon.library_used._other:1|c"
_RUBBISH: dict[str, str | None] = {"POPCON_SINK": "rubbish", "POPCON_DEBUG": "1"}


def _redirected(text: str) -> tuple[str, ...]:
    return (*SHELL, f'exec "$@" {text}', "sh")


def _imported(stderr: str) -> list[str]:
    """Return the modules that -X importtime lists, without popcon's and what it needs."""
    names = re.findall(r"^import time:.*\|\s+(\S+)$", stderr, re.M)
    ours = ("popcon", "_socket", "_interpreters", "_xxsubinterpreters")
    return [name for name in names if not name.startswith(ours)]


_STREAM = """
class Stream:
    def write(self, text): raise {0}
    def flush(self): raise {0}
    def __getattr__(self, name): raise {0}
sys.stderr = Stream()
"""
_NOBODY = (
    "setpriv",
    "--reuid=54321",
    "--clear-groups",
    "--inh-caps=+dac_override,+dac_read_search",
    "--ambient-caps=+dac_override,+dac_read_search",
)


def _started(*options: str, **environ: str | None) -> Fault:
    """Return a row that starts Python with these options and variables."""
    name = " ".join((*(f"{key}={value}" for key, value in environ.items()), *options))
    return Fault(f"Python started with {name}", environ, options)


FAULTS = [
    # Streams
    Fault("closed standard input", wrapper=_redirected("<&-")),
    Fault("closed standard output", wrapper=_redirected(">&-"), stdout=""),
    Fault("closed standard error", wrapper=_redirected("2>&-")),
    Fault("all streams closed", wrapper=_redirected("<&- >&- 2>&-"), stdout=""),
    Fault(
        "closed standard error, and a line for it",
        _RUBBISH,
        wrapper=_redirected("2>&-"),
        arrives=(),
    ),
    Fault(
        "standard error on a full disk", _RUBBISH, wrapper=_redirected("2> /dev/full"), arrives=()
    ),
    Fault("standard output on a full disk", wrapper=_redirected("> /dev/full"), alike=True),
    Fault(
        "standard error that is a broken pipe",
        _RUBBISH,
        first="import os; r, w = os.pipe(); os.close(r); os.dup2(w, 2); os.close(w)",
        arrives=(),
    ),
    Fault("no sys.stderr", _RUBBISH, before="sys.stderr = None", arrives=()),
    *(
        Fault(
            f"sys.stderr that raises {kind}",
            _RUBBISH,
            before=_STREAM.format(kind),
            last="sys.stderr = sys.__stderr__",
            arrives=(),
        )
        for kind in ("OSError", "KeyboardInterrupt", "SystemExit(3)")
    ),
    Fault(
        "sys.stderr and sys.stdout deleted",
        before="import atexit; atexit.register(sys.__dict__.update, stdout=sys.stdout, stderr=sys.stderr)",
        last="del sys.stdout, sys.stderr",
    ),
    # Limits
    Fault(
        "no descriptor left at exit",
        last=(
            "import os, resource\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); taken = []\n"
            "try:\n    while True: taken.append(os.dup(1))\n"
            "except OSError as error: print(error.errno, flush=True)"
        ),
        stdout=LINE + "24\n",
        arrives=(),
        may=ALL,
        says="[Errno 24] Too many open files",
    ),
    Fault(
        "no descriptor left when armed",
        before=(
            "import os, resource\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); taken = []\n"
            "try:\n    while True: taken.append(os.dup(1))\n"
            "except OSError as error: pass"
        ),
        arm=STARTUP,
        after="for one in taken: os.close(one)",
        arrives=(),
        may=ALL,
        reached=False,
    ),
    Fault(
        "no process left for a thread",
        {"POPCON_SINK": "statsd://no-such-host.invalid:9125 {sink}"},
        wrapper=(*_NOBODY, "prlimit", "--nproc=1"),
        last="import _thread\ntry: _thread.start_new_thread(int, ())\nexcept RuntimeError as error: print(error)",
        stdout=LINE + "can't start new thread\n",
        says="popcon: RuntimeError: can't start new thread",
    ),
    Fault(
        "threads too large to start",
        {"POPCON_SINK": "statsd://no-such-host.invalid:9125 {sink}"},
        before="import _thread; _thread.stack_size(2**46)",
        last="try: _thread.start_new_thread(int, ())\nexcept RuntimeError as error: print(error)",
        stdout=LINE + "can't start new thread\n",
        says="popcon: RuntimeError: can't start new thread",
    ),
    Fault(
        "no memory left at exit",
        last=(
            "import resource\n"
            "resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))\n"
            "try: bytes(1 << 24)\nexcept MemoryError: print('no memory', flush=True)"
        ),
        stdout=LINE + "no memory\n",
        arrives=(),
        may=ALL,
    ),
    Fault(
        "files that can't grow",
        before="import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
    ),
    Fault("stack of 256 kB", wrapper=("prlimit", "--stack=262144")),
    # How Python was started
    *(_started(option) for option in ("-I", "-E", "-s", "-B", "-O", "-OO", "-u", "-bb")),
    _started("-W", "error"),
    _started("-X", "dev"),
    _started("-X", "dev", "-W", "error", "-bb"),
    _started("-X", "faulthandler"),
    _started("-X", "tracemalloc"),
    _started("-X", "utf8=0", LC_ALL="C", PYTHONCOERCECLOCALE="0"),
    _started(PYTHONWARNINGS="error"),
    _started(PYTHONMALLOC="debug"),
    _started(PYTHONIOENCODING="ascii:strict"),
    _started(PYTHONHASHSEED="0"),
    _started(LC_ALL="xx_YY.nonsense", LANG="nonsense"),
    _started(PYTHONPYCACHEPREFIX="/dev/null/no"),
    _started(PYTHONPATH="/nowhere:\udcff::/etc/passwd"),
    Fault(
        "Python started with -S",
        options=("-S",),
        first=(
            "import os; sys.path.append(f'{os.environ[\"PLACE\"]}/env/lib/python%d.%d/site-packages' "
            "% sys.version_info[:2]); del os"
        ),
        # Without `site`, Python doesn't know of the environment: it is a folder like others.
        arrives=(REPORTS,),
        may=(USED, _OTHER),
    ),
    Fault(
        "Python started with -X importtime",
        options=("-X", "importtime"),
        alike=True,
        reads=_imported,
    ),
    Fault(
        "Python started with -W error, and the startup file", options=("-W", "error"), arm=STARTUP
    ),
    Fault(
        "Python started with -X dev, and sitecustomize", options=("-X", "dev"), arm=SITECUSTOMIZE
    ),
    Fault("Python started with -I, and the startup file", options=("-I",), arm=STARTUP),
    Fault(
        "environment in a folder with an odd name",
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONPATH": None},
        wrapper=(
            *SHELL,
            'odd="$PLACE/$(printf "\\344\\377 \\344")"; ln -s "$PLACE/env" "$odd"; shift; exec "$odd/bin/python" "$@"',
            "sh",
        ),
        may=(_OTHER,),
    ),
    Fault(
        "faulthandler, and every signal taken",
        before=(
            "import faulthandler, signal; faulthandler.enable()\n"
            "for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM):\n"
            "    signal.signal(number, lambda *_: print('signal'))"
        ),
    ),
    Fault("nothing but a name in argv", before="sys.argv[:] = ['\\udcff']"),
    Fault("no argv", before="del sys.argv[:]", last=""),
    Fault("executable that is nowhere", before="sys.executable = None; sys._base_executable = ''"),
]
