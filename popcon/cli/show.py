"""In: `popcon show [MODULE…]`. Out: the lines that this interpreter would send, or that this kernel has sent.

What would be sent comes from the reporter itself, with no sink behind it. What has been sent is kept
by the reporter, in the memory of the process alone, so it is asked there: `%run -m popcon show --last`
in a notebook runs this module in the kernel, and leaves no name behind.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Mapping

import popcon
from popcon.config import Settings, read, why_off
from popcon.errors import PopconError, UsageError
from popcon.program import RANKS, has_shell, other_rank
from popcon.reporter import Reporter
from popcon.sinks.statsd import lines

IN_A_NOTEBOOK = "%run -m popcon show --last"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "show",
        help="what would be sent from here, or what a notebook has sent, line by line",
        description="Print where reports go, and the lines that a script in this folder would send "
        "if it imported these modules. They are imported, and nothing is sent.",
        epilog=f"In a notebook, what it has sent: {IN_A_NOTEBOOK}",
    )
    command.add_argument("modules", metavar="MODULE", nargs="*", help="such as numpy")
    command.add_argument(
        "--last", action="store_true", help="in a notebook: what its kernel has sent so far"
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what would be sent, or what has been."""
    modules = arguments.modules
    in_a_notebook = has_shell(sys.modules)
    if arguments.last and modules:
        raise UsageError(f"--last takes no module: {modules[0]!r}")
    if arguments.last and not in_a_notebook:
        raise UsageError(
            "'show --last' tells of the process that it runs in, and this one has just begun; "
            f"in a notebook, type: {IN_A_NOTEBOOK}"
        )
    if modules and in_a_notebook:
        raise UsageError(
            f"here {modules[0]!r} would be imported into the notebook, and count; "
            f"type: import sys; !{{sys.executable}} -m popcon show {' '.join(modules)}"
        )
    found = last(popcon._armed, os.environ) if arguments.last else would_send(modules, os.environ)
    print("\n".join(found))
    return 0


def would_send(names: list[str], environ: Mapping[str, str]) -> list[str]:
    """Import the modules, and return what a script that does so would send, below where to.

    Raises `UsageError` where there is no such module, and `PopconError` where its import fails.
    """
    settings = read(environ)
    head = _settings_lines(settings)
    off = settings.off or other_rank(environ)
    if off:
        head.append(f"off      {_why_mute(off)}: nothing is sent; without that it would be")
    settings.sinks = ()
    reporter = Reporter(settings, sys.modules)
    if names and popcon._armed is not None:
        # Where every program counts (POPCON_PROGRAMS=all) this one must not.
        popcon._armed.open().mute = "popcon show"
    for name in names:
        _import(name)
    named = {name.rsplit(".", end)[0] for name in names for end in range(name.count(".") + 1)}
    reporter.report(reporter.unseen(), named, final=True)
    return [*head, "", *_lines(reporter)]


def last(armed: popcon.Armed | None, environ: Mapping[str, str]) -> list[str]:
    """Return what this process has sent, below where to; or why it has sent nothing."""
    reporter = armed.reporter if armed else None
    if reporter is None or not reporter.sent or reporter.pid != os.getpid():
        return [f"nothing has been sent: {_why_nothing(armed, environ)}"]
    head = _settings_lines(reporter.settings)
    waiting = reporter.waits()
    if waiting:
        head.append(f"waiting  {waiting} of these lines, until the sink's name is resolved")
    return [*head, "", *_lines(reporter)]


def _why_nothing(armed: popcon.Armed | None, environ: Mapping[str, str]) -> str:
    if armed is None:
        off = popcon.switched_off(environ)
        return why_off(off) if off else "popcon is not armed in this kernel"
    if os.getpid() != (armed.reporter or armed).pid:
        return "this is a child process"
    if armed.reporter is not None and armed.reporter.mute is not None:
        return _why_mute(armed.reporter.mute)
    if armed.reporter is None and armed.cells:
        try:
            read(environ, **armed.said)
        except PopconError as error:
            return str(error)
        return "popcon could not start; with POPCON_DEBUG=1 a kernel shows why"
    if armed.shell is None:
        return (
            "this kernel is armed as Python starts, and by no IPython startup file: it stays silent"
        )
    which = "this" if armed.cells else "the next"
    return f"not yet, the first report leaves after {which} cell"


def _settings_lines(settings: Settings) -> list[str]:
    """Return where reports go, what is named in them, and what is said besides."""
    naming = settings.naming
    named = "all that is installed" if naming["scope"] == "all" else "libraries of the image"
    for word, globs in (("only", naming["allow"]), ("never", naming["deny"])):
        named += f", {word} {' '.join(globs)}" if globs else ""
    details = [
        detail
        for detail, wanted in (("versions", settings.versions), ("direct imports", settings.direct))
        if wanted
    ]
    rest = "" if named == "all that is installed" else "; other libraries read _other"
    client = " and a statsd client" if settings.client is not None else ""
    return [
        f"sink     {' '.join(settings.sinks)}{client} (from {settings.origins['sink']})",
        f"prefix   {settings.prefix} (from {settings.origins['prefix']})",
        f"named    {named}{rest}",
        f"also     {' and '.join(details) or 'no versions, no direct imports'}",
    ]


def _why_mute(mute: str) -> str:
    if mute in RANKS:
        return f"{mute} says that this is not the first process of its job"
    return why_off(mute) if "/" in mute or mute in popcon.OPT_OUTS else f"this is {mute}"


def _lines(reporter: Reporter) -> list[str]:
    prefix = reporter.settings.prefix
    return [line for report in reporter.sent for line in lines(report, prefix)]


def _import(name: str) -> None:
    """Import a module as a script in this folder would; what it prints goes to standard error."""
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"not a module's name: {name!r}")
    path = sys.path[:]
    sys.path.insert(0, os.getcwd())
    try:
        with contextlib.redirect_stdout(sys.stderr):
            importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise UsageError(f"no module named {name!r}") from None
        raise PopconError(f"{name!r} can't be imported: {error}") from None
    except (Exception, SystemExit) as error:
        said = str(error).partition("\n")[0]
        raise PopconError(f"{name!r} can't be imported: {type(error).__name__}: {said}") from None
    finally:
        sys.path[:] = path
