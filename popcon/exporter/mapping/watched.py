"""In: a file's path. Out: its content, once it has changed and stands still.

The content is read and compared at each look, since nothing less notices everything: a ConfigMap's
file is a link to a link that is swapped, two writes within one tick of the clock leave size and
time as they were, and a network file system sends no events. A mapping file is small.

A look waits as long as the file system does: take it on a thread that nothing else waits for.
"""

from __future__ import annotations

import os
import stat
import threading

from popcon.errors import FileError

#: Bytes. No mapping file comes near; a wrong path must not fill the memory.
MAX_BYTES = 16 * 2**20


class WatchedFile:
    """A file, and the content of it that was handed out last. Any thread may ask."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        #: Why the last look could not read the file, in one line; empty where it could.
        self.problem = ""
        self._handed: bytes | None = None
        self._seen: bytes | None = None
        self._lock = threading.Lock()

    @property
    def missing(self) -> bool:
        """Whether the last look found no file that can be read."""
        return bool(self.problem)

    def read(self) -> bytes:
        """Return the content as it is now, and hand it out. Raises `FileError`, the path in quotes.

        Where it is raised, a poll hands out whatever is there once the file can be read again.
        """
        with self._lock:
            self._handed = self._look()
            if self._handed is None:
                raise FileError(self.problem)
            return self._handed

    def poll(self) -> bytes | None:
        """Return the content if it isn't what was handed out last, and two polls in a row saw it.

        So a file that is still being written is left alone. One that can't be read is no change.
        """
        with self._lock:
            before, self._seen = self._seen, self._look()
            if self._seen is None or self._seen != before or self._seen == self._handed:
                return None
            self._handed = self._seen
            return self._handed

    def _look(self) -> bytes | None:
        try:
            with open(self.path, "rb", opener=_unwaiting) as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    reason = "not a file"
                else:
                    content = stream.read(MAX_BYTES + 1)
                    if len(content) <= MAX_BYTES:
                        self.problem = ""
                        return content
                    reason = f"more than {MAX_BYTES} bytes"
        except OSError as error:
            reason = error.strerror or str(error)
        except ValueError as error:  # a path with a NUL in it
            reason = str(error)
        self.problem = f"can't read '{self.path}': {reason}"
        return None


def _unwaiting(path: str, flags: int) -> int:
    """Open without waiting for a pipe's writer: a pipe has no content that could be compared."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
