"""In: an IPython shell's cells. Out: to the reporter, the modules that the user's code brought.

A module that comes while a cell runs is the user's, unless the drawing of a traceback brought it, or
the shell loaded a part of itself, for a magic say. What comes before the first cell and between cells
is not: the kernel starts, tab completion imports jedi. But completion also imports the very library
that is being typed, and the user's own threads and tasks go on; so what came between is laid aside,
and counts when a cell names it in an import, or what is the user's refers to it.
"""

from popcon.causes import (
    belonging,
    drawn,
    imports_of,
    imports_of_class,
    imports_of_packages,
    referred,
)
from popcon.guard import contained
from popcon.thread import Thread, held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from popcon.reporter import Reporter

#: How often a running cell is looked at. What was there at two looks is reported: a module that
#: came in between may yet turn out to be a traceback's. So after an import it takes at most two.
_LOOK_SECONDS = 2.0
#: After so many looks without a cell our thread sleeps until the next one.
_IDLE_LOOKS = 5
#: Names that cells import and that were never loaded are forgotten above this.
_MANY_NAMES = 10_000


class Cells:
    """Watches the cells of one shell. A cell may run another (%run, run_cell): that is one cell."""

    def __init__(self, reporter: "Reporter", shell: "Any") -> None:
        self._reporter = reporter
        self._shell = shell
        self._own = {kind.__module__.partition(".")[0] for kind in type(shell).__mro__}
        self._drawer: "Optional[set[str]]" = None
        self._depth = 0
        self._stays = False
        self._imports = False
        self._commands = False
        self._named: "set[str]" = set()
        self._aside: "set[str]" = set()
        self._mine: "list[str]" = []
        self._at_last_look: "set[str]" = set()
        self._looks = 0
        self._thread: "Optional[Thread]" = None
        self._ending = False
        self._dormant = False
        self._bell = held()
        self._pause = held()

    def watch(self, info: object) -> None:
        """Ask to be called around each cell; the first is just starting."""
        events = self._shell.events
        events.register("pre_run_cell", self.starts)
        events.register("post_run_cell", self.ended)
        self.starts(info)
        with contained():  # there may be no thread to be had
            self._thread = Thread(self._look_on)

    def starts(self, info: object) -> None:
        """Lay aside what came since the last cell, and wait to be shown the cell's syntax tree."""
        self._depth += 1
        with contained(BaseException):
            text = getattr(info, "raw_cell", None) or "%import"
            if self._depth == 1:
                self._imports = self._stays = self._commands = False
                self._looks = 0
                if self._dormant and self._bell.locked():
                    self._bell.release()
                if self._reporter.has_news():
                    with self._reporter.turn():
                        self._lay_aside()
            self._imports = self._imports or "import" in text
            if "%" in text or "!" in text:
                self._commands = True
                self._stays = self._stays or "\n%" in "\n" + text.lstrip()
            if self._imports:
                transformers = self._shell.ast_transformers
                if not any(transformer is self for transformer in transformers):
                    transformers.append(self)

    def visit(self, tree: object) -> object:
        """Keep the names that the tree imports: IPython shows it before it runs, and gets it back."""
        with contained(BaseException):
            if not self._stays:
                self._leave_transformers()
            if self._depth:
                if self._reporter.has_news():
                    self._take_early()
                self._named |= imports_of(tree)
        return tree

    def ended(self, result: object) -> None:
        """Report what the cell brought; of a cell that could not be read, nothing."""
        with contained(BaseException):
            if _is_blank(result):  # IPython announces the end of these, but not the start
                return
            self._depth = max(0, self._depth - 1)
            if self._depth == 0:
                self._leave_transformers()
            if getattr(result, "error_before_exec", None) is not None:
                with self._reporter.turn():
                    self._lay_aside()
            self._report()

    def at_exit(self) -> None:
        """Report what was not said yet."""
        if self._depth == 0:
            with self._reporter.turn():
                self._lay_aside()
        self._report(final=True)
        if self._thread is not None:
            self._ending = True
            self._pause.release()
            if self._bell.locked():
                self._bell.release()

    def wait(self, seconds: float) -> None:
        """Wait for the end of our thread."""
        if self._thread is not None:
            self._thread.wait(seconds)

    def _leave_transformers(self) -> None:
        """Leave the list of transformers, unless another came behind.

        Where it isn't empty, IPython walks the whole tree once more: 1 ms for a cell of 100 lines.
        A magic shows its own cell's tree, so for one of these we stay.
        """
        transformers = self._shell.ast_transformers
        if transformers and transformers[-1] is self:
            transformers.pop()

    def _report(self, *, final: bool = False) -> None:
        reporter = self._reporter
        asks = self._mine or (self._named and self._is_asked_for())
        if not (final or asks) and reporter.has_nothing_to_say():
            self._forget_loaded()
            return
        with reporter.turn():
            names = reporter.unseen()
            users = self._users(names, drawn_too=True)
            if self._aside:
                users += self._take_back(set(users) | (self._named & self._aside))
            reporter.report(self._mine + users, self._named, final=final)
            reporter.mark(names)
            self._mine = []
            self._forget_loaded()

    def _take_early(self) -> None:
        """Judge what came before the cell's own code: for autoreload, or a callback's traceback."""
        with self._reporter.turn():
            names = self._reporter.unseen()
            self._mine += self._users(names, drawn_too=True)
            self._reporter.mark(names)

    def _is_asked_for(self) -> bool:
        """Return whether the names that cells import matter though nothing new came."""
        return self._reporter.goes_by_names or not self._aside.isdisjoint(self._named)

    def _users(self, names: "list[str]", *, drawn_too: bool) -> "list[str]":
        """Return which of the modules that came while a cell ran are the user's; lay the rest aside."""
        if not names:
            return names
        modules = self._reporter.modules
        rest = self._shells(names)
        if drawn_too:
            if self._drawer is None:
                drawer = getattr(self._shell, "InteractiveTB", None)
                self._drawer = imports_of_class(type(drawer), modules)
            rest.update(drawn(names, self._named, modules, self._drawer))
        self._aside |= rest
        return [name for name in names if name not in rest]

    def _shells(self, names: "list[str]") -> "set[str]":
        """Return the parts of itself that the shell loaded, and what only they brought.

        A cell with commands for the shell (`!ls`, `%who`) makes it load what its own code imports.
        """
        modules = self._reporter.modules
        own = self._own
        if self._commands:
            own = own | imports_of_packages(own, modules)
        parts = [
            name for name in names if name.partition(".")[0] in own and name not in self._named
        ]
        if not parts:
            return set()
        brought = set(belonging(parts, set(names), modules))
        users = referred(self._shell.user_ns) | self._named
        others = [name for name in names if name not in brought or name in users]
        return brought.difference(belonging(others, set(names), modules)).union(parts)

    def _lay_aside(self) -> None:
        """Take what came as not the user's, but for what the user's namespace refers to."""
        names = self._reporter.unseen()
        if names:
            self._reporter.mark(names)
            self._aside.update(names)
            wanted = (referred(self._shell.user_ns) | self._named) & self._aside
            self._mine += self._take_back(wanted)

    def _take_back(self, wanted: "set[str]") -> "list[str]":
        """Return what was laid aside and belongs to these modules, which are the user's."""
        if not wanted:
            return []
        found = [
            name
            for name in belonging(wanted, self._aside, self._reporter.modules)
            if name in wanted or name.partition(".")[0] not in self._own
        ]
        self._aside.difference_update(found)
        return found

    def _forget_loaded(self) -> None:
        """Keep only the names of what was not loaded yet, and may come from a thread or a task."""
        if self._named:
            loaded = [name for name in self._named if name in self._reporter.modules]
            self._named.difference_update(loaded)
            if len(self._named) > _MANY_NAMES:
                self._named.clear()

    def _look_on(self) -> None:
        """Report within five seconds what a cell imports that runs on; in a thread of our own."""
        quiet = 0
        while not self._ending:
            if quiet >= _IDLE_LOOKS:
                self._dormant = True
                if self._depth == 0:  # a cell that starts from here on rings
                    self._bell.acquire()
                self._dormant = False
                quiet = 0
            elif self._pause.acquire(timeout=_LOOK_SECONDS):
                break
            quiet = 0 if self._depth else quiet + 1
            if self._depth:
                with contained(BaseException):
                    self._look()

    def _look(self) -> None:
        reporter = self._reporter
        if not reporter.lock.acquire(False):
            return
        try:
            unseen = reporter.unseen()
            old = [name for name in unseen if name in self._at_last_look]
            self._at_last_look = set(unseen)
            self._looks += 1
            if old or (reporter.is_silent_so_far and self._looks > 1):
                users = self._users(old, drawn_too=False)
                reporter.report(users, self._named, final=False, ours=True)
                reporter.mark(old, whole=False)
        finally:
            reporter.lock.release()


def _is_blank(result: object) -> bool:
    raw = getattr(getattr(result, "info", None), "raw_cell", "code")
    return not raw or raw.isspace()
