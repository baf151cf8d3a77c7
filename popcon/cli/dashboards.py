"""In: `popcon dashboards`. Out: the dashboards: listed, printed, written to a folder, pushed to a Grafana."""

from __future__ import annotations

import argparse
import os
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from popcon.cli.extras import needs
from popcon.cli.numbers import number_of
from popcon.errors import FileError, UsageError

if TYPE_CHECKING:
    from popcon.grafana.api import Access, Grafana
    from popcon.grafana.push import Board, Folder, Step

_TOKEN = "GRAFANA_TOKEN"  # noqa: S105


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    help = "Grafana's dashboards: list, print, write, push"
    command = commands.add_parser("dashboards", help=help, description=f"{help}.")
    actions = command.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="print each one's uid and title")
    listed.set_defaults(run=run_list)
    printed = actions.add_parser("print", help="print one as JSON")
    printed.add_argument("uid", metavar="UID")
    printed.set_defaults(run=run_print)
    written = actions.add_parser("write", help="write all into a folder, for provisioning")
    written.add_argument("folder", metavar="DIR", type=Path)
    written.set_defaults(run=run_write)
    _add_push(actions)


def _add_push(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    push = actions.add_parser(
        "push",
        help="create or update them in a Grafana",
        description="Create the dashboards in a Grafana (10 or later), or overwrite those that differ, "
        f"by its HTTP API. The environment variable {_TOKEN} holds a token of a service account with "
        "the role Editor, or user:password.",
    )
    flag = push.add_argument
    flag("url", metavar="URL", help="the root of the Grafana: https://grafana.example.org/")
    flag("--folder", metavar="NAME", help="the folder, made where it is missing (popcon)")
    flag("--folder-uid", metavar="UID", help="the folder by uid, where several have the name")
    flag("--only", metavar="UID", action="append", help="this one; may be given again (all)")
    flag("--datasource", metavar="NAME", help="have this Prometheus chosen at first: a name or uid")
    flag("--message", metavar="TEXT", help="for the version history (popcon and its version)")
    flag("--ca-file", metavar="FILE", type=Path, help="PEM certificates to trust for https")
    flag(
        "--timeout",
        metavar="SECONDS",
        type=number_of("seconds", lambda seconds: 0 < seconds <= 3600),
        default=30.0,
        help="per request (%(default)g)",
    )
    flag("--dry-run", action="store_true", help="say what would be done, and only read")
    push.set_defaults(run=run_push)


def _chosen(uids: list[str]) -> list[dict[str, Any]]:
    from popcon.render.dashboards import boards

    all_of_them = boards()
    for uid in uids:
        if uid not in all_of_them:
            raise UsageError(f"no dashboard {uid!r}: there is {', '.join(all_of_them)}")
    return [all_of_them[uid] for uid in dict.fromkeys(uids or all_of_them)]


def run_list(arguments: argparse.Namespace) -> int:
    """Print each dashboard's uid and title."""
    found = _chosen([])
    width = max(len(board["uid"]) for board in found)
    for board in found:
        print(f"{board['uid']:{width}}  {board['title']}")
    return 0


def run_print(arguments: argparse.Namespace) -> int:
    """Print one dashboard, the same text as in grafana/."""
    from popcon.render.dashboards import board_text

    sys.stdout.write(board_text(_chosen([arguments.uid])[0]))
    return 0


def run_write(arguments: argparse.Namespace) -> int:
    """Write all dashboards into a folder, each whole or not at all."""
    from popcon.files import write_whole
    from popcon.render.dashboards import board_text

    for board in _chosen([]):
        file = arguments.folder / f"{board['uid']}.json"
        write_whole(file, board_text(board).encode())
        print(f"wrote {file}")
    return 0


def run_push(arguments: argparse.Namespace) -> int:
    """Say what differs in a Grafana, and change it there."""
    from popcon import __version__

    chosen = _chosen(arguments.only or [])
    with needs("cli"):
        from popcon.grafana.api import Grafana
        from popcon.grafana.push import FOLDER, LONGEST_MESSAGE, compare, find_folder, with_source

    message = arguments.message or f"popcon {__version__}"
    if len(message) > LONGEST_MESSAGE:
        raise UsageError(
            f"a message of {len(message)} characters; Grafana takes {LONGEST_MESSAGE}: {message[:40]!r}…"
        )
    title = FOLDER if arguments.folder is None else arguments.folder
    with Grafana(_access(arguments)) as grafana:
        print(f"Grafana {grafana.version() or '(of unknown version)'} at {grafana.url}", flush=True)
        folder = find_folder(grafana, title, arguments.folder_uid)
        to_push: list[Board] = list(chosen)
        if arguments.datasource:
            to_push = with_source(grafana, to_push, arguments.datasource)
        steps = compare(grafana, to_push, folder)  # all of them, before anything is changed
        if arguments.dry_run:
            _say_what_would_be(folder, steps)
        else:
            _push(grafana, folder, list(zip(steps, to_push)), message)
    return 0


def _access(arguments: argparse.Namespace) -> Access:
    from popcon.grafana.api import Access, credentials, root

    url = root(arguments.url)
    if _TOKEN not in os.environ:
        raise UsageError(
            f"{_TOKEN} is not set: it has to hold a token of a service account of {url!r} "
            "(there: Administration, Service accounts), or user:password"
        )
    file = arguments.ca_file
    if file is not None:
        try:
            ssl.create_default_context(cafile=str(file))
        except ssl.SSLError:
            raise FileError(f"no certificates in PEM format in '{file}'") from None
        except OSError as error:
            raise FileError(f"can't read '{file}': {error.strerror or error}") from None
    return Access(
        url, credentials(os.environ[_TOKEN]), arguments.timeout, None if file is None else str(file)
    )


def _say_what_would_be(folder: Folder, steps: list[Step]) -> None:
    if not folder.exists and any(step.state != "unchanged" for step in steps):
        print(f"would create the folder {folder.title!r}")
    verbs = {"new": "would create", "changed": "would change", "unchanged": "unchanged"}
    for step in steps:
        print(f"{verbs[step.state]:12}  {step.uid}  {step.title}{step.why and ': ' + step.why}")


def _push(grafana: Grafana, folder: Folder, pairs: list[tuple[Step, Board]], message: str) -> None:
    from popcon.grafana.push import make_folder, save

    is_new = not folder.exists
    if is_new and any(step.state != "unchanged" for step, _ in pairs):
        folder = make_folder(grafana, folder)
        print(f"created the folder {folder.title!r}", flush=True)
    verbs = {"new": "created", "changed": "changed", "unchanged": "unchanged"}
    for step, board in pairs:
        if step.state != "unchanged":
            save(grafana, board, folder, message, patient=is_new)
        print(f"{verbs[step.state]:9}  {grafana.url}d/{step.uid}  {step.title}", flush=True)
