"""popcon: which installed libraries are really used, as counters that name no person.

Arming is written here, where it costs a kernel one file to read; all else is found on first use.
"""

import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    from popcon.reporter import Reporter

__version__ = "0.1.0"

__all__ = ["__version__", "setup_reporter"]

#: What a person sets to have nothing armed and nothing sent.
OPT_OUTS = ("POPCON_DISABLED", "DO_NOT_TRACK")

_armed: "Optional[Armed]" = globals().get("_armed")  # a reload arms nothing anew


def setup_reporter(
    current_modules: "Optional[Iterable[str]]" = None,
    *,
    sink: "Optional[str]" = None,
    labels: "Optional[str]" = None,
    prefix: "Optional[str]" = None,
    children: "Optional[str]" = None,
    details: "Optional[str]" = None,
    interval: "Optional[float]" = None,
    programs: "Optional[str]" = None,
) -> None:
    """Report from now on which installed libraries this process uses.

    `current_modules` are names of modules that don't count, those loaded now by default. The others
    win over the variables of `docs/reference.md`: `sink` (a URL, or several apart by spaces),
    `labels` (`key=value,…`), `prefix`, `children` (`none`, `each`), `details` (`version,direct`),
    `interval` (seconds) and `programs` (`own`, `all`). Does nothing the second time, except that an
    IPython shell which has come since is watched from now on; nothing where `DO_NOT_TRACK` or
    `POPCON_DISABLED` is set. Never raises: `POPCON_DEBUG=1` and `popcon doctor` say what is wrong.
    """
    global _armed
    try:
        if switched_off(os.environ):
            return
        ipython = sys.modules.get("IPython")
        ask = getattr(ipython, "get_ipython", None)
        shell = ask() if ask is not None else None
        if _armed is not None:
            _armed.again(shell)
            return
        said = {
            "sink": sink,
            "labels": labels,
            "prefix": prefix,
            "children": children,
            "details": details,
            "interval": interval,
            "programs": programs,
        }
        armed = Armed(said, set(sys.modules if current_modules is None else current_modules))
        armed.wait(shell)
        _armed = armed
    except Exception as fault:
        from popcon.guard import show

        show(fault)


def switched_off(environ: "Any") -> "Optional[str]":
    """Return the variable that turns popcon off, or None.

    Any value but nothing and `0` counts, as other programs read `DO_NOT_TRACK`.
    """
    for variable in OPT_OUTS:
        if environ.get(variable, "0") not in ("", "0"):
            return variable
    return None


class Armed:
    """A process that popcon waits in: what was said at set-up, and what was loaded by then.

    The reporter itself is opened when a kernel's first cell starts, and at once in a script.
    """

    __slots__ = ("baseline", "cells", "pid", "reporter", "said", "shell")

    def __init__(self, said: "dict[str, Any]", baseline: "set[str]") -> None:
        self.said = said
        self.baseline = baseline
        self.pid = os.getpid()
        self.shell: "Any" = None
        self.cells = False
        self.reporter: "Optional[Reporter]" = None

    def wait(self, shell: "Any") -> None:
        """Ask to be called at exit, and before the first cell if there is an IPython shell."""
        if shell is None:
            self.open()
        else:
            self._watch(shell)
        atexit.register(self.at_exit)

    def again(self, shell: "Any") -> None:
        """Go by a second set-up: of a shell, or of a program that asks for itself to be counted."""
        if shell is None:
            if self.reporter is not None:
                self.reporter.ask()
        elif self.shell is None:
            self.baseline = set(sys.modules)
            if self.reporter is not None:
                self.reporter.rebase(self.baseline)
                self.reporter.asked = True
            self._watch(shell)

    def _watch(self, shell: "Any") -> None:
        self.shell = shell
        shell.events.register("pre_run_cell", self.first_cell)

    def open(self) -> "Reporter":
        """Return the reporter, made now if there is none: settings are read, sinks are opened."""
        if self.reporter is None:
            from popcon.reporter import Reporter

            self.reporter = Reporter.open(self.said, self.baseline, self.shell)
        return self.reporter

    def first_cell(self, info: object) -> None:
        """Open the reporter and hand the cells over to it."""
        try:
            self.shell.events.unregister("pre_run_cell", self.first_cell)
            self.cells = True
            if os.getpid() == self.pid:
                self.open().watch_cells(self.shell, info)
        except Exception as fault:
            from popcon.guard import show

            show(fault)

    def at_exit(self) -> None:
        """Report what was not said yet."""
        try:
            if self.reporter is not None or os.getpid() == self.pid:
                reporter = self.open()
                if not self.cells and self.shell is not None:
                    reporter.rebase(set(sys.modules))  # a shell that ran no cell used nothing
                reporter.at_exit()
        except:  # noqa: E722 - an interrupt has nothing left to stop here, and other hooks may
            # have emptied our globals: then even a name of the language's own isn't found.
            try:
                from popcon.guard import show

                show(sys.exc_info()[1])
            except:  # noqa: E722
                pass
