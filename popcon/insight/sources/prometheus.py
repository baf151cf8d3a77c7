"""In: PromQL and times. Out: what a Prometheus-compatible server answers, or one line that says what to do.

Source: Prometheus' documents, HTTP API. Mimir, Thanos, VictoriaMetrics and Grafana's proxy of a data
source answer alike, each behind a path of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase

from popcon.errors import FileError, NetworkError, PopconError, UsageError
from popcon.http_client import address_of, fetch, is_base, one_line, without_password
from popcon.insight.usage import is_number

#: What servers say of a question that holds more than they allow: Prometheus, VictoriaMetrics, then
#: Mimir and Thanos.
_TOO_MUCH = re.compile(
    r"too many samples|-search\.max|exceed\w* .*limit|limit.* exceed|exceeded the max"
)
_TOO_LONG = re.compile(r"timed out|timeout|maxQueryDuration|deadline exceeded|canceled")
_PATHS = ("/api/v1", "/api/v1/query", "/graph", "/vmui")

Labels = Mapping[str, str]


class TooMuchError(NetworkError):
    """The question holds more than the server allows: half of it may not."""


class Access(NamedTuple):
    """How to reach a server: its URL with its path, by whose right, and in how many seconds."""

    url: str
    headers: Mapping[str, str] = {}
    #: Read for each request, as tokens of a cluster are renewed.
    token_file: Path | None = None
    #: A file with the certificates to trust; None for those that `requests` trusts.
    ca_file: str | None = None
    #: A client's certificate and key; the key may be in the same file.
    certificate: str | tuple[str, str] | None = None
    timeout: float = 60.0
    #: The connection has so much longer than the server, whose own words come first.
    slack: float = 5.0


class Row(NamedTuple):
    """One series, and its points: (seconds since 1970, value)."""

    labels: Labels
    points: list[tuple[float, float]]

    @property
    def value(self) -> float:
        """Return the last value: the only one of an instant query."""
        return self.points[-1][1]


class _Right(AuthBase):
    """Headers that authorize a request. Set as this, or `.netrc` would win over them."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


class Prometheus:
    """One server. `said` are its warnings, each once; it `is_odd` once it answered what is no number."""

    def __init__(self, access: Access) -> None:
        self.url = root(access.url)
        self.shown = without_password(self.url)
        self.said: list[str] = []
        self.is_odd = False
        self._access = access
        self._session = requests.Session()
        self._posts = True

    def at(self, promql: str, moment: float | None = None) -> list[Row]:
        """Return what a query gives at a moment; now, by the server's clock, where none is given."""
        when = {} if moment is None else {"time": _seconds(moment)}
        return self._numbers(self._result("query", {"query": promql, **when}))

    def samples(self, selector: str, seconds: int, end: float) -> list[Row]:
        """Return the samples of series in so many seconds up to an end.

        From VictoriaMetrics the marker that a series ended comes as a NaN, too: none of these is odd.
        """
        asked = {"query": f"{selector}[{seconds}s]", "time": _seconds(end)}
        return [row for row, _ in self._rows(self._result("query", asked)) if row.points]

    def over(self, promql: str, begin: float, end: float, step: float) -> list[Row]:
        """Return what a query gives at each step from the beginning to the end."""
        asked = {
            "query": promql,
            "start": _seconds(begin),
            "end": _seconds(end),
            "step": _seconds(step),
        }
        return self._numbers(self._result("query_range", asked))

    def series(self, selector: str, begin: float, end: float) -> list[Labels]:
        """Return the labels of the series that a selector chooses in some time."""
        asked = {"match[]": selector, "start": _seconds(begin), "end": _seconds(end)}
        found = self._asked("series", asked).get("data")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self._stranger(f"{self.url}/api/v1/series")
        return found

    def retention(self) -> str:
        """Return how long it keeps samples, as it says it; "" where it doesn't."""
        try:
            answer = self._sent("status/runtimeinfo", {}, by_get=True)
            return str(answer.json()["data"]["storageRetention"])
        except (PopconError, ValueError, KeyError, TypeError):
            return ""  # no Prometheus, or one that doesn't tell everybody

    def page(self) -> bytes:
        """Return what is at the URL itself: a page of /metrics."""
        answer = self._fetched("GET", self._access.url, {})
        if answer.status_code in (401, 403):
            raise self._refused(answer, None)
        if answer.status_code != 200:
            reason = one_line(f"{answer.status_code} {answer.reason}")
            raise NetworkError(
                f"{address_of(answer)!r} answers {reason}: is it an exporter's /metrics?"
            )
        return answer.content

    def _result(self, path: str, asked: dict[str, str]) -> list[dict[str, Any]]:
        # Prometheus takes the shorter of its own limit and this; a fraction only without its unit.
        data = self._asked(path, {**asked, "timeout": _seconds(self._access.timeout)}).get("data")
        rows = data.get("result") if isinstance(data, dict) else None
        if not isinstance(rows, list):
            raise self._stranger(f"{self.url}/api/v1/{path}")
        return rows

    def _asked(self, path: str, asked: dict[str, str]) -> dict[str, Any]:
        answer = self._sent(path, asked)
        body = _json(answer)
        if answer.status_code != 200 or body is None or body["status"] != "success":
            raise self._refused(answer, body)
        warnings = body.get("warnings")
        for words in warnings if isinstance(warnings, list) else filter(None, [warnings]):
            self._hears(one_line(words))
        if body.get("isPartial"):
            self._hears("the answer is partial: a part of the store is away")
        return body

    def _hears(self, words: str) -> None:
        if words not in self.said:
            self.said.append(words)

    def _sent(self, path: str, asked: dict[str, str], *, by_get: bool = False) -> requests.Response:
        """Send a question, by POST, as it may be long; by GET where POST isn't allowed."""
        address = f"{self.url}/api/v1/{path}"
        if self._posts and not by_get:
            answer = self._fetched("POST", address, {"data": asked})
            if answer.status_code not in (405, 501):
                return answer
            self._posts = False
        return self._fetched("GET", address, {"params": asked})

    def _fetched(self, method: str, address: str, more: dict[str, Any]) -> requests.Response:
        access = self._access
        right = dict(access.headers)
        if access.token_file is not None:
            right["Authorization"] = f"Bearer {_token(access.token_file)}"
        authorizes = any(name.lower() == "authorization" for name in right)
        try:
            answer = fetch(
                self._session,
                method,
                address,
                timeout=access.timeout + access.slack,
                # Said here and not in the session, where REQUESTS_CA_BUNDLE would win.
                verify=access.ca_file,
                cert=access.certificate,
                # After a redirect a POST would be a GET, and a token is for this host.
                allow_redirects=False,
                headers={"Accept": "application/json", **right} if method == "POST" else right,
                auth=_Right(right) if authorizes else None,
                **more,
            )
        except NetworkError as error:
            raise _explained(error) from None
        except OSError as error:  # a certificate's file
            raise FileError(one_line(error)) from None
        if answer.is_redirect or answer.is_permanent_redirect:
            there = urljoin(address, answer.headers["Location"])
            there = without_password(one_line(there.partition("?")[0]))
            raise NetworkError(
                f"{address_of(answer)!r} answers {answer.status_code} and points to {there!r}: "
                "use the URL of the API itself, with what lets you in (--header)"
            )
        return answer

    def _refused(self, answer: requests.Response, body: dict[str, Any] | None) -> PopconError:
        code, place = answer.status_code, address_of(answer)
        words = one_line((body or {}).get("error") or answer.reason or "")
        start = f"{place!r} answers {code} {words}".rstrip()
        if code == 401:
            return NetworkError(f"{start}: it wants a token (--bearer-token-file, --header)")
        if code == 403:
            return NetworkError(f"{start}: your token, or tenant, may not ask that (--header)")
        said = body is not None and code not in (429, 502)
        if code == 504 or (said and _TOO_LONG.search(words)):
            return NetworkError(
                f"{start}: ask for a shorter --since, or give it longer (--timeout)"
            )
        if said and _TOO_MUCH.search(words):
            return TooMuchError(
                f"{start}: ask for a shorter --since, or allow more there (Prometheus: "
                "--query.max-samples)"
            )
        if code == 429:
            return NetworkError(f"{start}: it has too many questions, ask again later")
        if code in (502, 503):
            return NetworkError(f"{start}: it is down, or what stands in front can't reach it")
        if body is None:
            kind = one_line(answer.headers.get("Content-Type", "").partition(";")[0]) or "no type"
            return self._stranger(place, f"{code} {words}, {kind}")
        return NetworkError(start)

    def _stranger(self, place: str, more: str = "") -> NetworkError:
        said = f" ({more})" if more else ""
        return NetworkError(
            f"{without_password(place)!r} does not answer as Prometheus does{said}: check the URL"
        )

    def _numbers(self, rows: list[Any]) -> list[Row]:
        """Return the rows that have numbers, with these."""
        found = self._rows(rows)
        self.is_odd |= any(is_odd for _, is_odd in found)
        return [row for row, _ in found if row.points]

    def _rows(self, rows: list[Any]) -> list[tuple[Row, bool]]:
        """Return each row's numbers, and whether there is besides what is none."""
        found = []
        try:
            for row in rows:
                labels = {str(key): str(value) for key, value in row["metric"].items()}
                points = row["values"] if "values" in row else [row["value"]]
                known = [(float(time), float(value)) for time, value in points]
                if not all(is_number(time) for time, _ in known):
                    raise ValueError(known)
                numbers = [each for each in known if is_number(each[1])]
                found.append((Row(labels, numbers), len(numbers) < len(known)))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._stranger(f"{self.url}/api/v1/query") from None
        return found


def root(url: str) -> str:
    """Return what stands before a server's `/api/v1`. Raises `UsageError`.

    >>> root("https://example.org/prometheus/api/v1/")
    'https://example.org/prometheus'
    """
    if not is_base(url):
        raise UsageError(
            f"not the URL of a Prometheus, such as http://localhost:9090: {without_password(url)!r}"
        )
    short = url.rstrip("/")
    for path in _PATHS:
        if short.endswith(path):
            return short[: -len(path)]
    return short


def _explained(error: NetworkError) -> NetworkError:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return NetworkError(f"{text} (--ca-file says whose certificates to trust)")
    if "CERTIFICATE_REQUIRED" in text or "HANDSHAKE_FAILURE" in text.upper():
        return NetworkError(f"{text} (--cert and --key say who you are)")
    if any(mark in text for mark in ("WRONG_VERSION_NUMBER", "RECORD_LAYER", "EOF occurred")):
        return NetworkError(f"{text} (it speaks no TLS: http:// instead of https://?)")
    if text.startswith("no answer"):
        return NetworkError(f"{text}: ask for a shorter --since, or give it longer (--timeout)")
    return error


def _token(file: Path) -> str:
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise FileError(f"can't read '{file}': {reason}") from None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise FileError(f"no token in '{file}'")
    return token


def _json(answer: requests.Response) -> dict[str, Any] | None:
    """Return what the API says, None where it isn't the API."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and "status" in body else None


def _seconds(number: float) -> str:
    """Return a time or a length as the API takes it.

    >>> _seconds(1767225600.0), _seconds(0.25)
    ('1767225600', '0.25')
    """
    return json.dumps(int(number) if float(number).is_integer() else number)
