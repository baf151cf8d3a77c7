"""Canaries: what the exporter sends to itself arrives where it listens."""

from __future__ import annotations

import socket

import pytest

from popcon.errors import NetworkError
from popcon.exporter.listen.address import Address, bind
from popcon.exporter.listen.canary import Canary


@pytest.mark.parametrize("host", ["", "127.0.0.1", "0.0.0.0", "::1", "::"])
def test_it_comes_in_where_the_exporter_listens(host: str) -> None:
    """Whatever the exporter listens on, its own count arrives there as from anybody."""
    try:
        channel = bind(Address(host, 0), socket.SOCK_DGRAM, "--flag")
    except NetworkError as error:
        pytest.skip(f"not on this machine: {error}")
    with channel:
        channel.settimeout(20)
        canary = Canary(channel)
        for _ in range(3):
            canary.send()
        assert [channel.recv(100) for _ in range(3)] == [b"python_popcon.canary.exporter:1|c"] * 3
        assert canary.sent == 3
        canary.close()


def test_only_ipv6() -> None:
    """Where IPv4 isn't listened on it comes by IPv6."""
    try:
        channel = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    with channel:
        channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        channel.bind(("::", 0))
        channel.settimeout(20)
        canary = Canary(channel, "other", prefix="site")
        canary.send()
        assert channel.recv(100) == b"site.canary.other:1|c"
        canary.close()


def test_what_cannot_leave_is_not_sent() -> None:
    """A canary that the system doesn't take isn't counted, and nobody hears of it."""
    with bind(Address("127.0.0.1", 0), socket.SOCK_DGRAM, "--flag") as channel:
        canary = Canary(channel)
    canary.close()
    canary.send()
    assert canary.sent == 0
