"""In: `--prefix DIR`. Out: the environment that a command is about."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from popcon.errors import FileError


def add_prefix(options: argparse._ActionsContainer, type: Callable[[str], object] = str) -> None:
    """Add the option to a command or a group of its options; this environment is the default."""
    options.add_argument(
        "--prefix",
        metavar="DIR",
        type=type,
        default=type(sys.prefix),
        help="the environment (default: %(default)s)",
    )


def checked_prefix(prefix: str) -> str:
    """Return an environment's folder without a slash behind. Raises `FileError` if there is none."""
    if not os.path.isdir(prefix) or not prefix.isprintable():
        raise FileError(f"not an environment's folder: {prefix!r}")
    return os.path.abspath(prefix).replace(os.sep, "/")
