"""In: options. Out: a running exporter: sockets, pages, a state file, and what is done each second.

Wiring, nothing else: what each part does is written in its own module.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from popcon.catalog import CANARY
from popcon.errors import NetworkError, PopconError, UsageError
from popcon.exporter import run_context
from popcon.exporter.listen import buffers
from popcon.exporter.listen.address import bind
from popcon.exporter.listen.canary import Canary
from popcon.exporter.listen.receive import Receiver
from popcon.exporter.listen.relay import Relay
from popcon.exporter.listen.tcp import TcpListener
from popcon.exporter.listen.unixgram import bind_unixgram
from popcon.exporter.mapping.mapping import Mapping
from popcon.exporter.mapping.watched import WatchedFile
from popcon.exporter.options import Options
from popcon.exporter.pipeline import OVERFLOWS, Pipeline
from popcon.exporter.privacy import publication
from popcon.exporter.privacy.policy import OFF
from popcon.exporter.privacy.publication import Publication
from popcon.exporter.self_metrics import SelfMetrics
from popcon.exporter.series.openmetrics import render_openmetrics
from popcon.exporter.series.registry import Registry
from popcon.exporter.series.series import Family
from popcon.exporter.standing import Buffer, Counted, Privacy, Relayed, Saved, Standing, Tcp
from popcon.exporter.state.persistence import Persistence, Source
from popcon.exporter.state.since import Since
from popcon.exporter.web.admin import admin_server
from popcon.exporter.web.config import FileSecurity
from popcon.exporter.web.pages import web_server

log = logging.getLogger(__name__)

_SECOND = 1.0
_CANARY_ID = "exporter"
#: Twice a second, so that what a kill loses is less than a second of counts.
_SAVE_SECONDS = 0.5
#: Seconds that the end waits for a look at the mapping file.
_PATIENCE = 3.0


class Exporter:
    """Receives, maps, holds and shows, from `start` to `stop`, or as a context manager.

    `read_mapping` is asked for the rules at start and at each reload; `watched` is the file that
    they are in, looked at each second. Everything that can be refused is refused when the object is
    made, with a `PopconError`; `udp_port`, `tcp_port` and `web_port` tell what port 0 became.
    """

    def __init__(
        self,
        read_mapping: Callable[[], Mapping],
        options: Options | None = None,
        *,
        watched: WatchedFile | None = None,
        quit: Callable[[], None] | None = None,
    ) -> None:
        self.options = options = options or Options()
        self._read_mapping = read_mapping
        self._watched = watched
        self._quit = quit
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._watching: threading.Thread | None = None
        self._reloads: Counter[str] = Counter()
        self._reload_successful = True
        self._reloading = threading.Lock()
        self._looks_in_vain = 0
        self._started = self._reloaded = time.time()
        self._since = Since(self._started)
        self._ready = False
        self._closing = ExitStack()
        with ExitStack() as undo:  # of what was opened, where something behind it is refused
            mapping = read_mapping()
            self._self_metrics = SelfMetrics()
            run_context.register(self._self_metrics.fixed, options.environment)
            # The page also holds the exporter's own metrics: no kernel may send one of their names.
            reserved = {*self._self_metrics.names(), *run_context.NAMES}
            registry = Registry(reserved=reserved, limits=options.limits)
            policy = options.policy
            self.publication = Publication(policy, prefix=options.prefix) if policy.holds else None
            self.pipeline = Pipeline(
                mapping,
                registry=registry,
                styles=options.styles,
                publication=self.publication,
                prefix=options.prefix,
            )
            self._persistence = self._open_state(undo)
            self._listen(undo)
            self._open_pages(undo)
            self._closing = undo.pop_all()
        for line in options.inventory:
            self.pipeline.take([line])
        self.pipeline.fold()

    def _open_state(self, undo: ExitStack) -> Persistence | None:
        if not self.options.state_file:
            return None
        from popcon.exporter.state.store import Store  # not every Python was built with SQLite

        store = undo.enter_context(Store(self.options.state_file))
        held = self.publication or Publication(OFF, prefix=self.options.prefix)
        sources: list[Source] = [self._since, self.pipeline.registry, held]
        persistence = Persistence(store, sources, self.pipeline.lock)
        persistence.restore()
        if self.publication is None:  # what an earlier policy held shows now
            self.pipeline.publish(held.due(time.time()))
        return persistence

    def _listen(self, undo: ExitStack) -> None:
        options, take = self.options, self.pipeline.take
        self._relay = None
        if options.relay is not None:
            canary = CANARY.line(options.prefix, _CANARY_ID).encode()
            self._relay = Relay(options.relay, options.relay_packet_length, without=canary)
            undo.callback(self._relay.close)
            take = _both(self._relay.relay, take)
        self._receivers: dict[str, Receiver] = {}
        self._drops: dict[str, buffers.Drops] = {}
        self._udp = self._unixgram = self._tcp = self._canary = None
        self.tcp_port = 0
        addressed = options.policy.by_address
        if options.listen_udp is not None:
            self._udp = bind(options.listen_udp, socket.SOCK_DGRAM, "--statsd.listen-udp")
            undo.callback(self._udp.close)
            if self._relay is not None and self._relay.returns_to(self._udp):
                raise UsageError("--statsd.relay.address: what is relayed there comes back here")
            buffers.ask(self._udp, options.read_buffer)
            self._receivers["udp"] = Receiver(self._udp, take, self._stopping, addressed=addressed)
            self._drops["udp"] = buffers.Drops(self._udp)
            if options.canary_seconds:
                self._canary = Canary(self._udp, _CANARY_ID, prefix=options.prefix)
                undo.callback(self._canary.close)
        if options.listen_unixgram:
            self._unixgram = bind_unixgram(options.listen_unixgram, options.unixsocket_mode)
            undo.callback(self._unixgram.close)
            buffers.ask(self._unixgram, options.read_buffer)
            self._receivers["unixgram"] = Receiver(self._unixgram, take, self._stopping)
        if options.listen_tcp is not None:
            channel = bind(options.listen_tcp, socket.SOCK_STREAM, "--statsd.listen-tcp")
            undo.callback(channel.close)
            self.tcp_port = int(channel.getsockname()[1])
            self._tcp = TcpListener(channel, take)

    def _open_pages(self, undo: ExitStack) -> None:
        options = self.options
        security = FileSecurity(Path(options.web_config)) if options.web_config else None
        channel = bind(options.listen_web, socket.SOCK_STREAM, "--web.listen-address")
        undo.callback(channel.close)
        self._web, self._pages = web_server(channel, self, options.web, security)
        undo.callback(self._web.close)
        self._admin = None
        if options.listen_admin is not None and self.publication is not None:
            try:
                channel = bind(options.listen_admin, socket.SOCK_STREAM, "--web.admin-address")
                undo.callback(channel.close)
                self._admin = admin_server(channel, self.standing, security)
            except NetworkError as error:
                if not options.admin_may_lack:
                    raise
                log.warning("there is no page for the admin: %s", error)
                return
            undo.callback(self._admin.close)

    @property
    def udp_port(self) -> int:
        """The UDP port that is listened on, 0 if none is."""
        return int(self._udp.getsockname()[1]) if self._udp is not None else 0

    @property
    def web_port(self) -> int:
        """The HTTP port that is listened on."""
        return self._web.port

    def start(self) -> None:
        """Serve, on threads of its own, until `stop`."""
        for receiver in self._receivers.values():
            self._run(receiver.run)
        if self._tcp is not None:
            tcp = self._tcp
            self._run(lambda: tcp.serve(self._stopping))
        self._run(lambda: self._repeat(_SECOND, self._tick))
        if self._persistence is not None:
            self._run(lambda: self._repeat(_SAVE_SECONDS, self.save))
        if self._watched is not None:
            self._watching = self._run(lambda: self._repeat(_SECOND, self._look_at_file))
        if self._canary is not None:
            canary = self._canary
            self._run(lambda: self._repeat(self.options.canary_seconds, canary.send))
        self._web.start()
        if self._admin is not None:
            self._admin.start()
        self._ready = True

    def stop(self) -> None:
        """Take what has come, save it, stop serving and free the ports."""
        self._ready = False
        self._stopping.set()
        for thread in self._threads:
            # A file system that doesn't answer must not hold up the end, and what is saved there.
            thread.join(_PATIENCE if thread is self._watching else None)
        self.save()
        self._closing.close()

    def __enter__(self) -> Exporter:
        self.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self.stop()

    # What the pages ask for: popcon.exporter.web.pages.Served.

    def page(self, openmetrics: bool) -> bytes:
        """Return the exposition, in text format 0.0.4 or OpenMetrics 1.0."""
        families: tuple[Family, ...] = ()
        pieces: list[bytes] = []
        with self.pipeline.lock:
            if openmetrics:
                self.pipeline.fold()
                families = self.pipeline.registry.families()
            else:
                pieces = self.pipeline.page()
            counted = self.pipeline.counted()  # last: what shows has to be counted, too
        standing = self._standing(counted)
        if openmetrics:
            own = self._self_metrics.families(counted, standing)
            return render_openmetrics((*families, *own)).encode()
        return b"".join([*pieces, self._self_metrics.text(counted, standing).encode()])

    def reload(self) -> None:
        """Read the rules again; on a `PopconError` the old ones stay, and it is raised."""
        with self._reloading:
            try:
                mapping = self._read_mapping()
            except PopconError:
                self._reloads["failure"] += 1
                self._reload_successful = False
                raise
            self.pipeline.reload(mapping)
            self._reloads["success"] += 1
            self._reload_successful = True
            self._reloaded = time.time()

    def quit(self) -> None:
        """Have the one who started this end it."""
        if self._quit is not None:
            self._quit()

    def is_ready(self) -> bool:
        """Return whether what is sent now is counted."""
        return self._ready

    def listening(self) -> str:
        """Return where statsd lines are taken, for people."""
        doors = {
            "udp port": self.udp_port,
            "tcp port": self.tcp_port,
            "Unix socket": self.options.listen_unixgram,
        }
        return ", ".join(f"{name} {where}" for name, where in doors.items() if where)

    def status(self) -> list[tuple[str, str]]:
        """Return what the status page says."""
        options, policy = self.options, self.options.policy
        rules = f"{len(self.pipeline.mapping.rules)}, read {_utc(self._reloaded)}"
        if not self._reload_successful:
            rules += "; what is in the file now is wrong, see the log"
        return [
            ("running since", _utc(self._started)),
            ("listening", self.listening()),
            ("mapping rules", rules),
            ("series", str(self.pipeline.registry.held())),
            ("privacy", policy.words()),
            ("counts survive a restart", "yes" if options.state_file else "no"),
        ]

    def standing(self) -> list[publication.Standing]:
        """Return how far each group's batch is: for the admin alone."""
        with self.pipeline.lock:
            self.pipeline.fold()
            return self.publication.standing(time.time()) if self.publication is not None else []

    def save(self) -> None:
        """Write the state file, if there is one."""
        if self._persistence is not None:
            self.pipeline.fold()
            self._persistence.save()

    def _run(self, target: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=target, name="popcon exporter", daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _repeat(self, seconds: float, action: Callable[[], None]) -> None:
        while not self._stopping.wait(seconds):
            try:
                action()
            except Exception:
                log.exception("what is done every %g s failed, and is tried again", seconds)

    def _tick(self) -> None:
        self.pipeline.tick()
        if self._relay is not None:
            self._relay.flush()

    def _look_at_file(self) -> None:
        if self._watched is None:
            return
        changed = self._watched.poll() is not None
        self._looks_in_vain = self._looks_in_vain + 1 if self._watched.missing else 0
        # A file that is being replaced may be gone for a moment. One that stays away is told once.
        if not changed and self._looks_in_vain != 2:
            return
        try:
            self.reload()
        except PopconError as error:
            log.error("the old rules stay: %s", error)
        else:
            log.info("the mapping file has changed: %d rules", len(self.pipeline.mapping.rules))

    def _standing(self, counted: Counted) -> Standing:
        udp, unixgram = self._receivers.get("udp"), self._receivers.get("unixgram")
        drops = {name: drops.total() for name, drops in self._drops.items()}
        tcp, relay, saved = self._tcp, self._relay, self._persistence
        return Standing(
            udp_packets=udp.packets if udp is not None else 0,
            unixgram_packets=unixgram.packets if unixgram is not None else 0,
            tcp=replace(tcp.counts) if tcp is not None else Tcp(),
            relay={
                relay.target: Relayed(relay.packets, relay.lines, relay.long_lines, relay.errors)
            }
            if relay is not None
            else {},
            reloads=dict(self._reloads),
            loaded_mappings=len(self.pipeline.mapping.rules),
            reload_successful=self._reload_successful,
            reload_timestamp=self._reloaded,
            counting_since=self._since.seconds,
            kernel_drops={name: count for name, count in drops.items() if count is not None},
            buffers=self._buffers(),
            canaries_sent=self._canary.sent if self._canary is not None else 0,
            persistence=Saved(saved.writes, saved.errors, saved.last_success, saved.size)
            if saved is not None
            else None,
            privacy=self._privacy(),
            series=self.pipeline.registry.held(),
            overflow={bound: counted.events_error_total.get(bound, 0) for bound in OVERFLOWS},
            http_requests=self._pages.scrapes(),
            http_in_flight=self._pages.in_flight,
        )

    def _buffers(self) -> dict[str, Buffer]:
        asked = self.options.read_buffer
        channels = {"udp": self._udp, "unixgram": self._unixgram}
        return {
            name: Buffer(asked, buffers.granted(channel))
            for name, channel in channels.items()
            if channel is not None
        }

    def _privacy(self) -> Privacy:
        policy, holding = self.options.policy, set()
        if self.publication is not None:
            with self.pipeline.lock:
                holding = self.publication.holding(time.time())
        numbers = (policy.min_processes, policy.interval, policy.min_library_processes)
        return Privacy(policy.name, *numbers, frozenset(holding))


def _both(relay: Callable[..., None], count: Callable[..., None]) -> Callable[..., None]:
    def take(datagrams: list[bytes], hosts: Iterable[str] = ()) -> None:
        relay(datagrams)
        count(datagrams, hosts)

    return take


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
