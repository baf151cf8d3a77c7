"""In: `popcon load`, and files that jobs wrote. Out: their counts at an exporter, each report once."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter

from popcon.config import read
from popcon.errors import FileError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from popcon.load.account import Refusal

#: Refusals of one file that are shown; a hostile one has any number.
_SHOWN = 5


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    help = "send what jobs without a network wrote into files"
    command = commands.add_parser(
        "load",
        help=help,
        description=f"{help}.".capitalize() + " Each report counts once, also when the command is "
        "run again, when a file has grown, or when it was killed: a ledger beside the files knows.",
    )
    command.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="files, or folders with files popcon-….txt and popcon-….jsonl in them",
    )
    command.add_argument(
        "--to",
        metavar="URL",
        help="statsd+tcp://host:port (default: the host and port of the sink)",
    )
    command.add_argument(
        "--ledger",
        metavar="FILE",
        help="what was sent already (default: popcon-ledger.jsonl in the folder)",
    )
    command.add_argument("--dry-run", action="store_true", help="say what would be sent")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Load the files and say what was sent, in one line; 3 if anything was refused."""
    from popcon.load.account import is_known
    from popcon.load.folding import find_files, ledger_for, load
    from popcon.load.ledger import Ledger
    from popcon.outgoing import Stream, destination

    settings = read(os.environ)
    where = destination(settings, arguments.to)
    if arguments.to is not None and not where.tcp:
        raise UsageError(
            f"not of the form statsd+tcp://host:port: {arguments.to!r}; UDP may lose what is then "
            "taken as sent"
        )
    where = where._replace(tcp=True)
    files = find_files(arguments.paths)
    ledger_file = ledger_for(arguments.paths, arguments.ledger)
    if not files:  # a folder that no job has written to yet
        print(f"no report files in {', '.join(map(repr, arguments.paths))}")
        return 0
    refusals = _Refusals()

    def known(prefix: str) -> bool:
        return is_known(prefix, settings)

    def waits() -> None:
        print(f"another popcon load has '{ledger_file}': waiting for it", file=sys.stderr)

    if arguments.dry_run:
        loaded = load(files, Ledger.look(ledger_file), known, refusals.show, None)
    else:
        with Ledger(ledger_file).open(waits) as ledger:
            if ledger.doubtful:
                print(
                    "popcon: warning: an earlier run ended while it sent a batch, which is taken "
                    "as sent",
                    file=sys.stderr,
                )
            loaded = load(files, ledger, known, refusals.show, lambda: Stream(where))
    refusals.show_rest()
    verb = "would send" if arguments.dry_run else "sent"
    print(
        f"{verb} {_many(loaded.counts, 'count')} of {_many(loaded.news, 'report')}, as "
        f"{_many(len(loaded.names), 'name')}, to {where}; "
        f"{loaded.news} of {_many(loaded.files, 'file')} had something new"
    )
    if refusals:
        raise FileError(f"{refusals}; all else {'would be' if arguments.dry_run else 'is'} loaded")
    return 0


class _Refusals:
    """What was refused, shown as it comes, up to a number of each file."""

    def __init__(self) -> None:
        self._by_file: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._by_file)

    def __str__(self) -> str:
        number = sum(self._by_file.values())
        return f"{_many(number, 'refusal')} in {_many(len(self._by_file), 'file')}"

    def show(self, refusal: Refusal) -> None:
        self._by_file[refusal.file] += 1
        if self._by_file[refusal.file] <= _SHOWN:
            print(f"popcon: refused: {refusal}", file=sys.stderr)

    def show_rest(self) -> None:
        for file, number in self._by_file.items():
            if number > _SHOWN:
                print(f"popcon: refused: '{file}': {number - _SHOWN} more", file=sys.stderr)


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
