"""In: flags. Out: a real `popcon exporter` process on free ports, and what its pages say."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.conftest import clean_environ, eventually
from tests.e2e.servers import free_port


class Process:
    """An exporter process: `udp`, `tcp` and `web` are its ports, `admin` that of the admin's page."""

    #: What is run, before the flags.
    command: tuple[str, ...] = (sys.executable, "-m", "popcon", "exporter")

    def __init__(self, *flags: str) -> None:
        self.udp, self.web = free_port(socket.SOCK_DGRAM), free_port()
        self.tcp, self.admin = free_port(), free_port()
        command = [
            *self.command,
            f"--statsd.listen-udp=127.0.0.1:{self.udp}",
            f"--statsd.listen-tcp=127.0.0.1:{self.tcp}",
            f"--web.listen-address=127.0.0.1:{self.web}",
            f"--web.admin-address=127.0.0.1:{self.admin}",
            *flags,
        ]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environ(),
        )

    def is_ready(self) -> bool:
        """Return whether it answers; a process that has ended fails the test with what it said."""
        if self.process.poll() is not None:
            raise AssertionError(self.process.communicate()[0])
        try:
            return requests.get(self.url("/-/ready"), timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def url(self, path: str) -> str:
        """Return where a page is."""
        return f"http://127.0.0.1:{self.web}{path}"

    def send(self, *datagrams: bytes) -> None:
        """Send by UDP."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in datagrams:
                sender.sendto(datagram, ("127.0.0.1", self.udp))

    def page(self) -> dict[str, float]:
        """Return /metrics as sample → value; an answer that isn't 200 fails the test."""
        answer = requests.get(self.url("/metrics"), timeout=10)
        assert answer.status_code == 200
        lines = [line for line in answer.text.split("\n") if line and line[0] != "#"]
        return {sample: float(value) for sample, _, value in (one.rpartition(" ") for one in lines)}

    def shows(self, sample: str, value: float = 1.0) -> bool:
        """Return whether /metrics comes to show a value."""
        return bool(eventually(lambda: self.page().get(sample) == value))

    def held(self) -> list[dict[str, object]]:
        """Return what the admin's page says."""
        answer = requests.get(f"http://127.0.0.1:{self.admin}/held.json", timeout=10)
        found: list[dict[str, object]] = answer.json()["held"]
        return found

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End it; return its exit status and what it said."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        said, _ = self.process.communicate(timeout=30)
        return self.process.returncode, said


@contextmanager
def running(*flags: str) -> Iterator[Process]:
    """Run an exporter until it is ready; it has ended when this is left."""
    made = Process(*flags)
    try:
        assert eventually(made.is_ready), "no answer"
        yield made
    finally:
        made.end(signal.SIGKILL)
