"""In: an armed process. Out: Reports of the libraries it used, each library once, to the sinks.

In IPython a report leaves after each cell that brought something new, elsewhere at intervals, and
everywhere at exit, what is left. `popcon.cells` judges which imports are the user's there; a script's
are all that came since it was armed.
"""

import _thread
import os
import sys

from popcon import switched_off
from popcon.config import read
from popcon.guard import contained
from popcon.indexed import find_watch_list
from popcon.intervals import Intervals
from popcon.libraries import Libraries, is_standard, own_sources
from popcon.program import at_startup, file_of_main, is_child, mute_by, silence
from popcon.report import Report
from popcon.sinks import end_all, open_all, send_all
from popcon.thread import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, Optional

    from popcon.config import Settings
    from popcon.sinks import Sink

#: How long an exit waits for a thread of ours that is just reporting. Without it, the exit would
#: do the same work itself.
PATIENCE_SECONDS = 0.01


class Reporter:
    """One process's account of what it used.

    `baseline` are the names of modules that don't count; `asked` says that the program itself wants
    to be counted, so that nobody judges whether it is one that counts; `mute` why this process
    never says anything, and then its `settings` are without sinks.
    """

    __slots__ = (
        "__weakref__", "_baseline", "_bears", "_cells", "_counted", "_direct", "_first",
        "_intervals", "_libraries", "_look", "_main_read", "_named", "_next_look", "_sinks",
        "_unread", "_waiting", "_watch_list", "asked", "lock", "modules", "mute", "pid", "sent",
        "settings",
    )  # fmt: skip

    def __init__(
        self, settings: "Settings", modules: "dict[str, Any]", baseline: "Optional[set[str]]" = None
    ) -> None:
        self.pid = os.getpid()
        self.asked = True
        self.mute: "Optional[str]" = None
        self.settings = settings
        self.modules = modules
        self._baseline = set(modules) if baseline is None else baseline
        self._sinks: "list[Sink]" = []
        self._open_sinks()
        #: Few and small: each says something that none before it said.
        self.sent: "list[Report]" = []
        self._unread: "list[str]" = []
        self._libraries: "Any" = None
        self._counted: "set[str]" = set()
        self._direct: "set[str]" = set()
        self._named: "set[str]" = set()
        self._main_read = False
        self._waiting: "set[str]" = set()
        self._watch_list: "Any" = None
        self._first = True
        self._look: "Any" = None
        self._next_look: "Any" = None
        self.lock = _thread.allocate_lock()
        self._cells: "Any" = None
        self._intervals: "Optional[Intervals]" = None
        self._bears = False

    @classmethod
    def open(cls, said: "dict[str, Any]", baseline: "set[str]", shell: "Any") -> "Reporter":
        """Return a reporter that goes by what was said and by the environment.

        Raises `UsageError` where a setting can't be understood: then nothing is reported.
        """
        settings = read(os.environ, **said)
        mute = mute_by(settings, os.environ, sys.modules)
        reporter = cls(settings, sys.modules, baseline)
        reporter.mute = mute
        reporter.asked = shell is not None or not at_startup(sys.modules)
        reporter._go_on(intervals=shell is None)
        return reporter

    def go_by(self, said: "dict[str, Any]") -> None:
        """Go by other settings from now on: a later set-up said more, or the environment changed.

        Raises `UsageError` where one can't be understood: then nothing more is reported.
        """
        self.mute = "a process whose settings can't be understood"
        end_all(self._sinks)
        self._sinks = []
        self.settings = read(os.environ, **said)
        self.mute = mute_by(self.settings, os.environ, self.modules)
        self._libraries = None  # others may be named now
        self._open_sinks()
        self._go_on(intervals=self._intervals is not None)

    def _open_sinks(self) -> None:
        before = set(self.modules)
        settings = self.settings
        self._sinks = open_all(settings.sinks, settings.prefix, settings.client)
        # What a third party's sink brought isn't the user's.
        self._baseline |= set(self.modules) - before

    def _go_on(self, *, intervals: bool) -> None:
        """See to it that this process reports before its end, and its children if they are to."""
        settings = self.settings
        self.asked = self.asked or settings.programs == "all"
        if self._intervals is not None:
            self._intervals.end()
        if self.mute is not None:
            return
        if settings.children == "each" and not self._bears and hasattr(os, "register_at_fork"):
            self._bears = True
            os.register_at_fork(after_in_child=self.born)
            if is_child(self.modules):
                self._end_as_child()
        if settings.interval and intervals and self._cells is None:
            if self._intervals is None:
                self._intervals = Intervals(self._report_at_interval, self._report_before_fork)
            self._intervals.start(settings.interval)

    def ask(self) -> None:
        """Count this process whatever program it is, if it is the program that says so."""
        self.asked = self.asked or not at_startup(self.modules)

    def watch_cells(self, shell: "Any", info: object) -> None:
        """Go by the cells of an IPython shell from now on; the first of them is just starting."""
        from popcon.cells import Cells

        self.asked = True
        if self._intervals is not None:
            self._intervals.end()
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
            self._waiting = set()
            self._counted = set()
            self._direct = set()
            self.sent = []
            self._watch_list = None
            self._first = True
            self.rebase(set(self.modules))
            for sink in self._sinks:
                with contained(BaseException):
                    sink.forget()
            self._end_as_child()
            if self._intervals is not None:
                self._intervals.start(self.settings.interval)

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
                self.report_all(final=True, last=True)
                if self._intervals is not None:
                    self._intervals.at_exit()
            end_all(self._sinks)

    def report_all(self, *, final: bool, ours: bool = False, last: bool = False) -> None:
        """Report all that came since the last time, in a process without cells; `last`: for good."""
        if os.getpid() != self.pid or self.mute is not None:
            return
        if silence(self.modules, self.settings.children, self.asked) is None:
            with self.turn():
                names = self.unseen()
                self.report(names, final=final, ours=ours)
                if not last:
                    self.mark(names)

    def waits(self) -> int:
        """Return how many lines have not left yet, as far as the sinks tell; the most of any."""
        return max([getattr(sink, "waits", int)() for sink in self._sinks], default=0)

    def turn(self) -> "Turn":
        """Return a context in which no other thread of ours reports, as far as waiting helps."""
        return Turn(self.lock, PATIENCE_SECONDS, self._read_anew)

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
        if self._first:
            self._heed_opt_outs()
        if self.mute is not None or os.getpid() != self.pid:
            return
        found = self._resolve(names)
        direct = self._resolve_direct(names, named, ours) if self.settings.direct else {}
        libraries = {
            library: version
            for library, version in {**direct, **found}.items()
            if library not in self._counted
        }
        fresh_direct = direct.keys() - self._direct
        checks = self._watched(names, named)
        if not libraries and not fresh_direct and not checks and not self._first:
            if not final:
                self._retry()
            return
        versions = libraries if self.settings.versions else {}
        report = Report(
            tuple(sorted(libraries)),
            self._first,
            tuple(sorted((library, version) for library, version in versions.items() if version)),
            tuple(sorted(fresh_direct)),
            checks,
        )
        self._counted.update(libraries)
        self._direct.update(fresh_direct)
        self._first = False
        self.sent.append(report)
        send_all(self._sinks, report, final=final)

    def _heed_opt_outs(self) -> None:
        """Go by an opt-out that the user's own code has set since, before anything is sent."""
        settings = self.settings
        if self.mute is None and not settings.off:
            settings.off = switched_off(os.environ)
            if settings.off:
                self.mute = mute_by(settings, os.environ, self.modules)
                self._open_sinks()

    @property
    def is_silent_so_far(self) -> bool:
        """Whether this process has not been counted yet."""
        return self._first

    @property
    def goes_by_names(self) -> bool:
        """Whether it matters which modules the user's own code imports, though none is new."""
        return self.settings.direct or self._watch_list is None or bool(self._watch_list)

    def has_news(self) -> bool:
        """Return whether modules may have come since the last `mark`."""
        return bool(self._look != self._look_now())

    def has_nothing_to_say(self) -> bool:
        """Return whether a report would be empty; what could not be sent before gets a chance."""
        if self._first or self._waiting or self.has_news():
            return False
        self._retry()
        return True

    def _retry(self) -> None:
        for sink in self._sinks:
            with contained(BaseException):
                sink.retry()

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
        tops = {name.partition(".")[0] for name in names} - {"popcon"}
        if self._libraries is None and all(map(is_standard, tops)):
            # Most likely nobody's: they wait until there is a reason to look at any.
            self._waiting.update(names)
            return {}
        if not names and not self._waiting:
            return {}
        found: "dict[str, str]"
        found, self._waiting = self._opened().used_by([*names, *self._waiting], self.modules)
        return found

    def _watched(self, names: "Collection[str]", named: "Collection[str]") -> "tuple[str, ...]":
        """Return the checks of the environment's watch list that hold since these modules came."""
        with contained():
            if self._watch_list is None and (names or named):
                self._watch_list = ()  # once, also where reading it fails
                self._watch_list = _read_watch_list()
            if self._watch_list:
                found: "tuple[str, ...]" = self._watch_list.hits(names, named, self.modules)
                return found
        return ()

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

    def _read_anew(self) -> None:
        """Leave what is known of the disk to whoever is using it."""
        self._libraries = None

    def _opened(self) -> "Any":
        if self._libraries is None:
            self._libraries = Libraries(**self.settings.naming)
        return self._libraries

    def _report_at_interval(self) -> bool:
        """Report what is new, on a thread of ours; return whether to go on."""
        if silence(self.modules, self.settings.children, self.asked) is not None:
            return False
        if not self.has_nothing_to_say():
            self.report_all(final=False, ours=True)
        return True

    def _report_before_fork(self) -> None:
        if self._cells is None and self.has_news() and self.unseen():
            # As the last one, so that a name is not asked for now, by a thread.
            self.report_all(final=True)


def _read_watch_list() -> "Any":
    """Return the watch list of this environment, or of the one below it; () where there is none.

    Raises `FileError` where it is damaged.
    """
    found = find_watch_list(sys.prefix, sys.base_prefix)
    if found is None:
        return ()
    from popcon.watch_list import WatchList, parse

    return WatchList(parse(*found))
