"""In: `popcon exporter`, with statsd_exporter's flags. Out: a running exporter, until a signal."""

from __future__ import annotations

import argparse
import json
import logging
import re
import signal
from queue import SimpleQueue

from popcon.cli.extras import needs

_STYLES = ("dogstatsd", "influxdb", "librato", "signalfx")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "exporter",
        help="receive statsd, show Prometheus metrics",
        description="Receive statsd lines and show them as Prometheus metrics, by the same mapping "
        "file and under the same flags as statsd_exporter. Without a mapping file, popcon's own "
        "rules are used.",
    )
    _add_web_flags(command.add_argument_group("HTTP"))
    _add_statsd_flags(command.add_argument_group("statsd"))
    flag = command.add_argument
    flag("--log.level", dest="log", default="info", choices=["debug", "info", "warn", "error"])
    flag("--check-config", dest="check", action="store_true", help="read the mapping, then exit")
    command.set_defaults(run=run)


def _add_web_flags(group: argparse._ArgumentGroup) -> None:
    flag = group.add_argument
    flag(
        "--web.listen-address",
        dest="web",
        default=":9102",
        metavar="ADDRESS",
        help="HTTP (%(default)s)",
    )
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
        help="POST /-/reload reads the mapping again, as SIGHUP does",
    )


def _add_statsd_flags(group: argparse._ArgumentGroup) -> None:
    flag = group.add_argument
    flag(
        "--statsd.listen-udp",
        dest="udp",
        default=":9125",
        metavar="ADDRESS",
        help="'' for none (%(default)s)",
    )
    flag(
        "--statsd.mapping-config",
        dest="mapping",
        metavar="FILE",
        help="rules (default: popcon's own)",
    )
    flag(
        "--statsd.read-buffer",
        dest="buffer",
        type=_bytes,
        default=0,
        metavar="BYTES",
        help="the size of the buffer that the kernel is asked for",
    )
    for style in _STYLES:
        flag(
            f"--statsd.parse-{style}-tags",
            dest=style,
            action=argparse.BooleanOptionalAction,
            help="on where a mapping file is given; off for popcon's own rules, which need no tags",
        )


class _Logfmt(logging.Formatter):
    """One line of keys and values, as statsd_exporter logs: a value with a space in it is quoted."""

    def __init__(self) -> None:
        super().__init__(
            "time=%(asctime)s level=%(levelname)s msg=%(message)s", "%Y-%m-%dT%H:%M:%S%z"
        )

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line; what follows it, a traceback, is added behind."""
        if not re.fullmatch(r"[^\s\"=]+", record.message):
            record.message = json.dumps(record.message, ensure_ascii=False)
        return super().formatMessage(record)


def _bytes(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 11 and int(text) < 2**31:
        return int(text)
    raise argparse.ArgumentTypeError(f"not a number of bytes below 2 GiB: {text!r}")


def _path(text: str) -> str:
    if text.startswith("/"):
        return text
    raise argparse.ArgumentTypeError(f"not a path that begins with '/': {text!r}")


def _styles(arguments: argparse.Namespace) -> dict[str, bool]:
    """Return which tags to parse: as asked for, else as statsd_exporter does for a mapping file.

    popcon's own rules get no tags unless asked for: any kernel could add a `user` label.
    """
    chosen = {style: getattr(arguments, style) for style in _STYLES}
    unsaid = arguments.mapping is not None
    return {style: unsaid if flag is None else flag for style, flag in chosen.items()}


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; SIGHUP reads the mapping again."""
    with needs("exporter"):
        from popcon.exporter.address import parse_address
        from popcon.exporter.mapping import Mapping, load, order_warnings
        from popcon.exporter.server import Exporter, Options, read_mapping_file
        from popcon.exporter.wire import TagStyles
    from popcon.errors import PopconError
    from popcon.render.mapping import mapping_text

    def read_mapping() -> Mapping:
        if arguments.mapping is None:
            return load(mapping_text(), source="popcon's own rules")
        return read_mapping_file(arguments.mapping)

    handler = logging.StreamHandler()
    handler.setFormatter(_Logfmt())
    level = {"warn": "WARNING"}.get(arguments.log, arguments.log.upper())
    logging.basicConfig(level=level, handlers=[handler])
    log = logging.getLogger("popcon.exporter")
    if arguments.check:
        mapping = read_mapping()
        for warning in order_warnings(mapping):
            print(f"warning: {warning}")
        print(f"{len(mapping.rules)} rules, all well formed")
        return 0
    exporter = Exporter(
        read_mapping,
        Options(
            listen_udp=parse_address(arguments.udp, "--statsd.listen-udp")
            if arguments.udp
            else None,
            listen_web=parse_address(arguments.web, "--web.listen-address"),
            telemetry_path=arguments.path,
            enable_lifecycle=arguments.lifecycle,
            read_buffer=arguments.buffer,
            styles=TagStyles(**_styles(arguments)),
        ),
    )
    signals: SimpleQueue[int] = SimpleQueue()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), lambda number, frame: signals.put(number))
    with exporter:
        log.info(
            "listening: statsd on udp port %d, http on port %d",
            exporter.udp_port,
            exporter.web_port,
        )
        while signals.get() not in (signal.SIGINT, signal.SIGTERM):
            try:
                exporter.reload()
                log.info("mapping reloaded")
            except PopconError as error:
                log.error("the old rules stay: %s", error)
    return 0
