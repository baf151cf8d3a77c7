"""In: a path of Grafana's HTTP API. Out: the JSON that it answers, or one line that says what to do.

Sources: Grafana's documents, HTTP API: Authentication, Other (`/api/health`), Dashboard, Folder.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from popcon.errors import NetworkError, PopconError, UsageError
from popcon.http_client import address_of, fetch, is_base, one_line, without_password

#: Since 10 all that dashboards have is there: 9 has neither all of the transformations nor cells' options.
OLDEST = 10


class RefusedError(NetworkError):
    """Grafana answered, and not with what was asked for."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class Token(AuthBase):
    """A service account's token as a request's authorization. Never printed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Nobody(AuthBase):
    """No authorization, not even what `.netrc` says of that host."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def credentials(text: str) -> AuthBase:
    """Return how to authorize by a token, or by `user:password`. Raises `UsageError`; quotes nothing."""
    text = text.strip()
    user, colon, password = text.partition(":")
    if colon:
        return HTTPBasicAuth(user.encode(), password.encode())
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError("GRAFANA_TOKEN holds no token: it is empty, or has characters of no token")
    return Token(text)


def root(url: str) -> str:
    """Return the root of a Grafana, ending in a slash. Raises `UsageError`.

    >>> root("https://example.org/grafana")
    'https://example.org/grafana/'
    """
    shown = without_password(url)
    if not is_base(url):
        raise UsageError(f"not the URL of a Grafana, such as https://example.org/: {shown!r}")
    if "@" in urlsplit(url).netloc:
        raise UsageError(
            f"no user or password belongs in the URL, where others can read it: {shown!r}; "
            "set GRAFANA_TOKEN to a token, or to user:password"
        )
    return url.rstrip("/") + "/"


class Access(NamedTuple):
    """How to reach a Grafana: its root, by whose right, and in how many seconds."""

    url: str
    auth: AuthBase
    timeout: float
    #: A file with the certificates to trust; None for those that `requests` trusts.
    ca_file: str | None = None


class Grafana:
    """One Grafana, over one connection; a context manager."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._session = requests.Session()
        self.url = access.url

    def __enter__(self) -> Grafana:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def version(self) -> str:
        """Return its version, as far as it tells, once it is sure that this is a Grafana.

        No token is sent for that, so that a wrong URL learns none.
        """
        answer = self._send("GET", "api/health", auth=_Nobody())
        if answer.status_code in (401, 403):  # what stands in front wants the token here too
            answer = self._send("GET", "api/health")
        body = _json(answer)
        if not isinstance(body, dict) or "database" not in body:
            raise self._stranger(answer)
        if body["database"] != "ok":
            raise NetworkError(f"the Grafana at {self.url!r} says that its database is not well")
        version = one_line(body.get("version") or "")
        major = version.partition(".")[0]
        if major.isdecimal() and int(major) < OLDEST:
            raise PopconError(
                f"the Grafana at {self.url!r} is version {version!r}; {OLDEST} or later is needed"
            )
        return version

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:
        """Return what is at a path; None where Grafana says that there is nothing."""
        answer = self._send("GET", path, params=params or {})
        body = _json(answer)
        if answer.status_code == 404 and isinstance(body, dict):
            return None
        return self._checked(answer, body)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send JSON to a path and return what comes back."""
        answer = self._send("POST", path, json=body)
        return self._checked(answer, _json(answer))

    def _send(
        self, method: str, path: str, auth: AuthBase | None = None, **more: Any
    ) -> requests.Response:
        try:
            answer = fetch(
                self._session,
                method,
                self.url + path,
                timeout=self._access.timeout,
                auth=auth or self._access.auth,  # set: or `.netrc` would be asked
                # Said here and not in the session, where REQUESTS_CA_BUNDLE would win.
                verify=self._access.ca_file,
                # The token is for this host; and after a redirect a POST would be a GET.
                allow_redirects=False,
                headers={"Accept": "application/json"},
                **more,
            )
        except NetworkError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise NetworkError(
                    f"{error} (--ca-file says whose certificates to trust)"
                ) from None
            raise
        if answer.is_redirect or answer.is_permanent_redirect:
            raise self._elsewhere(answer, path)
        return answer

    def _checked(self, answer: requests.Response, body: Any) -> Any:
        code, address = answer.status_code, address_of(answer)
        if code == 200:
            if body is None:
                raise self._stranger(answer)
            return body
        said = body.get("message") if isinstance(body, dict) else None
        text = f"{address!r} answers {code} {one_line(said or answer.reason or '')}".rstrip()
        if code == 401:
            text += ": GRAFANA_TOKEN is wrong, has expired, or is of another Grafana"
        elif code == 403:
            role = "Admin, or datasources:read" if address.endswith("/datasources") else "Editor"
            text += f": GRAFANA_TOKEN's account may not do that; it needs the role {role}"
        elif code in (502, 503, 504):
            text += ": Grafana is down, or what stands in front of it can't reach it"
        elif not isinstance(body, dict):
            raise self._stranger(answer)
        raise RefusedError(text, code)

    def _stranger(self, answer: requests.Response) -> NetworkError:
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        if answer.status_code in (502, 503, 504):
            text = f"answers {answer.status_code}: Grafana is down, or its proxy can't reach it"
        else:
            text = (
                f"does not answer as Grafana does ({answer.status_code}, {one_line(kind) or 'no type'}): "
                f"is {self.url!r} the root of one?"
            )
        return NetworkError(f"{address_of(answer)!r} {text}")

    def _elsewhere(self, answer: requests.Response, path: str) -> NetworkError:
        there = requests.compat.urljoin(self.url + path, answer.headers["Location"])
        there = without_password(one_line(there.partition("?")[0].partition("#")[0]))
        start = f"{address_of(answer)!r} answers {answer.status_code} and points to {there!r}"
        if there.endswith("/" + path):
            return NetworkError(f"{start}: use {there[: -len(path)]!r}")
        return NetworkError(f"{start}: is {self.url!r} the root of a Grafana that takes tokens?")


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
