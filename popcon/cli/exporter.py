"""In: `popcon exporter`, with statsd_exporter's flags. Out: a running exporter, until a signal."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from popcon import __version__
from popcon.cli.exporter_flags import (
    ADMIN,
    LIMITS,
    STYLES,
    add_own_flags,
    add_privacy_flags,
    add_statsd_flags,
    add_web_flags,
    policy_of,
)
from popcon.cli.extras import needs
from popcon.cli.log_lines import Json, Logfmt
from popcon.errors import PopconError, UsageError

if TYPE_CHECKING:
    from popcon.exporter.options import Options

#: statsd_exporter's flags for queues and caches that there are none of here: taken, and ignored.
_IGNORED = (
    "statsd.cache-size",
    "statsd.cache-type",
    "statsd.event-queue-size",
    "statsd.event-flush-threshold",
    "statsd.event-flush-interval",
    "statsd.udp-packet-queue-size",
    "debug.dump-fsm",
)
#: How long a thread may go on while another one waits for its turn.
_TURN_SECONDS = 0.0005


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "exporter",
        usage="popcon exporter [FLAG…]",
        allow_abbrev=False,  # statsd_exporter takes none either
        help="receive statsd, show Prometheus metrics",
        description="Receive statsd lines and show them as Prometheus metrics, by the same mapping "
        "file and under the same flags as statsd_exporter. Without a mapping file, popcon's own "
        "rules are used.",
    )
    add_web_flags(command.add_argument_group("HTTP"))
    add_statsd_flags(command.add_argument_group("statsd"))
    add_privacy_flags(command.add_argument_group("privacy, of popcon's own metrics alone"))
    add_own_flags(command.add_argument_group("counts"))
    flag = command.add_argument
    flag("--log.level", dest="log", default="info", choices=["debug", "info", "warn", "error"])
    flag("--log.format", dest="format", default="logfmt", choices=["logfmt", "json"])
    flag(
        "--check-config",
        dest="check",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="read the mapping, then exit",
    )
    flag("--version", action="version", version=f"popcon {__version__}")
    flag("--no-version", action="store_true", help=argparse.SUPPRESS)
    for name in _IGNORED:
        flag(f"--{name}", dest=f"ignored {name}", help=argparse.SUPPRESS)
    command.set_defaults(run=run)


def _behind(prefix: str, labels: list[str]) -> list[str]:
    return [f"{prefix}.{behind}" for behind in labels] or [prefix]


def _styles(arguments: argparse.Namespace) -> dict[str, bool]:
    """Return which tags to parse: as asked for, else as statsd_exporter does for a mapping file.

    popcon's own rules get no tags unless asked for: any kernel could add a `user` label.
    """
    chosen = {style: getattr(arguments, style) for style in STYLES}
    unsaid = arguments.mapping is not None
    return {style: unsaid if flag is None else flag for style, flag in chosen.items()}


def _options(arguments: argparse.Namespace) -> Options:
    """Return what the flags say. Raises `PopconError`, the value in quotes."""
    from popcon.exporter import inventory_file
    from popcon.exporter.listen.address import parse_address
    from popcon.exporter.mapping.watched import WatchedFile
    from popcon.exporter.options import Options
    from popcon.exporter.series.limits import Limits
    from popcon.exporter.web.pages import WebOptions
    from popcon.exporter.wire import TagStyles

    def address(text: str | None, flag: str) -> Any:
        return parse_address(text, flag) if text else None

    if not (arguments.udp or arguments.tcp or arguments.unixgram):
        raise UsageError("nothing to listen on: --statsd.listen-udp, -tcp and -unixgram are empty")
    prefix = arguments.prefix
    limits = {name.replace("-", "_"): getattr(arguments, f"limit {name}") for name in LIMITS}
    return Options(
        listen_udp=address(arguments.udp, "--statsd.listen-udp"),
        listen_tcp=address(arguments.tcp, "--statsd.listen-tcp"),
        listen_unixgram=arguments.unixgram,
        unixsocket_mode=arguments.mode,
        listen_web=parse_address(arguments.web, "--web.listen-address"),
        listen_admin=address(
            ADMIN if arguments.admin is None else arguments.admin, "--web.admin-address"
        ),
        # The page that nobody asked for may not stop a second exporter on one machine.
        admin_may_lack=arguments.admin is None,
        web=WebOptions(arguments.path, arguments.lifecycle, arguments.openmetrics),
        web_config=arguments.web_config,
        read_buffer=arguments.buffer,
        styles=TagStyles(**_styles(arguments)),
        relay=address(arguments.relay, "--statsd.relay.address"),
        relay_packet_length=arguments.packet_length,
        policy=policy_of(arguments),
        prefix=prefix,
        limits=Limits(**{name: number for name, number in limits.items() if number is not None}),
        state_file=arguments.state,
        inventory=tuple(
            line
            for file in arguments.inventory
            for line in inventory_file.lines(
                WatchedFile(file).read(), file, _behind(prefix, arguments.labels)
            )
        ),
        canary_seconds=arguments.canary,
        environment=tuple(arguments.environment),
    )


def _allow_files() -> None:
    """Let the process open as many files as it may, as Go does by itself: a connection is one."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _next(signals: SimpleQueue[int]) -> int:
    """Return the next signal, whichever thread the system gave it to.

    Python handles signals in the main thread, and nothing wakes that from a lock where the system
    chose another: so it looks by itself now and then. Of those that came meanwhile, one that ends
    goes first, and the others ask for the same.
    """
    waiting: set[int] = set()
    while not waiting:
        with suppress(Empty):
            waiting.add(signals.get(timeout=0.5))
            while True:
                waiting.add(signals.get_nowait())
    ends = waiting & {signal.SIGINT, signal.SIGTERM}
    return (ends or waiting).pop()


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; SIGHUP reads the mapping again."""
    with needs("exporter"):
        from popcon.exporter.mapping.file import parse_mapping
        from popcon.exporter.mapping.mapping import Mapping, load
        from popcon.exporter.mapping.watched import WatchedFile
        from popcon.exporter.server import Exporter
    from popcon.cli.mapping import check_mapping
    from popcon.render.mapping import mapping_text

    watched = None if arguments.mapping is None else WatchedFile(arguments.mapping)

    def read_mapping() -> Mapping:
        if watched is None:
            return load(mapping_text(), source="popcon's own rules")
        return parse_mapping(watched.read(), watched.path)

    handler = logging.StreamHandler()
    handler.setFormatter(Json() if arguments.format == "json" else Logfmt())
    level = {"warn": "WARNING"}.get(arguments.log, arguments.log.upper())
    logging.basicConfig(level=level, handlers=[handler])
    log = logging.getLogger("popcon.exporter")
    if arguments.check:
        return check_mapping(read_mapping())
    for name in _IGNORED:
        if getattr(arguments, f"ignored {name}") is not None:
            log.info("--%s has no meaning here, and is ignored", name)
    _allow_files()
    signals: SimpleQueue[int] = SimpleQueue()
    exporter = Exporter(
        read_mapping,
        _options(arguments),
        watched=watched if arguments.watch else None,
        quit=lambda: signals.put(signal.SIGTERM),
    )
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), lambda number, frame: signals.put(number))
    # While one thread works out what came in, the one that receives needs its turn for each datagram:
    # with Python's 5 ms a full buffer would overflow meanwhile (docs/benchmarks.md).
    sys.setswitchinterval(_TURN_SECONDS)
    with exporter:
        log.info("listening: %s, http on port %d", exporter.listening(), exporter.web_port)
        log.info("privacy %s", exporter.options.policy.words())
        while _next(signals) not in (signal.SIGINT, signal.SIGTERM):
            try:
                exporter.reload()
                log.info("mapping reloaded")
            except PopconError as error:
                log.error("the old rules stay: %s", error)
    return 0
