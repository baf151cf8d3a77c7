"""In: `popcon inventory`. Out: what is installed: a table, JSON, or zeros and sizes at an exporter."""

from __future__ import annotations

import argparse
import json
import os

from popcon.cli.extras import needs
from popcon.cli.numbers import number_of
from popcon.cli.prefix import add_prefix, checked_prefix
from popcon.config import read, read_naming
from popcon.errors import UsageError

#: Datagrams a second. A receive buffer of Linux's default size holds 92 (measured): so many survive a
#: receiver that doesn't read for most of a second.
_RATE = 100.0


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    help = "what is installed: sizes, origins, and what is infrastructure"
    command = commands.add_parser(
        "inventory",
        help=help,
        description=f"{help}.".capitalize() + " With --send each library is a counter of 0 at the "
        "exporter, so that what is never used is a zero there, and not missing; and a gauge of its size.",
    )
    flag = command.add_argument
    add_prefix(command)
    what = command.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="print one object for all libraries")
    what.add_argument(
        "--send", action="store_true", help="send a count of 0 and the size of each library"
    )
    flag(
        "--to",
        metavar="URL",
        help="--send: statsd://host:port or statsd+tcp://host:port (default: the sink)",
    )
    flag(
        "--rate",
        type=number_of("datagrams a second", lambda rate: 0 < rate <= 100_000),
        metavar="N",
        help=f"--send by UDP: datagrams a second, of some 20 lines each ({_RATE:g})",
    )
    flag("--dry-run", action="store_true", help="--send: print the lines")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print or send the inventory."""
    if not arguments.send:
        for option in ("to", "rate", "dry_run"):
            if getattr(arguments, option) not in (None, False):
                raise UsageError(f"'--{option.replace('_', '-')}' goes with '--send' only")
    with needs("cli"):
        import packaging.requirements  # noqa: F401
    from popcon.inventory.environment import as_json, counted_names, inventory

    prefix = checked_prefix(arguments.prefix)
    if arguments.send:
        return _send(arguments, prefix)
    listed = inventory(prefix, read_naming(os.environ))
    if arguments.json:
        print(json.dumps(as_json(prefix, listed), indent=1))
        return 0
    table = [("library", "version", "size", "from", "infrastructure")]
    for row in listed:
        part = f"{row.part.name}: {row.part.why}" if row.part else ""
        table.append((row.name, row.version, _size(row.size), row.origin, part))
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for name, version, size, origin, part in table:
        cells = (
            name.ljust(widths[0]),
            version.ljust(widths[1]),
            size.rjust(widths[2]),
            origin.ljust(widths[3]),
            part,
        )
        line = "  ".join(cells).rstrip()
        print(line if line.isprintable() else ascii(line))
    own = [row for row in listed if row.part is None]
    print(
        f"\n{len(listed)} libraries, {_size(sum(row.size for row in listed))}; "
        f"{len(own)} for users, {_size(sum(row.size for row in own))}; "
        f"{len(counted_names(listed))} names that can be counted"
    )
    return 0


def _send(arguments: argparse.Namespace, prefix: str) -> int:
    from popcon.catalog import LIBRARY_INSTALLED, LIBRARY_USED, REPORTS
    from popcon.inventory.environment import counted_names, inventory, sizes
    from popcon.outgoing import Stream, destination, lines_of, send_datagrams

    settings = read(os.environ)
    where = destination(settings, arguments.to)
    listed = inventory(prefix, settings.naming)
    libraries = counted_names(listed)
    names = [REPORTS.stat(settings.prefix)]
    names += [LIBRARY_USED.stat(settings.prefix, library) for library in libraries]
    zeros = dict.fromkeys(names, 0)
    gauges = {
        LIBRARY_INSTALLED.stat(settings.prefix, *key): size for key, size in sizes(listed).items()
    }
    if arguments.dry_run:
        print("\n".join(lines_of(zeros, gauges)))
        return 0
    if where.tcp:
        Stream(where).send_all(zeros, gauges)
        how = "all of it was read there"
    else:
        number = send_datagrams(where, arguments.rate or _RATE, zeros, gauges)
        how = f"{number} datagrams; UDP gives no answer"
    print(
        f"sent {len(libraries)} libraries with a count of 0, and {len(gauges)} sizes, to {where}, "
        f"as {settings.prefix}.…: {how}"
    )
    return 0


def _size(size: int) -> str:
    """Return a number of bytes for people: 1 MB is a million."""
    number = float(size)
    for unit in ("B", "kB", "MB"):
        if number < 999.5:
            return (
                f"{number:.0f} {unit}" if unit == "B" or number >= 99.5 else f"{number:.1f} {unit}"
            )
        number /= 1000
    return f"{number:.1f} GB"
