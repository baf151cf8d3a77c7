"""In: an argument parser. Out: it knows the exporter's flags, and refuses what they can't be."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from popcon.catalog import PREFIX
from popcon.config import read
from popcon.errors import PopconError

if TYPE_CHECKING:
    from popcon.exporter.privacy.policy import Policy

STYLES = ("dogstatsd", "influxdb", "librato", "signalfx")
#: Where the page for the admin is, unless somebody says otherwise.
ADMIN = "127.0.0.1:9124"
#: What the kernel is asked for: a second of 3,000 large datagrams, and within what most allow.
_READ_BUFFER = 4 * 1024 * 1024
#: Field of Limits, in a flag's spelling → what it says.
LIMITS = {
    "series": "series held at once (200000)",
    "series-of-one-name": "series of one metric (100000)",
    "labels": "labels of a series (32)",
    "text": "characters of a series' name and labels (2048)",
    "memory": "bytes that series may take, about (536870912)",
}


def add_web_flags(group: argparse._ArgumentGroup) -> None:
    """Add the flags of the pages."""
    flag = group.add_argument
    flag("--web.listen-address", dest="web", default=":9102", metavar="ADDRESS", help="(:9102)")
    flag(
        "--web.telemetry-path",
        dest="path",
        type=_path,
        default="/metrics",
        metavar="PATH",
        help="(%(default)s)",
    )
    flag(
        "--web.enable-lifecycle",
        dest="lifecycle",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="POST /-/reload reads the mapping again, as SIGHUP does; POST /-/quit ends",
    )
    flag(
        "--web.enable-openmetrics",
        dest="openmetrics",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="OpenMetrics for those who ask for it",
    )
    flag(
        "--web.config.file",
        dest="web_config",
        default="",
        metavar="FILE",
        help="TLS and basic auth, in the format of Prometheus' exporter-toolkit",
    )


def add_statsd_flags(group: argparse._ArgumentGroup) -> None:
    """Add the flags of what comes in, and how it is read."""
    _add_door_flags(group)
    _add_reading_flags(group)


def _add_door_flags(group: argparse._ArgumentGroup) -> None:
    flag = group.add_argument
    for kind in ("udp", "tcp"):
        flag(
            f"--statsd.listen-{kind}",
            dest=kind,
            default=":9125",
            metavar="ADDRESS",
            help="'' for none (%(default)s)",
        )
    flag(
        "--statsd.listen-unixgram",
        dest="unixgram",
        default="",
        metavar="PATH",
        help="a Unix datagram socket (none)",
    )
    flag(
        "--statsd.unixsocket-mode",
        dest="mode",
        default="755",
        metavar="MODE",
        help="permissions of that socket (%(default)s)",
    )


def _add_reading_flags(group: argparse._ArgumentGroup) -> None:
    flag = group.add_argument
    flag(
        "--statsd.mapping-config",
        dest="mapping",
        metavar="FILE",
        help="rules (default: popcon's own)",
    )
    flag(
        "--statsd.watch-mapping-config",
        dest="watch",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="take a changed file by itself",
    )
    flag(
        "--statsd.read-buffer",
        dest="buffer",
        type=_bytes,
        default=_READ_BUFFER,
        metavar="BYTES",
        help="the size of the buffer that the kernel is asked for, 0 for its own (%(default)s)",
    )
    for style in STYLES:
        flag(
            f"--statsd.parse-{style}-tags",
            dest=style,
            action=argparse.BooleanOptionalAction,
            help="on where a mapping file is given; off for popcon's own rules, which need no tags",
        )
    flag("--statsd.relay.address", dest="relay", metavar="ADDRESS", help="copy all lines there")
    flag(
        "--statsd.relay.packet-length",
        dest="packet_length",
        type=whole,
        default=1400,
        metavar="BYTES",
        help="(%(default)s)",
    )


def add_privacy_flags(group: argparse._ArgumentGroup) -> None:
    """Add the flags of when popcon's own counts become visible."""
    add_policy_flags(group)
    group.add_argument(
        "--web.admin-address",
        dest="admin",
        metavar="ADDRESS",
        help=f"a page for the admin alone: what is held, and how much; '' for none ({ADMIN})",
    )


def add_policy_flags(
    group: argparse._ArgumentGroup, default: str | None = "standard", otherwise: str = "unknown"
) -> None:
    """Add the flags of a publication policy; `default` is its name, None where it is what `otherwise` says."""
    flag = group.add_argument
    flag(
        "--privacy",
        dest="policy",
        default=default,
        metavar="POLICY",
        help=f"when counts become visible: off, standard or strict ({default or otherwise})",
    )
    flag(
        "--privacy.min-processes",
        dest="min_processes",
        type=whole,
        metavar="N",
        help="that make a batch (10; strict: 20)",
    )
    flag(
        "--privacy.interval",
        dest="interval",
        type=seconds,
        metavar="DURATION",
        help="between two steps, such as 15m, 24h (15m; strict: after midnight)",
    )
    flag(
        "--privacy.min-library-processes",
        dest="min_library",
        type=whole,
        metavar="N",
        help="below which a library is not named (1; strict: 20)",
    )
    flag("--privacy.timezone", dest="timezone", metavar="NAME", help="of strict's days (UTC)")
    flag(
        "--privacy.by-address",
        dest="by_address",
        action="store_true",
        help="one address counts once a batch: where each sender has one of its own",
    )


def has_policy_numbers(arguments: argparse.Namespace) -> bool:
    """Return whether any of these flags was given, beside the policy's name."""
    numbers = (arguments.min_processes, arguments.interval, arguments.min_library)
    named = arguments.timezone is not None or arguments.by_address
    return named or any(number is not None for number in numbers)


def policy_of(arguments: argparse.Namespace) -> Policy:
    """Return the policy that these flags say, *standard* where they don't name one. Raises `UsageError`."""
    from popcon.exporter.privacy.policy import chosen

    return chosen(
        "standard" if arguments.policy is None else arguments.policy,
        min_processes=arguments.min_processes,
        interval=arguments.interval,
        min_library_processes=arguments.min_library,
        timezone=arguments.timezone,
        by_address=arguments.by_address,
    )


def add_own_flags(group: argparse._ArgumentGroup) -> None:
    """Add the flags of counts: where they are kept, and their bounds."""
    flag = group.add_argument
    flag(
        "--prefix",
        type=_prefix,
        default=PREFIX,
        help="what popcon's own names begin with (%(default)s)",
    )
    flag(
        "--persistence.file",
        dest="state",
        default="",
        metavar="FILE",
        help="keep counts there, so that a restart forgets none",
    )
    flag(
        "--inventory",
        action="append",
        default=[],
        metavar="FILE",
        help="of `popcon inventory --json`: what is installed begins at 0, and shows its size; may be repeated",
    )
    flag(
        "--inventory.labels",
        dest="labels",
        action="append",
        default=[],
        type=_labels,
        metavar="KEY=VALUE[,…]",
        help="site labels of these, such as namespace=hub1; may be repeated",
    )
    flag(
        "--canary-interval",
        dest="canary",
        type=seconds,
        default=0.0,
        metavar="DURATION",
        help="send a test count to itself so often (never)",
    )
    flag(
        "--run-context.environment",
        dest="environment",
        action="append",
        default=[],
        metavar="NAME",
        help="show this variable in popcon_run_environment_info; may be repeated",
    )
    for name, what in LIMITS.items():
        flag(f"--limits.{name}", dest=f"limit {name}", type=whole, metavar="N", help=what)


def whole(text: str) -> int:
    """Return a whole number above 0; for `argparse`."""
    if text.isascii() and text.isdigit() and 0 < len(text) < 16 and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"not a whole number above 0: {text!r}")


def _bytes(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 11 and int(text) < 2**31:
        return int(text)
    raise argparse.ArgumentTypeError(f"not a number of bytes below 2 GiB: {text!r}")


def seconds(text: str) -> float:
    """Return a duration as Prometheus writes it, such as 1h30m, in seconds; for `argparse`."""
    found = re.fullmatch(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", text)
    if not text or found is None:
        raise argparse.ArgumentTypeError(f"not a duration such as 90s, 15m or 1h30m: {text!r}")
    parts = (int(part or 0) for part in found.groups())
    return float(sum(part * unit for part, unit in zip(parts, (86_400, 3_600, 60, 1))))


def _labels(text: str) -> str:
    """Return `key=value,key=value` as it stands on the wire."""
    try:
        return ".".join(part for pair in read({}, labels=text).labels for part in pair)
    except PopconError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _prefix(text: str) -> str:
    try:
        return read({}, prefix=text).prefix
    except PopconError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _path(text: str) -> str:
    if text.startswith("/"):
        return text
    raise argparse.ArgumentTypeError(f"not a path that begins with '/': {text!r}")
