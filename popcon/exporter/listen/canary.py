"""In: the exporter's own UDP socket. Out: counts sent to it, to see whether what is sent arrives."""

from __future__ import annotations

import socket

from popcon.catalog import CANARY, PREFIX


class Canary:
    """Sends `python_popcon.canary.<id>:1|c` to a socket of ours, from outside, over loopback.

    `sent` counts those that left, to be compared with the counter that they end up in.
    """

    def __init__(
        self, channel: socket.socket, id: str = "exporter", *, prefix: str = PREFIX
    ) -> None:
        self.line = CANARY.line(prefix, id).encode()
        self.sent = 0
        family, self._address = _way_in(channel)
        self._sender = socket.socket(family, socket.SOCK_DGRAM)
        self._sender.setblocking(False)

    def send(self) -> None:
        """Send one; where the system can't, the next one may leave."""
        try:
            self._sender.sendto(self.line, self._address)
        except OSError:
            return
        self.sent += 1

    def close(self) -> None:
        """Let go of the socket that sends."""
        self._sender.close()


def _way_in(channel: socket.socket) -> tuple[socket.AddressFamily, tuple[str | int, ...]]:
    """Return the family and the address by which this machine reaches a bound UDP socket."""
    own = channel.getsockname()
    host, port = own[:2]
    if host == "0.0.0.0":  # noqa: S104 - a comparison
        return socket.AF_INET, ("127.0.0.1", port)
    if host == "::":
        only = channel.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        # Where both families are listened on, the machine's own IPv6 may still be switched off.
        return (socket.AF_INET6, ("::1", port)) if only else (socket.AF_INET, ("127.0.0.1", port))
    return channel.family, own
