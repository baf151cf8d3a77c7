"""In: an environment, and the flags of `popcon notice`. Out: the facts of the page, and what its writer should know."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from popcon.activate.order import Order
from popcon.activate.place import Place
from popcon.cli.exporter_flags import has_policy_numbers, policy_of
from popcon.config import read, why_off
from popcon.errors import FileError, UsageError
from popcon.indexed import find_watch_list
from popcon.notice.facts import (
    EVERYBODY,
    NOBODY,
    ONE_PERSON,
    UNKNOWN,
    Check,
    Facts,
    Publication,
    Reach,
    Said,
    is_own_file,
)
from popcon.notice.spans import printable
from popcon.watch_list import parse

if TYPE_CHECKING:
    from popcon.exporter.privacy.policy import Policy


def facts_of(
    arguments: argparse.Namespace, order: Order, environ: Mapping[str, str]
) -> tuple[Facts, list[str]]:
    """Return the facts, and what couldn't be read. Raises `UsageError`."""
    said = _said(arguments)
    checks, damaged = _checks()
    return Facts(read(environ), reach_of(order), checks, said), damaged


def reach_of(order: Order) -> Reach:
    """Return whom the activations of an environment reach."""
    arming = [place for place in order.places if place.arms]
    kernels = [place for place in arming if place.how == "IPython"]
    programs = [place for place in arming if place.how != "IPython"]
    by_hand = [place for place in arming if place.state in ("by hand", "edited")]
    return Reach(
        _whom(kernels, NOBODY),
        _whom(programs, UNKNOWN if order.faults else NOBODY),
        tuple(printable(str(place.file)) for place in by_hand),
    )


def _whom(places: list[Place], otherwise: str) -> str:
    if not places:
        return otherwise
    return ONE_PERSON if all(place.where == "user" for place in places) else EVERYBODY


def _checks() -> tuple[tuple[Check, ...], list[str]]:
    """Return the watch list's checks, and what is wrong with it; kernels ignore a damaged one too."""
    found = find_watch_list(sys.prefix, sys.base_prefix)
    try:
        return tuple(Check(*entry) for entry in parse(*found)) if found else (), []
    except FileError as error:
        return (), [str(error)]


def _said(arguments: argparse.Namespace) -> Said:
    exporter = arguments.exporter
    if arguments.policy is None:
        if has_policy_numbers(arguments):
            raise UsageError("numbers of a policy go with '--privacy' only")
    elif exporter == "statsd_exporter":
        raise UsageError(
            f"'--privacy {arguments.policy}' with '--exporter statsd_exporter', which has no policy"
        )
    return Said(
        arguments.site,
        arguments.contact,
        exporter or (arguments.policy and "popcon"),
        None if arguments.policy is None else publication(policy_of(arguments)),
        arguments.kept,
        arguments.url,
        arguments.readers,
    )


def publication(policy: Policy) -> Publication:
    """Return an exporter's policy as the page goes by it."""
    return Publication(
        policy.name,
        policy.holds,
        policy.min_processes,
        policy.when() if policy.interval else "",
        policy.daily,
        policy.min_library_processes,
        policy.by_address,
    )


def notes(facts: Facts, order: Order) -> list[str]:
    """Return what may make the page another one than users should read."""
    settings = facts.settings
    found = list(order.faults)
    if settings.origins["sink"] == "default":
        found.append("nothing here says where reports go: run it with what kernels are given")
    if settings.off and is_own_file(settings.off):
        found.append(f"{why_off(settings.off)}, for you: the page is about everybody else")
    elif settings.off and "/" not in settings.off:
        found.append(
            f"{why_off(settings.off)} here: if that is for you alone, run it without, "
            "as the page says that nobody is counted"
        )
    if ONE_PERSON in (facts.reach.notebooks, facts.reach.programs):
        found.append("switched on for one person alone: `popcon status` says where")
    if facts.reach.by_hand:
        found.append(f"{facts.reach.by_hand[0]!r} was written by hand, and may set other things")
    return found
