"""In: a datagram socket. Out: all datagrams that wait there, handed over in one piece, again and again.

One system call a datagram is most of what a datagram costs, so everything around it is done in C
and for many at a time: `map` calls `recv` until nothing waits any more. To be woken for each
datagram would cost more than to read it, so between two looks there is a pause, as long as the
receive buffer can do without us (docs/benchmarks.md).
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

log = logging.getLogger(__name__)

#: The largest datagram that UDP can carry.
LARGEST = 65_535
#: Datagrams taken at once, at most.
TOGETHER = 256
#: Seconds between two looks, with a buffer of so many bytes; with a smaller one it is less.
_PAUSE, _PAUSE_BUFFER = 0.005, 8 * 1024 * 1024
#: Seconds after which a socket on which nothing comes looks whether it is to stop.
_PATIENCE = 0.5
#: How often what has come already is taken when the receiver is to stop.
_LAST_ROUNDS = 100
#: macOS and Linux have it; elsewhere datagrams are taken one by one.
_NOW = getattr(socket, "MSG_DONTWAIT", None)


class Receiver:
    """Reads one socket until it is told to stop; `packets` is how many datagrams came so far.

    `take` is handed each bunch, and with `addressed` also the senders' hosts.
    """

    def __init__(
        self,
        channel: socket.socket,
        take: Callable[..., None],
        stopping: threading.Event,
        *,
        addressed: bool = False,
    ) -> None:
        self._channel = channel
        self._take = take
        self._stopping = stopping
        self._addressed = addressed
        self.packets = 0
        granted = channel.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._pause = _PAUSE * min(1.0, granted / _PAUSE_BUFFER)
        seconds, microseconds = divmod(round(_PATIENCE * 1_000_000), 1_000_000)
        # A time-out of Python's own would be a system call more for each datagram.
        channel.setblocking(True)
        channel.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, microseconds)
        )

    def run(self) -> None:
        """Receive until told to stop, and then what has come by then."""
        while not self._stopping.is_set():
            if self._take_some(waits=True) < TOGETHER:
                time.sleep(self._pause)
        for _ in range(_LAST_ROUNDS if _NOW is not None else 0):
            if not self._take_some(waits=False):
                break

    def _take_some(self, *, waits: bool) -> int:
        """Hand over what is there, or comes within a moment; return how many datagrams."""
        receive = self._channel.recvfrom if self._addressed else self._channel.recv
        found: list[Any] = []
        try:
            if waits:
                found.append(receive(LARGEST))
            if _NOW is not None:
                found.extend(map(receive, repeat(LARGEST, TOGETHER - 1), repeat(_NOW)))
        except BlockingIOError:
            pass
        except OSError as error:  # an ICMP answer to somebody else's packet, say
            log.warning("a datagram could not be read: %s", error)
            self._stopping.wait(0.01)
        if not found:
            return 0
        self.packets += len(found)
        if self._addressed:
            self._take([data for data, _ in found], [_host(address) for _, address in found])
        else:
            self._take(found)
        return len(found)


def _host(address: Any) -> str:
    """A sender's host. A Unix socket's senders have none, and count as one."""
    return str(address[0]) if isinstance(address, tuple) else ""
