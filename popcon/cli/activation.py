"""In: `popcon enable | disable | status`. Out: files that arm popcon, written, removed or looked for."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from popcon import index, watch_list
from popcon.activate import ipython, pth, sitecustomize, written
from popcon.activate.order import Order, order_of
from popcon.activate.place import Place, Scope
from popcon.cli.prefix import add_prefix
from popcon.config import read, why_off
from popcon.errors import PopconError


class Way(Protocol):
    """A way to activate popcon: a module of `popcon.activate`."""

    def folder(self, prefix: Path, scope: Scope) -> Path:
        """Return the folder that its files are in. Raises a `PopconError` where there is none."""

    def texts(self, folder: Path, undo: str) -> dict[Path, str]:
        """Return the files and their texts; `undo` is the command that removes them."""

    def check(self, prefix: Path, folder: Path) -> None:
        """Raise `FileError` where the files would be of no use."""


#: What a person says → the module, and what it reaches.
_WAYS: dict[str, tuple[Way, str]] = {
    "ipython": (ipython, "notebooks: an IPython startup file"),
    "pth": (pth, "scripts and jobs: a .pth file, and a .start file for Python 3.15 and later"),
    "sitecustomize": (sitecustomize, "the same programs: a sitecustomize.py"),
}

_INDEX_STATES = {
    "fresh": "fresh, libraries are named by it",
    "stale": "stale, so metadata is read in its place: `popcon index` writes it anew",
    "absent": "none, so metadata is read in its place: `popcon index` writes one",
}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands to the parser."""
    for verb, run, help in (
        ("enable", enable, "count in every kernel or program that starts from here"),
        ("disable", disable, "undo what enable did"),
    ):
        ways = "\n".join(f"  {name:14} {reaches}" for name, (_, reaches) in _WAYS.items())
        command = commands.add_parser(
            verb,
            help=help,
            description=f"{help}.".capitalize() + f" HOW is one of\n\n{ways}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument(
            "how", metavar="HOW", choices=list(_WAYS), help=f"one of {', '.join(_WAYS)}"
        )
        place = command.add_mutually_exclusive_group()
        add_prefix(place, Path)
        for scope, flag, whose in (
            ("machine", "--system", "the whole machine, below /etc (ipython only)"),
            ("user", "--user", "for yourself alone, in your home directory"),
        ):
            place.add_argument(flag, dest="scope", action="store_const", const=scope, help=whose)
        command.add_argument("--dry-run", action="store_true", help="say what would be done")
        command.set_defaults(run=run, scope="environment")
    command = commands.add_parser("status", help="where popcon is active, and what it would do")
    add_prefix(command, Path)
    command.add_argument("--json", action="store_true", help="the same, for a program to read")
    command.set_defaults(run=status)


def enable(arguments: argparse.Namespace) -> int:
    """Write the files and say which."""
    way, folder = _chosen(arguments)
    way.check(arguments.prefix, folder)
    texts = way.texts(folder, _undo(arguments))
    changed = (written.would_write if arguments.dry_run else written.write)(texts)
    verb = "would write" if arguments.dry_run else "enabled"
    for file in texts:
        print(f"{verb if file in changed else 'already there'}: {file}")
    if arguments.scope != "user":
        _write_index(arguments)
    for fault in order_of(arguments.prefix).faults if arguments.how != "ipython" else ():
        print(f"popcon: warning: {fault}", file=sys.stderr)
    if not arguments.dry_run:
        print("What starts from now on reports; what runs doesn't. Try `popcon doctor`.")
    return 0


def disable(arguments: argparse.Namespace) -> int:
    """Remove the files and say which; the index goes with the last activation of an environment."""
    way, folder = _chosen(arguments)
    texts = way.texts(folder, _undo(arguments))
    gone = (written.would_remove if arguments.dry_run else written.remove)(texts)
    for file in gone:
        print(f"would remove: {file}" if arguments.dry_run else f"disabled: {file} is gone")
    if not gone:
        names = " or ".join(file.name for file in texts)
        print(f"nothing to do: no {names} in {folder}")
    if arguments.scope == "user":
        return 0
    if any(place.arms for place in order_of(arguments.prefix).places if place.file not in gone):
        if gone:
            _write_index(arguments, "index written anew")
    elif arguments.dry_run:
        for index_file in index.files(_environment(arguments)):
            print(f"would remove: {index_file}")
    else:
        for index_file in index.remove(_environment(arguments)):
            print(f"disabled: {index_file} is gone")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Print every place that can activate popcon, in the order in which they run, and what wins."""
    order = order_of(arguments.prefix)
    index_state = index.state(_environment(arguments))
    active = bool(order.programs or order.kernels)
    sends, destination = _destination(os.environ, active)
    if arguments.json:
        answer = {
            **_as_json(arguments.prefix, order),
            "index": index_state,
            "watch_list": watch_list.describe(_environment(arguments)),
            "can_send": sends,
            "destination": destination,
        }
        print(json.dumps(answer, indent=2))
    else:
        width = max(len(place.state) for place in order.places)
        for place in order.places:
            note = f"; {place.note}" if place.note else ""
            print(f"{place.state:{width}}  {place.file}  ({place.how}, {place.where}{note})")
        for line in _winners(order):
            print(line)
        print(f"index: {_INDEX_STATES[index_state]}")
        print(watch_list.describe(_environment(arguments)))
        print(destination)
    return 0 if active and sends else 1


def _winners(order: Order) -> list[str]:
    programs, kernels = order.programs, order.kernels
    lines = [f"note: {fault}" for fault in order.faults]
    if kernels is None:
        lines.append("in a notebook: nothing counts (`popcon enable ipython`)")
    elif programs is None:
        lines.append(f"in a notebook: {kernels.file}")
    else:
        lines.append(f"in a notebook: {kernels.file}, which takes over from {programs.file}")
    if programs is None:
        lines.append("in other programs: only what calls popcon itself (`popcon enable pth`)")
    else:
        lines.append(f"in other programs: {programs.file}")
    return lines


def _as_json(prefix: Path, order: Order) -> dict[str, Any]:
    def row(place: Place) -> dict[str, Any]:
        return {**place._asdict(), "file": str(place.file), "arms": place.arms}

    return {
        "prefix": str(prefix),
        "places": [row(place) for place in order.places],
        "notebooks": str(order.kernels.file) if order.kernels else None,
        "programs": str(order.programs.file) if order.programs else None,
        "faults": list(order.faults),
    }


def _write_index(arguments: argparse.Namespace, done: str = "index") -> None:
    """Write the environment's index. Without it popcon works too, only slower: that is a warning."""
    try:
        for made in index.build(_environment(arguments)):
            if not arguments.dry_run:
                index.write(made)
            print(f"{'would write' if arguments.dry_run else done}: {made.file}")
    except PopconError as error:
        print(f"popcon: warning: no index: {error}", file=sys.stderr)


def _destination(environ: Mapping[str, str], active: bool) -> tuple[bool, str]:
    """Return whether this command's environment can send reports, and a line that says where."""
    try:
        settings = read(environ)
    except PopconError as error:
        return False, f"nothing would be sent: {error}"
    if settings.off:
        return True, f"nothing would be sent: {why_off(settings.off)}"
    verb = "go" if active else "would go"
    return True, f"reports {verb} to {' '.join(settings.sinks)} as {settings.prefix}.…"


def _chosen(arguments: argparse.Namespace) -> tuple[Way, Path]:
    way, _ = _WAYS[arguments.how]
    return way, way.folder(arguments.prefix, arguments.scope)


def _environment(arguments: argparse.Namespace) -> str:
    """Return the environment whose index is meant: the one that this runs in, if none is named."""
    prefix: Path = arguments.prefix
    return os.path.abspath(prefix)


def _undo(arguments: argparse.Namespace) -> str:
    flags = {"machine": "--system", "user": "--user"}
    prefix = f"--prefix {shlex.quote(str(arguments.prefix.absolute()))}"
    return f"popcon disable {arguments.how} {flags.get(arguments.scope, prefix)}"
