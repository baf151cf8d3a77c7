"""In: an armed process. Out: Reports of the libraries it used, each library once, to the sinks.

In IPython a report leaves after each cell that brought something new, elsewhere at intervals, and
everywhere at exit, what is left. `popcon.cells` judges which imports are the user's there; a script's
are all that came since it was armed.
"""

import _thread
import os
import sys

from popcon.config import read
from popcon.guard import contained
from popcon.libraries import Libraries, own_sources
from popcon.program import (
    at_startup,
    file_of_main,
    is_child,
    is_subinterpreter,
    other_rank,
    silence,
)
from popcon.report import Report
from popcon.thread import Thread, held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, Optional

    from popcon.config import Settings

#: How long an exit waits for a thread of ours that is just reporting. Without it, the exit would
#: do the same work itself.
PATIENCE_SECONDS = 0.01
#: Python ends within this; a thread that sleeps longer doesn't notice. To end it costs 13 system calls.
_LONG_SECONDS = 5.0


class Reporter:
    """One process's account of what it used.

    `baseline` are the names of modules that don't count; `asked` says that the program itself wants
    to be counted, so that nobody judges whether it is one that counts; `mute` why this process
    never says anything.
    """

    __slots__ = (
        "__weakref__",
        "_baseline",
        "_cells",
        "_counted",
        "_direct",
        "_first",
        "_libraries",
        "_look",
        "_main_read",
        "_named",
        "_next_look",
        "_pause",
        "_settings",
        "_sinks",
        "_thread",
        "_unread",
        "_waiting",
        "_wakes",
        "asked",
        "lock",
        "modules",
        "mute",
        "pid",
    )

    def __init__(
        self, settings: "Settings", modules: "dict[str, Any]", baseline: "Optional[set[str]]" = None
    ) -> None:
        from popcon.sinks import open_sink

        self.pid = os.getpid()
        self.asked = True
        self.mute: "Optional[str]" = None
        self._settings = settings
        self.modules = modules
        self._baseline = set(modules) if baseline is None else baseline
        self._sinks = [open_sink(url, settings.prefix) for url in settings.sinks]
        self._unread: "list[str]" = []
        self._libraries: "Any" = None
        self._counted: "set[str]" = set()
        self._direct: "set[str]" = set()
        self._named: "set[str]" = set()
        self._main_read = False
        self._waiting: "set[str]" = set()
        self._first = True
        self._look: "Any" = None
        self._next_look: "Any" = None
        self.lock = _thread.allocate_lock()
        self._cells: "Any" = None
        self._pause = held()
        self._thread: "Optional[Thread]" = None
        self._wakes = 0.0

    @classmethod
    def open(cls, said: "dict[str, Any]", baseline: "set[str]", shell: "Any") -> "Reporter":
        """Return a reporter that goes by what was said and by the environment.

        Raises `UsageError` where a setting can't be understood: then nothing is reported.
        """
        settings = read(os.environ, **said)
        child = is_child(sys.modules)
        mute = settings.off or other_rank(os.environ)
        if child and settings.children != "each":
            mute = "a child process"
        elif is_subinterpreter(sys.modules):
            mute = "a sub-interpreter"
        if mute is not None:
            settings.sinks = ()
        reporter = cls(settings, sys.modules, baseline)
        reporter.mute = mute
        if mute is not None:
            return reporter
        if settings.children == "each" and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=reporter.born)
        if shell is None:
            reporter.asked = settings.programs == "all" or not at_startup(sys.modules)
            if child:
                reporter._end_as_child()
            if settings.interval:
                reporter._begin_intervals()
        return reporter

    def ask(self) -> None:
        """Count this process whatever program it is, if it is the program that says so."""
        self.asked = self.asked or not at_startup(self.modules)

    def watch_cells(self, shell: "Any", info: object) -> None:
        """Go by the cells of an IPython shell from now on; the first of them is just starting."""
        from popcon.cells import Cells

        self.asked = True
        self._end_intervals()
        self._cells = Cells(self, shell)
        self._cells.watch(info)

    def rebase(self, baseline: "set[str]") -> None:
        """Count only what is imported from now on."""
        self._baseline = baseline
        self._look = None

    def born(self) -> None:
        """Begin again in a process that was just forked: what it inherited isn't its own."""
        with contained(BaseException):
            self.pid = os.getpid()
            self.lock = _thread.allocate_lock()
            self._cells = None
            self._thread = None
            self._wakes = 0.0
            self._waiting = set()
            self._counted = set()
            self._direct = set()
            self._first = True
            self.rebase(set(self.modules))
            for sink in self._sinks:
                sink.forget()
            self._end_as_child()
            if self._settings.interval:
                self._start_thread()

    def _end_as_child(self) -> None:
        """Have multiprocessing call at exit: its children end without Python's own (`os._exit`)."""
        util = self.modules.get("multiprocessing.util")
        if util is not None:
            # A process begins by dropping all finalizers, and then calls what is registered here.
            util.register_after_fork(self, Reporter._finalize_as_child)
            self._finalize_as_child()

    def _finalize_as_child(self) -> None:
        self.modules["multiprocessing.util"].Finalize(None, self.at_exit, exitpriority=-100)

    def at_exit(self) -> None:
        """Report what was not said yet."""
        with contained(BaseException):
            if os.getpid() != self.pid:
                return
            if self._cells is not None:
                self._cells.at_exit()
                self._cells.wait(PATIENCE_SECONDS)
            else:
                self.report_all(final=True)
                if self._wakes < _now() + _LONG_SECONDS:  # else it sleeps beyond Python's end
                    self._end_intervals()
            for sink in self._sinks:
                with contained(BaseException):
                    sink.end()

    def report_all(self, *, final: bool, ours: bool = False) -> None:
        """Report all that came since the last time, in a process without cells."""
        if os.getpid() != self.pid or self.mute is not None:
            return
        if silence(self.modules, self._settings.children, self.asked) is None:
            with self.turn():
                names = self.unseen()
                self.report(names, final=final, ours=ours)
                if not final:  # else nothing follows
                    self.mark(names)

    def turn(self) -> "Turn":
        """Return a context in which no other thread of ours reports, as far as waiting helps."""
        return Turn(self)

    def report(
        self,
        names: "Collection[str]",
        named: "Collection[str]" = (),
        *,
        final: bool,
        ours: bool = False,
    ) -> None:
        """Send a Report on modules that are the user's, if there is something to say.

        `named` are the modules that the user's own code imports. A forked child stays silent. It is
        called in a `turn()`; `ours` says that this is a thread of ours.
        """
        if self.mute is not None or os.getpid() != self.pid:
            return
        found = self._resolve(names)
        direct = self._resolve_direct(names, named, ours) if self._settings.direct else {}
        libraries = {
            library: version
            for library, version in {**direct, **found}.items()
            if library not in self._counted
        }
        fresh_direct = direct.keys() - self._direct
        if not libraries and not fresh_direct and not self._first:
            if not final:
                for sink in self._sinks:
                    sink.retry()
            return
        versions = libraries if self._settings.versions else {}
        report = Report(
            tuple(sorted(libraries)),
            self._first,
            tuple(sorted((library, version) for library, version in versions.items() if version)),
            tuple(sorted(fresh_direct)),
        )
        self._counted.update(libraries)
        self._direct.update(fresh_direct)
        self._first = False
        for sink in self._sinks:
            with contained(BaseException):  # one that fails costs only itself
                sink.send(report, final=final)

    @property
    def is_silent_so_far(self) -> bool:
        """Whether this process has not been counted yet."""
        return self._first

    @property
    def is_direct(self) -> bool:
        """Whether it is counted which libraries the user's own code imports."""
        return self._settings.direct

    def has_news(self) -> bool:
        """Return whether modules may have come since the last `mark`."""
        return bool(self._look != self._look_now())

    def has_nothing_to_say(self) -> bool:
        """Return whether a report would be empty; what could not be sent before gets a chance."""
        if self._first or self._waiting or self.has_news():
            return False
        for sink in self._sinks:
            sink.retry()
        return True

    def unseen(self) -> "list[str]":
        """Return the names of modules that have come and are not marked, in the order they came."""
        self._next_look = self._look_now()
        # The list is one step of C, so that a thread that imports can't change it half-way.
        return [
            name for name in list(self.modules) if type(name) is str and name not in self._baseline
        ]

    def mark(self, names: "Collection[str]", *, whole: bool = True) -> None:
        """Take names as reported; `whole` if they are all that `unseen` returned.

        After the report, not before it: an exit that doesn't wait for a slow thread of ours can
        then do its work, and what is counted already isn't counted again.
        """
        self._baseline.update(names)
        if whole:
            self._look = self._next_look

    def _look_now(self) -> "Any":
        # Modules are appended, so the length and the last name tell whether any came.
        return len(self.modules), next(reversed(self.modules), None)

    def _resolve(self, names: "Collection[str]") -> "dict[str, str]":
        """Return library → version of the modules, and of those that were still loading before."""
        if self._libraries is None and all(_is_standard(name) for name in names):
            # Most likely nobody's: they wait until there is a reason to look at any.
            self._waiting.update(names)
            return {}
        if not names and not self._waiting:
            return {}
        found: "dict[str, str]"
        found, self._waiting = self._opened().used_by([*names, *self._waiting], self.modules)
        return found

    def _resolve_direct(
        self, names: "Collection[str]", named: "Collection[str]", ours: bool
    ) -> "dict[str, str]":
        """Return library → version of what the user's own code imports, own modules included."""
        from popcon.causes import imports_of_file

        self._named.update(named)
        self._unread += own_sources(names, self.modules)
        if self._cells is None and not self._main_read:
            self._main_read = True
            main = file_of_main(self.modules.get("__main__"))
            self._unread += [main] if main is not None else []
        if not ours:  # reading them is for the user's thread: it touches the warnings' filters
            unread, self._unread = self._unread, []
            for path in unread:
                self._named |= imports_of_file(path)
        loaded = [name for name in self._named if name in self.modules]
        self._named.difference_update(loaded)
        found: "dict[str, str]" = self._opened().used_by(loaded, self.modules)[0]
        return found

    def read_anew(self) -> None:
        """Leave what is known of the disk to whoever is using it."""
        self._libraries = None

    def _opened(self) -> "Any":
        if self._libraries is None:
            self._libraries = Libraries()
        return self._libraries

    def _begin_intervals(self) -> None:
        """Report at intervals, from a thread of ours, and before a fork, which ends the thread.

        Not from `gc.callbacks`: a Ctrl-C that comes during a collection would be lost in one.
        """
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork)
        self._start_thread()

    def _start_thread(self) -> None:
        self._pause = held()
        with contained():  # there may be no thread to be had
            self._thread = Thread(self._report_at_intervals, self._pause)

    def _end_intervals(self) -> None:
        if self._thread is not None and self._thread.is_running() and self._pause.locked():
            self._pause.release()
            self._thread.wait(PATIENCE_SECONDS)

    def _report_at_intervals(self, pause: "Any") -> None:
        seconds = self._settings.interval
        while True:
            self._wakes = _now() + seconds
            if pause.acquire(timeout=seconds):
                return
            self._wakes = 0.0
            if silence(self.modules, self._settings.children, self.asked) is not None:
                return
            if not self.has_nothing_to_say():
                self.report_all(final=False, ours=True)

    def _before_fork(self) -> None:
        """Report, and end our thread for good: Python 3.12 and later warn of a fork beside one.

        It can't begin again afterwards, as 3.13 looks for threads behind the hooks of the parent.
        """
        with contained(BaseException):
            if self._thread is not None and self._thread.is_running():
                number = _threads()
                self._end_intervals()
                pause = held()
                for _ in range(200):  # until it is gone for the system too
                    if _threads() < number:
                        break
                    pause.acquire(timeout=0.001)
            if self._cells is None and self.has_news() and self.unseen():
                self.report_all(final=True)  # final: a name is not asked for, by a thread, now


class Turn:
    """Around a report: one thread at a time.

    A thread that hangs, on a dead file system say, must not hold up a cell's end or an exit: after a
    while the turn is taken anyway, and what that thread was reading is read anew.
    """

    __slots__ = ("_has_lock", "_reporter")

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def __enter__(self) -> None:
        self._has_lock = self._reporter.lock.acquire(timeout=PATIENCE_SECONDS)
        if not self._has_lock:
            self._reporter.read_anew()

    def __exit__(self, *fault: object) -> None:
        if self._has_lock:
            self._reporter.lock.release()


def _now() -> float:
    from time import monotonic  # built in

    return monotonic()


def _threads() -> int:
    """Return how many threads the system knows of in this process, 0 where it doesn't say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def _is_standard(name: str) -> bool:
    """Return whether a module has a name of the standard library's, or is popcon's."""
    top = name.partition(".")[0]
    return top == "popcon" or top in getattr(sys, "stdlib_module_names", ())
