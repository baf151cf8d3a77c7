"""Lines over TCP: what is one, who may send, and what is told to those who may not."""

from __future__ import annotations

import errno
import os
import random
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import pytest
import requests

from popcon.errors import NetworkError
from popcon.exporter.listen.address import Address, bind
from popcon.exporter.listen.tcp import QUIET_SECONDS, TcpListener, split_stream
from tests.conftest import ROOT, clean_environ, eventually
from tests.e2e.servers import free_port
from tests.load.conftest import jobs, popcon
from tests.peers.found import program

LOOPBACK = Address("127.0.0.1", 0)


class Served:
    """A listener on a thread, and the units that it handed on."""

    def __init__(
        self,
        address: Address,
        max_connections: int = 1024,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._bound = bind(address, socket.SOCK_STREAM, "--statsd.listen-tcp")
        self.port: int = self._bound.getsockname()[1]
        self.units: list[bytes] = []
        self.listener = TcpListener(
            self._bound, self.units.extend, max_connections=max_connections, clock=clock
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.listener.serve, args=(self._stopping,))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def connect(self, host: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection((host, self.port), timeout=20)

    def lines(self) -> list[bytes]:
        return [line for unit in list(self.units) for line in unit.split(b"\n")]

    def counts(self) -> dict[str, int]:
        """Return the counts that aren't 0."""
        return {name: count for name, count in asdict(self.listener.counts).items() if count}


@contextmanager
def served(
    address: Address = LOOPBACK,
    max_connections: int = 1024,
    clock: Callable[[], float] = lambda: 0.0,
) -> Iterator[Served]:
    """Listen until the end of the block."""
    made = Served(address, max_connections, clock)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def say(channel: socket.socket, *parts: bytes) -> str:
    """Send, close our side, and return how the other side closed its own: "end" or "reset"."""
    with channel:
        try:
            for part in parts:
                channel.sendall(part)
            channel.shutdown(socket.SHUT_WR)
            while channel.recv(4096):
                pass
        except (ConnectionResetError, BrokenPipeError):
            return "reset"
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # the reset came between two calls
                raise
            return "reset"
    return "end"


A, B = b"a" * 4095, b"b" * 4096


@pytest.mark.parametrize(
    ("data", "lines", "rest"),
    [
        (b"", None, b""),
        (b"x", None, b"x"),
        (b"x\n", b"x", b""),
        (b"\n", b"", b""),
        (b"\n\n", b"\n", b""),
        (b"x\r\ny", b"x\r", b"y"),
        (A, None, A),
        (A + b"\n", A, b""),
        (A + b"\r\n", None, None),
        (B, None, None),
        (b"x\n" + A, b"x", A),
        (b"x\n" + B + b"\ny\n", b"x", None),
        (b"x\n" * 9000 + A + b"\n" + A + b"\n" + b"y", b"x\n" * 9000 + A + b"\n" + A, b"y"),
        (b"x\n" * 9000 + A + b"\n" + B, b"x\n" * 9000 + A, None),
        (b"\n" * 65536, b"\n" * 65535, b""),
    ],
    ids=lambda value: repr(value and value[:9]),
)
def test_whole_lines_of_a_stream(data: bytes, lines: bytes | None, rest: bytes | None) -> None:
    """Whole lines are apart from the beginning of the next, and 4,096 bytes are too many for one."""
    assert split_stream(data) == (lines, rest)


def test_a_stream_is_the_same_however_it_is_cut() -> None:
    """Wherever the network cuts a stream, its lines come out whole and in order."""
    chance = random.Random(3)
    lines = [b"%d" % number * chance.randint(0, 300) for number in range(200)]
    with served() as running:
        for _ in range(5):
            channel = running.connect()
            stream = b"\n".join(lines) + b"\n"
            parts = []
            while stream:
                size = chance.choice((1, 7, 500, 20_000))
                parts.append(stream[:size])
                stream = stream[size:]
            assert say(channel, *parts) == "end"
        assert running.lines() == lines * 5
        assert running.counts() == {"connections": 5}


def test_an_end_of_ours_means_that_all_is_read() -> None:
    """Whoever waits for the other side to close finds that the last line, too, was handed on."""
    with served() as running:
        for number in range(50):
            assert say(running.connect(), b"x:1|c\nlast%d:1|c" % number) == "end"
            assert running.units[-1] == b"last%d:1|c" % number


@pytest.mark.parametrize(
    ("stream", "lines", "too_long"),
    [
        (b"a:1|c\n" + b"b" * 4089 + b":1|c\nc:1|c\n", 3, 0),
        (b"a:1|c\n" + b"b" * 4092 + b":1|c\nc:1|c\n", 1, 1),
        (b"a:1|c\r\n\r\nc:1|c", 3, 0),
        (b"b" * 4091 + b":1|c", 1, 0),
        (b"b" * 4092 + b":1|c", 0, 1),
        (b"b" * 4091 + b":1|c\r\n", 0, 1),
        (b"b" * 4090 + b":1|c\r\n", 1, 0),
        (b"b" * 100_000 + b"\na:1|c\n", 0, 1),
    ],
    ids=lambda value: f"{len(value)}" if isinstance(value, bytes) else None,
)
def test_lines_are_those_of_statsd_exporter(
    peer: tuple[int, Callable[[], dict[str, int]]], stream: bytes, lines: int, too_long: int
) -> None:
    """As many lines are taken, and as many are too long, as where the real exporter listens."""
    port, counted = peer
    before = counted()
    say(socket.create_connection(("127.0.0.1", port), timeout=20), stream)
    with served() as running:
        said = say(running.connect(), stream)

    assert said == ("reset" if too_long else "end")
    assert len(running.lines()) == lines
    assert running.counts().get("too_long_lines", 0) == too_long
    expected = {"lines": before["lines"] + lines, "too_long": before["too_long"] + too_long}
    assert eventually(lambda: counted() == expected), (before, counted())


@pytest.fixture(scope="module")
def peer() -> Iterator[tuple[int, Callable[[], dict[str, int]]]]:
    """A real statsd_exporter: its port, and the lines that it counted."""
    tcp, web = free_port(), free_port()
    page = f"http://127.0.0.1:{web}/metrics"
    process = subprocess.Popen(
        [
            str(program("statsd_exporter")),
            "--statsd.listen-udp=",
            f"--statsd.listen-tcp=127.0.0.1:{tcp}",
            f"--web.listen-address=127.0.0.1:{web}",
        ],
        stderr=subprocess.DEVNULL,
    )

    def counted() -> dict[str, int]:
        values = dict(
            line.rsplit(" ", 1)
            for line in requests.get(page, timeout=10).text.splitlines()
            if not line.startswith("#")
        )
        return {
            "lines": int(values["statsd_exporter_lines_total"]),
            "too_long": int(values["statsd_exporter_tcp_too_long_lines_total"]),
        }

    def answers() -> bool:
        with suppress(requests.RequestException):
            return bool(counted())
        return False

    try:
        assert eventually(answers)
        yield tcp, counted
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_slow_and_endless_senders_hold_up_nobody() -> None:
    """While some never end a line, and one sends without end, others are served."""
    with served() as running:
        slow = [running.connect() for _ in range(100)]
        for channel in slow:
            channel.sendall(b"never ends")
        endless = running.connect()
        thread = threading.Thread(target=say, args=(endless, *[b"no newline " * 6000] * 50))
        thread.start()
        assert say(running.connect(), b"quick:1|c\n") == "end"
        thread.join()
        assert running.lines() == [b"quick:1|c"]
        for channel in slow:
            channel.sendall(b":1|c\n")
            assert say(channel) == "end"
        assert running.lines()[1:] == [b"never ends:1|c"] * 100
        assert running.counts() == {"connections": 102, "too_long_lines": 1}


def test_a_sender_that_breaks_off_costs_itself() -> None:
    """Of a connection that was reset the whole lines count, half a line doesn't, and others go on."""
    with served() as running:
        other = running.connect()
        broken = running.connect()
        broken.sendall(b"whole:1|c\nhal")
        assert eventually(lambda: running.lines() == [b"whole:1|c"])
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        broken.close()
        assert eventually(lambda: running.counts().get("connection_errors") == 1)
        assert say(other, b"other:1|c\n") == "end"
        assert running.lines() == [b"whole:1|c", b"other:1|c"]


def test_a_crowd_of_the_worst_senders() -> None:
    """Among hundreds that reset, never end, say nothing or too much, each good sender is read."""
    chance = random.Random(7)
    idle: list[socket.socket] = []
    with served() as running:
        for number in range(400):
            channel = running.connect()
            fate = chance.choice(("reset", "idle", "long", "half", "junk"))
            if fate == "reset":
                channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                channel.sendall(bytes(chance.choices(range(256), k=9000)))
                channel.close()
            elif fate == "idle":
                channel.sendall(b"half")
                idle.append(channel)
            elif fate == "long":
                assert say(channel, b"l" * chance.randint(4096, 200_000)) == "reset"
            elif fate == "half":
                assert say(channel, b"x:1|c\nhalf") == "end"
            else:
                say(channel, bytes(chance.choices(b"\n\r:|c\0\xff", k=5000)))
            if number % 20 == 0:
                assert say(running.connect(), b"good%d:1|c\n" % number) == "end"
        for channel in idle:
            channel.close()
        good = [line for line in running.lines() if line.startswith(b"good")]
        assert good == [b"good%d:1|c" % number for number in range(0, 400, 20)]


def test_the_quietest_makes_room() -> None:
    """Where all connections are taken, the one that is quiet for over a minute goes, or nobody."""
    now = 0.0
    with served(max_connections=2, clock=lambda: now) as running:
        first, second = running.connect(), running.connect()
        assert eventually(lambda: running.counts() == {"connections": 2})
        now = QUIET_SECONDS / 2
        first.sendall(b"first:1|c\n")  # so that the second is the quietest
        second.sendall(b"half a line is no word")
        assert eventually(lambda: running.lines() == [b"first:1|c"])
        now = QUIET_SECONDS
        with pytest.raises(ConnectionResetError), running.connect() as late:
            late.recv(1)
        assert running.counts() == {"connections": 2, "refused": 1}

        now = QUIET_SECONDS + 1
        assert say(running.connect(), b"third:1|c\n") == "end"
        assert say(second, b" second:1|c\n") == "reset"
        assert say(first, b"again:1|c\n") == "end"
        assert running.lines() == [b"first:1|c", b"third:1|c", b"again:1|c"]
        assert running.counts() == {"connections": 3, "refused": 1, "evicted": 1}


def test_an_end_is_no_loss_without_a_word() -> None:
    """What came before the end is read; who wasn't done, or comes too late, is told by a reset."""
    running = Served(LOOPBACK)
    done, undone = running.connect(), running.connect()
    for number in range(2000):
        done.sendall(b"x%d:1|c\n" % number * 20)
    done.shutdown(socket.SHUT_WR)
    undone.sendall(b"whole:1|c\nhal")
    running.start()  # nothing was accepted before
    running.stop()

    with done:
        assert done.recv(1) == b""
    assert sorted(running.lines()) == sorted(
        [b"whole:1|c", *(b"x%d:1|c" % number for number in range(2000) for _ in range(20))]
    )
    assert say(undone, b"f:1|c\n") == "reset"
    with pytest.raises(ConnectionRefusedError):
        running.connect()


def test_a_process_out_of_files_waits_for_one() -> None:
    """Without a file to be had nothing ends or spins, and who had connected is served later."""
    code = """if True:
        import os, resource, socket, sys, threading, time
        from popcon.exporter.listen.tcp import TcpListener
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        units, stopping = [], threading.Event()
        server = socket.create_server(("127.0.0.1", 0))
        listener = TcpListener(server, units.extend)
        address = server.getsockname()
        first = socket.create_connection(address)
        start = time.monotonic()
        thread = threading.Thread(target=listener.serve, args=(stopping,))
        thread.start()
        while not listener.counts.connections:
            time.sleep(0.01)
        eaten = []
        try:
            while True:
                eaten.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            os.close(eaten.pop())
        late = socket.create_connection(address)
        late.sendall(b"late:1|c\\n")
        while listener.counts.connection_errors < 3:
            time.sleep(0.01)
        first.sendall(b"first:1|c\\n")
        while units != [b"first:1|c"]:
            time.sleep(0.01)
        asked, passed = listener.counts.connection_errors, time.monotonic() - start
        for file in eaten:
            os.close(file)
        late.shutdown(socket.SHUT_WR)
        late.recv(1)
        stopping.set()
        thread.join()
        print(units, asked <= passed / 0.2 + 1)
    """
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environ(), capture_output=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (b"[b'first:1|c', b'late:1|c'] True\n", b"")


def test_half_of_the_files_are_left_for_others() -> None:
    """Connections take no more than half of what the process may open, so that pages are answered."""
    code = """if True:
        import resource, socket, threading
        from popcon.exporter.listen.tcp import TcpListener
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 1024))
        server = socket.create_server(("127.0.0.1", 0))
        listener = TcpListener(server, print)
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
        senders = [socket.create_connection(server.getsockname()) for _ in range(40)]
        stopping = threading.Event()
        stopping.set()
        listener.serve(stopping)
        print(listener.counts)
    """
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environ(), capture_output=True, timeout=60
    )
    assert b"connections=32, connection_errors=0, too_long_lines=0, refused=8" in done.stdout


def test_both_address_families() -> None:
    """An empty host is IPv4 and IPv6."""
    with served(Address("", 0)) as running:
        assert say(running.connect(), b"four:1|c\n") == "end"
        try:
            channel = running.connect("::1")
        except OSError as error:
            pytest.skip(f"no IPv6 on this machine: {error}")
        assert say(channel, b"six:1|c\n") == "end"
        assert running.lines() == [b"four:1|c", b"six:1|c"]


def test_somebody_else_listens() -> None:
    """Where the port was taken between binding and listening, the start is refused in one line."""
    with (
        bind(LOOPBACK, socket.SOCK_STREAM, "--flag") as one,
        bind(Address(*one.getsockname()), socket.SOCK_STREAM, "--flag") as two,
    ):
        one.listen()
        with pytest.raises(NetworkError, match=r"^--statsd.listen-tcp: can't listen: "):
            TcpListener(two, print)


def test_files_of_jobs_are_loaded(tmp_path: Path) -> None:
    """`popcon load` of a hundred files is read to the end, each line once, and its status is 0."""
    done = jobs(100, "tcp")
    for job in done:
        job.write(tmp_path)
    with served() as running:
        loaded = popcon("load", tmp_path, "--to", f"statsd+tcp://127.0.0.1:{running.port}")

    assert (loaded.returncode, loaded.stderr) == (0, "")
    arrived: Counter[str] = Counter()
    for line in running.lines():
        name, _, value = line.decode().partition(":")
        arrived[name.removeprefix("python_popcon.namespace.tcp.")] += int(value.split("|")[0])
    assert sum(arrived.values()) == sum(sum(job.expected().values()) for job in done)
    assert arrived["reports"] == 100


def test_processes_report_over_tcp() -> None:
    """Processes with the sink for TCP deliver their lines at exit, all at the same time."""
    with served() as running:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", "import popcon; popcon.setup_reporter(); import statsd"],
                env=clean_environ(POPCON_SINK=f"statsd+tcp://127.0.0.1:{running.port}"),
                cwd=ROOT,
                stderr=subprocess.PIPE,
            )
            for _ in range(5)
        ]
        for process in processes:
            assert process.communicate(timeout=60)[1] == b""
        assert eventually(lambda: running.lines().count(b"python_popcon.reports:1|c") == 5)
        assert running.lines().count(b"python_popcon.library_used.statsd:1|c") == 5
        assert running.counts() == {"connections": 5}


def test_nothing_stays_open() -> None:
    """After the end no file is open that wasn't before."""
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc/self/fd on this system")
    before = set(os.listdir("/proc/self/fd"))
    with served() as running:
        for _ in range(20):
            say(running.connect(), b"x:1|c\n")
    assert set(os.listdir("/proc/self/fd")) == before
