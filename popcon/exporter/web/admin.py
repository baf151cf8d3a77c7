"""In: what the publication policy holds back, by group. Out: a page for the admin alone.

How many processes a batch has so far must not be seen by others: who reads it report by report knows
what /metrics keeps from them. So this page has a listen address of its own, loopback by default.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from popcon.exporter.web.request import Request
from popcon.exporter.web.server import NOT_FOUND, Answer, HttpServer, Security, only
from popcon.exporter.web.status_page import page, table

_HTML = "text/html; charset=utf-8"


class Batch(Protocol):
    """How far a group's next batch is; times are in seconds since 1970.

    `since` is when its first increment came, `earliest` the soonest that the clock lets it go, None
    where it does already.
    """

    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def processes(self) -> int: ...
    @property
    def min_processes(self) -> int: ...
    @property
    def since(self) -> float: ...
    @property
    def earliest(self) -> float | None: ...


def admin_server(
    channel: socket.socket,
    batches: Callable[[], Sequence[Batch]],
    security: Security | None = None,
) -> HttpServer:
    """Return a server on a bound socket, between `start` and `close`."""

    def answer(request: Request) -> Answer:
        if request.path not in ("/", "/held.json"):
            return NOT_FOUND
        if request.method not in ("GET", "HEAD"):
            return only("GET, HEAD")
        if request.path == "/":
            return Answer(200, held_page(batches()), _HTML, _NOT_KEPT)
        return Answer(200, held_json(batches()), "application/json", _NOT_KEPT)

    return HttpServer(channel, answer, security=security)


def held_json(batches: Sequence[Batch]) -> bytes:
    """Return the batches for programs, `popcon doctor` among them; times are in UTC."""
    held = [
        {
            "labels": dict(one.labels),
            "processes": one.processes,
            "min_processes": one.min_processes,
            "since": _iso(one.since),
            "earliest": None if one.earliest is None else _iso(one.earliest),
        }
        for one in batches
    ]
    return json.dumps({"held": held}, indent=1).encode() + b"\n"


def held_page(batches: Sequence[Batch]) -> bytes:
    """Return the batches for people."""
    title = "popcon: what is held"
    if not batches:
        return page(title, "<p>Nothing is held now.</p>")
    rows = [
        (
            ", ".join(f"{key}={value}" for key, value in one.labels.items()) or "(no site labels)",
            f"{one.processes} of {one.min_processes}",
            _readable(one.since),
            "with enough processes" if one.earliest is None else _readable(one.earliest),
        )
        for one in batches
    ]
    head = ("group", "processes", "held since (UTC)", "published at the earliest (UTC)")
    return page(title, table(rows, head), '<p><a href="held.json">held.json</a></p>')


_NOT_KEPT = (("Cache-Control", "no-store"),)


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _readable(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
