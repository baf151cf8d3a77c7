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

    from popcon.exit_hook import register_exit_hook as register_exit_hook
    from popcon.reporter import Reporter

__version__ = "0.1.0"

__all__ = ["__version__", "register_exit_hook", "setup_reporter"]

#: What a person sets to have nothing armed and nothing sent; a file of that name says the same.
OPT_OUTS = ("POPCON_DISABLED", "DO_NOT_TRACK")
OPT_OUT_FILE = "/popcon/disabled"

_armed: "Optional[Armed]" = globals().get("_armed")  # a reload arms nothing anew


def setup_reporter(
    current_modules: "Optional[Iterable[str]]" = None,
    *,
    sink: "Optional[str]" = None,
    client: "Any" = None,
    labels: "Optional[str]" = None,
    prefix: "Optional[str]" = None,
    children: "Optional[str]" = None,
    details: "Optional[str]" = None,
    interval: "Optional[float]" = None,
    programs: "Optional[str]" = None,
    scope: "Optional[str]" = None,
    allow: "Optional[str]" = None,
    deny: "Optional[str]" = None,
) -> None:
    """Report from now on which installed libraries this process uses.

    `current_modules` are names of modules that don't count, those loaded now by default. The others
    win over the variables of `docs/reference.md`: `sink` (a URL, or several separated by spaces),
    `client` (it speaks the `statsd` package's pipeline, and takes the place of `POPCON_SINK`),
    `labels` (`key=value,…`), `prefix`, `children` (`none`, `each`), `details` (`version,direct`),
    `interval` (seconds), `programs` (`own`, `all`), `scope` (`image`, `all`), `allow` and `deny`
    (globs, separated by commas or spaces). Called again, it arms nothing anew: what it says goes
    from then on, and an IPython shell that has come since is watched. Does nothing where a person
    or the machine has said no (`switched_off`), unless `sink` asks for a file or a print. Never
    raises: `POPCON_DEBUG=1` and `popcon doctor` say what is wrong.
    """
    global _armed
    try:
        if sink is None and switched_off(os.environ):
            return
        ipython = sys.modules.get("IPython")
        ask = getattr(ipython, "get_ipython", None)
        shell = ask() if ask is not None else None
        said = {
            "sink": sink,
            "client": client,
            "labels": labels,
            "prefix": prefix,
            "children": children,
            "details": details,
            "interval": interval,
            "programs": programs,
            "scope": scope,
            "allow": allow,
            "deny": deny,
        }
        if _armed is not None:
            _armed.again(said, shell)
            return
        armed = Armed(said, set(sys.modules if current_modules is None else current_modules))
        armed.wait(shell)
        _armed = armed
    except Exception as fault:
        from popcon.guard import show

        show(fault)


def __getattr__(name: str) -> "Any":
    if name == "register_exit_hook":
        from popcon.exit_hook import register_exit_hook

        return register_exit_hook
    raise AttributeError(f"module 'popcon' has no attribute {name!r}")


def switched_off(environ: "Any") -> "Optional[str]":
    """Return the variable or the file that turns popcon off, or None.

    Of a variable any value but nothing and `0` counts, as other programs read `DO_NOT_TRACK`. A file
    has only to be there: the environment's, the machine's, or the user's (XDG Base Directory 0.8).
    """
    for variable in OPT_OUTS:
        if environ.get(variable, "0") not in ("", "0"):
            return variable
    own = environ.get("XDG_CONFIG_HOME", "")
    if own[:1] != "/":
        own = environ.get("HOME", "") + "/.config"
    for folder in (sys.prefix + "/etc", "/etc", own):
        if os.path.exists(folder + OPT_OUT_FILE):
            return folder + OPT_OUT_FILE
    return None


class Armed:
    """A process that popcon waits in: what was said at set-up, and what was loaded by then.

    The reporter itself is opened when a kernel's first cell starts, and at once in a script.
    """

    __slots__ = ("baseline", "cells", "pid", "reporter", "said", "shell", "stale")

    def __init__(self, said: "dict[str, Any]", baseline: "set[str]") -> None:
        self.said = said
        self.baseline = baseline
        self.pid = os.getpid()
        self.shell: "Any" = None
        self.cells = False
        self.stale = False
        self.reporter: "Optional[Reporter]" = None

    def wait(self, shell: "Any") -> None:
        """Ask to be called at exit, and before the first cell if there is an IPython shell."""
        if shell is None:
            self.open()
        else:
            self._watch(shell)
        atexit.register(self.at_exit)

    def again(self, said: "dict[str, Any]", shell: "Any") -> None:
        """Go by a second set-up: of a shell, or of a program that asks for itself to be counted.

        What it says wins. A shell's settings are read again with its first cell.
        """
        told = {key: value for key, value in said.items() if value is not None}
        self.said.update(told)
        self.stale = self.stale or bool(told)
        if shell is not None and self.shell is None:
            self.stale = True
            self.baseline = set(sys.modules)
            if self.reporter is not None:
                self.reporter.rebase(self.baseline)
                self.reporter.asked = True
            self._watch(shell)
        elif self.reporter is not None:
            self.reporter.ask()
            self.open()

    def _watch(self, shell: "Any") -> None:
        self.shell = shell
        shell.events.register("pre_run_cell", self.first_cell)

    def open(self) -> "Reporter":
        """Return the reporter, made now if there is none: settings are read, sinks are opened."""
        if self.reporter is None:
            from popcon.reporter import Reporter

            self.reporter = Reporter.open(self.said, self.baseline, self.shell)
        elif self.stale:
            self.reporter.go_by(self.said)
        self.stale = False
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
