"""In: which exporter, and its flags. Out: it runs, and what it cost and counted can be asked."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAPPING = ROOT / "mappings" / "popcon.yaml"
STATSD_EXPORTER = ROOT / ".peers" / "bin" / "statsd_exporter"
STYLES = ("dogstatsd", "influxdb", "librato", "signalfx")

_TICKS = os.sysconf("SC_CLK_TCK")
_PIDFD_GETFD = 438  # the same number on every architecture
_SO_MEMINFO, _WAITING, _DROPS = (
    55,
    0,
    8,
)  # Linux: socket(7) knows neither; include/uapi/linux/sock_diag.h


class Running:
    """An exporter that runs: where it listens, and what the kernel knows of it."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], ports: tuple[int, int]) -> None:
        self.name = name
        self.pid = process.pid
        self.process = process
        self.udp, self.web = ports

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rss(self) -> float:
        """Return its resident memory in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def page(self) -> str:
        """Return /metrics. Raises OSError, also where the answer isn't 200."""
        connection = HTTPConnection("127.0.0.1", self.web, timeout=120)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise OSError(f"{self.name}: /metrics answered {answer.status}")
        return content.decode()

    def total(self, name: str, labels: str = "") -> float:
        """Return the sum of a family's series, those that hold a text in their labels."""
        return total(self.page(), name, labels)

    def counted(self) -> int:
        """Return the counter events that it has handled so far."""
        return round(self.total("statsd_exporter_events_total", 'type="counter"'))

    def settle(self, expected: int, before: int) -> tuple[int, float]:
        """Wait until so many events have come since `before`, or no more come.

        Return how many came, and the seconds until the last one was seen.
        """
        start = time.monotonic()
        came, changed = 0, start
        while came < expected and time.monotonic() - changed < 2.5:
            time.sleep(0.1)
            try:
                now = self.counted() - before
            except OSError:  # a page that is never answered again ends the wait as well
                continue
            if now != came:
                came, changed = now, time.monotonic()
        return came, changed - start

    def receive_buffer(self) -> tuple[int, int]:
        """Return the bytes that the kernel granted its UDP socket, and the datagrams dropped there.

        The socket is looked at itself, by a duplicate of its descriptor.
        """
        with socket_of(self.pid, self.udp) as channel:
            granted = channel.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            return granted, _memory(channel)[_DROPS]


def total(page: str, name: str, labels: str = "") -> float:
    """Return the sum of a family's series on a page, those that hold a text in their labels."""
    values = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", page, re.MULTILINE)
    return sum(float(value) for inside, value in values if labels in inside)


def waiting(channel: socket.socket) -> int:
    """Return the bytes of memory that a socket's unread datagrams take."""
    return _memory(channel)[_WAITING]


def _memory(channel: socket.socket) -> tuple[int, ...]:
    return struct.unpack("=9I", channel.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))


@contextmanager
def exporter(
    name: str, *flags: str, cpus: set[int] | None = None, mapping: Path = MAPPING
) -> Iterator[Running]:
    """Run `statsd_exporter` or `popcon` with a mapping and without tags, until the end."""
    ports = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    with tempfile.TemporaryFile() as log:
        # Not from this folder: PYTHONPATH says whose popcon is measured.
        process = subprocess.Popen(
            [*_command(name), *_common(name, mapping, ports), *flags],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=log,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus) if cpus else None,
        )
        try:
            running = Running(name, process, ports)
            if not _answers(running):
                log.seek(0)
                raise SystemExit(f"{name} doesn't run: {log.read().decode()[-2000:]}")
            yield running
        finally:
            process.terminate()
            process.wait(timeout=60)


def _command(name: str) -> list[str]:
    if name == "popcon":
        return [sys.executable, "-m", "popcon", "exporter"]
    if not STATSD_EXPORTER.is_file():
        raise SystemExit("no statsd_exporter: python -m tests.peers.install")
    return [str(STATSD_EXPORTER)]


def _common(name: str, mapping: Path, ports: tuple[int, int]) -> list[str]:
    udp, web = ports
    flags = [
        f"--statsd.mapping-config={mapping}",
        f"--statsd.listen-udp=127.0.0.1:{udp}",
        "--statsd.listen-tcp=",
        f"--web.listen-address=127.0.0.1:{web}",
        *(f"--no-statsd.parse-{style}-tags" for style in STYLES),
    ]
    return [*flags, "--web.admin-address="] if name == "popcon" else flags


def granted_at_most() -> int:
    """Return the largest receive buffer that anybody may ask for, in bytes; Linux grants it doubled."""
    return int(Path("/proc/sys/net/core/rmem_max").read_text())


def _answers(running: Running) -> bool:
    for _ in range(200):
        if running.process.poll() is not None:
            return False
        try:
            running.page()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def free_port(kind: socket.SocketKind) -> int:
    """Return a port of 127.0.0.1 that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def socket_of(pid: int, port: int) -> Iterator[socket.socket]:
    """A process's UDP socket on a port, as a duplicate."""
    process = os.pidfd_open(pid)
    call = ctypes.CDLL(None, use_errno=True).syscall
    try:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            if not os.readlink(f"/proc/{pid}/fd/{entry}").startswith("socket:"):
                continue
            number = call(_PIDFD_GETFD, process, int(entry), 0)
            if number < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            with socket.socket(fileno=number) as channel:
                if channel.type == socket.SOCK_DGRAM and channel.getsockname()[1:2] == (port,):
                    yield channel
                    return
    finally:
        os.close(process)
    raise OSError(f"process {pid} has no UDP socket on port {port}")
