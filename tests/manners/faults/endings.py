"""Ends: what other hooks, signals and threads do while the last report is made, and sinks that raise."""

from __future__ import annotations

from tests.manners.fault import ALL, LINE, REPORTS, USED, Fault

_HOOK = "import atexit, os\ndef hook():\n    {}\natexit.register(hook)"


def _before_the_report(
    name: str,
    *lines: str,
    may: tuple[str, ...] = (),
    arrives: tuple[str, ...] = ALL,
    says: str = "",
) -> Fault:
    """Return a row whose user has a hook at exit that runs just before popcon's."""
    return Fault(
        f"hook at exit that {name}",
        last=_HOOK.format("\n    ".join(lines)),
        arrives=arrives,
        may=may,
        says=says,
    )


#: A sink whose first send raises; the second sink is served.
_SINK = """
from popcon.sinks.statsd import StatsdSink
sends = StatsdSink.send
def send(self, *args, **kwargs):
    StatsdSink.send = sends
    raise {0}('the sink')
StatsdSink.send = send
"""

#: Does something while popcon is at work, seen by what Python's auditing says of it.
_DURING = """
import os, signal
done = []
def hook(event, args):
    if event in {events!r} and ending and not done:
        done.append(event)
        os.write(1, b'now\\n')
        {act}
ending = []
sys.addaudithook(hook)
"""
_AT_EXIT = "import atexit; atexit.register(ending.append, 1)"
_EVENTS = {
    "reads metadata": ("os.listdir", "os.scandir"),
    "opens a socket": ("socket.__new__",),
    "sends": ("socket.sendto", "socket.connect"),
}

_EXCEPTIONS = (
    "Exception",
    "KeyboardInterrupt",
    "SystemExit",
    "GeneratorExit",
    "RecursionError",
    "MemoryError",
)

FAULTS = [
    *(
        Fault(
            f"sink that raises {kind}",
            {"POPCON_SINK": "statsd://127.0.0.1:9 {sink}"},
            after=_SINK.format(kind),
            says=f"popcon: {kind}: the sink",
        )
        for kind in _EXCEPTIONS
    ),
    *(
        Fault(
            f"{what} while the report {moment}",
            before="import signal; signal.signal(signal.SIGUSR1, lambda *_: 1 / 0); "
            "signal.signal(signal.SIGALRM, lambda *_: sys.exit(9))",
            after=_DURING.format(events=events, act=f"os.kill(os.getpid(), signal.{number})"),
            last=_AT_EXIT,
            stdout=LINE + "now\n",
            arrives=(),
            may=ALL,
        )
        for moment, events in _EVENTS.items()
        for what, number in [
            ("Ctrl-C", "SIGINT"),
            ("signal handler that raises", "SIGUSR1"),
            ("signal handler that exits", "SIGALRM"),
        ]
    ),
    *(
        Fault(f"end by {name}", ending=ending, alike=True)
        for name, ending in [
            ("an exception", "1 / 0"),
            ("sys.exit with a text", "sys.exit('bye')"),
            ("sys.exit with an odd object", "sys.exit(object)"),
            ("KeyboardInterrupt", "raise KeyboardInterrupt"),
            ("falling off its end", ""),
            (
                "an exception in a thread",
                (
                    "import threading; thread = threading.Thread(target=lambda: 1 / 0, name='theirs')\n"
                    "thread.start(); thread.join()"
                ),
            ),
            ("an excepthook that raises", "sys.excepthook = lambda *_: 1 / 0\n1 / 0"),
        ]
    ),
    Fault(
        "end by SIGTERM with a handler that exits",
        ending=(
            "import os, signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
            "os.kill(os.getpid(), signal.SIGTERM)"
        ),
        status=5,
    ),
    Fault(
        "end by SIGINT", ending="import os, signal; os.kill(os.getpid(), signal.SIGINT)", alike=True
    ),
    Fault("hook at exit that raises", last=_HOOK.format("1 / 0"), alike=True),
    Fault(
        "hook at exit that raises SystemExit", last=_HOOK.format("raise SystemExit(3)"), alike=True
    ),
    Fault("hook before ours that raises", before=_HOOK.format("1 / 0"), alike=True),
    _before_the_report("changes nothing", "pass"),
    # What is gone can't be named: that this process reported is all that is left.
    _before_the_report("empties sys.modules", "sys.modules.clear()", arrives=(), may=ALL),
    _before_the_report(
        "sets all modules to None",
        "for name in list(sys.modules): sys.modules[name] = None",
        arrives=(),
        may=ALL,
    ),
    _before_the_report(
        "empties the reporter's globals",
        "vars(sys.modules['popcon.reporter']).clear()",
        arrives=(),
        may=ALL,
    ),
    _before_the_report(
        "empties the guard's globals",
        "vars(sys.modules['popcon.guard']).clear()",
    ),
    _before_the_report(
        "empties the globals of all of popcon's modules",
        "for name in list(sys.modules):",
        "    if name.startswith('popcon'): vars(sys.modules[name]).clear()",
        arrives=(),
        may=ALL,
    ),
    _before_the_report(
        "sets popcon's globals to None",
        "for name in list(sys.modules):",
        "    if name.startswith('popcon'):",
        "        names = vars(sys.modules[name])",
        "        names.update(dict.fromkeys(names))",
        arrives=(),
        may=ALL,
    ),
    _before_the_report(
        "takes the builtins away",
        "import builtins",
        "for name in ('open', 'len', 'sorted', 'issubclass', 'isinstance', 'getattr', 'Exception', 'set'):",
        "    setattr(builtins, name, None)",
        arrives=(),
        may=ALL,
    ),
    _before_the_report(
        "closes all descriptors",
        "mine = int(os.environ['WITNESS'])",
        "os.closerange(3, mine); os.closerange(mine + 1, 1024)",
    ),
    _before_the_report(
        "closes the streams too",
        "sys.stdout.flush(); sys.stdout = sys.stderr = None",
        "mine = int(os.environ['WITNESS'])",
        "os.closerange(0, mine); os.closerange(mine + 1, 1024)",
    ),
    _before_the_report("raises the root of all", "sys.setrecursionlimit(40)", arrives=(), may=ALL),
    _before_the_report("changes the folder", "os.chdir('/')"),
    _before_the_report(
        "opens a Python in between", "__import__('subprocess').run([sys.executable, '-c', ''])"
    ),
    _before_the_report(
        "reports itself",
        "popcon = sys.modules['popcon']",
        "(getattr(popcon, '_armed', None) or popcon.reporter._armed).at_exit()",
    ),
    _before_the_report("arms again", "__import__('popcon').setup_reporter()"),
    _before_the_report("imports more", "import json, decimal"),
    Fault(
        "hook registered in a hook",
        last=_HOOK.format("atexit.register(print, 'later', flush=True)"),
        alike=True,
    ),
    Fault(
        "hooks cleared",
        last="import atexit; atexit._clear()",
        ending=("witness._remember(); witness._judge(); sys.exit(7)"),
        arrives=(),
    ),
    Fault(
        "threads that import while the report is made",
        last="""
import threading, types
running = []
def imports(number):
    running.append(number)
    while True:
        for name in range(500): sys.modules['t%d.%d' % (number, name)] = types
        for name in range(500): del sys.modules['t%d.%d' % (number, name)]
for number in range(4): threading.Thread(target=imports, args=(number,), daemon=True).start()
while len(running) < 4: pass
""",
    ),
    Fault(
        "threads that are daemons and never end",
        last=(
            "import threading, time\n"
            "for number in range(20): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
        ),
    ),
    Fault(
        "thread that outlives the program",
        last=(
            "import threading, time; threading.Thread(target=lambda: (time.sleep(0.05), __import__('json'))).start()"
        ),
    ),
    Fault(
        "libraries that are removed while the program runs",
        last=(
            "import shutil, os; shutil.rmtree(os.path.dirname(guest_lib.__path__[0]) + '/Guest_Lib-1.0.dist-info')"
        ),
        arrives=(REPORTS,),
        may=(USED,),
    ),
    Fault(
        "set-up in a thread",
        arm=(
            "import threading; popcon = __import__('popcon'); witness.arming(globals())\n"
            "popcon = threading.Thread(target=popcon.setup_reporter); popcon.start(); popcon.join()\n"
            "witness.armed()"
        ),
    ),
]
