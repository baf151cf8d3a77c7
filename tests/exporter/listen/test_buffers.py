"""Receive buffers, and what the kernel drops where they are full, against the kernel's own tables."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from popcon.exporter.listen.address import Address, bind
from popcon.exporter.listen.buffers import Drops, ask, dropped, granted
from popcon.exporter.listen.unixgram import bind_unixgram

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.fixture
def channel() -> Iterator[socket.socket]:
    """A bound UDP socket."""
    with bind(Address("127.0.0.1", 0), socket.SOCK_DGRAM, "--flag") as made:
        yield made


def flood(port: int, datagrams: int, host: str = "127.0.0.1") -> None:
    """Send so many datagrams."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        for _ in range(datagrams):
            sender.sendto(b"x" * 1000, (host, port))


def waiting(channel: socket.socket) -> int:
    """Read what there is, and return how many datagrams that were."""
    channel.setblocking(False)
    count = 0
    try:
        while True:
            channel.recv(2000)
            count += 1
    except BlockingIOError:
        return count


@linux
@pytest.mark.parametrize("size", [4096, 100_000])
def test_a_buffer_is_as_large_as_asked(channel: socket.socket, size: int) -> None:
    """A wish is granted, larger or smaller than the kernel's own; Linux says twice the size."""
    assert ask(channel, size) == granted(channel) == 2 * size


def test_no_wish(channel: socket.socket) -> None:
    """0 leaves the kernel's own size, and says what it is."""
    own = granted(channel)
    assert own > 0
    assert ask(channel, 0) == own == granted(channel)


@linux
def test_beyond_the_limit(channel: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    """A wish beyond the system's limit is granted to a process that may, else a warning says less."""
    size = int(Path("/proc/sys/net/core/rmem_max").read_text()) + 1000
    got = ask(channel, size)

    assert got == granted(channel)
    if got < 2 * size:
        assert f"{2 * size} bytes is asked for, the kernel grants {got}" in caplog.text
    else:
        assert caplog.text == ""


@linux
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_drops_are_those_that_did_not_come(host: str) -> None:
    """What was sent is what can be read and what was dropped; what is read later drops no more."""
    try:
        channel = bind(Address(host, 0), socket.SOCK_DGRAM, "--flag")
    except OSError as error:
        pytest.skip(f"no {host} on this machine: {error}")
    with channel:
        ask(channel, 20_000)
        port = channel.getsockname()[1]
        drops = Drops(channel)
        assert drops.total() == dropped(channel) == 0
        flood(port, 200, host)
        arrived = waiting(channel)
        total = drops.total()
        assert total is not None
        assert arrived + total == 200
        assert total > 0
        flood(port, 1, host)
        assert (waiting(channel), drops.total()) == (1, total)
    assert dropped(channel) is None
    assert drops.total() == total


@linux
def test_the_kernels_table_says_the_same(channel: socket.socket) -> None:
    """The last column of /proc/net/udp is the same number."""
    ask(channel, 5000)
    port = channel.getsockname()[1]
    flood(port, 100)
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    found = [int(row[-1]) for row in rows if row[1] == f"0100007F:{port:04X}"]
    assert found == [dropped(channel)]


@linux
def test_a_unix_socket_drops_nothing(tmp_path: Path) -> None:
    """Who sends to a full Unix socket waits, so nothing is dropped, and 0 is known."""
    with bind_unixgram(str(tmp_path / "s")) as made:
        assert dropped(made) == 0


@pytest.mark.parametrize(
    ("readings", "totals"),
    [
        ([0, 5, 5, 9], [0, 5, 5, 9]),
        ([3, None, 4], [3, 3, 4]),
        ([None, None, 7], [None, None, 7]),
        ([2**32 - 1, 0, 2], [2**32 - 1, 2**32, 2**32 + 2]),
        ([2**32 - 1, 5, 4], [2**32 - 1, 2**32 + 5, 2**33 + 4]),
    ],
)
def test_drops_only_grow(
    channel: socket.socket, readings: list[int | None], totals: list[int | None]
) -> None:
    """The kernel's number may wrap around, or not be known for a while; ours goes on."""
    told = iter(readings)
    drops = Drops(channel, lambda _: next(told))
    assert [drops.total() for _ in readings] == totals
