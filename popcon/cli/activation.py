"""In: `popcon enable | disable | status`. Out: a startup file written, removed or looked for."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from popcon import index
from popcon.activate import ipython
from popcon.config import read
from popcon.errors import FileError, PopconError

_INDEX_STATES = {
    "fresh": "fresh, libraries are named by it",
    "stale": "stale, so metadata is read in its place: `popcon index` writes it anew",
    "absent": "none, so metadata is read in its place: `popcon index` writes one",
}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands to the parser."""
    for verb, run, help in (
        ("enable", enable, "count in every kernel that starts from here"),
        ("disable", disable, "undo what enable did"),
    ):
        command = commands.add_parser(verb, help=help, description=f"{help}.".capitalize())
        command.add_argument(
            "how", metavar="ipython", choices=["ipython"], help="by an IPython startup file"
        )
        place = command.add_mutually_exclusive_group()
        place.add_argument(
            "--prefix",
            metavar="DIR",
            type=Path,
            default=Path(sys.prefix),
            help="the environment (default: %(default)s)",
        )
        place.add_argument("--system", action="store_true", help="the whole machine, below /etc")
        command.set_defaults(run=run)
    command = commands.add_parser("status", help="where popcon is active, and what it would do")
    command.add_argument("--prefix", metavar="DIR", default=sys.prefix, help="the environment")
    command.set_defaults(run=status)


def enable(arguments: argparse.Namespace) -> int:
    """Write the startup file and say where."""
    file = ipython.install(_folder(arguments), _undo(arguments))
    print(f"enabled: {file}")
    _write_index(_environment(arguments))
    print("New kernels report from now on; running ones don't. Try `popcon doctor`.")
    return 0


def disable(arguments: argparse.Namespace) -> int:
    """Remove the startup file and say so."""
    folder = _folder(arguments)
    file = ipython.remove(folder)
    print(
        f"disabled: {file} is gone"
        if file
        else f"nothing to do: no {ipython.FILE_NAME} in {folder}"
    )
    for index_file in index.remove(_environment(arguments)):
        print(f"disabled: {index_file} is gone")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Print every place that can activate popcon, in the order that IPython runs them."""
    places = ipython.places(arguments.prefix)
    width = max(len(place.state) for place in places)
    for place in places:
        print(f"{place.state:{width}}  {place.file}  ({place.label})")
    print(f"index: {_INDEX_STATES[index.state(os.path.abspath(arguments.prefix))]}")
    active = any(place.state == "active" for place in places)
    sends, line = _destination(os.environ, active)
    print(line)
    return 0 if active and sends else 1


def _write_index(prefix: str) -> None:
    """Write the environment's index. Without it popcon works too, only slower: that is a warning."""
    try:
        for made in index.build(os.path.abspath(prefix)):
            index.write(made)
            print(f"index: {made.file}")
    except PopconError as error:
        print(f"popcon: warning: no index: {error}", file=sys.stderr)


def _destination(environ: Mapping[str, str], active: bool) -> tuple[bool, str]:
    """Return whether this command's environment can send reports, and a line that says where."""
    try:
        settings = read(environ)
    except PopconError as error:
        return False, f"nothing would be sent: {error}"
    if settings.off:
        return True, f"nothing would be sent: {settings.off} is set"
    verb = "go" if active else "would go"
    return True, f"reports {verb} to {' '.join(settings.sinks)} as {settings.prefix}.…"


def _folder(arguments: argparse.Namespace) -> Path:
    if arguments.system:
        return ipython.system_folder()
    prefix: Path = arguments.prefix
    if not prefix.is_dir() or not str(prefix).isprintable():
        raise FileError(f"not an environment's folder: {str(prefix)!r}")
    return ipython.prefix_folder(prefix)


def _environment(arguments: argparse.Namespace) -> str:
    """Return the environment whose index is meant: with `--system`, the one that this runs in."""
    return str(sys.prefix if arguments.system else arguments.prefix)


def _undo(arguments: argparse.Namespace) -> str:
    if arguments.system:
        return "popcon disable ipython --system"
    return f"popcon disable ipython --prefix {shlex.quote(str(arguments.prefix.absolute()))}"
