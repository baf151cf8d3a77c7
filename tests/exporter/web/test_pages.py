"""In: requests over real sockets. Out: the pages, whatever other clients do meanwhile."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from popcon.errors import FileError, NetworkError
from popcon.exporter.listen.address import Address, bind
from popcon.exporter.web.pages import (
    CONTENT_TYPE,
    OPENMETRICS,
    Pages,
    WebOptions,
    wants_openmetrics,
)
from popcon.exporter.web.request import MAX_HEAD, accepted
from popcon.exporter.web.server import PATIENCE, Answer, HttpServer
from tests.conftest import clean_environ, eventually


class Exporter:
    """What the pages are about, as far as a page can tell."""

    def __init__(self) -> None:
        self.body = b"m 1\n"
        self.ready = True
        self.ended = threading.Event()
        self.reloads = 0

    def page(self, openmetrics: bool) -> bytes:
        return b"# EOF\n" if openmetrics else self.body

    def reload(self) -> None:
        self.reloads += 1
        if self.reloads > 1:
            raise FileError("line 1: unknown key 'nme'")

    def quit(self) -> None:
        self.ended.set()

    def is_ready(self) -> bool:
        return self.ready

    def status(self) -> list[tuple[str, str]]:
        return [("rules", '12, from <mapping> & "co"')]


class Site:
    """A server with its pages."""

    def __init__(self, options: WebOptions, **more: Any) -> None:
        self.exporter = Exporter()
        self.pages = Pages(self.exporter, options)
        channel = bind(Address("127.0.0.1", 0), socket.SOCK_STREAM, "--web.listen-address")
        self.server = HttpServer(channel, self.pages.answer, **more)
        self.server.start()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=10)

    def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A site with everything switched on."""
    made = Site(WebOptions(enable_lifecycle=True, enable_openmetrics=True))
    yield made
    made.server.close()


def said(client: socket.socket, request: bytes) -> bytes:
    """Return all that comes back until the other side ends the connection."""
    client.sendall(request)
    return b"".join(iter(lambda: client.recv(65_536), b""))


@pytest.mark.parametrize(
    ("path", "method", "status", "body"),
    [
        ("/metrics", "GET", 200, b"m 1\n"),
        ("/metrics?name=x", "GET", 200, b"m 1\n"),
        ("http://exporter:9102/metrics", "GET", 200, b"m 1\n"),
        ("/metrics", "HEAD", 200, b""),
        ("/metrics", "POST", 405, b"use GET, HEAD\n"),
        ("/-/healthy", "GET", 200, b"popcon exporter is Healthy.\n"),
        ("/health", "GET", 200, b"popcon exporter is Healthy.\n"),
        ("/-/ready", "GET", 200, b"popcon exporter is Ready.\n"),
        ("/-/reload", "POST", 200, b"reloaded\n"),
        ("/-/reload", "PUT", 200, b"reloaded\n"),
        ("/-/reload", "GET", 405, b"use POST, PUT\n"),
        ("/nothing", "GET", 404, b"404 page not found\n"),
        ("//metrics", "GET", 404, b"404 page not found\n"),
    ],
)
def test_pages(site: Site, path: str, method: str, status: int, body: bytes) -> None:
    """Every page answers as an operator's probes expect."""
    found = site.ask(path, method)

    assert (status, body) == (found[0], found[2])


def test_ready_and_quit(site: Site) -> None:
    """Not ready is 503; asking it to end is answered first."""
    site.exporter.ready = False
    assert site.ask("/-/ready")[0] == 503

    assert site.ask("/-/quit", "PUT")[0] == 200
    assert site.exporter.ended.wait(10)


def test_a_bad_reload_says_why(site: Site) -> None:
    """A reload that fails answers 500, with the reason."""
    site.ask("/-/reload", "POST")
    status, _, body = site.ask("/-/reload", "POST")

    assert (status, body) == (500, b"the old rules stay: line 1: unknown key 'nme'\n")


def test_without_lifecycle_nothing_can_be_asked_for() -> None:
    """Without its flag, nobody reloads or ends an exporter by HTTP."""
    made = Site(WebOptions())
    try:
        assert [made.ask(path, "POST")[0] for path in ("/-/reload", "/-/quit")] == [404, 404]
        assert not made.exporter.reloads
    finally:
        made.server.close()


def test_status_page(site: Site) -> None:
    """The front page shows what the exporter says of itself, as text, and links to the others."""
    status, headers, body = site.ask("/")

    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"12, from &lt;mapping&gt; &amp; &quot;co&quot;" in body
    assert b'<a href="/metrics">' in body


def test_metrics_at_the_root() -> None:
    """Where the metrics are at `/`, there is no front page, as in statsd_exporter."""
    made = Site(WebOptions(telemetry_path="/"))
    try:
        assert made.ask("/")[2] == b"m 1\n"
        assert made.ask("/metrics")[0] == 404
    finally:
        made.server.close()


@pytest.mark.parametrize(
    ("encodings", "size", "compressed"),
    [
        ("gzip", 5000, True),
        ("deflate, GZIP;q=0.5", 5000, True),
        ("gzip;q=0", 5000, False),
        ("identity", 5000, False),
        ("gzip", 500, False),
    ],
)
def test_compression(site: Site, encodings: str, size: int, compressed: bool) -> None:
    """A page is compressed for those who take it, unless it is too small to be worth it."""
    site.exporter.body = b"x" * size
    _, headers, body = site.ask("/metrics", Accept_Encoding=encodings)

    assert (headers["Content-Encoding"] == "gzip") is compressed
    assert (gzip.decompress(body) if compressed else body) == site.exporter.body
    assert int(headers["Content-Length"]) == len(body)


#: What Prometheus 3 sends.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROMETHEUS, True),
        ("application/openmetrics-text", True),
        ('application/openmetrics-text; version="1.0.0"', True),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.5", False),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=x", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_who_gets_openmetrics(site: Site, accept: str, wanted: bool) -> None:
    """OpenMetrics goes to those who would rather have it; everybody else gets the text format."""
    assert wants_openmetrics(accept) is wanted

    _, headers, body = site.ask("/metrics", Accept=accept)
    kind, text = (OPENMETRICS, b"# EOF\n") if wanted else (CONTENT_TYPE, b"m 1\n")
    assert (kind, text) == (headers["Content-Type"], body)


def test_no_openmetrics_without_its_flag() -> None:
    """Nobody gets OpenMetrics unless the exporter was told so."""
    made = Site(WebOptions())
    try:
        assert made.ask("/metrics", Accept=PROMETHEUS)[1]["Content-Type"] == CONTENT_TYPE
    finally:
        made.server.close()


def test_a_scrape_that_fails_is_answered_and_counted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours is a 500 with a body, counted by its code, and the next scrape works."""
    site.ask("/metrics")
    with monkeypatch.context() as patch:
        patch.setattr(site.exporter, "page", lambda openmetrics: 1 / 0)
        assert site.ask("/metrics")[0] == 500
    site.ask("/metrics")

    assert site.pages.scrapes() == {"200": 2, "500": 1}
    assert site.pages.in_flight == 0


def test_one_connection_for_many_requests(site: Site) -> None:
    """A connection stays open, also when requests come faster than answers are read."""
    with site.connect() as client:
        end = b"GET /-/healthy HTTP/1.1\r\nConnection: close\r\n\r\n"
        answer = said(client, b"GET /metrics HTTP/1.1\r\n\r\n" * 50 + b"\r\n" + end)

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 51


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(b"nonsense\r\n\r\n", 400, id="no-request"),
        pytest.param(b"\xff\xfe \x00 HTTP/1.1\r\n\r\n", 400, id="not-text"),
        pytest.param(b"GET http://[ HTTP/1.1\r\n\r\n", 400, id="no-target"),
        pytest.param(b"GET / HTTP/2.0\r\n\r\n", 505, id="version"),
        pytest.param(b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, id="no-header"),
        pytest.param(b"GET / HTTP/1.1\r\nname : x\r\n\r\n", 400, id="space-before-the-colon"),
        pytest.param(b"GET /" + b"a" * MAX_HEAD + b" HTTP/1.1\r\n\r\n", 414, id="long-target"),
        pytest.param(
            b"GET / HTTP/1.1\r\n" + b"a: " + b"b" * MAX_HEAD + b"\r\n\r\n", 431, id="long-header"
        ),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 3000 + b"\r\n", 431, id="many-headers"),
        pytest.param(b"GET /metrics HTTP/1.0\r\n\r\n", 200, id="http-1.0"),
        pytest.param(
            b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 200, id="chunks"
        ),
        pytest.param(
            b"GET /metrics HTTP/1.1\r\nContent-Length: 25\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
            200,
            id="a-body-is-not-a-request",
        ),
        pytest.param(b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 200, id="no-length"),
    ],
)
def test_odd_requests(site: Site, request_: bytes, status: int) -> None:
    """What can't be read, or isn't expected here, gets one answer, and the connection ends."""
    with site.connect() as client:
        answer = said(client, request_)

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1 ") == 1


def test_clients_that_reset_their_connection_leave_no_trace(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    """A client that goes away in the middle is nobody's matter."""
    site.exporter.body = b"x" * 1_000_000
    for _ in range(5):
        with site.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" * 20)

    assert site.ask("/-/healthy")[0] == 200
    assert capfd.readouterr() == ("", "")


def doings(site: Site) -> list[str]:
    """Return what each connection is doing."""
    return [connection.doing for connection in site.server.connections()]


def ended(client: socket.socket) -> bool:
    """Return whether the other side has ended this connection."""
    client.setblocking(False)
    try:
        return not client.recv(1)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    ("beginning", "doing"),
    [(b"", "idle"), (b"GET /metrics HT", "reading"), (b"GET / HTTP/1.1\r\na: b\r\n", "reading")],
)
def test_silent_clients_stop_nobody(beginning: bytes, doing: str) -> None:
    """Where all connections are taken, the one that was silent longest makes room."""
    made = Site(WebOptions(), max_connections=4)
    silent = []
    try:
        for _ in range(4):
            silent.append(made.connect())
            silent[-1].sendall(beginning)
            assert eventually(lambda: doings(made).count(doing) == len(silent))
        assert made.ask("/metrics")[0] == 200

        assert eventually(lambda: ended(silent[0]))
        assert [ended(client) for client in silent[1:]] == [False] * 3
    finally:
        made.server.close()
        for client in silent:
            client.close()


#: A server with few file descriptors, which ends with its standard input.
CRAMPED = """
import resource, socket, sys
from popcon.exporter.web.server import Answer, HttpServer
resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
channel = socket.socket()
channel.bind(("127.0.0.1", 0))
server = HttpServer(channel, lambda request: Answer(200, b"fine\\n"))
server.start()
print(server.port, flush=True)
sys.stdin.read()
"""


def test_out_of_file_descriptors() -> None:
    """Where the system gives no more connections, silent ones make room too."""
    pytest.importorskip("resource", reason="no limits on this system")
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as stack:
        command = [sys.executable, "-c", CRAMPED]
        child = stack.enter_context(
            subprocess.Popen(command, stdin=pipe, stdout=pipe, env=clean_environ(), text=True)
        )
        assert child.stdout is not None
        address = ("127.0.0.1", int(child.stdout.readline()))
        for _ in range(50):
            stack.enter_context(socket.create_connection(address, timeout=10))
        client = stack.enter_context(socket.create_connection(address, timeout=10))
        answer = said(client, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert answer.endswith(b"fine\n")


def test_answers_that_nobody_reads_stop_nobody_for_long() -> None:
    """Clients that ask and don't read hold their connections for ten seconds, then make room."""
    now = [0.0]
    made = Site(WebOptions(), max_connections=2, clock=lambda: now[0])
    made.exporter.body = b"x" * 30_000_000
    try:
        greedy = [made.connect() for _ in range(2)]
        for client in greedy:
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert client.recv(1)
        with made.connect() as refused:
            assert said(refused, b"") == b""

        now[0] = 11.0
        assert made.ask("/-/healthy")[0] == 200
        for client in greedy:
            client.close()
    finally:
        made.server.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_no_address_keeps_the_others_out() -> None:
    """Where one address has all connections and reads no answer, the next one gets its own, and
    keeps it, idle or not, however many the first one opens.
    """
    made = Site(WebOptions(), max_connections=3)
    made.exporter.body = b"x" * 30_000_000
    address = ("127.0.0.1", made.server.port)
    with contextlib.ExitStack() as stack:
        stack.callback(made.server.close)

        def greedy() -> None:
            client = stack.enter_context(made.connect())
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            client.settimeout(5)
            with contextlib.suppress(ConnectionError):
                client.recv(1)

        for _ in range(3):
            greedy()
        source = ("127.0.0.2", 0)
        other = stack.enter_context(socket.create_connection(address, 10, source))
        for _ in range(3):
            other.sendall(b"GET /-/healthy HTTP/1.1\r\n\r\n")
            assert other.recv(65_536).startswith(b"HTTP/1.1 200 ")
            greedy()


@pytest.mark.parametrize(
    ("sent", "doing"),
    [(b"", "idle"), (b"GET ", "reading"), (b"GET /metrics HTTP/1.1\r\n\r\n", "answering")],
)
def test_who_takes_too_long_is_cut_off(sent: bytes, doing: str) -> None:
    """A client that says nothing, is slow to ask or slow to read has so much time and no more."""
    now = [0.0]
    made = Site(WebOptions(), patience={**PATIENCE, doing: 1.0}, clock=lambda: now[0])
    made.exporter.body = b"x" * 30_000_000
    try:
        with made.connect() as client:
            client.sendall(sent)
            assert eventually(lambda: doings(made) == [doing])
            now[0] = 2.0
            assert eventually(lambda: doings(made) == [])
    finally:
        made.server.close()


def test_an_end_ends_all_connections() -> None:
    """Closing the server ends the connections that were open, and frees the port."""
    made = Site(WebOptions())
    with made.connect() as client:
        client.sendall(b"GET /-/healthy HTTP/1.1\r\n\r\n")
        assert client.recv(65_536)
        made.server.close()

        assert client.recv(65_536) == b""
    bind(Address("127.0.0.1", made.server.port), socket.SOCK_STREAM, "--flag").close()


def test_two_that_begin_at_once() -> None:
    """Both can bind the port; the one that listens later is refused, in one line."""
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(bind(Address("127.0.0.1", 0), socket.SOCK_STREAM, "--flag"))
        port = first.getsockname()[1]
        second = stack.enter_context(bind(Address("127.0.0.1", port), socket.SOCK_STREAM, "--flag"))
        HttpServer(first, lambda request: Answer(200, b""))
        with pytest.raises(NetworkError, match=f"can't listen on '127.0.0.1:{port}': Address"):
            HttpServer(second, lambda request: Answer(200, b""))


def test_closing_a_server_that_never_started() -> None:
    """A server that was made and not started frees its port too."""
    channel = bind(Address("127.0.0.1", 0), socket.SOCK_STREAM, "--flag")
    HttpServer(channel, lambda request: Answer(200, b"")).close()

    assert channel.fileno() == -1


def test_accepted() -> None:
    """An Accept header says what is taken, and how gladly."""
    found = accepted("gzip, br;q=0.5, a/b ; version=1 ; q=0.1, ,x;q=oops")

    assert found == {"gzip": 1.0, "br": 0.5, "a/b;version=1": 0.1, "x": 0.0}
