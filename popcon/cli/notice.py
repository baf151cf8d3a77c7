"""In: `popcon notice`. Out: a page for users: what is collected here, what is not, and three ways out."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from popcon.cli.exporter_flags import add_policy_flags
from popcon.errors import UsageError

_FORMATS = ("text", "markdown", "html")
_LONGEST = 200


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "notice",
        help="a page for users: what is collected, what is not, three ways out",
        description="Print a page for the people whose notebooks are counted, with the settings of this "
        "environment filled in: run it where their kernels run, with what these are given. What kernels "
        "can't know is said by flags; what nobody says stands there as unknown.",
    )
    flag = command.add_argument
    flag("--format", choices=_FORMATS, default="text", help="(%(default)s)")
    flag("-o", "--output", metavar="FILE", type=Path, help="write it there (standard output)")
    site = command.add_argument_group("the site")
    flag = site.add_argument
    flag("--site", metavar="NAME", type=_words, help="whose page this is")
    flag("--contact", metavar="TEXT", type=_words, help="whom to ask")
    flag("--url", metavar="URL", type=_url, help="where the counters can be seen")
    flag("--readers", metavar="TEXT", type=_words, help="who may see them: 'all staff'")
    flag("--kept", metavar="TIME", type=_kept, help="how long they are kept: 400d, 13months")
    flag(
        "--exporter",
        choices=["statsd_exporter", "popcon"],
        help="what receives the reports (popcon, where --privacy is given)",
    )
    add_policy_flags(
        command.add_argument_group("popcon's exporter, as it was started"), default=None
    )
    command.set_defaults(run=run)


def _words(text: str) -> str:
    if text.strip() and text.isprintable() and len(text) <= _LONGEST:
        return text.strip()
    raise argparse.ArgumentTypeError(
        f"not a text of one line, 1 to {_LONGEST} characters: {text!r}"
    )


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if good and text.isprintable() and not set(text) & set(" <>\"'`\\") and "@" not in parts.netloc:
        return text
    raise argparse.ArgumentTypeError(f"not an address that people can open: {text!r}")


def _kept(text: str) -> str:
    from popcon.notice.facts import kept_words

    try:
        return kept_words(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(arguments: argparse.Namespace) -> int:
    """Write the page; what the person who asks should know stands on standard error."""
    from popcon.activate.order import order_of
    from popcon.cli.notice_facts import facts_of, notes
    from popcon.files import write_output
    from popcon.notice.formats import as_markdown, as_text
    from popcon.notice.page import as_html
    from popcon.notice.sections import notice

    order = order_of(Path(sys.prefix))
    facts, damaged = facts_of(arguments, order, os.environ)
    for line in (*damaged, *notes(facts, order)):
        print(f"popcon: note: {line}", file=sys.stderr)
    in_format = {"text": as_text, "markdown": as_markdown, "html": as_html}[arguments.format]
    text = in_format(notice(facts))
    content = text.encode("utf-8", "backslashreplace")
    if arguments.output is None and arguments.format == "html":
        sys.stdout.buffer.write(content)  # as the page says that it is, whatever a terminal has
    elif arguments.output is None:
        sys.stdout.write(text)
    elif write_output(arguments.output, content):
        print(f"wrote {arguments.output}")
    return 0
