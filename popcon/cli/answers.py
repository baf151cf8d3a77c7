"""In: `popcon top`, `unused`, `trend`, `versions`, `coverage`. Out: what a Prometheus, or a saved page, answers."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from popcon.cli import source_flags
from popcon.cli.prefix import checked_prefix
from popcon.cli.tables import Answer, add_format, show
from popcon.enough import RARELY

if TYPE_CHECKING:
    from popcon.insight.answers.needs import Environment
    from popcon.insight.usage import Period, Source

    Run = Callable[[argparse.Namespace, Source, Period], Answer]

#: How many rows, where nothing is said: of all hubs together, of each, of each list of `unused`.
_TOP, _TOP_BY_HUB, _LIST = 20, 5, 30


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the parser."""
    top = _add(commands, "top", "which libraries most processes used", _top)
    _add_number(top, f"rows ({_TOP}; with --by namespace {_TOP_BY_HUB} of each)")
    _add_by(top)

    unused = _add(
        commands,
        "unused",
        "which installed libraries nobody uses, and whether that can be said yet",
        _unused,
    )
    unused.add_argument(
        "--rarely",
        type=_number,
        default=RARELY,
        metavar="N",
        help="rarely used is used by fewer processes (%(default)s)",
    )
    _add_number(
        unused,
        f"rows of each list in a terminal ({_LIST}; with --by namespace {_TOP_BY_HUB} of each hub)",
    )
    _add_by(unused)
    source_flags.add_environment_flags(unused)

    trend = _add(
        commands, "trend", "how the use of libraries changes, by day, week or month", _trend
    )
    _add_libraries(trend)
    trend.add_argument(
        "--every",
        choices=("day", "week", "month"),
        help="the step (what fits on a screen); weeks begin on Mondays, days are UTC's",
    )
    _add_by(trend)

    versions = _add(commands, "versions", "which versions of libraries are used", _versions)
    _add_libraries(versions)
    _add_by(versions)

    _add(commands, "coverage", "which hubs report, since when, and which are silent", _coverage)


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str, answer: Run
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help, description=f"Say {help}.")
    add_format(command)
    source_flags.add_source_flags(command)
    command.set_defaults(run=_run, answer=answer)
    return command


def _add_libraries(command: argparse.ArgumentParser) -> None:
    command.add_argument("libraries", metavar="LIB", nargs="+", help="such as scikit-learn")


def _add_number(command: argparse.ArgumentParser, help: str) -> None:
    command.add_argument("-n", dest="number", type=_number_or_all, metavar="N|all", help=help)


def _add_by(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--by",
        choices=("library", "namespace"),
        default="library",
        help="all hubs together (library), or each by itself (namespace)",
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"not a number of at least 1: {text!r}")
    return int(text)


def _number_or_all(text: str) -> float:
    return float("inf") if text == "all" else _number(text)


def _limit(arguments: argparse.Namespace, usual: int) -> int | None:
    number = arguments.number or usual
    return None if number == float("inf") else int(number)


def _run(arguments: argparse.Namespace) -> int:
    """Ask the source, and print the answer."""
    source, period = source_flags.asked(arguments)
    run: Run = arguments.answer
    show(run(arguments, source, period), arguments)
    return 0


def _top(arguments: argparse.Namespace, source: Source, period: Period) -> Answer:
    from popcon.cli.answers_shown import top_answer
    from popcon.insight.answers.top import top

    by_namespace = arguments.by == "namespace"
    number = _limit(arguments, _TOP_BY_HUB if by_namespace else _TOP)
    return top_answer(source, period, top(source, period, number, by_namespace))


def _unused(arguments: argparse.Namespace, source: Source, period: Period) -> Answer:
    from popcon.cli.unused_shown import unused_answer
    from popcon.insight.answers.unused import unused

    there = environment_of(arguments.prefix) if arguments.prefix is not None else None
    found = unused(source, period, arguments.rarely, arguments.by == "namespace", there)
    limit = _limit(arguments, _TOP_BY_HUB if arguments.by == "namespace" else _LIST)
    return unused_answer(source, period, found, arguments.rarely, arguments.prefix, limit)


def _trend(arguments: argparse.Namespace, source: Source, period: Period) -> Answer:
    from popcon.cli.trend_shown import trend_answer
    from popcon.insight.answers.groups import named
    from popcon.insight.answers.times import usual_step
    from popcon.insight.answers.trend import trend

    every = arguments.every or usual_step(period)
    libraries = named(source, period, arguments.libraries)
    found = trend(source, period, libraries, every, arguments.by == "namespace")
    return trend_answer(source, period, found, every)


def _versions(arguments: argparse.Namespace, source: Source, period: Period) -> Answer:
    from popcon.cli.answers_shown import versions_answer
    from popcon.insight.answers.groups import named
    from popcon.insight.answers.versions import versions

    libraries = named(source, period, arguments.libraries)
    found = versions(source, period, libraries, arguments.by == "namespace")
    return versions_answer(source, period, libraries, found)


def _coverage(arguments: argparse.Namespace, source: Source, period: Period) -> Answer:
    from popcon.cli.answers_shown import coverage_answer
    from popcon.insight.answers.coverage import coverage

    return coverage_answer(source, period, coverage(source, period))


def environment_of(prefix: str) -> Environment:
    """Return what an environment has. Raises `FileError` where it is none."""
    from popcon.catalog import OTHER
    from popcon.config import read_naming
    from popcon.insight.answers.needs import Installed
    from popcon.inventory.environment import contents, inventory_of
    from popcon.inventory.requirements import requirements
    from popcon.well_known import FOR_USERS

    there = contents(checked_prefix(prefix))
    needed = requirements(there)
    found: dict[str, Installed] = {}
    for row in inventory_of(there, read_naming(os.environ)):
        other = found.get(row.name)
        found[row.name] = Installed(
            row.size + (other.size if other else 0),
            row.part.name if row.part else FOR_USERS,
            needed.get(row.name, frozenset()),
            row.counted_as == OTHER and (other is None or other.own),
        )
    return found
