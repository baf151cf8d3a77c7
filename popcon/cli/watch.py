"""In: `popcon watch`. Out: an environment's watch list, compiled for its kernels, or gone again."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from popcon.cli.extras import needs
from popcon.cli.prefix import add_prefix, checked_prefix
from popcon.errors import FileError, UsageError
from popcon.files import remove_file, remove_folders, write_whole
from popcon.indexed import watch_list_file
from popcon.watch_list import FAMILY, render, summary


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    help = "have kernels count what a watch list in TOML asks for"
    command = commands.add_parser(
        "watch",
        help=help,
        description="Have kernels count what a watch list in TOML asks for. The list is checked and "
        "compiled here, so that a kernel reads it at no cost; kernels that start from now on go by it.",
    )
    command.add_argument("file", metavar="FILE.toml", type=Path, nargs="?", help="the watch list")
    command.add_argument("--remove", action="store_true", help="take it out again")
    add_prefix(command)
    command.add_argument("--dry-run", action="store_true", help="say what would be done")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Install the watch list, or remove it."""
    if (arguments.file is None) != arguments.remove:
        raise UsageError("either a file or '--remove' has to be given, and not both")
    target = Path(watch_list_file(checked_prefix(arguments.prefix)))
    if arguments.remove:
        return _remove(target, arguments.dry_run)
    with needs("cli"):
        from popcon.watch_toml import read_toml

        try:
            entries = read_toml(arguments.file.read_bytes(), str(arguments.file))
        except OSError as error:
            reason = error.strerror or error
            raise FileError(f"can't read '{arguments.file}': {reason}") from None
    _refuse_if_not_ours(target)
    if not arguments.dry_run:
        write_whole(target, render(entries).encode())
    verb = "would write" if arguments.dry_run else "wrote"
    print(f"{verb} {target}: {summary(entries)}")
    return 0


def _remove(target: Path, dry_run: bool) -> int:
    if not _refuse_if_not_ours(target):
        print(f"nothing to do: no {target}")
    elif dry_run:
        print(f"would remove {target}")
    else:
        remove_file(target)
        remove_folders([target.parent])  # the index may be in it
        print(f"removed {target}")
    return 0


def _refuse_if_not_ours(target: Path) -> bool:
    """Return whether there is a watch list. Raises `FileError` where something else has its name."""
    try:
        with open(target, "rb") as stream:
            ours = stream.read(len(FAMILY)) == FAMILY.encode()
    except FileNotFoundError:
        if not os.path.islink(target):
            return False
        ours = False
    except OSError as error:
        raise FileError(f"'{target}' is in the way: {error.strerror or error}") from None
    if not ours:
        raise FileError(f"'{target}' is in the way (not ours): move it, then try again")
    return True
