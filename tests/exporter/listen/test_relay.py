"""Lines that go on to another exporter: the same datagrams that statsd_exporter's relay sends."""

from __future__ import annotations

import random
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from popcon.errors import NetworkError, UsageError
from popcon.exporter.listen.address import Address, bind
from popcon.exporter.listen.relay import Relay
from tests.conftest import Collector, eventually
from tests.e2e.servers import free_port
from tests.peers.found import program


def to(collector: Collector, packet_length: int = 1400, without: bytes = b"") -> Relay:
    """Return a relay to a collector."""
    return Relay(Address("127.0.0.1", collector.port), packet_length, without=without)


@pytest.mark.parametrize(
    ("units", "datagrams", "lines", "long_lines"),
    [
        ([], [], 0, 0),
        ([b""], [], 0, 0),
        ([b"\n\n", b"\r\n"], [], 0, 0),
        ([b"a:1|c"], [b"a:1|c"], 1, 0),
        ([b"a:1|c\n", b"\nb:1|c\r\n"], [b"a:1|c\nb:1|c"], 2, 0),
        ([b"a:1|c\r", b"b:1|c\r"], [b"a:1|c\nb:1|c"], 2, 0),
        ([b"aaaa:1|c\nbbbbb:1|c\ncc:1|c"], [b"aaaa:1|c\nbbbbb:1|c", b"cc:1|c"], 3, 0),
        ([b"aaaa:1|c", b"bbbbbbb:1|c", b"cc:1|c"], [b"aaaa:1|c", b"bbbbbbb:1|c\ncc:1|c"], 3, 0),
        ([b"a:1|c\n" + b"b" * 19, b"c:1|c"], [b"a:1|c", b"b" * 19, b"c:1|c"], 3, 0),
        ([b"a:1|c\n" + b"b" * 20, b"c:1|c"], [b"a:1|c\nc:1|c"], 2, 1),
        ([b"b" * 60_000, b"\xff\x00:1|c"], [b"\xff\x00:1|c"], 1, 1),
        ([b"own:1|c\na:1|c\nown:1|c"], [b"a:1|c"], 1, 0),
    ],
)
def test_datagrams(
    collector: Collector,
    units: list[bytes],
    datagrams: list[bytes],
    lines: int,
    long_lines: int,
) -> None:
    """Lines fill datagrams of 20 bytes, newlines included; the last one leaves with the flush."""
    relay = to(collector, packet_length=20, without=b"own:1|c")
    relay.relay(units)
    relay.flush()
    relay.flush()

    assert collector.arrived() == datagrams
    assert (relay.lines, relay.long_lines) == (lines, long_lines)
    assert (relay.packets, relay.errors) == (len(datagrams), 0)
    relay.close()


def test_a_datagram_leaves_as_soon_as_it_is_full(collector: Collector) -> None:
    """What fills a datagram leaves at once, what doesn't waits, and leaves at the end at the latest."""
    relay = to(collector, packet_length=20)
    relay.relay([b"aaaaaaa:1|c"])
    assert collector.arrived() == []
    relay.relay([b"bbbbbbb:1|c"])
    assert collector.arrived() == [b"aaaaaaa:1|c"]
    relay.close()
    assert collector.arrived() == [b"bbbbbbb:1|c"]


@pytest.fixture
def peer(collector: Collector) -> Iterator[tuple[str, int]]:
    """A real statsd_exporter that relays to the collector: its page, and its port for TCP."""
    tcp, web = free_port(), free_port()
    process = subprocess.Popen(
        [
            str(program("statsd_exporter")),
            "--statsd.listen-udp=",
            f"--statsd.listen-tcp=127.0.0.1:{tcp}",
            f"--web.listen-address=127.0.0.1:{web}",
            f"--statsd.relay.address=127.0.0.1:{collector.port}",
            "--statsd.relay.packet-length=100",
        ],
        stderr=subprocess.DEVNULL,
    )
    page = f"http://127.0.0.1:{web}/metrics"

    def answers() -> bool:
        with suppress(requests.RequestException):
            return requests.get(page, timeout=1).ok
        return False

    try:
        assert eventually(answers)
        yield page, tcp
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_the_real_one_relays_the_same(collector: Collector, peer: tuple[str, int]) -> None:
    """Lines, datagrams and counts are those of statsd_exporter's relay, but for a last newline."""
    page, port = peer
    chance = random.Random(4)
    lines = [b"%d" % number * chance.randint(0, 40) for number in range(200)]
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.sendall(b"\n".join(lines) + b"\n")
    theirs: list[bytes] = []

    def is_all_there() -> bool:
        theirs.extend(collector.arrived())
        return b"".join(theirs).endswith(last + b"\n")

    last = next(line for line in reversed(lines) if 0 < len(line) < 100)
    assert eventually(is_all_there)
    relay = to(collector, packet_length=100)
    relay.relay(lines)
    relay.close()

    # The real one may have flushed in between, by its clock: compared are the lines.
    ours = collector.arrived()
    assert b"\n".join(ours).split(b"\n") == b"".join(theirs).splitlines()
    assert max(map(len, ours)) + 1 <= 100
    assert max(map(len, theirs)) <= 100
    counts = requests.get(page, timeout=10).text
    label = f'{{target="{relay.target}"}}'
    assert f"statsd_exporter_relay_lines_relayed_total{label} {relay.lines}\n" in counts
    assert f"statsd_exporter_relay_long_lines_total{label} {relay.long_lines}\n" in counts
    assert relay.long_lines > 0


def test_a_send_error_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What the system refuses to send is counted, said once, and the next datagram is tried."""
    relay = Relay(Address("255.255.255.255", 9), packet_length=10)  # to all, without permission
    for _ in range(3):
        relay.relay([b"aaa:1|c"])
        relay.flush()

    assert (relay.lines, relay.packets, relay.errors) == (3, 0, 3)
    assert [record.getMessage() for record in caplog.records] == [
        "relaying to 255.255.255.255:9 fails: Permission denied"
    ]
    relay.close()


def test_errors_that_come_and_go_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A way that takes some datagrams and not others is no line in the log for each of them."""
    caplog.set_level("INFO")
    now = [0.0]
    relay = Relay(Address("127.255.255.255", 9), clock=lambda: now[0])  # to all of this machine
    for permission in (0, 1) * 5:
        relay._channel.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, permission)
        relay.relay([b"x:1|c"])
        relay.flush()
    found = (relay.packets, relay.errors, len(caplog.records))
    assert found == (5, 5, 1)

    now[0] = 61.0
    relay.relay([b"x:1|c"])
    relay.close()
    assert caplog.records[1].getMessage() == f"relaying to {relay.target} works again"


def test_a_target_that_does_not_listen(collector: Collector) -> None:
    """Where nobody listens nothing waits or ends, and whoever listens later gets what comes then."""
    collector.close()
    relay = to(collector)
    for _ in range(200):
        relay.relay([b"x:1|c\n" * 300])
    relay.flush()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as later:
        later.bind(("127.0.0.1", collector.port))
        later.settimeout(20)
        relay.relay([b"late:1|c"])
        relay.flush()
        assert later.recv(100) == b"late:1|c"
    assert relay.errors == 0
    relay.close()


def test_ipv6() -> None:
    """A target of IPv6 is reached."""
    try:
        collector = Collector(socket.AF_INET6, "::1")
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    relay = Relay(Address("::1", collector.port))
    relay.relay([b"six:1|c"])
    relay.close()
    assert collector.arrived() == [b"six:1|c"]
    assert relay.target == f"[::1]:{collector.port}"
    collector.close()


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 300, "\udcff"])
def test_a_target_without_an_address(host: str) -> None:
    """A name that doesn't resolve is refused at the start, in quotes."""
    with pytest.raises(NetworkError, match=r"^--statsd.relay.address: .* does not resolve: "):
        Relay(Address(host, 9125))


@pytest.mark.parametrize(
    ("port", "length", "message"),
    [
        (0, 1400, "--statsd.relay.address: not a port to send to: '0'"),
        (9125, 0, "--statsd.relay.packet-length: not from 2 to 65507: '0'"),
        (9125, -1, "--statsd.relay.packet-length: not from 2 to 65507: '-1'"),
        (9125, 65508, "--statsd.relay.packet-length: not from 2 to 65507: '65508'"),
    ],
)
def test_what_no_datagram_can_have(port: int, length: int, message: str) -> None:
    """A port or a length that can't work is refused at the start, in quotes."""
    with pytest.raises(UsageError) as refusal:
        Relay(Address("127.0.0.1", port), length)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("listens", "target", "returns"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("", "127.0.0.1", True),
        ("", "localhost", True),
        ("", "", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("", "192.0.2.1", False),
    ],
)
def test_a_relay_to_itself_is_seen(listens: str, target: str, returns: bool) -> None:
    """A target that is the listening socket is found out; another machine's equal port is not it."""
    with bind(Address(listens, 0), socket.SOCK_DGRAM, "--flag") as channel:
        port = channel.getsockname()[1]
        relay = Relay(Address(target, port))
        assert relay.returns_to(channel) is returns
        relay.close()
        other = Relay(Address(target, port % 65535 + 1))
        assert not other.returns_to(channel)
        other.close()
