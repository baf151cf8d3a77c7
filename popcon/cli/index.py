"""In: `popcon index`. Out: an environment's index, written or only described."""

from __future__ import annotations

import argparse

from popcon import index
from popcon.cli.prefix import add_prefix, checked_prefix


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    help = "write down which library owns which module, so that reports cost one file read"
    command = commands.add_parser(
        "index",
        help=help,
        description=f"{help}.".capitalize() + " Write it again after packages were installed: "
        "a stale index is ignored.",
    )
    add_prefix(command)
    command.add_argument("--dry-run", action="store_true", help="say what would be written")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the index, or say what it would be."""
    prefix = checked_prefix(arguments.prefix)
    verb = "would write" if arguments.dry_run else "wrote"
    for made in index.build(prefix):
        if not arguments.dry_run:
            index.write(made)
        size = len(made.text.encode("utf-8", "surrogateescape"))
        print(f"{verb} {made.file}: {made.libraries} libraries, {made.rows} rows, {size} bytes")
    return 0
