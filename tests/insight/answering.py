"""In: what to answer. Out: a real server on loopback that answers so, over TLS where it has a certificate."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Answer(NamedTuple):
    """A status, a body and headers; `refuses` are methods that get a 405 instead."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = {}
    refuses: str = ""


class Question(NamedTuple):
    """What was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


@contextmanager
def answering(
    answer: Answer, context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[Question]]]:
    """Run it, and return its URL and what it was asked."""
    asked: list[Question] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            asked.append(Question(self.command, self.path, dict(self.headers), body))
            refused = self.command == answer.refuses
            self.send_response(405 if refused else answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"" if refused else answer.body.encode())

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}", asked
        server.shutdown()
