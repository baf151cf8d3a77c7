"""IPython: cells, callbacks and transformers that are broken by the user, around ours."""

from __future__ import annotations

from tests.manners.fault import ALL, PURELIB, REPORTS, STARTUP, USED, Fault

#: A shell in this process, with names of its own.
_SHELL = """
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config(); config.HistoryManager.enabled = False; config.InteractiveShell.colors = 'NoColor'
names = {}
shell = InteractiveShell.instance(config=config, user_ns=names)
"""


def _cells(
    name: str,
    *cells: str,
    prepare: str = "",
    arrives: tuple[str, ...] = ALL,
    may: tuple[str, ...] = (),
    loud: bool = True,
) -> Fault:
    """Return a row that runs these cells after the startup file, and then one with an import.

    `loud`: IPython says something, and does so without popcon too.
    """
    return Fault(
        f"IPython: {name}",
        {"PYTHONPATH": PURELIB},
        before=_SHELL + prepare,
        arm=STARTUP.replace("globals()", "names"),
        after="\n".join(f"shell.run_cell({text!r})" for text in cells),
        body="shell.run_cell('import guest_lib')",
        arrives=arrives,
        may=may,
        alike=loud,
        ipython=True,
    )


_TRANSFORMER = """
class Odd:
    def visit(self, tree): raise {}('the transformer of the user')
shell.ast_transformers.append(Odd())
"""

#: What IPython itself brings, where nobody can tell it from the cells.
_OTHER = "python_popcon.library_used._other:1|c"

FAULTS = [
    _cells(
        "transformer that can't be compared",
        "import json",
        prepare="class Odd:\n"
        "    def visit(self, tree): return tree\n"
        "    def __eq__(self, other): raise ValueError\n"
        "shell.ast_transformers.append(Odd())",
        loud=False,
    ),
    _cells("cells that succeed", "import json", "x = 1 + 1", loud=False),
    _cells("cell that raises", "1 / 0"),
    _cells("cell with a syntax error", "def (:"),
    _cells("cell that is interrupted", "raise KeyboardInterrupt"),
    _cells("cell that exits", "raise SystemExit(3)"),
    _cells(
        "cell without an end of recursion",
        "def f(): f()\ntry: f()\nexcept RecursionError: pass",
        loud=False,
    ),
    _cells("empty cells", "", "   ", "# nothing", loud=False),
    # The magic is a module of IPython, and this cell asks for it.
    _cells("%reset -f", "%reset -f", may=(_OTHER,), loud=False),
    _cells("shell.reset", "get_ipython().reset(new_session=True)", loud=False),
    _cells(
        "cell that empties sys.modules of popcon",
        "import sys\nfor n in [n for n in sys.modules if n.startswith('popcon')]: del sys.modules[n]",
        loud=False,
    ),
    _cells(
        "cell that empties sys.modules",
        "import sys; held = dict(sys.modules); sys.modules.clear(); sys.modules.update(held)",
        arrives=(),
        may=ALL,
    ),
    _cells(
        "cell that sets popcon's modules to None",
        "import sys\nfor n in [n for n in sys.modules if n.startswith('popcon')]: sys.modules[n] = None",
        arrives=(),
        may=ALL,
        loud=False,
    ),
    *(
        _cells(
            f"transformer of the user's before ours that raises {kind}",
            prepare=_TRANSFORMER.format(kind),
        )
        for kind in ("RuntimeError", "ValueError")
    ),
    _cells(
        "transformer of the user's after ours that raises",
        _TRANSFORMER.format("RuntimeError").replace("shell", "get_ipython()"),
    ),
    _cells(
        "transformer of the user's that returns nothing",
        "class Odd:\n    def visit(self, tree): return None\nget_ipython().ast_transformers.append(Odd())",
        arrives=(REPORTS,),
        may=(USED,),
    ),
    _cells(
        "transformers cleared",
        "get_ipython().ast_transformers.clear()",
        arrives=(REPORTS,),
        may=(USED,),
        loud=False,
    ),
    *(
        _cells(
            f"{event} of the user's that raises",
            f"def odd(*args): 1 / 0\nget_ipython().events.register('{event}', odd)",
        )
        for event in ("pre_run_cell", "post_run_cell", "pre_execute", "post_execute")
    ),
    _cells(
        "pre_run_cell of the user's that raises, before ours",
        # From Python 3.13 on a traceback shows the lines of `-c`: those around are the program's own.
        prepare="shell.events.register('pre_run_cell', lambda info: 1 / 0)" + "\npass" * 9,
    ),
    _cells(
        "all callbacks cleared",
        "for callbacks in get_ipython().events.callbacks.values(): callbacks.clear()",
        loud=False,
    ),
    _cells(
        "events that refuse",
        prepare="shell.events.register = lambda *args: 1 / 0",
        arrives=(),
        may=(*ALL, _OTHER),
        loud=False,
    ),
    _cells(
        "get_ipython that raises",
        prepare="import IPython; IPython.get_ipython = lambda: 1 / 0",
        arrives=(),
        may=ALL,
        loud=False,
    ),
    _cells(
        "cell that replaces the streams",
        "import sys, io; held = sys.stdout, sys.stderr; sys.stdout = sys.stderr = io.StringIO()",
        "sys.stdout, sys.stderr = held",
        loud=False,
    ),
    _cells("cell that leaves its folder", "import os; os.chdir('/')", loud=False),
    _cells(
        "cell that runs cells",
        "get_ipython().run_cell('import json'); get_ipython().run_cell('1 / 0')",
    ),
    _cells(
        "names that popcon left", "print([name for name in globals() if 'popcon' in name.lower()])"
    ),
    _cells(
        "cell that traces",
        "import sys; sys.settrace(lambda *args: None)",
        "sys.settrace(None)",
        loud=False,
    ),
    _cells(
        "cell that closes all descriptors but its own",
        "import os; os.closerange(100, 1024)",
        loud=False,
    ),
    _cells(
        "cell whose report is interrupted",
        "import os, signal, sys\ndone = []\ndef hook(event, args):\n    if event.startswith('socket.') and not done:\n        done.append(event)\n        os.kill(os.getpid(), signal.SIGINT)\nsys.addaudithook(hook)",
        arrives=(),
        may=ALL,
    ),
]
