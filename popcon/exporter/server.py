"""In: datagrams on a UDP socket, requests on an HTTP one. Out: /metrics. Wiring, nothing else."""

from __future__ import annotations

import html
import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from prometheus_client import generate_latest

from popcon.errors import FileError, PopconError
from popcon.exporter.address import Address, bind
from popcon.exporter.exposition import render
from popcon.exporter.mapping import Mapping, load
from popcon.exporter.pipeline import Pipeline
from popcon.exporter.registry import Registry
from popcon.exporter.self_metrics import SelfMetrics
from popcon.exporter.wire import TagStyles

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: The largest datagram that UDP can carry.
_DATAGRAM = 65_535
_SWEEP_SECONDS = 1.0
_STATSD, _WEB = Address("", 9125), Address("", 9102)


@dataclass(frozen=True)
class Options:
    """How an exporter runs; the names and defaults are those of statsd_exporter's flags."""

    listen_udp: Address | None = _STATSD
    listen_web: Address = _WEB
    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    read_buffer: int = 0
    styles: TagStyles = field(default_factory=TagStyles)


class Exporter:
    """Receives, maps, holds and shows, from `start` to `stop`, or as a context manager.

    `read_mapping` is asked for the rules at start and at each reload. The sockets are bound when
    the object is made, so a busy port is a `NetworkError` there and `udp_port` and `web_port`
    tell what port 0 became.
    """

    def __init__(self, read_mapping: Callable[[], Mapping], options: Options | None = None) -> None:
        self.options = options or Options()
        self._read_mapping = read_mapping
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        mapping = read_mapping()
        # The page also holds the exporter's own metrics: no kernel may send one of their names.
        registry = Registry(reserved=SelfMetrics(Pipeline(mapping)).names())
        self.pipeline = Pipeline(mapping, registry=registry, styles=self.options.styles)
        self._self_metrics = SelfMetrics(self.pipeline)
        self._udp: socket.socket | None = None
        if self.options.listen_udp is not None:
            self._udp = bind(self.options.listen_udp, socket.SOCK_DGRAM, "--statsd.listen-udp")
            if self.options.read_buffer:
                self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.options.read_buffer)
            self._udp.settimeout(_SWEEP_SECONDS)
        try:
            web = bind(self.options.listen_web, socket.SOCK_STREAM, "--web.listen-address")
        except PopconError:
            if self._udp is not None:
                self._udp.close()
            raise
        self._web = _WebServer(web, self)

    @property
    def udp_port(self) -> int:
        """The UDP port that is listened on, 0 if none is."""
        return int(self._udp.getsockname()[1]) if self._udp is not None else 0

    @property
    def web_port(self) -> int:
        """The HTTP port that is listened on."""
        return int(self._web.server_address[1])

    def start(self) -> None:
        """Serve, on threads of its own, until `stop`."""
        targets: list[Callable[[], None]] = [self._serve, self._sweep]
        if self._udp is not None:
            targets.append(self._receive)
        for target in targets:
            thread = threading.Thread(target=target, name=f"popcon {target.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop serving and free the ports."""
        self._stopping.set()
        if self._udp is not None:
            with suppress(OSError):  # an empty datagram of our own wakes the receiver
                self._udp.sendto(b"", self._udp.getsockname())
        self._web.shutdown()
        for thread in self._threads:
            thread.join()
        self._web.server_close()
        if self._udp is not None:
            self._udp.close()

    def __enter__(self) -> Exporter:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def reload(self) -> None:
        """Read the rules again; on a `PopconError` the old ones stay, and it is raised."""
        try:
            mapping = self._read_mapping()
        except PopconError:
            self._self_metrics.reloads["failure"] += 1
            raise
        self.pipeline.reload(mapping)
        self._self_metrics.reloads["success"] += 1

    def metrics(self) -> bytes:
        """Return the exposition, in text format 0.0.4."""
        series = render(self.pipeline.registry.families()).encode()
        return series + generate_latest(self._self_metrics.registry)

    def _serve(self) -> None:
        self._web.serve_forever(poll_interval=0.1)

    def _receive(self) -> None:
        assert self._udp is not None
        while not self._stopping.is_set():
            try:
                data = self._udp.recv(_DATAGRAM)
            except socket.timeout:  # an alias of TimeoutError from 3.10 on
                continue
            except OSError as error:  # an ICMP answer to somebody else's packet, say
                log.warning("a datagram could not be read: %s", error)
                continue
            if self._stopping.is_set():
                break
            self._self_metrics.udp_packets += 1
            self.pipeline.feed(data)

    def _sweep(self) -> None:
        while not self._stopping.wait(_SWEEP_SECONDS):
            self.pipeline.registry.sweep()


def read_mapping_file(path: str | os.PathLike[str]) -> Mapping:
    """Return the rules in a file; raises `FileError` with the path in quotes."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"can't read the mapping '{path}': {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise FileError(f"the mapping '{path}' is not UTF-8: {error.reason}") from None
    return load(text, source=str(path))


class _WebServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("a request broke off", exc_info=True)

    def __init__(self, channel: socket.socket, exporter: Exporter) -> None:
        super().__init__(("", 0), _Requests, bind_and_activate=False)
        self.socket.close()
        self.socket = channel
        self.server_address = channel.getsockname()
        self.exporter = exporter
        channel.listen(128)


class _Requests(BaseHTTPRequestHandler):
    server: _WebServer
    protocol_version = "HTTP/1.1"
    timeout = 30.0

    def do_GET(self) -> None:
        exporter = self.server.exporter
        path = urlsplit(self.path).path
        if path == exporter.options.telemetry_path:
            self._answer(200, exporter.metrics(), CONTENT_TYPE)
        elif path in ("/health", "/-/healthy"):
            self._answer(200, b"popcon exporter is Healthy.\n")
        elif path == "/-/ready":
            self._answer(200, b"popcon exporter is Ready.\n")
        elif path == "/":
            self._answer(200, _landing_page(exporter), "text/html; charset=utf-8")
        else:
            self._answer(404, b"404 page not found\n")

    do_HEAD = do_GET  # noqa: N815 - http.server asks for these names

    def do_POST(self) -> None:
        exporter = self.server.exporter
        self.close_connection = True  # a body may follow, and it is no request
        if self.path != "/-/reload" or not exporter.options.enable_lifecycle:
            self._answer(404, b"404 page not found\n")
            return
        try:
            exporter.reload()
        except PopconError as error:
            self._answer(500, f"the old rules stay: {error}\n".encode())
        else:
            self._answer(200, b"reloaded\n")

    do_PUT = do_POST  # noqa: N815

    def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


def _landing_page(exporter: Exporter) -> bytes:
    path = html.escape(exporter.options.telemetry_path, quote=True)
    return (
        "<!doctype html><html lang=en><title>popcon exporter</title>"
        f'<h1>popcon exporter</h1><p><a href="{path}">Metrics</a></p>'
    ).encode()
