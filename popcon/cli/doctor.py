"""In: `popcon doctor`. Out: a line for each step of the pipe, and what to do where it breaks."""

from __future__ import annotations

import argparse
import difflib
import math
import os
import random
import re
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from popcon.catalog import CANARY, PREFIX, SITE_LABELS
from popcon.cli.extras import needs
from popcon.cli.numbers import number_of
from popcon.config import VARIABLES, Settings, parse_statsd_url, read, why_off
from popcon.errors import NetworkError, PopconError
from popcon.sinks import SCHEMES, files, is_statsd, scheme_of

CANARY_ID = "doctor"
#: How long a connection over TCP may take.
_CONNECT_SECONDS = 5.0
#: Groups of site labels that are listed when their counts are held back.
_GROUPS_SHOWN = 20
#: What Kubernetes puts into each pod beside a Service called popcon, popcon-metrics or the like.
_OF_A_SERVICE = re.compile(
    r"POPCON_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
)


class Finding(NamedTuple):
    """One step: `state` is `ok`, `note` or `FAIL`; `advice` says what to do about it."""

    state: str
    text: str
    advice: str = ""


class Watched(NamedTuple):
    """A place to look for the canary: `ask` returns its count there, `advice` is for its absence."""

    where: str
    ask: Callable[[], float | None]
    advice: str

    def seen(self) -> float:
        """Return the canary's count, 0 where it was never seen; a `PopconError` names the place."""
        try:
            return self.ask() or 0.0
        except PopconError as error:
            raise PopconError(f"{self.where}: {error}") from None

    def reaches(self, value: float, deadline: float) -> bool:
        """Return whether the count gets that high before the deadline (monotonic seconds)."""
        from popcon.insight.ask import reaches

        return reaches(self.seen, value, deadline)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "doctor",
        help="check the pipe, from this environment to Prometheus",
        description="Say what is configured and from where, send a canary, and prove that it arrived.",
    )
    command.add_argument("--metrics-url", metavar="URL", help="the exporter's /metrics")
    command.add_argument(
        "--prometheus-url", metavar="URL", help="the root of a Prometheus-compatible API"
    )
    command.add_argument(
        "--admin-url", metavar="URL", help="the exporter's page for the admin: what is held back"
    )
    command.add_argument(
        "--timeout",
        type=number_of("seconds", lambda seconds: 0 <= seconds < math.inf),
        default=60.0,
        metavar="SECONDS",
        help="how long the canary may take to show up: at least two scrapes (%(default)g)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings as they come; 1 if one failed."""
    urls = (arguments.metrics_url, arguments.prometheus_url)
    if any(urls) or arguments.admin_url:
        with needs("cli"):  # before the first line, not behind the last
            import popcon.insight.ask  # noqa: F401
    failed = False
    for finding in findings(*urls, arguments.timeout, arguments.admin_url):
        print(f"{finding.state:4}  {finding.text}", flush=True)
        if finding.advice:
            print(f"      → {finding.advice}", flush=True)
        failed = failed or finding.state == "FAIL"
    return 1 if failed else 0


def findings(
    metrics_url: str | None,
    prometheus_url: str | None,
    timeout: float,
    admin_url: str | None = None,
) -> Iterator[Finding]:
    """Walk the pipe from here to the wall, as far as it goes."""
    yield from namesakes(sys.path)
    yield from _activation()
    yield from _misnamed(os.environ)
    try:
        settings = read(os.environ)
    except PopconError as error:
        yield Finding(
            "FAIL", f"settings: {error}", "correct the variable; until then nothing is sent"
        )
        return
    yield Finding("ok", f"sink {' '.join(settings.sinks)} (from {settings.origins['sink']})")
    yield Finding("ok", f"prefix {settings.prefix} (from {settings.origins['prefix']})")
    yield from _mapped(settings)
    if settings.off:
        yield Finding("note", f"{why_off(settings.off)}: kernels send nothing then (doctor does)")
    yield from _canary(settings, metrics_url, prometheus_url, timeout)
    if admin_url:
        yield from _held(admin_url)


def namesakes(path: list[str]) -> Iterator[Finding]:
    """Look for another package that owns the import name `popcon`, as PyPI's python-popcon does."""
    from popcon.site_directory import SiteDirectory

    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    clean = True
    for folder in path:
        folder = os.path.abspath(folder or os.curdir)
        for found in (os.path.join(folder, "popcon"), os.path.join(folder, "popcon.py")):
            is_module = found.endswith(".py") and os.path.isfile(found)
            is_package = os.path.isfile(os.path.join(found, "__init__.py"))
            if (is_module or is_package) and os.path.realpath(found) != os.path.realpath(ours):
                clean = False
                yield Finding(
                    "FAIL",
                    f"another module is called popcon: '{found}'",
                    "rename or remove it: kernels may import it in place of ours",
                )
        for library in SiteDirectory(folder).claimants("popcon"):
            if library != "popcon":
                clean = False
                yield Finding(
                    "FAIL",
                    f"the package '{library}' in '{folder}' installs a module called popcon too",
                    f"pip uninstall {library}, then pip install --force-reinstall popcon",
                )
    if clean:
        yield Finding("ok", f"the import name popcon is ours: {ours}")


def _activation() -> Iterator[Finding]:
    from popcon.activate.order import order_of

    order = order_of(Path(sys.prefix))
    for place in order.places:
        if place.arms:
            yield Finding("ok", f"active by {place.how}: {place.file}")
    if order.kernels is None:
        yield Finding("note", "no kernel of this environment reports", "popcon enable ipython")


def _misnamed(names: Iterable[str]) -> Iterator[Finding]:
    """Look for variables that say nothing to popcon, such as a misspelt POPCON_DENY."""
    for name in sorted(names):
        if (
            name.startswith("POPCON_")
            and name not in VARIABLES
            and not _OF_A_SERVICE.fullmatch(name)
        ):
            meant = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.8)
            yield Finding(
                "note",
                f"the variable {name} says nothing to popcon",
                f"is {meant[0]} meant?" if meant else "docs/reference.md lists those that do",
            )


def _mapped(settings: Settings) -> Iterator[Finding]:
    keys = tuple(key for key, _ in settings.labels)
    if settings.prefix != PREFIX and not keys:
        yield Finding(
            "note",
            f"prefix '{settings.prefix}' is not matched by the shipped mapping",
            f"use '{PREFIX}', or pairs of key and value behind it: '{PREFIX}.namespace.hub1'",
        )
    elif keys not in SITE_LABELS:
        yield Finding(
            "note",
            f"the shipped mapping has no rules for the site labels '{','.join(keys)}'",
            f"give the exporter the output of: popcon render mapping --labels {','.join(keys)}",
        )


def _canary(
    settings: Settings, metrics_url: str | None, prometheus_url: str | None, timeout: float
) -> Iterator[Finding]:
    """Send a canary to each sink that takes one, and watch it arrive before the next one is sent."""
    labels = {**dict(settings.labels), "id": CANARY_ID}
    watched = _watched(labels, metrics_url, prometheus_url)
    exporters = [url for url in settings.sinks if is_statsd(url)]
    for url in settings.sinks:
        if url not in exporters:
            yield _without_canary(url)
    for url in exporters:
        for finding in _proved(url, settings.prefix, labels, watched, timeout):
            yield finding
            if finding.state == "FAIL":
                return
    if exporters and not watched:
        yield Finding(
            "note",
            "whether it arrived can't be seen from here: statsd gives no answer",
            "add --metrics-url http://exporter:9102/metrics or --prometheus-url http://prometheus:9090",
        )


def _without_canary(url: str) -> Finding:
    """Say what can be said of a sink that no exporter is behind; a file's folder can be looked at."""
    if scheme_of(url) not in SCHEMES:
        return Finding("note", f"no canary goes to {url}, which another package opens")
    if scheme_of(url) == "print":
        return Finding("ok", f"no canary goes to {url}, which shows reports where they are made")
    path, is_folder = files.place(files.parse(url)[0])
    # A folder that is missing is made, those above it are not.
    folder = path if is_folder and os.path.isdir(path) else os.path.dirname(path)
    if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
        return Finding("ok", f"no canary goes to {url}: reports are files in '{folder}'")
    return Finding(
        "FAIL",
        f"'{folder}' is no folder that one can write to from here (the sink {url})",
        "make it, with write access for everybody whose processes report there",
    )


def _proved(
    url: str, prefix: str, labels: dict[str, str], watched: list[Watched], timeout: float
) -> Iterator[Finding]:
    """Send one canary, and look for it in each place in turn; stop at the first that fails."""
    # A number of its own, so that another doctor's canary is not taken for this one (docs/admins.md).
    number = random.randint(100, 999)  # noqa: S311 - no secret
    try:
        wanted = [place.seen() + number for place in watched]
    except PopconError as error:
        yield Finding("FAIL", str(error), "check the URL, and that it can be reached from here")
        return
    try:
        yield _sent(url, prefix, number)
    except PopconError as error:
        advice = "check the host and port in the sink, and that the exporter runs"
        yield Finding("FAIL", str(error), advice)
        return
    deadline = time.monotonic() + timeout
    for place, value in zip(watched, wanted):
        if place.reaches(value, deadline):
            yield Finding("ok", f"the canary arrived: {place.where} shows {_selector(labels)}")
        else:
            text = f"the canary did not arrive in {timeout:g} s: {place.where}"
            yield Finding("FAIL", text, place.advice)
            return


def _watched(
    labels: dict[str, str], metrics_url: str | None, prometheus_url: str | None
) -> list[Watched]:
    """Return the places where the canary has to show up, nearest first."""
    if not metrics_url and not prometheus_url:
        return []
    with needs("cli"):
        from popcon.http_client import without_password
        from popcon.insight.ask import queried, scraped
    query = f"sum({_selector(labels)})"
    found = []
    if metrics_url:
        found.append(
            Watched(
                f"/metrics at {without_password(metrics_url)}",
                lambda: scraped(metrics_url, CANARY.name, labels),
                "is it the exporter behind this sink, does it run with mappings/popcon.yaml (and the "
                "site's labels), and may UDP pass from here to there (a NetworkPolicy, a firewall)?",
            )
        )
    if prometheus_url:
        found.append(
            Watched(
                f"Prometheus at {without_password(prometheus_url)}",
                lambda: next(iter(queried(prometheus_url, query).values()), None),
                "does Prometheus scrape that exporter (Status → Targets), with honor_labels: true, "
                "and is --timeout longer than two scrape intervals?",
            )
        )
    return found


def _sent(url: str, prefix: str, number: int) -> Finding:
    """Resolve the sink as the reporter does, and send a canary through the `statsd` package."""
    import statsd

    from popcon.sinks.statsd import address_of

    scheme = scheme_of(url)
    host, port = parse_statsd_url(url, scheme)
    try:
        ipv6, address = address_of(host, port)
        numeric = address[0]
        if scheme == "statsd":
            client = statsd.StatsClient(numeric, port, prefix=prefix, ipv6=ipv6)
        else:
            client = statsd.TCPStatsClient(numeric, port, prefix, _CONNECT_SECONDS, ipv6)
    except OSError as error:
        raise NetworkError(f"the sink's host '{host}' does not resolve: {error.strerror}") from None
    except UnicodeError:
        raise NetworkError(f"the sink's host '{host}' does not resolve: not a host name") from None
    try:
        client.incr(f"{CANARY.wire}.{CANARY_ID}", number)
    except OSError as error:  # only TCP says so
        raise NetworkError(
            f"no connection to {numeric} port {port}, TCP (the sink {url}): {error}"
        ) from None
    finally:
        client.close()
    if scheme == "statsd" and _refuses(ipv6, address):
        raise NetworkError(f"nobody listens on {numeric} port {port}, UDP (the sink {url})")
    return Finding("ok", f"{prefix}.{CANARY.wire}.{CANARY_ID} sent to {numeric} port {port}")


def _refuses(ipv6: bool, address: tuple[Any, ...]) -> bool:
    """Return whether the other side says that nobody listens; silence says nothing."""
    with socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.3)
        try:
            probe.connect(address)
            probe.send(b"")
            probe.recv(1)
        except ConnectionRefusedError:
            return True
        except OSError:  # nothing came back, which is how it should be
            return False
    return False


def _held(admin_url: str) -> Iterator[Finding]:
    """Say what the exporter's publication policy holds back, and how long that may take."""
    from popcon.http_client import without_password
    from popcon.insight.ask import held

    try:
        found = held(admin_url)
    except PopconError as error:
        yield Finding("FAIL", str(error), "is it the exporter's --web.admin-address?")
        return
    if not found:
        yield Finding("ok", f"nothing is held back at {without_password(admin_url)}")
    for one in found[:_GROUPS_SHOWN]:
        labels = ",".join(f"{key}={value}" for key, value in one.labels.items())
        until = f", until {_clock(one.earliest)} at least" if one.earliest else ""
        yield Finding(
            "note",
            f"{labels or 'no site labels'}: held, {one.processes} of {one.min_processes} processes, "
            f"since {_clock(one.since)}{until}",
        )
    if len(found) > _GROUPS_SHOWN:
        yield Finding(
            "note",
            f"{len(found) - _GROUPS_SHOWN} more groups are held: see {without_password(admin_url)}",
        )


def _clock(when: datetime) -> str:
    """Return the time of day, with the date before it on other days; all in UTC."""
    today = when.date() == datetime.now(timezone.utc).date()
    return f"{when:%H:%M} UTC" if today else f"{when:%Y-%m-%d %H:%M} UTC"


def _selector(labels: dict[str, str]) -> str:
    """Return the canary's series in PromQL; the values are words, so quoting them is enough."""
    pairs = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{CANARY.name}{{{pairs}}}"
