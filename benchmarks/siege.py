"""In: a TCP port. Out: connections that never end a line, or end too soon, until the siege is lifted."""

from __future__ import annotations

import random
import socket
import struct
import threading

#: Connections open at the same time, and bytes that one sends at once.
OPEN = 200
PIECE = 1000
#: Closing sends a reset, not an end (socket(7), SO_LINGER).
_RESET = struct.pack("ii", 1, 0)


class Siege:
    """A thread that keeps connections to a port of 127.0.0.1 open, each bad in its own way."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._random = random.Random(seed)  # noqa: S311
        self._stopping = threading.Event()
        self.opened = self.closed = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def lift(self) -> None:
        """End it, and close what is open."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        held: list[socket.socket] = []
        while not self._stopping.wait(0.005):
            try:
                if len(held) < OPEN:
                    held.append(socket.create_connection(("127.0.0.1", self._port), timeout=1))
                    self.opened += 1
                one = self._random.choice(held)
                one.settimeout(0.01)
                one.send(self._piece())
                if self._random.random() < 0.05:
                    held.remove(one)
                    self._end(one)
            except socket.timeout:
                continue
            except OSError:  # it was closed: what endless lines deserve
                self.closed += 1
                held = [one for one in held if not _closed(one)]
        for one in held:
            one.close()

    def _piece(self) -> bytes:
        return self._random.choice(
            (
                b"x" * PIECE,
                b"x",
                b"half:1|",
                b"\n" * PIECE,
                b"\xff" * PIECE,
                b"\r\n\0",
                b"hostile:1|c",
            )
        )

    def _end(self, one: socket.socket) -> None:
        if self._random.random() < 0.5:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        one.close()


def _closed(one: socket.socket) -> bool:
    try:
        one.setblocking(False)
        gone = one.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        gone = True
    if gone:
        one.close()
    return gone
