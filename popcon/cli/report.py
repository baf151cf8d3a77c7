"""In: `popcon report`. Out: a page that a director reads, as one HTML file."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from popcon.cli import source_flags
from popcon.cli.extras import needs


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    help = "a page for a director: what is used, by what share, what could go, what is not known"
    command = commands.add_parser(
        "report",
        help=help,
        description="Write one HTML page, complete in itself: what is used, by what share of the processes, "
        "what changes, what could go and how much disk that frees, which hubs report, and what is not known.",
    )
    flag = command.add_argument
    flag("-o", "--output", metavar="FILE", default="report.html", help="- prints it (%(default)s)")
    flag("--title", metavar="TEXT", help="what stands above it, with the site's name")
    flag("--contact", metavar="TEXT", default="", help="whom to ask, at the end of the page")
    source_flags.add_environment_flags(command)
    source_flags.add_source_flags(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the page, whole or not at all."""
    with needs("report"):
        import jinja2  # noqa: F401
        import vl_convert  # noqa: F401
    from popcon.cli.answers import environment_of
    from popcon.files import write_output
    from popcon.insight.report.facts import facts
    from popcon.insight.report.page import TITLE, page

    source, period = source_flags.asked(arguments)
    there = environment_of(arguments.prefix) if arguments.prefix is not None else None
    found = facts(source, period, time.time(), there)
    title = TITLE if arguments.title is None else arguments.title
    text = page(found, title, arguments.contact)
    content = text.encode("utf-8", "backslashreplace")  # a title's bytes can be of another encoding
    if arguments.output == "-":
        sys.stdout.buffer.write(content)  # as the page says that it is, whatever a terminal has
        return 0
    if write_output(Path(arguments.output), content):
        print(f"wrote {arguments.output} ({len(content) / 1000:,.0f} kB)")
    return 0
