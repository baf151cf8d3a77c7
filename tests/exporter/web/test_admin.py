"""In: what is held back. Out: the admin's page, and what `popcon doctor` makes of it."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import NamedTuple

import pytest

from popcon.cli.doctor import Finding, findings
from popcon.exporter.listen.address import Address, bind
from popcon.exporter.web.admin import admin_server
from popcon.insight.ask import Held, held


class Batch(NamedTuple):
    """How far a group's batch is."""

    labels: dict[str, str]
    processes: int
    min_processes: int
    since: float
    earliest: float | None


#: 2026-09-30 09:12:00 and 09:27:00 UTC.
SINCE, NEXT = 1790759520.0, 1790760420.5
HUB = Batch({"namespace": "hub1", "course": "<x>"}, 4, 10, SINCE, NEXT)
ALONE = Batch({}, 12, 10, SINCE, None)


@contextmanager
def admin(*batches: Batch) -> Iterator[str]:
    """Serve the page; yield its root."""
    server = admin_server(
        bind(Address("127.0.0.1", 0), socket.SOCK_STREAM, "--flag"), lambda: batches
    )
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.close()


def text(url: str, method: str = "GET") -> str:
    """Return what a page says."""
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def test_for_programs() -> None:
    """Each group with its labels, how many of how many processes, and the times in UTC."""
    with admin(HUB, ALONE) as root:
        found = json.loads(text(f"{root}/held.json"))["held"]

    assert found == [
        {
            "labels": {"namespace": "hub1", "course": "<x>"},
            "processes": 4,
            "min_processes": 10,
            "since": "2026-09-30T09:12:00Z",
            "earliest": "2026-09-30T09:27:00Z",
        },
        {
            "labels": {},
            "processes": 12,
            "min_processes": 10,
            "since": "2026-09-30T09:12:00Z",
            "earliest": None,
        },
    ]


@pytest.mark.parametrize(
    "part",
    [
        '<th scope="row">namespace=hub1, course=&lt;x&gt;</th><td>4 of 10</td>',
        "<td>2026-09-30 09:12</td><td>2026-09-30 09:27</td>",
        '<th scope="row">(no site labels)</th><td>12 of 10</td>',
        "<td>with enough processes</td>",
    ],
)
def test_for_people(part: str) -> None:
    """The page says the same in a table."""
    with admin(HUB, ALONE) as root:
        assert part in text(root)


def test_nothing_held() -> None:
    """Where nothing is held, that is said too."""
    with admin() as root:
        assert "Nothing is held now." in text(root)
        assert held(root) == []


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/metrics", "GET", 404), ("/held.json", "POST", 405)]
)
def test_nothing_else_is_here(path: str, method: str, status: int) -> None:
    """There are two pages, to be read."""
    with admin() as root, pytest.raises(urllib.error.HTTPError) as caught:
        text(root + path, method)

    with caught.value as error:
        assert error.code == status


def test_read_back() -> None:
    """What is asked of the page is what was there."""
    utc = timezone.utc
    with admin(HUB) as root:
        assert held(f"{root}/") == [
            Held(
                {"namespace": "hub1", "course": "<x>"},
                4,
                10,
                datetime(2026, 9, 30, 9, 12, tzinfo=utc),
                datetime(2026, 9, 30, 9, 27, tzinfo=utc),
            )
        ]


def doctors(root: str) -> list[Finding]:
    """Return the findings that doctor adds for an admin's page."""
    before = list(findings(None, None, timeout=1))
    return list(findings(None, None, timeout=1, admin_url=root))[len(before) :]


@pytest.fixture
def silent_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sink that takes no canary."""
    monkeypatch.setenv("POPCON_SINK", "print:")


@pytest.mark.usefixtures("silent_sink")
def test_doctor_says_what_is_held() -> None:
    """Nobody has to wonder why a count is not there yet."""
    today = datetime.now(timezone.utc).replace(hour=9, minute=12, second=0, microsecond=0)
    now = HUB._replace(labels={"namespace": "hub1"}, since=today.timestamp(), earliest=None)
    with admin(now, ALONE, HUB) as root:
        found = doctors(root)

    since = "since 2026-09-30 09:12 UTC"
    assert [finding.text for finding in found] == [
        "namespace=hub1: held, 4 of 10 processes, since 09:12 UTC",
        f"no site labels: held, 12 of 10 processes, {since}",
        f"namespace=hub1,course=<x>: held, 4 of 10 processes, {since}, "
        "until 2026-09-30 09:27 UTC at least",
    ]
    assert {finding.state for finding in found} == {"note"}


@pytest.mark.usefixtures("silent_sink")
def test_doctor_lists_so_many_groups_and_no_more() -> None:
    """A hub with hundreds of groups does not fill the screen; nothing held is a line too."""
    with admin(*[HUB] * 500) as root:
        found = doctors(root)
    assert len(found) == 21
    assert found[-1].text == f"480 more groups are held: see {root}"

    with admin() as root:
        assert doctors(root) == [Finding("ok", f"nothing is held back at {root}")]


@pytest.mark.usefixtures("silent_sink")
def test_doctor_where_there_is_no_such_page() -> None:
    """A wrong address is a failure with advice."""
    with admin() as root:
        wrong = f"{root}/nothing"
        (finding,) = doctors(wrong)

    assert (finding.state, f"'{wrong}/held.json' answers 404" in finding.text) == ("FAIL", True)
    assert finding.advice


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"held": [{}]}', b'{"held": 1}', b'{"held": [{"labels": 1}]}']
)
def test_another_program_there(body: bytes) -> None:
    """What answers, but otherwise, is named."""
    from popcon.errors import NetworkError
    from popcon.exporter.web.server import Answer, HttpServer

    channel = bind(Address("127.0.0.1", 0), socket.SOCK_STREAM, "--flag")
    server = HttpServer(channel, lambda request: Answer(200, body))
    server.start()
    try:
        with pytest.raises(NetworkError, match="does not answer as popcon's exporter does"):
            held(f"http://127.0.0.1:{server.port}")
    finally:
        server.close()
