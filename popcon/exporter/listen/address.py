"""In: `host:port` as statsd_exporter's flags take it. Out: a bound socket.

Go listens on both address families where the host is empty, and on IPv4 where it is a name that has
addresses of both, as `localhost` does; and so does this.
"""

from __future__ import annotations

import errno
import socket
from typing import Any, NamedTuple

from popcon.errors import NetworkError, UsageError


class Address(NamedTuple):
    """`host` is empty for all interfaces; `port` 0 asks for a free one."""

    host: str
    port: int


def parse_address(text: str, flag: str) -> Address:
    """Return the address of `host:port`, `:port` or `[::1]:port`, or raise `UsageError`."""
    host, mark, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not mark or (":" in host and not bracketed):
        raise UsageError(f"{flag}: not of the form host:port: {text!r}")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 65536):
        raise UsageError(f"{flag}: not a port: {port!r} in {text!r}")
    return Address(host[1:-1] if bracketed else host, int(port))


def bind(address: Address, kind: socket.SocketKind, flag: str) -> socket.socket:
    """Return a socket bound to the address, or raise `NetworkError` naming the flag."""
    shown = f"'{address.host}:{address.port}'"
    try:
        if not address.host and socket.has_dualstack_ipv6():
            try:
                return _bound(socket.AF_INET6, kind, ("::", address.port), dual=True)
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise  # else the machine has no IPv6: IPv4 alone will do
        host = address.host or "0.0.0.0"  # noqa: S104 - what an empty host asks for
        family, target = resolve(host, address.port, kind)
        return _bound(family, kind, target, dual=False)
    except socket.gaierror as error:
        raise NetworkError(f"{flag}: {shown} does not resolve: {error.strerror}") from None
    except UnicodeError:
        raise NetworkError(f"{flag}: {shown} does not resolve: not a host name") from None
    except OSError as error:
        raise NetworkError(f"{flag}: can't listen on {shown}: {error.strerror or error}") from None


def resolve(
    host: str, port: int, kind: socket.SocketKind
) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Return a name's address and its family, IPv4 first, as Go does. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, port, type=kind)
    family, _, _, _, target = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, target


def _bound(
    family: int, kind: socket.SocketKind, target: tuple[object, ...], *, dual: bool
) -> socket.socket:
    channel = socket.socket(family, kind)
    try:
        if dual:
            channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind == socket.SOCK_STREAM:
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        channel.bind(target)
    except OSError:
        channel.close()
        raise
    return channel
