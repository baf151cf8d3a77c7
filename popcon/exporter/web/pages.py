"""In: requests for the exporter's pages. Out: /metrics, the probes, reloads, and a page for people.

The paths are those of statsd_exporter, and `/health`, where the official chart's probes ask.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from popcon.errors import PopconError
from popcon.exporter.web.request import Request, accepted
from popcon.exporter.web.server import NOT_FOUND, Answer, HttpServer, Security, only
from popcon.exporter.web.status_page import status_page

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_HEALTHY = Answer(200, b"popcon exporter is Healthy.\n")
_LIFECYCLE = ("/-/reload", "/-/quit")


class Served(Protocol):
    """What the pages are about: an exporter."""

    def page(self, openmetrics: bool) -> bytes:
        """Return the exposition, in text format 0.0.4 or in OpenMetrics 1.0."""

    def reload(self) -> None:
        """Read the rules again; raises `PopconError` where the old ones stay."""

    def quit(self) -> None:
        """Have the exporter end soon."""

    def is_ready(self) -> bool:
        """Return whether what is sent now would be counted."""

    def status(self) -> list[tuple[str, str]]:
        """Return rows of the status page: what it is, and how it is."""


@dataclass(frozen=True)
class WebOptions:
    """Which pages there are; the defaults are those of the flags."""

    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    enable_openmetrics: bool = False


class Pages:
    """Answers requests; `in_flight` is how many answers of /metrics are being made."""

    def __init__(self, served: Served, options: WebOptions) -> None:
        self._served = served
        self._options = options
        self._lock = threading.Lock()
        self._scrapes: Counter[str] = Counter()
        self.in_flight = 0

    def scrapes(self) -> dict[str, int]:
        """Return how often /metrics was answered, by status."""
        with self._lock:
            return dict(self._scrapes)

    def answer(self, request: Request) -> Answer:
        """Return the page that a request is for."""
        path, options = request.path, self._options
        if path in _LIFECYCLE and options.enable_lifecycle:
            if request.method not in ("POST", "PUT"):
                return only("POST, PUT")
            return self._reload() if path == "/-/reload" else self._quit()
        if path not in (options.telemetry_path, "/", "/health", "/-/healthy", "/-/ready"):
            return NOT_FOUND
        if request.method not in ("GET", "HEAD"):
            return only("GET, HEAD")
        if path == options.telemetry_path:
            return self._metrics(request)
        if path == "/-/ready":
            return self._ready()
        if path == "/":
            return self._status()
        return _HEALTHY

    def _metrics(self, request: Request) -> Answer:
        openmetrics = self._options.enable_openmetrics and wants_openmetrics(
            request.headers.get("accept", "")
        )
        with self._lock:
            self.in_flight += 1
        try:
            body = self._served.page(openmetrics)
            answer = Answer(200, body, OPENMETRICS if openmetrics else CONTENT_TYPE)
        except Exception:
            log.exception("a scrape failed")
            answer = Answer(500, b"the metrics could not be written: see the exporter's log\n")
        with self._lock:
            self.in_flight -= 1
            self._scrapes[str(answer.status)] += 1
        return answer

    def _ready(self) -> Answer:
        if self._served.is_ready():
            return Answer(200, b"popcon exporter is Ready.\n")
        return Answer(503, b"popcon exporter is not ready yet.\n")

    def _reload(self) -> Answer:
        try:
            self._served.reload()
        except PopconError as error:
            return Answer(500, f"the old rules stay: {error}\n".encode())
        return Answer(200, b"reloaded\n")

    def _quit(self) -> Answer:
        return Answer(200, b"ending\n", then=self._served.quit)

    def _status(self) -> Answer:
        links = [self._options.telemetry_path, "/-/healthy", "/-/ready"]
        body = status_page(self._served.status(), links)
        return Answer(200, body, "text/html; charset=utf-8")


def web_server(
    channel: socket.socket,
    served: Served,
    options: WebOptions | None = None,
    security: Security | None = None,
) -> tuple[HttpServer, Pages]:
    """Return a server on a bound socket, between `start` and `close`, and what it shows."""
    pages = Pages(served, options or WebOptions())
    return HttpServer(channel, pages.answer, security=security), pages


def wants_openmetrics(accept: str) -> bool:
    """Return whether a client would rather have OpenMetrics than the text format.

    >>> wants_openmetrics("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    True
    """
    weights = accepted(accept)
    names = ("application/openmetrics-text", "application/openmetrics-text;version=1.0.0")
    openmetrics = max(weights.get(name, 0.0) for name in names)
    text = max((w for name, w in weights.items() if name.startswith("text/plain")), default=0.0)
    return openmetrics > 0 and openmetrics >= text
