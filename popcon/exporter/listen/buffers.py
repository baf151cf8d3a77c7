"""In: one of our sockets. Out: how large its receive buffer is, and what the kernel dropped for it.

Linux keeps both for each socket: include/uapi/linux/sock_diag.h (SK_MEMINFO_*), socket(7).
"""

from __future__ import annotations

import logging
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

log = logging.getLogger(__name__)

_IS_LINUX = sys.platform == "linux"
#: Linux' numbers (asm-generic/socket.h); the socket module has no names for them.
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_MEMINFO = struct.Struct("9I")
_DROPS = 8


def ask(channel: socket.socket, size: int) -> int:
    """Ask for a receive buffer of so many bytes, 0 for the kernel's own; return what it granted.

    Linux grants twice of what it is asked for, for its own bookkeeping, and that is what it says and
    what is returned. It cuts a wish at net.core.rmem_max without a word, unless the process may go
    beyond (CAP_NET_ADMIN). A kernel that refuses leaves the buffer as it is.
    """
    if not size:
        return granted(channel)
    with suppress(OSError):
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    wanted = 2 * size if _IS_LINUX else size
    if _IS_LINUX and granted(channel) < wanted:
        with suppress(OSError):
            channel.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    if granted(channel) < wanted:
        log.warning(
            "a receive buffer of %d bytes is asked for, the kernel grants %d; see net.core.rmem_max",
            wanted,
            granted(channel),
        )
    return granted(channel)


def granted(channel: socket.socket) -> int:
    """Return the size of the receive buffer in bytes, as the kernel counts it."""
    return channel.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def dropped(channel: socket.socket) -> int | None:
    """Return how many datagrams the kernel had no room for, a number of 32 bits that wraps around.

    None where the kernel doesn't know, or the socket is closed.
    """
    if not _IS_LINUX:
        return None
    try:
        found = channel.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    except OSError:
        return None
    return int(_MEMINFO.unpack(found)[_DROPS]) if len(found) == _MEMINFO.size else None


class Drops:
    """A socket's drops as a number that only grows, if asked once in four billion of them."""

    def __init__(
        self, channel: socket.socket, read: Callable[[socket.socket], int | None] = dropped
    ) -> None:
        self._channel = channel
        self._read = read
        self._lock = threading.Lock()
        self._last = 0
        self._total: int | None = None

    def total(self) -> int | None:
        """Return the drops so far; None where the kernel never told."""
        with self._lock:
            now = self._read(self._channel)
            if now is not None:
                self._total = (self._total or 0) + (now - self._last) % 2**32
                self._last = now
            return self._total
