"""In: a listening socket, and a function from request to answer. Out: HTTP/1.1, for many clients.

Each connection has a thread. There are so many at once and no more: where all are taken, one of the
address that has most of them makes room, so that no address keeps the others out, and of these the
one that has been silent longest, so that clients who open connections and say nothing stop nobody.
The slow ones are cut off by the thread that accepts, which looks at all of them now and then.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedReader
from socketserver import BaseRequestHandler, TCPServer
from typing import NamedTuple, Protocol, cast

from popcon.errors import NetworkError
from popcon.exporter.web.request import BadRequestError, Request, accepted, read_request

log = logging.getLogger(__name__)

TEXT = "text/plain; charset=utf-8"
#: Connections at once. Two Prometheus servers, probes and a few people need about ten.
MAX_CONNECTIONS = 64
#: Seconds that a connection may spend doing so before it is cut off.
PATIENCE = {"greeting": 10.0, "idle": 120.0, "reading": 10.0, "answering": 60.0}
#: How often is looked at who takes too long, and whether to end.
_LOOK_SECONDS = 0.5
#: Seconds after which an answer that nobody takes makes room too, where all connections are taken.
_STUCK = 10.0
#: Seconds that an end waits for answers that are being made.
_LAST_SECONDS = 5.0
#: How often is read from a client that has been answered and goes on sending.
_LAST_READS = 64
#: Bytes from which on a body is compressed, and up to which head and body leave in one write.
_WORTH_COMPRESSING, _ONE_WRITE = 1024, 65_536


class Answer(NamedTuple):
    """What a page says; `then` is called once it has been sent."""

    status: int
    body: bytes
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()
    then: Callable[[], object] | None = None


NOT_FOUND = Answer(404, b"404 page not found\n")


def only(methods: str) -> Answer:
    """Return the answer to a method that a page doesn't take."""
    return Answer(405, f"use {methods}\n".encode(), headers=(("Allow", methods),))


class Security(Protocol):
    """Who may ask, and over what; `web_config` makes one."""

    def wrap(self, channel: socket.socket) -> socket.socket:
        """Return the connection to talk over."""

    def handshake(self, channel: socket.socket) -> None:
        """Do what comes before the first request on it; an `OSError` ends the connection."""

    def allows(self, authorization: str) -> bool:
        """Return whether a request with this Authorization header may be answered."""

    def end(self) -> None:
        """Allow nothing more: who waits for an answer isn't to wait any longer."""


class HttpServer(TCPServer):
    """Answers by `answer`, on threads of its own, from `start` to `close`.

    `channel` is bound and not yet listening; `clock` gives seconds. Raises `NetworkError` where
    somebody else, who bound the port at the same time, listens already.
    """

    def __init__(
        self,
        channel: socket.socket,
        answer: Callable[[Request], Answer],
        *,
        security: Security | None = None,
        max_connections: int = MAX_CONNECTIONS,
        patience: dict[str, float] = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(("", 0), BaseRequestHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = channel
        self.server_address = channel.getsockname()
        self.answer = answer
        self.security = security
        self.clock = clock
        self._max_connections = max_connections
        self._patience = patience
        self._open: set[Connection] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        try:
            channel.listen(128)
        except OSError as error:
            shown = f"'{channel.getsockname()[0]}:{self.port}'"
            raise NetworkError(f"can't listen on {shown}: {error.strerror or error}") from None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Accept connections from now on."""
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_LOOK_SECONDS,), name="popcon web", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving, free the port and end all connections; also without a start."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()
        for connection in self.connections():
            connection.cut()
        if self.security is not None:
            self.security.end()
        # Python before 3.14 aborts where it ends while a thread is in code such as bcrypt's.
        deadline = time.monotonic() + _LAST_SECONDS
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a connection; out of file descriptors, wait a little instead of trying at once."""
        try:
            return self.socket.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
                time.sleep(0.05)
            raise

    def process_request(self, request: object, client_address: object) -> None:
        """Give a connection its thread, or close it where there is no room."""
        host = client_address[0] if isinstance(client_address, tuple) else ""
        connection = Connection(cast("socket.socket", request), self, host)
        if len(self._open) >= self._max_connections and not self._make_room(host):
            log.debug("all %d connections are taken: one was refused", self._max_connections)
            connection.close()
            return
        with self._lock:
            self._open.add(connection)
        thread = threading.Thread(
            target=self._serve, args=(connection,), name="popcon http", daemon=True
        )
        with self._lock:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # no more threads on this machine
            connection.close()
            with self._lock:
                self._threads.discard(thread)

    def _serve(self, connection: Connection) -> None:
        connection.serve()
        with self._lock:
            self._threads.discard(threading.current_thread())

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what went wrong before a connection had its thread."""
        log.exception("a connection could not be served")

    def service_actions(self) -> None:
        """Cut off who takes too long; `serve_forever` calls this several times a second."""
        now = self.clock()
        for connection in self.connections():
            if now - connection.since > self._patience[connection.doing]:
                connection.cut()

    def connections(self) -> list[Connection]:
        """Return those that are open now."""
        with self._lock:
            return list(self._open)

    def forget(self, connection: Connection) -> None:
        """Take a connection that has ended off the list."""
        with self._lock:
            self._open.discard(connection)

    def _make_room(self, host: str | None = None) -> bool:
        """Cut off a connection of the address that has most, that of the new one included: the one
        that has been silent longest, else one that nobody reads from, or where the new one's
        address has fewer, any. Without a `host` all addresses are alike.
        """
        now = self.clock()
        with self._lock:
            held = Counter(host and one.host for one in self._open)
            held[host] += 1
            most = max(held.values())
            greedy = [one for one in self._open if held[host and one.host] == most]
            silent = [one for one in greedy if one.doing != "answering"]
            stuck = [one for one in greedy if held[host] < most or now - one.since > _STUCK]
            if not silent and not stuck:
                return False
            chosen = min(silent or stuck, key=lambda one: one.since)
            self._open.discard(chosen)
        chosen.cut()
        return True


class Connection:
    """One client's connection: the client's address, what it is doing, and since when."""

    def __init__(self, channel: socket.socket, server: HttpServer, host: str = "") -> None:
        self.host = host
        self._channel = channel
        self._server = server
        self._is_cut = False
        self._turn("greeting")  # that is TLS, where there is some

    def _turn(self, doing: str) -> None:
        self.since = self._server.clock()  # before the next line: nobody is to be found late here
        self.doing = doing

    def cut(self) -> None:
        """End the connection from another thread: whatever its own waits for, comes to an end."""
        self._is_cut = True
        with suppress(OSError):
            # Not SSLSocket's: it would let its own thread go on in plain text for a moment.
            socket.socket.shutdown(self._channel, socket.SHUT_RDWR)

    def close(self) -> None:
        """Free it."""
        self._server.forget(self)
        self.cut()
        self._channel.close()

    def serve(self) -> None:
        """Answer requests until one side has had enough."""
        try:
            self._channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._server.security is not None:
                self._channel = self._server.security.wrap(self._channel)
                if self._is_cut:  # just when the one channel became the other
                    return
                self._server.security.handshake(self._channel)
            with self._channel.makefile("rb") as stream:
                self._turn("idle")
                while stream.peek(1) and self._serve_one(stream):
                    self._turn("idle")
                self._turn("reading")
                self._part(stream)
        except (OSError, ValueError):  # ssl's errors among them
            log.debug("a connection broke off", exc_info=True)
        except Exception:
            log.exception("a request failed")
        finally:
            self.close()

    def _part(self, stream: BufferedReader) -> None:
        """Say that nothing more comes, and read on for a while: bytes that nobody has read when a
        socket is closed would have the system take back the answer.
        """
        socket.socket.shutdown(self._channel, socket.SHUT_WR)
        for _ in range(_LAST_READS):
            if not stream.read1(65_536):
                break

    def _serve_one(self, stream: BufferedReader) -> bool:
        """Read one request and answer it; return whether another may follow."""
        self._turn("reading")
        try:
            request = read_request(stream)
        except BadRequestError as error:
            self._send(Request("", "", {}, keeps=False), _plain(error.status))
            return False
        if request is None:
            return False
        self._turn("answering")
        security = self._server.security
        if security is not None and not security.allows(request.headers.get("authorization", "")):
            challenge = (("WWW-Authenticate", 'Basic realm="popcon"'),)
            answer = _plain(401)._replace(headers=challenge)
        else:
            answer = self._server.answer(request)
        self._send(request, answer)
        if answer.then is not None:
            answer.then()
        return request.keeps

    def _send(self, request: Request, answer: Answer) -> None:
        body = answer.body
        head = [
            f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
            f"Content-Type: {answer.content_type}",
            f"Date: {formatdate(usegmt=True)}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        if len(body) >= _WORTH_COMPRESSING:
            head.append("Vary: Accept-Encoding")
            if accepted(request.headers.get("accept-encoding", "")).get("gzip"):
                body = _gzip(body)
                head.append("Content-Encoding: gzip")
        head.append(f"Content-Length: {len(body)}")
        if not request.keeps:
            head.append("Connection: close")
        written = "\r\n".join([*head, "", ""]).encode("latin-1")
        if request.method == "HEAD":
            body = b""
        if len(body) <= _ONE_WRITE:
            self._channel.sendall(written + body)
        else:
            self._channel.sendall(written)
            self._channel.sendall(body)


def _plain(status: int) -> Answer:
    return Answer(status, f"{status} {HTTPStatus(status).phrase}\n".encode())


def _gzip(body: bytes) -> bytes:
    """Compress at level 1: higher ones take three times as long for a fifth less."""
    press = zlib.compressobj(1, zlib.DEFLATED, 31)  # 31: with gzip's head and no time in it
    return press.compress(body) + press.flush()
