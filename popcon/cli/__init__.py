"""In: a command line. Out: an exit status. One parser; a command imports its room when chosen."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from popcon import __version__
from popcon.cli import activation, demo, doctor, explain, exporter, index, render
from popcon.errors import EXIT_STATUSES, PopconError

_COMMANDS = (activation, doctor, explain, index, exporter, render, demo)


def parser() -> argparse.ArgumentParser:
    """Return the whole command line's parser."""
    statuses = "\n".join(f"  {status}  {meaning}" for status, meaning in EXIT_STATUSES.items())
    top = argparse.ArgumentParser(
        prog="popcon",
        description="Which installed Python libraries are really used, as counters that name no person.",
        epilog=f"exit status:\n{statuses}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"popcon {__version__}")
    commands = top.add_subparsers(metavar="COMMAND")
    for command in _COMMANDS:
        command.add_to(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; a `PopconError` is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # there may be none, or a test's
            stream.reconfigure(errors="backslashreplace")
    top = parser()
    arguments = top.parse_args(argv)
    if "run" not in arguments:
        top.print_help(sys.stderr)
        return 2
    try:
        status: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except PopconError as error:
        print(f"popcon: error: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # somebody's `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status
