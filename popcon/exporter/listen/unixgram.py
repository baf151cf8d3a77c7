"""In: the path of a Unix datagram socket, and who may send. Out: the bound socket.

What is there already stays: the start is refused. But a socket that nobody listens on any more, as a
killed exporter leaves it, is replaced; statsd_exporter couldn't start again. A name that begins with
`@` is one of Linux' abstract sockets, as it is in Go: no file, and no mode.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from contextlib import suppress

from popcon.errors import FileError, UsageError

_FLAG = "--statsd.listen-unixgram"


def parse_mode(text: str) -> int:
    """Return the permissions that octal digits say, `755` or `0755`. Raises `UsageError`."""
    if not re.fullmatch("0?[0-7]{1,3}", text):
        raise UsageError(f"--statsd.unixsocket-mode: not octal permissions such as 755: {text!r}")
    return int(text, 8)


class UnixgramSocket(socket.socket):
    """A bound socket that takes its file along when it is closed, if that is still its own."""

    _file: tuple[str, int, int] | None = None  # path, device, inode

    def remove(self) -> None:
        """Remove the socket's file; one that somebody else has put there stays."""
        if self._file is None:
            return
        path, device, inode = self._file
        self._file = None
        with suppress(OSError):
            found = os.lstat(path)
            if (found.st_dev, found.st_ino) == (device, inode):
                os.unlink(path)

    def close(self) -> None:
        """Remove the file, then close."""
        self.remove()
        super().close()


def bind_unixgram(path: str, mode: str = "755") -> UnixgramSocket:
    """Return a datagram socket at a path that wasn't there before.

    To send, one needs write permission: `mode` is who has it, whatever the umask. Raises
    `UsageError` for a mode that is none, and `FileError` where the path can't be had.
    """
    permissions = parse_mode(mode)
    if path.startswith("@"):
        return _bound("\0" + path[1:], path)
    try:
        if _is_left_over(path):
            os.unlink(path)
        os.lstat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise _refusal(path, error) from None
    else:
        raise FileError(f"{_FLAG}: {path!r} is there already")
    channel = _bound(path, path, permissions)
    try:
        made = os.lstat(path)
        channel._file = (path, made.st_dev, made.st_ino)
        os.chmod(path, permissions)  # the umask may have taken some
    except OSError as error:
        channel.close()
        raise _refusal(path, error) from None
    return channel


def _is_left_over(path: str) -> bool:
    """Return whether there is a socket that nobody listens on. Raises OSError, ValueError."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(path)
        except OSError as error:  # another kind of socket, for one
            return isinstance(error, ConnectionRefusedError)
    return False


def _bound(address: str, path: str, permissions: int | None = None) -> UnixgramSocket:
    channel = UnixgramSocket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        if permissions is not None:
            with suppress(OSError):  # on Linux the file is never more open than this
                os.fchmod(channel.fileno(), permissions)
        channel.bind(address)
    except (OSError, ValueError) as error:
        channel.close()
        raise _refusal(path, error) from None
    return channel


def _refusal(path: str, error: OSError | ValueError) -> FileError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return FileError(f"{_FLAG}: can't make the socket {path!r}: {reason}")
