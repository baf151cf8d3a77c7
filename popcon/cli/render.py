"""In: `popcon render`. Out: the rendered files of a checkout, written or compared; or one of them, printed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "render",
        help="write the mapping rules, dashboards and alerts from the catalogue",
        description="Write the mapping rules, the dashboards, the alerting rules, the chart's values "
        "and the tables in the documents, below the current folder; or print the mapping or the rules.",
    )
    command.add_argument("what", nargs="?", choices=["all", "mapping", "rules"], default="all")
    command.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="KEY,KEY",
        help="mapping: rules for these site labels too, in this order; may be given again",
    )
    command.add_argument(
        "--runbooks",
        metavar="URL",
        help="rules: where the alerts' runbooks are, in place of docs/runbooks: URL/NAME-OF-ALERT.md",
    )
    command.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="all: the checkout"
    )
    command.add_argument(
        "--check", action="store_true", help="all: compare, write nothing, exit 1 if stale"
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one rendered text, or write or check them all."""
    from popcon.config import check_label_key
    from popcon.errors import UsageError
    from popcon.render import stale, write
    from popcon.render.mapping import mapping_text
    from popcon.render.rules import RUNBOOKS, rules_text

    if arguments.what == "mapping":
        lists = [tuple(item.split(",")) for item in arguments.labels]
        for keys in lists:
            for key in keys:
                check_label_key(key)
            if len(set(keys)) < len(keys):
                raise UsageError(f"a label key stands twice in {','.join(keys)!r}")
        sys.stdout.write(mapping_text(lists))
        return 0
    if arguments.what == "rules":
        sys.stdout.write(rules_text(arguments.runbooks or RUNBOOKS))
        return 0
    if arguments.check:
        files = stale(arguments.root)
        for file in files:
            print(f"stale: {file}")
        return 1 if files else 0
    for file in write(arguments.root):
        print(f"rendered: {file}")
    return 0
