"""In: a request. Out: its answer, whatever its status, or one line that says why there is none."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, ProxyError
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError, ReadTimeoutError

from popcon.errors import NetworkError, UsageError


def fetch(
    session: requests.Session, method: str, url: str, *, timeout: float, **more: Any
) -> requests.Response:
    """Send a request and return what answers. Raises `UsageError` or `NetworkError`.

    `timeout` is in seconds; `more` is what `requests.Session.request` takes.
    """
    shown = without_password(url)
    try:
        # A proxy that the environment names can't reach this machine's own addresses; what else
        # the environment says, the certificates above all, holds for them too.
        is_local = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
        none = {"http": None, "https": None}
        proxies: Any = none if is_local else None
        return session.request(method, url, timeout=timeout, proxies=proxies, **more)
    except UnicodeEncodeError:
        raise UsageError(f"what is asked of {shown!r} has characters that are none") from None
    except (MissingSchema, InvalidURL, InvalidSchema, LocationParseError, ValueError):
        if _has_proxy(url):  # whose own URL may have a password, so it isn't shown
            raise UsageError(
                f"the proxy that the environment names for {shown!r} can't be used: its URL isn't "
                "one, or it is of SOCKS (pip install PySocks)"
            ) from None
        raise UsageError(f"not a URL: {shown!r}") from None
    except requests.Timeout:
        raise NetworkError(f"no answer from {shown!r} in {timeout:g} s") from None
    except ProxyError as error:
        by = "by the proxy that the environment names"
        raise NetworkError(f"can't reach {shown!r} {by}: {_reason(error)}") from None
    except requests.RequestException as error:
        # An answer that begins and doesn't go on is no `requests.Timeout`.
        if any(isinstance(inner, ReadTimeoutError) for inner in error.args):
            raise NetworkError(f"no answer from {shown!r} in {timeout:g} s") from None
        raise NetworkError(f"can't reach {shown!r}: {_reason(error)}") from None


def _has_proxy(url: str) -> bool:
    """Return whether a URL is one, which the environment names a proxy for."""
    try:
        requests.Request("GET", url).prepare()
        return select_proxy(url, get_environ_proxies(url)) is not None
    except (requests.RequestException, LocationParseError, ValueError):
        return False


def is_base(url: str) -> bool:
    """Say whether a URL is of HTTP, and a path can be put behind it.

    >>> is_base("https://example.org/prometheus"), is_base("example.org"), is_base("http://h/?q=1")
    (True, False, False)
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return good and not (parts.query or parts.fragment or " " in url) and url.isprintable()


def without_password(url: str) -> str:
    """Return a URL as it may be printed and logged: a query may hold a token.

    >>> without_password("https://ada:secret@127.0.0.1:9124/held.json")
    'https://ada@127.0.0.1:9124/held.json'
    >>> without_password("ada:secret@h:9090"), without_password("http://h/metrics?token=secret")
    ('ada@h:9090', 'http://h/metrics?token=…')
    """
    start, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    place, slash, path = rest.partition("/")
    port = "" if place.startswith("[") else place.partition(":")[2]
    if "@" in path and port and "@" not in place and not port.isdigit():
        # No port: a password with a slash that isn't written %2F.
        place, slash, path = f"{place}/{path}", "", ""
    user, at, host = place.rpartition("@")
    shown, asks, query = f"{host}{slash}{path}".partition("?")
    query = re.sub("=[^&]*", "=…", query) if "=" in query else query and "…"
    return f"{start}{mark}{user.partition(':')[0]}{at}{shown}{asks}{query}"


def address_of(answer: requests.Response) -> str:
    """Return where an answer is from, as it may be printed; without the query, which was ours."""
    return without_password((answer.url or "").partition("?")[0])


def one_line(text: object) -> str:
    """Return what a server said as words that a terminal shows and nothing else."""
    words = " ".join(str(text).split())
    words = words if words.isprintable() else ascii(words)
    return words if len(words) <= 300 else words[:300] + "…"


def _reason(error: BaseException) -> str:
    """Return the innermost words of a chain of wrapped errors, on one line."""
    inner: BaseException = error
    while True:
        cause = inner.__cause__ or inner.__context__
        nested = next((arg for arg in inner.args if isinstance(arg, BaseException)), None)
        reason = getattr(inner, "reason", None)
        following = reason if isinstance(reason, BaseException) else nested or cause
        if following is None or following is inner:
            text = getattr(inner, "strerror", None) or str(inner)
            return " ".join(str(text).split())
        inner = following
