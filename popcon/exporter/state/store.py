"""In: changed values by kind and key. Out: a file that has them all, or none, whenever we are killed.

The file is SQLite's. Every choice of its settings is for a file that one process writes each second:

- A write-ahead log: a save costs one `fsync`, and a log that ends anywhere is read up to the last
  save that is whole (https://www.sqlite.org/wal.html).
- Exclusive locking: a second process is refused, the kernel lets go of the lock when this one dies,
  and no memory is shared, which network volumes can't do. The lock is POSIX's: to open and close
  the file in this process, by anything but SQLite, would give it away, so nothing here does.
- Full synchronization: what was acknowledged survives a crash of the machine as well.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from typing import Any, Optional

from popcon.errors import FileError, PopconError

#: What SQLite keeps in the file's header, to tell whose it is ("popc"), and which tables it has.
APPLICATION, VERSION = 0x706F7063, 1
#: Bytes. A changed key costs a page twice, in the log and in the file: small ones halve the traffic.
PAGE = 1024
#: Bytes that the log may grow to, before it is written into the file and begins anew.
LOG = 4 << 20

_TABLE = (
    "CREATE TABLE entries (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (kind, key)) WITHOUT ROWID"
)
_encode = json.JSONEncoder(separators=(",", ":")).encode

#: A file as the kernel knows it, whatever its name: its device and its inode; None for no file.
_Inode = Optional[tuple[int, int]]


class StoreError(PopconError):
    """What changed can't be written now. The store stays as it was, and a later save may work."""


class Store:
    """A durable map from a kind and a key to a value that JSON can tell, infinities and NaN included.

    From `open` to `close`, or as a context manager. One thread at a time may use it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._file = os.path.realpath(self.path)
        self._connection: sqlite3.Connection | None = None
        self._inodes: tuple[_Inode, _Inode] = (None, None)
        self._doubtful = False

    def open(self, patience: float = 1.0) -> None:
        """Open the file, or make it, for its owner alone to read; no folder is made.

        Raises `FileError` where another process has it and keeps it for `patience` seconds, where
        it is damaged, isn't ours or can't be written; it is then left as it is.
        """
        deadline = time.monotonic() + patience
        while True:
            try:
                self._connect(check=True)
                return
            except sqlite3.Error as error:
                if str(error) != "database is locked":
                    raise FileError(f"can't keep counts in '{self.path}': {error}") from None
                if time.monotonic() >= deadline:
                    raise FileError(
                        f"'{self.path}' is in use: another exporter keeps its counts there"
                    ) from None
            except OSError as error:
                raise FileError(
                    f"can't keep counts in '{self.path}': {error.strerror or error}"
                ) from None
            # Two that begin at once can be in each other's way: the next try is not at once again.
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311

    def close(self) -> None:
        """Write the log into the file, and let go of it."""
        if self._connection is not None:
            with suppress(sqlite3.Error):  # what was saved is in the log then
                self._connection.close()
            self._connection = None

    def __enter__(self) -> Store:
        self.open()
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes on disk, the log included."""
        return sum(_length(file) for file in self._files())

    def load(self, kind: str) -> Iterator[tuple[str, Any]]:
        """The keys and values of a kind, by key. Raises `FileError` where they can't be read."""
        assert self._connection is not None
        try:
            for key, value in self._connection.execute(
                "SELECT key, value FROM entries WHERE kind = ? ORDER BY key", (kind,)
            ):
                yield key, json.loads(value)
        except (sqlite3.Error, ValueError) as error:
            raise FileError(f"'{self.path}' is damaged: {error}") from None

    def save(self, changes: Mapping[tuple[str, str], Any | None]) -> None:
        """Set what has a value, delete what has None: all of it, on disk on return, or nothing.

        Also looks whether the file is still where it was, so an empty save has a sense. Raises
        `StoreError` where it can't be written: the disk is full or broken, the file was replaced.
        """
        # By key, so that neighbours in the file are written once.
        rows = [
            (kind, key, None if value is None else _encode(value))
            for (kind, key), value in sorted(changes.items(), key=lambda change: change[0])
        ]
        try:
            connection = self._mended()
            if rows:
                self._write(connection, rows)
        except OSError as error:
            raise StoreError(f"can't write '{self.path}': {error.strerror or error}") from None
        except (sqlite3.Error, FileError) as error:
            raise StoreError(f"can't write '{self.path}': {error}") from None

    def _write(
        self, connection: sqlite3.Connection, rows: list[tuple[str, str, str | None]]
    ) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?)",
                (row for row in rows if row[2] is not None),
            )
            connection.executemany(
                "DELETE FROM entries WHERE kind = ? AND key = ?",
                (row[:2] for row in rows if row[2] is None),
            )
            connection.execute("COMMIT")
        except BaseException as error:
            # A file on a volume that was away and came back has to be opened again.
            self._doubtful = str(error) != "database or disk is full"
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise

    def _mended(self) -> sqlite3.Connection:
        """The connection, once it is sure that it writes to the files that a restart would read."""
        file, log = self._inodes_now()
        if self._connection is not None:
            if (file, log) == self._inodes and not self._doubtful:
                return self._connection
            if file is None:
                file = self._written_again(self._connection)
            elif log != self._inodes[1]:  # then the file alone has to be the whole
                busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if busy:
                    raise FileError("its log was removed")
        if file != self._inodes[0]:
            if log == self._inodes[1]:  # or it would be taken for the log of the new file
                with suppress(FileNotFoundError):
                    os.unlink(self._files()[1])
            raise FileError("it was removed or replaced; the exporter has to be started again")
        self.close()
        return self._connect(check=False)

    def _written_again(self, connection: sqlite3.Connection) -> _Inode:
        """Put a file that was removed back: what it held is still to be read while it is open."""
        file, log = self._files()
        draft = f"{file}-draft"
        for old in (draft, log):
            with suppress(FileNotFoundError):
                os.unlink(old)
        _create(draft)
        with closing(sqlite3.connect(draft)) as copy:
            connection.backup(copy)
        os.replace(draft, file)
        self._inodes = self._inodes_now()
        return self._inodes[0]

    def _connect(self, *, check: bool) -> sqlite3.Connection:
        """Raises `FileError`, `OSError` and `sqlite3.Error`, and leaves nothing open then."""
        file, log = self._files()
        if _length(log) and not _length(file):  # SQLite would take it for a new one
            raise FileError(f"'{self.path}' is damaged: it is missing or empty, its log is not")
        with suppress(FileExistsError):
            _create(file)
        if not os.path.isfile(file):
            raise FileError(f"can't keep counts in '{self.path}': it is not a file")
        for what, place in (("it", file), ("its folder", os.path.dirname(file))):
            if not _writable(place):  # SQLite would call it an I/O error
                raise FileError(f"can't keep counts in '{self.path}': {what} can't be written to")
        connection = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection, check)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._doubtful = False
        self._inodes = self._inodes_now()
        return connection

    def _prepare(self, connection: sqlite3.Connection, check: bool) -> None:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN EXCLUSIVE")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application == version == tables == 0:  # a new file, or one whose first second was cut
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
        elif application != APPLICATION:
            raise FileError(f"'{self.path}' is another program's SQLite file")
        elif version != VERSION:
            raise FileError(f"'{self.path}' is of format {version}; this popcon knows {VERSION}")
        elif check:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise FileError(f"'{self.path}' is damaged: {' '.join(found.split())}")
        # Written each time: whoever may not write is to know now.
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG // PAGE}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG}")
        connection.execute("SELECT 1 FROM entries LIMIT 1").fetchone()  # makes the log

    def _files(self) -> tuple[str, str]:
        return self._file, f"{self._file}-wal"

    def _inodes_now(self) -> tuple[_Inode, _Inode]:
        file, log = self._files()
        return _inode(file), _inode(log)


def _inode(file: str) -> _Inode:
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _length(file: str) -> int:
    try:
        return os.stat(file).st_size
    except OSError:
        return 0


def _writable(place: str) -> bool:
    return os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _create(file: str) -> None:
    """Make an empty file for its owner alone; SQLite gives its log the same permissions."""
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
