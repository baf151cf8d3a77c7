"""In: which facts of which files are sent. Out: the same, whatever became of the process in between.

A ledger is a text file of JSON lines that only grows, beside the reports:

    {"format": "popcon-ledger 1"}
    {"batch": 1, "facts": {"<id of a file>": ["library_used.numpy", …], …}}
    {"batch": 1, "state": "sending"}
    {"batch": 1, "state": "done"}

The first line of a batch is on the disk before anything is sent. `sending` is the last that is written
before the bytes leave: a batch without it was not sent, and one with it was. No database, because
SQLite's locks are what NFS is worst at; one lock on one file is asked for here (`lockf`, which NFS has and
which ends with the process, also with one that was killed).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from popcon.errors import FileError

FILE_NAME = "popcon-ledger.jsonl"
_FORMAT = {"format": "popcon-ledger 1"}
#: To open without waiting where something else has the name, such as a FIFO, and without following a link.
_CAREFULLY = os.O_NONBLOCK | os.O_NOFOLLOW
_DONE = ("done", "taken as sent")


class Ledger:
    """What was counted already, by the id of a file. In a `with`, nobody else writes to it.

    `doubtful` says of how many batches an earlier run did not live to see the end.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.counted: dict[str, set[str]] = defaultdict(set)
        self.doubtful: list[int] = []
        self._handle = -1
        self._made = False
        self._last = 0

    @classmethod
    def look(cls, file: str) -> Ledger:
        """Return what a ledger says, if there is one, without a lock and without a change."""
        ledger = cls(file)
        try:
            handle = os.open(file, os.O_RDONLY | _CAREFULLY)
        except FileNotFoundError:
            return ledger
        except OSError as error:
            raise _can_not("read", file, error) from None
        try:
            _check_kind(handle, file)
            ledger._learn(_read_to_end(handle))
        except OSError as error:
            raise _can_not("read", file, error) from None
        finally:
            os.close(handle)
        return ledger

    def open(self, waits: Callable[[], None]) -> Ledger:
        """Lock the ledger, and make it if there is none; `waits` is called where another has it.

        What was made here, and is still empty in the end, is taken away again.
        """
        failing = "write"
        try:
            while not self._is_there():
                self._close()
                made = not os.path.lexists(self.file)
                flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | _CAREFULLY
                self._handle = os.open(self.file, flags, 0o644)
                _check_kind(self._handle, self.file)
                self._lock(waits)
                self._made = made  # only from here on: who has no lock may not take it away
            failing = "lock or write"
            self._settle()
        except BaseException as error:
            self._close()
            if isinstance(error, OSError):
                raise _can_not(failing, self.file, error) from None
            raise
        return self

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *fault: object) -> None:
        self._close()

    def intend(self, facts: Mapping[str, Sequence[str]]) -> int:
        """Write down what is going to be sent, and return the number of the batch."""
        if not os.fstat(self._handle).st_size:
            self._append(_FORMAT)
            _sync_folder(os.path.dirname(self.file) or os.curdir)
        self._last += 1
        self._append({"batch": self._last, "facts": dict(facts)})
        self._sync()
        return self._last

    def sending(self, batch: int) -> None:
        """Write down that the bytes leave now.

        Not waited for until it is on the disk: that takes milliseconds, in which a killed process
        would leave this line and nothing sent. Only a machine that goes down sees the difference.
        """
        self._append({"batch": batch, "state": "sending"})

    def done(self, batch: int, facts: Mapping[str, Sequence[str]]) -> None:
        """Write down that the batch has arrived."""
        self._take(facts)
        self._append({"batch": batch, "state": "done"})
        self._sync()

    def _close(self) -> None:
        if self._handle >= 0:
            with suppress(OSError):  # the lock is ours, so nobody else has begun to write
                if self._made and not os.fstat(self._handle).st_size and self._is_there():
                    os.unlink(self.file)
            os.close(self._handle)
            self._handle = -1
            self._made = False

    def _is_there(self) -> bool:
        """Return whether what is open here is what has the name; another load may have removed it."""
        try:
            return self._handle >= 0 and os.path.samestat(
                os.fstat(self._handle), os.lstat(self.file)
            )
        except FileNotFoundError:
            return False

    def _lock(self, waits: Callable[[], None]) -> None:
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            waits()
            fcntl.lockf(self._handle, fcntl.LOCK_EX)

    def _settle(self) -> None:
        """Read what is there, cut off what a full disk or a crash left half written."""
        # Through the one handle: to close any other on this file would give up the lock.
        data = _read_to_end(self._handle)
        self._learn(data)
        os.ftruncate(self._handle, data.rfind(b"\n") + 1)
        for batch in self.doubtful:
            self._append({"batch": batch, "state": _DONE[1]})

    def _learn(self, data: bytes) -> None:
        """Go by the whole lines. Raises `FileError` where this is no ledger, or a damaged one."""
        if b"\n" not in data and not _line(_FORMAT).startswith(data):
            data += b"\n"  # half a line of somebody else's: not ours to cut off
        intended: dict[int, dict[str, list[str]]] = {}
        sending: dict[int, None] = {}
        for number, line in enumerate(data.split(b"\n")[:-1], start=1):
            try:
                entry = json.loads(line)
                if number == 1:
                    if entry != _FORMAT:
                        raise ValueError
                    continue
                batch, state = entry["batch"], entry.get("state")
                if state is None:
                    intended[batch] = {id: list(facts) for id, facts in entry["facts"].items()}
                elif state == "sending":
                    sending[batch] = None
                    self._take(intended.pop(batch))
                elif state in _DONE:
                    del sending[batch]
                else:
                    raise ValueError
                self._last = max(self._last, batch)
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                text = line[:80].decode("utf-8", "backslashreplace")
                raise FileError(f"not a ledger: '{self.file}', line {number}: {text!r}") from None
        self.doubtful = list(sending)

    def _take(self, facts: Mapping[str, Sequence[str]]) -> None:
        for id, names in facts.items():
            self.counted[id].update(names)

    def _append(self, entry: Mapping[str, Any]) -> None:
        line = _line(entry)
        try:
            while line:
                line = line[os.write(self._handle, line) :]
        except OSError as error:
            raise _can_not("write", self.file, error) from None

    def _sync(self) -> None:
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise _can_not("write", self.file, error) from None


def is_ledger(file: str) -> bool:
    """Return whether a file begins as a ledger does; one that is still empty knows nothing."""
    try:
        handle = os.open(file, os.O_RDONLY | _CAREFULLY)
    except OSError:
        return False
    try:
        start = _line(_FORMAT)
        return stat.S_ISREG(os.fstat(handle).st_mode) and os.read(handle, len(start)) == start
    except OSError:
        return False
    finally:
        os.close(handle)


def _check_kind(handle: int, file: str) -> None:
    """Raise `FileError` where what is open isn't a regular file."""
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise FileError(f"the ledger '{file}' is not a regular file; --ledger puts it elsewhere")


def _read_to_end(handle: int) -> bytes:
    return b"".join(iter(lambda: os.read(handle, 1 << 24), b""))


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _sync_folder(folder: str) -> None:
    """Have the new ledger's name on the disk too, where the file system knows of such a thing."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _can_not(verb: str, file: str, error: OSError) -> FileError:
    return FileError(
        f"can't {verb} the ledger '{file}': {error.strerror}; --ledger puts it elsewhere"
    )
