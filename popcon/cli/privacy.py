"""In: `popcon privacy`. Out: how many processes an onlooker can read back from published counters."""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from popcon.cli import source_flags
from popcon.cli.exporter_flags import (
    add_policy_flags,
    has_policy_numbers,
    policy_of,
    seconds,
    whole,
)
from popcon.cli.extras import needs
from popcon.cli.privacy_site import SINCE, look
from popcon.cli.privacy_tables import as_csv, doing, plain, print_json, print_rows, words
from popcon.errors import UsageError

if TYPE_CHECKING:
    from popcon.audit.rows import Case, Row
    from popcon.exporter.privacy.policy import Policy

#: Sizes of hubs and seconds between scrapes that are attacked by default, and with --full.
_USERS, _ALL_USERS = (20, 200), (20, 200, 2000)
_SCRAPES, _ALL_SCRAPES = (15,), (15, 60)
#: What says something only with --prometheus, and only without it.
_OF_A_SITE = {
    "fewer_than": "--fewer-than",
    "header": "--header",
    "bearer_token_file": "--bearer-token-file",
    "ca_file": "--ca-file",
    "cert": "--cert",
    "key": "--key",
    "since": "--since",
    "until": "--until",
    "namespace": "--namespace",
    "without_namespace": "--without-namespace",
}
_OF_MADE_UP_HUBS = {
    "users": "--users",
    "scrapes": "--scrape-interval",
    "full": "--full",
    "timers": "--timers",
}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    help = "attack published counters, and say how many processes they give away"
    command = commands.add_parser(
        "privacy",
        help=help,
        description="Attack the counters that a simulated hub publishes, with the exporter's own code "
        "in the loop, and print the share of processes whose exact set of libraries is read back by "
        "claims that are right nine times in ten. With --prometheus: how often counters there moved "
        "with few reports, and an estimate by a simulation with that site's rates. No library and "
        "no set is named.",
    )
    flag = command.add_argument
    flag("--users", type=whole, action="append", metavar="N", help="of a hub; repeatable (20, 200)")
    flag(
        "--scrape-interval",
        dest="scrapes",
        type=seconds,
        action="append",
        metavar="DURATION",
        help="between two scrapes, a multiple of 15s; repeatable (15s)",
    )
    flag("--full", action="store_true", help="hubs of 2,000, slower scrapes and special cases, too")
    flag("--timers", type=int, default=0, metavar="N", help="people of a hub with timed notebooks")
    flag("--hubs", type=whole, metavar="N", help="simulated of each size, 2 or more (2 to 5)")
    flag("--precision", type=_share, default=0.9, metavar="SHARE", help="of right claims (0.9)")
    flag("--seed", type=int, default=1, metavar="N", help="of the simulation (%(default)s)")
    out = command.add_mutually_exclusive_group()
    out.add_argument("--json", action="store_true", help="print one object")
    out.add_argument("--csv", action="store_true", help="print rows")
    policy = command.add_argument_group(
        "one policy in place of all, as the exporter's flags say it"
    )
    add_policy_flags(policy, default=None, otherwise="each of them")
    _add_site_flags(command)
    command.set_defaults(run=run)


def _add_site_flags(command: argparse.ArgumentParser) -> None:
    site = command.add_argument_group("one's own site")
    flag = site.add_argument
    flag(
        "--prometheus",
        nargs="?",
        const="",
        metavar="URL",
        help=f"look there, without a URL at {source_flags.VARIABLE}'s; without this flag all is simulated",
    )
    flag(
        "--fewer-than", type=whole, metavar="M", help="reports that are few (the policy's minimum)"
    )
    source_flags.add_access_flags(site)
    source_flags.add_period_flags(command, SINCE)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.0 < share < 1.0:
        raise argparse.ArgumentTypeError(f"not a share between 0 and 1: {text!r}")
    return share


def _chosen(arguments: argparse.Namespace) -> Policy | None:
    """Return the one policy that flags ask for, None for none. Raises `UsageError`."""
    is_said = arguments.policy is not None or has_policy_numbers(arguments)
    return policy_of(arguments) if is_said else None


def run(arguments: argparse.Namespace) -> int:
    """Simulate, or look at a site, and print what came out."""
    with needs("exporter"):
        from popcon.exporter.pipeline import Pipeline  # noqa: F401
    if not (arguments.json or arguments.csv):
        with needs("cli"):  # said before what takes minutes, not after it
            import rich  # noqa: F401
    if arguments.hubs == 1:
        raise UsageError("not enough hubs: '1' (how sure a claim is, is learnt on another one)")
    if arguments.hubs is not None and arguments.hubs > 1000:
        raise UsageError(f"not a number of hubs: '{arguments.hubs}' (2 to 1000)")
    if not 0 <= arguments.timers <= 1000:
        raise UsageError(f"not a number of people with timers: '{arguments.timers}' (0 to 1000)")
    if any(users > 20_000 for users in arguments.users or ()):
        raise UsageError(f"not a hub that can be simulated: '{max(arguments.users)}' (up to 20000)")
    for scrape in arguments.scrapes or ():
        if scrape <= 0 or scrape % 15 or scrape > 86_400:
            raise UsageError(f"not a multiple of 15 seconds up to a day: '{scrape:g}'")
    _refuse_flags_of_the_other(arguments)
    if arguments.prometheus is None:
        return _simulate(arguments)
    url = arguments.prometheus or os.environ.get(source_flags.VARIABLE)
    if not url:
        raise UsageError(f"where is the site? --prometheus URL (or {source_flags.VARIABLE})")
    return look(arguments, url, _chosen(arguments))


def _refuse_flags_of_the_other(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` where a flag was typed that says nothing: of a site, of made-up hubs."""
    if arguments.prometheus is None:
        names, words = _OF_A_SITE, "is of a site, and without --prometheus all is simulated"
    else:
        names, words = (
            _OF_MADE_UP_HUBS,
            "is of made-up hubs, and --prometheus says what a hub is like",
        )
    for name, flag in names.items():
        if getattr(arguments, name):
            raise UsageError(f"'{flag}' {words}")


def _cases(arguments: argparse.Namespace) -> list[tuple[Case, tuple[int, ...]]]:
    from popcon.audit.hub import AT_EXIT, PER_CELL, Numbers
    from popcon.audit.rows import Case
    from popcon.exporter.privacy.policy import OFF, STANDARD, STRICT, chosen

    full, one = arguments.full, _chosen(arguments)
    scrapes = tuple(map(int, arguments.scrapes or (_ALL_SCRAPES if full else _SCRAPES)))
    found: list[tuple[Case, tuple[int, ...]]] = []
    for users in arguments.users or (_ALL_USERS if full else _USERS):
        numbers = Numbers(users, timers=min(arguments.timers, users))
        if one is not None:
            found.append((Case(numbers, PER_CELL, one), scrapes))
            continue
        found.append((Case(numbers, AT_EXIT, OFF), scrapes))
        found += [(Case(numbers, PER_CELL, policy), scrapes) for policy in (OFF, STANDARD, STRICT)]
    if full and one is None:
        timed = Numbers(20, timers=1)
        by_address = chosen("standard", by_address=True)
        found += [
            (Case(timed, PER_CELL, policy), scrapes) for policy in (OFF, STANDARD, by_address)
        ]
    return found


def _simulate(arguments: argparse.Namespace) -> int:
    from popcon.audit.rows import rows
    from popcon.exporter.mapping.mapping import load
    from popcon.render.mapping import mapping_text

    begun = time.process_time()
    rules = load(mapping_text(), source="popcon's own rules")
    cases = _cases(arguments)
    found: list[Row] = []
    for number, (case, scrapes) in enumerate(cases, 1):
        doing(f"{number} of {len(cases)}: {case.numbers.users} users, {words(case)}")
        found += rows(
            case,
            scrapes,
            rules,
            arguments.seed,
            hubs=arguments.hubs,
            precision=arguments.precision,
        )
    doing("")
    if arguments.json:
        print_json(arguments, simulated=True, rows=[plain(row) for row in found])
    elif arguments.csv:
        print(as_csv(map(plain, found)), end="")
    else:
        print_rows(found, arguments.precision)
        took = f"{time.process_time() - begun:.0f} s of processor time"
        print(
            f"\nSeed {arguments.seed}; took {took}. An attack that fails proves nothing about a better "
            "one: docs/privacy-audit.md."
        )
    return 0
