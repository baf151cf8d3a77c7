"""In: a command line. Out: an exit status. One parser; a command imports its room when chosen."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from popcon import __version__
from popcon.cli import (
    activation,
    answers,
    dashboards,
    demo,
    doctor,
    explain,
    exporter,
    index,
    inventory,
    load,
    mapping,
    notice,
    privacy,
    render,
    report,
    show,
    watch,
)
from popcon.errors import EXIT_STATUSES, FileError, PopconError

_COMMANDS = (
    activation,
    doctor,
    show,
    explain,
    index,
    watch,
    inventory,
    load,
    exporter,
    mapping,
    render,
    dashboards,
    answers,
    report,
    privacy,
    notice,
    demo,
)


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
    _replace_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not a test's
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(parser(), argv)
        finally:
            sys.stdout.flush()
    except PopconError as error:
        return _refuse(str(error), error.status)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # somebody's `| head` has seen enough
        _discard(sys.stdout)
        return 0
    except OSError as error:
        if type(error) is not OSError or error.filename is not None:
            raise  # a fault of ours: what deals with files and addresses says itself what went wrong
        _discard(sys.stdout)  # the disk is full, as a rule
        return _refuse(f"can't write: {error.strerror or error}", FileError.status)


def _replace_closed() -> None:
    """Let what nobody reads (`>&-`) go nowhere: print would put standard error's notes on standard output."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, as long as the process


def _run(top: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    arguments = top.parse_args(argv)
    if "run" not in arguments:
        top.print_help(sys.stderr)
        return 2
    status: int = arguments.run(arguments)
    return status


def _refuse(reason: str, status: int) -> int:
    try:
        print(f"popcon: error: {reason}", file=sys.stderr, flush=True)
    except OSError:  # standard error may be on the same disk
        _discard(sys.stderr)
    return status


def _discard(stream: TextIO) -> None:
    """Let go of what is still in the buffer: Python would try to write it as it ends, and complain."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
