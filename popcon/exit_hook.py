"""In: a call of `register_exit_hook`. Out: as Python ends, to its reporter, the checks that hold.

A person's own program is told at once what is wrong with the call. While Python or IPython starts,
nobody is there to be told: what is wrong is left out, and `POPCON_DEBUG=1` shows it.
"""

import atexit
import os
import sys

from popcon import switched_off
from popcon.config import read
from popcon.errors import UsageError
from popcon.guard import contained, show
from popcon.program import at_startup, has_shell, is_subinterpreter, other_rank, silence
from popcon.report import Report
from popcon.sinks import check, end_all, is_network, open_sink, send_all
from popcon.watch import Check, held, loaded, parse, wire_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Optional, Union

    from popcon.sinks import Sink

    Spec = Union[str, Check, tuple[str, Callable[[dict[str, Any]], object]], list[Any]]

#: What runs startup files in IPython/core/shellapp.py: of a fault there, later files would not run.
_IPYTHON_STARTS = ("_run_startup_files", "_run_exec_lines", "_run_exec_files")

_hooks: "list[Hook]" = globals().get("_hooks", [])  # a reload forgets none


class Hook:
    """Checks, and where the names of those that hold go; `asked`: by the program itself."""

    __slots__ = ("asked", "checks", "pid", "say", "where")

    def __init__(
        self,
        checks: "list[Check]",
        say: "Callable[[list[str]], object]",
        where: object,
        asked: bool,
    ) -> None:
        self.checks = checks
        self.say = say
        self.where = where
        self.asked = asked
        self.pid = os.getpid()


def register_exit_hook(
    modules: "Iterable[Spec]", reporter: "Any", *args: "Any", **kwargs: "Any"
) -> None:
    """Tell a reporter, as Python ends, which checks hold over the modules that are loaded then.

    `modules` are specs: names of modules, and pairs of a name and a predicate. `reporter` is a class
    or another callable: `reporter(*args, **kwargs)` is made now, and called at exit with the sorted
    list of names. Or it is the URL of a sink (`statsd://host:port`), or a sink: there a hit is
    `check.<name>`. It may be called any number of times.

    Raises `UsageError` for what can't be understood, value in quotes, but for nothing while Python or
    IPython starts. Where `DO_NOT_TRACK` or `POPCON_DISABLED` is set, nothing goes over a network.
    """
    early = at_startup(sys.modules)
    forgiving = early or _ipython_starts(sys._getframe())
    mute = is_subinterpreter(sys.modules) or other_rank(os.environ) is not None
    try:
        checks = _parse_all(modules, forgiving)
        destination = _destination(reporter, args, kwargs, mute)
    except Exception as fault:
        if not forgiving:
            raise
        show(fault)
        return
    if destination is None or mute:
        return
    asked = not early or os.environ.get("POPCON_PROGRAMS") == "all"
    say, where = destination
    known = _hook_for(where)
    if known is not None:  # what goes to one place is said once, also where several calls name it
        known.checks += checks
        known.asked = known.asked or asked
        return
    if all(hook.pid != os.getpid() for hook in _hooks):
        atexit.register(_at_exit)  # some of multiprocessing's children forget what is inherited
    _hooks.append(Hook(checks, say, where, asked))


def _hook_for(where: object) -> "Optional[Hook]":
    """Return this process's hook for a place, if a call has named it before."""
    for hook in _hooks:
        if where is not None and (hook.where, hook.pid) == (where, os.getpid()):
            return hook
    return None


def _parse_all(modules: "Iterable[Spec]", forgiving: bool) -> "list[Check]":
    """Return the checks; a wrong one raises `UsageError`, or is left out."""
    if isinstance(modules, (str, bytes)) or not hasattr(modules, "__iter__"):
        raise UsageError(f"not a list of checks: {modules!r}")
    checks = []
    for spec in modules:
        try:
            checks.append(parse(spec))
        except UsageError as error:
            if not forgiving:
                raise
            show(error)
    return checks


def _destination(
    reporter: "Any", args: "tuple[Any, ...]", kwargs: "dict[str, Any]", mute: bool
) -> "Optional[tuple[Callable[[list[str]], object], object]]":
    """Return what is called with the names, and a key of the place; None if nothing may be said.

    A sink's URL is the key, so that several calls for it share one sink. `mute`: it isn't opened.
    """
    is_sink = not isinstance(reporter, type) and callable(getattr(reporter, "send", None))
    if (isinstance(reporter, str) or is_sink) and (args or kwargs):
        raise UsageError(f"a sink takes no arguments: {(args or kwargs)!r} for {reporter!r}")
    if isinstance(reporter, str):
        for url in reporter.split():
            check(url)
        try:
            settings = read(os.environ, sink=reporter)
        except UsageError as error:  # the environment's fault, not that of the one who calls
            if not reporter.split():
                raise
            show(error)
            return None
        urls = [url for url in settings.sinks if not settings.off or not is_network(url)]
        if mute or not urls:
            return None
        where = (tuple(urls), settings.prefix)
        known = _hook_for(where)
        if known is not None:
            return known.say, where
        return _made(reporter, lambda: _Sinks([open_sink(url, where[1]) for url in urls])), where
    if is_sink:
        return None if switched_off(os.environ) else (_Sinks([reporter]), None)
    if not callable(reporter):
        raise UsageError(
            f"not a reporter: {reporter!r} (a class, a callable or a sink's URL is one)"
        )
    made = _made(reporter, lambda: reporter(*args, **kwargs))
    if not callable(made):
        raise UsageError(f"{reporter!r} makes {made!r}, which can't be called with a list of names")
    return made, None


def _made(reporter: object, make: "Callable[[], Any]") -> "Any":
    """Return what is made; whatever goes wrong meanwhile is a `UsageError` of one line."""
    try:
        return make()
    except UsageError:
        raise
    except Exception as fault:
        reason = " ".join(f"{type(fault).__name__}: {fault}".split())
        raise UsageError(f"no reporter can be made of {reporter!r}: {reason}") from fault


class _Sinks:
    """Hands the names to sinks: each gets a Report with the checks, and is let go."""

    def __init__(self, sinks: "list[Sink]") -> None:
        self._sinks = sinks

    def __call__(self, names: "list[str]") -> None:
        report = Report((), False, checks=tuple(sorted({wire_name(name) for name in names})))
        if names:
            send_all(self._sinks, report, final=True)
        end_all(self._sinks)


def _ipython_starts(frame: "Any") -> bool:
    """Return whether a startup file of IPython's is what calls."""
    while frame is not None:
        if (
            frame.f_code.co_name in _IPYTHON_STARTS
            and frame.f_globals.get("__name__") == "IPython.core.shellapp"
        ):
            return True
        frame = frame.f_back
    return False


def _at_exit() -> None:
    """Ask all checks, over the modules that are loaded now, and then tell all reporters."""
    try:
        modules = loaded(sys.modules)
        children = os.environ.get("POPCON_CHILDREN") or "none"
        hits = []
        shell = has_shell(modules)
        for hook in _hooks:
            if hook.pid == os.getpid() and not silence(modules, children, hook.asked or shell):
                hits.append((hook, held(hook.checks, modules)))
        del _hooks[:]
        for hook, names in hits:
            with contained(BaseException):
                hook.say(names)
    except:  # noqa: E722 - nothing is left to stop, and other hooks may have emptied our globals
        try:
            from popcon.guard import show

            show(sys.exc_info()[1])
        except:  # noqa: E722
            pass
