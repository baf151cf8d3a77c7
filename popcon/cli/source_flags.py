"""In: an argument parser; what was typed. Out: its flags for where counts are; that source, and the period."""

from __future__ import annotations

import argparse
import os
import re
import ssl
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from popcon.cli.extras import needs
from popcon.cli.numbers import number_of
from popcon.errors import FileError, UsageError

if TYPE_CHECKING:
    from popcon.insight.sources.page import Page
    from popcon.insight.sources.prometheus import Access
    from popcon.insight.sources.scope import Scope
    from popcon.insight.usage import Period, Source

#: The server that is asked where none is typed.
VARIABLE = "POPCON_PROMETHEUS"
_SINCE = "30d"
_DAY = 86_400
_DAYS = {"d": 1, "w": 7, "y": 365}
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(\S.*)")


def add_source_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a source and of a period."""
    group = parser.add_argument_group("where counts are")
    flag = group.add_argument
    flag(
        "--prometheus",
        metavar="URL",
        help=f"a Prometheus, Thanos, Mimir, VictoriaMetrics: what stands before /api/v1 ({VARIABLE})",
    )
    flag(
        "--metrics",
        metavar="FILE",
        action="append",
        help="instead: an exporter's /metrics, saved, or its URL, or - ; again for each replica",
    )
    flag(
        "--from",
        dest="kind",
        choices=("auto", "rules", "raw"),
        default="auto",
        help="popcon's recording rules, or the counters themselves (auto: rules where they are)",
    )
    add_access_flags(group)
    add_period_flags(parser)


def add_access_flags(group: argparse._ArgumentGroup) -> None:
    """Add the flags that say how to reach a server."""
    flag = group.add_argument
    flag(
        "--header",
        metavar="'NAME: VALUE'",
        action="append",
        help="with each request, as 'X-Scope-OrgID: campus'; $TOKEN in it is that environment variable",
    )
    flag("--bearer-token-file", metavar="FILE", type=Path, help="a file with a token")
    flag("--ca-file", metavar="FILE", type=Path, help="PEM certificates to trust for https")
    flag("--cert", metavar="FILE", type=Path, help="a client's certificate, PEM")
    flag("--key", metavar="FILE", type=Path, help="its key, where that isn't in the same file")
    flag(
        "--timeout",
        metavar="SECONDS",
        type=number_of("seconds", lambda seconds: 0 < seconds <= 3600),
        default=60.0,
        help="per request (%(default)g)",
    )


def add_period_flags(parser: argparse.ArgumentParser, since: str = _SINCE) -> None:
    """Add the flags that choose days and hubs; `since` is what is meant where none is typed."""
    flag = parser.add_argument_group("of what").add_argument
    flag(
        "--since",
        metavar="WHEN",
        help=f"30d, 12w, 1y, or a date as 2026-01-31: that UTC day whole, and all after it ({since})",
    )
    flag("--until", metavar="DATE", help="the last UTC day, whole (today so far)")
    flag(
        "--namespace",
        metavar="NS",
        action="append",
        help="this hub only; may be given again ('' is what has none)",
    )
    flag(
        "--without-namespace",
        metavar="REGEX",
        type=_pattern,
        default="",
        help="leave out hubs whose whole name matches, as 'test-.*|old'",
    )


def add_environment_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose an environment, in which there are sizes and requirements."""
    flag = parser.add_mutually_exclusive_group().add_argument
    flag(
        "--here",
        action="store_const",
        const=sys.prefix,
        dest="prefix",
        help="sizes, and which library needs which, of the environment that this runs in",
    )
    flag("--prefix", metavar="DIR", help="the same of another environment")


def asked(arguments: argparse.Namespace) -> tuple[Source, Period]:
    """Return where counts are, and the days: those that are asked for, or all that a page has."""
    now = time.time()
    found = source(arguments, now)
    from popcon.insight.sources.page import PageSource

    return found, found.period if isinstance(found, PageSource) else period(arguments, now)


def period(arguments: argparse.Namespace, now: float) -> Period:
    """Return the days that are asked for. Raises `UsageError`.

    The first is the day that `--since` falls into, whole.
    """
    from popcon.insight.usage import Period

    end = now
    if arguments.until:
        end = min(now, _date("--until", arguments.until) + _DAY)
    since = arguments.since or _SINCE
    length = re.fullmatch(r"([1-9]\d{0,4})([dwy])", since)
    if length:
        # The last moment of a day is still in it.
        begin = (end if end == now else end - 1) - int(length[1]) * _DAYS[length[2]] * _DAY
        begin = begin - begin % _DAY + (0 if end == now else _DAY)
    else:
        begin = _date("--since", since)
    begin = max(0.0, begin)
    if begin >= end:
        raise UsageError(f"nothing lies between --since {since!r} and {_shown(end)}")
    return Period(begin, end)


def source(arguments: argparse.Namespace, now: float | None = None) -> Source:
    """Return where counts are. Raises a `PopconError` where nothing of popcon's is there.

    Whether a server keeps enough of the past is checked here, as the period is.
    """
    with needs("cli"):
        import requests  # noqa: F401
    from popcon.insight.sources.scope import Scope

    url = arguments.prometheus or (None if arguments.metrics else os.environ.get(VARIABLE))
    if url and arguments.metrics:
        raise UsageError("--prometheus and --metrics are two sources: give one")
    scope = Scope(tuple(arguments.namespace or ()), arguments.without_namespace)
    if arguments.metrics:
        return _pages(arguments, scope)
    if not url:
        raise UsageError(
            f"where are the counts? --prometheus URL (or {VARIABLE}), or --metrics FILE"
        )
    from popcon.insight.sources.choose import chosen

    asked = period(arguments, time.time() if now is None else now)
    return chosen(
        access(arguments, url), scope, arguments.kind, asked, is_default=not arguments.since
    )


def access(arguments: argparse.Namespace, url: str) -> Access:
    """Return how to reach a URL, by the flags. Raises `UsageError` or `FileError`."""
    from popcon.insight.sources.prometheus import Access

    if arguments.key and not arguments.cert:
        raise UsageError("--key needs --cert")
    cert = str(arguments.cert) if arguments.cert else None
    if arguments.ca_file:
        _check(arguments.ca_file, lambda file: ssl.create_default_context(cafile=file))
    if cert:
        key = str(arguments.key or cert)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # A key with a pass phrase would be asked for by OpenSSL, in the middle of an answer.
        _check(arguments.cert, lambda file: context.load_cert_chain(file, key, password=""))
    return Access(
        url,
        dict(_header(text, os.environ) for text in arguments.header or ()),
        arguments.bearer_token_file,
        str(arguments.ca_file) if arguments.ca_file else None,
        (cert, str(arguments.key)) if cert and arguments.key else cert,
        arguments.timeout,
    )


def _pages(arguments: argparse.Namespace, scope: Scope) -> Source:
    from popcon.insight.sources.page import PageSource

    for name in ("since", "until"):
        if getattr(arguments, name):
            raise UsageError(
                f"a page of /metrics has one sum since its exporter began, so --{name} takes --prometheus"
            )
    return PageSource([_page(arguments, place) for place in arguments.metrics], scope)


def _page(arguments: argparse.Namespace, place: str) -> Page:
    from popcon.http_client import without_password
    from popcon.insight.sources.page import page
    from popcon.insight.sources.prometheus import Prometheus

    if place == "-":
        if sys.stdin is None:
            raise FileError("can't read standard input: it is closed")
        return page(sys.stdin.buffer.read(), "standard input", time.time())
    if place.startswith(("http://", "https://")):
        content = Prometheus(access(arguments, place)).page()
        return page(content, without_password(place), time.time())
    file = Path(place)
    try:
        return page(file.read_bytes(), place, file.stat().st_mtime)
    except OSError as error:
        raise FileError(f"can't read '{file}': {error.strerror or error}") from None


def _header(text: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return a header's name and value. What `$NAME` stands for is never printed.

    >>> _header("Authorization: Bearer $TOKEN", {"TOKEN": "s3cret"})
    ('Authorization', 'Bearer s3cret')
    """
    match = _HEADER.fullmatch(text.strip())
    if match is None:
        # What stands before a colon is a name; without one it may be a token.
        name, colon, _ = text.partition(":")
        shown = repr(name.partition(" ")[0]) if colon else "it has no colon"
        raise UsageError(f"not a header, such as 'X-Scope-OrgID: campus': {shown}")

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in environ:
            raise UsageError(
                f"the header {match[1]!r} names the variable {name!r}, which isn't set"
            )
        return environ[name].strip()

    filled = re.sub(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))", value, match[2])
    if not filled.isprintable() or not filled.isascii():
        raise UsageError(f"the value of the header {match[1]!r} has characters that none may have")
    return match[1], filled


def _check(file: Path, load: Callable[[str], object]) -> None:
    try:
        load(str(file))
    except ssl.SSLError:
        raise FileError(f"no certificate (or no key of it) in PEM format in '{file}'") from None
    except OSError as error:
        raise FileError(
            f"can't read '{error.filename or file}': {error.strerror or error}"
        ) from None


def _date(flag: str, text: str) -> float:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        what = (
            "30d, 12w, 1y or a date as 2026-01-31" if flag == "--since" else "a date as 2026-01-31"
        )
        raise UsageError(f"{flag} takes {what}: {text!r}") from None
    return day.timestamp()


def _shown(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d %H:%M} UTC"


def _pattern(text: str) -> str:
    try:
        with warnings.catch_warnings():
            # Of what servers read otherwise, as `[[:alpha:]]`, Python only warns.
            warnings.simplefilter("error", FutureWarning)
            re.compile(text)
    except (re.error, FutureWarning) as error:
        raise argparse.ArgumentTypeError(f"not a regular expression: {text!r} ({error})") from None
    return text
