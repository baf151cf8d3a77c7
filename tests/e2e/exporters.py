"""In: a folder. Out: two replicas of statsd_exporter and popcon's exporter with its file, which can be restarted."""

from __future__ import annotations

import shutil
import socket
from contextlib import ExitStack
from pathlib import Path

import requests

from tests.e2e import servers
from tests.e2e.servers import Running

KINDS = ("statsd_exporter", "popcon")


class Exporters:
    """Exporters by kind, each at the same place when it was restarted; ended where the block ends."""

    def __init__(self, folder: Path) -> None:
        ports = {"statsd_exporter": 2, "popcon": 1}
        self._ports = {kind: [servers.free_ports() for _ in range(ports[kind])] for kind in KINDS}
        self.running = {
            kind: [
                Running(f"http://127.0.0.1:{web}", f"statsd://127.0.0.1:{udp}")
                for udp, web in places
            ]
            for kind, places in self._ports.items()
        }
        self._mapping = Path(shutil.copy(servers.MAPPING, folder))
        self._kept = f"--persistence.file={folder / 'counts'}"
        self._stack = ExitStack()
        self._restarted = ExitStack()

    def __enter__(self) -> Exporters:
        return self

    def __exit__(self, *raised: object) -> None:
        self._restarted.close()
        self._stack.close()

    def start(self) -> None:
        """Start all of them."""
        self._start(self._stack, "statsd_exporter", 0)
        self._start_last()

    def restart(self) -> None:
        """Restart the second replica, which forgets, and popcon's exporter, which has its file."""
        self._restarted.close()
        self._start_last()

    def sinks(self, replica: int) -> tuple[str, str]:
        """Return where a kernel sends to: a replica, and popcon's exporter."""
        return self.running["statsd_exporter"][replica].sink, self.running["popcon"][0].sink

    def send(self, lines: str) -> None:
        """Send a datagram as a kernel can, to the first replica and to popcon's exporter."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for kind in KINDS:
                sender.sendto(lines.encode(), ("127.0.0.1", self._ports[kind][0][0]))

    def spoil_mapping(self) -> None:
        """Write what are no rules where they are read from, and let it be read."""
        self._mapping.write_text("mappings: nonsense\n")
        for kind in KINDS:
            for one in self.running[kind]:
                requests.post(f"{one.url}/-/reload", timeout=10)

    def _start_last(self) -> None:
        self._start(self._restarted, "statsd_exporter", 1)
        self._start(self._restarted, "popcon", 0, self._kept)

    def _start(self, stack: ExitStack, kind: str, place: int, *flags: str) -> None:
        ports = self._ports[kind][place]
        flags = ("--web.enable-lifecycle", *flags)
        stack.enter_context(servers.exporter(kind, self._mapping, ports, flags=flags))
