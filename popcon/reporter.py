"""In: an armed process. Out: Reports of the libraries it used, each library once, to the sinks.

In IPython a report leaves after each cell that brought something new; elsewhere, and for what
is left, at exit. Arming imports `sys`, `os`, `atexit` and popcon's own modules, nothing else.
"""

import atexit
import os
import sys

from popcon.config import read, switched_off
from popcon.guard import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    from popcon.config import Settings

_armed: "Optional[Reporter]" = None


def setup_reporter(
    current_modules: "Optional[Iterable[str]]" = None,
    *,
    sink: "Optional[str]" = None,
    labels: "Optional[str]" = None,
    prefix: "Optional[str]" = None,
) -> None:
    """Report from now on which installed libraries this process uses.

    `current_modules` are names of modules that don't count, those loaded now by default. `sink`
    (a URL), `labels` (`key=value,…`) and `prefix` win over `POPCON_SINK`, `POPCON_LABELS` and
    `PYTHON_POPCONTEST_STATSD_PREFIX`. Does nothing the second time, in a child process of
    `multiprocessing`, or where `DO_NOT_TRACK` or `POPCON_DISABLED` is set. Never raises:
    `POPCON_DEBUG=1` and `popcon doctor` say what is wrong.
    """
    global _armed
    with contained():
        if switched_off(os.environ) or _armed is not None or _is_child():
            return
        settings = read(os.environ, sink=sink, labels=labels, prefix=prefix)
        reporter = Reporter(settings, sys.modules, current_modules)
        reporter.arm(_shell())
        _armed = reporter


class Reporter:
    """One process's account of what it used.

    A module that appears while a cell's code runs is the user's. What appears before it or between
    cells is not: tab completion imports jedi, the kernel and IPython import what they need to
    start and to read a cell. But completion also imports the very library that the user is typing,
    so what came between cells is laid aside, and counts when a cell names it in an import. Without
    cells, in a script, everything from arming on is the user's.
    """

    __slots__ = (
        "_aside",
        "_baseline",
        "_cells",
        "_code_runs",
        "_counted",
        "_first",
        "_libraries",
        "_look",
        "_modules",
        "_sinks",
        "_waits_for_cells",
        "pid",
    )

    def __init__(
        self,
        settings: "Settings",
        modules: "dict[str, Any]",
        baseline: "Optional[Iterable[str]]" = None,
    ) -> None:
        from popcon.sinks import open_sink

        self.pid = os.getpid()
        self._modules = modules
        self._baseline = set(modules if baseline is None else baseline)
        self._sinks = [open_sink(url, settings.prefix) for url in settings.sinks]
        self._libraries: "Any" = None
        self._counted: "set[str]" = set()
        self._first = True
        self._aside: "set[str]" = set()
        self._cells = 0
        self._code_runs = False
        self._waits_for_cells = False
        self._look: "Any" = None

    def arm(self, shell: "Any") -> None:
        """Ask to be called at exit, and around each cell if there is an IPython shell."""
        atexit.register(self.at_exit)
        if shell is not None:
            # `ipython script.py` runs its file outside any cell; a kernel runs nothing so.
            self._waits_for_cells = getattr(shell, "kernel", None) is not None
            shell.events.register("pre_run_cell", self.cell_starts)
            shell.ast_transformers.append(self)
            shell.events.register("post_run_cell", self.cell_ended)

    def cell_starts(self, info: object) -> None:
        """Wait for the cell's code. A cell may run another (%run, run_cell): that is one cell."""
        if self._cells == 0:
            self._waits_for_cells = True
            self._code_runs = False
        self._cells += 1

    def visit(self, tree: object) -> object:
        """Note that a cell's code is about to run: IPython shows its syntax tree, and gets it back."""
        with contained(BaseException):
            if self._cells and not self._code_runs:
                self._code_runs = True
                self._lay_aside()
                named = self._aside and imported_names(tree) & self._aside
                if named:  # they are new again, and this cell's
                    self._aside -= named
                    self._baseline -= named
                    self._look = None
        return tree

    def cell_ended(self, result: object) -> None:
        """Report what the cell's code brought; of a cell that could not be read, nothing."""
        with contained(BaseException):
            if _is_blank(result):  # IPython announces the end of these, but not the start
                return
            if not self._code_runs:
                self._lay_aside()
            self.report(final=False)
        self._cells = max(0, self._cells - 1)

    def at_exit(self) -> None:
        """Report what was not said yet."""
        with contained(BaseException):
            if self._waits_for_cells and self._cells == 0:
                self._lay_aside()
            self.report(final=True)

    def report(self, *, final: bool) -> None:
        """Send a Report, if there is something to say. A forked child stays silent."""
        if os.getpid() != self.pid:
            return
        names = self._new_modules()
        libraries = self._name(names) - self._counted if names else set()
        if not libraries and not self._first:
            if not final:
                for sink in self._sinks:
                    sink.retry()
            return
        from popcon.report import Report

        report = Report(tuple(sorted(libraries)), self._first)
        self._counted |= libraries
        self._first = False
        for sink in self._sinks:
            with contained():  # one that fails costs only itself
                sink.send(report, final=final)

    def _lay_aside(self) -> None:
        """Take what came as not the user's, unless a cell names it later."""
        self._aside.update(self._new_modules())

    def _new_modules(self) -> "list[str]":
        """Return the names of modules that have come since the last call."""
        modules = self._modules
        # Modules are appended, so the length and the last name tell whether any came.
        look = (len(modules), next(reversed(modules), None))
        if look == self._look:
            return []
        self._look = look
        # One step of C, so that a thread that imports can't change it half-way.
        names = [name for name in list(modules) if name not in self._baseline]
        self._baseline.update(names)
        return names

    def _name(self, names: "list[str]") -> "set[str]":
        if self._libraries is None:
            from popcon.libraries import Libraries

            self._libraries = Libraries()
        found: "set[str]" = self._libraries.used_by(names, self._modules)
        return found


def imported_names(tree: object) -> "set[str]":
    """Return the modules that a syntax tree's import statements name, with their parents."""
    import ast  # IPython has loaded it

    found: "set[str]" = set()
    for node in ast.walk(tree):  # type: ignore[arg-type]
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            found.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))
    return found


def _is_blank(result: object) -> bool:
    raw = getattr(getattr(result, "info", None), "raw_cell", "code")
    return not raw or raw.isspace()


def _is_child() -> bool:
    """Return whether this is a process of multiprocessing's or joblib's: a spawned one runs the
    main module's imports anew, and so comes by here.
    """
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.current_process().name != "MainProcess"


def _shell() -> "Any":
    """Return the running IPython shell, or None; never imports IPython."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None
