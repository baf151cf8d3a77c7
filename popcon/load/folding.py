"""In: files, a ledger, an exporter. Out: what the ledger doesn't know yet, folded, at the exporter.

A batch is small enough for one connection's first send: then the system has all of it or nothing, and
goes on to deliver it though we are killed.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from popcon.errors import FileError, NetworkError, UsageError
from popcon.load.account import Account, Refusal, file_id, read_account
from popcon.load.ledger import FILE_NAME, Ledger, is_ledger

#: Bytes of statsd lines: what Linux takes at once into a fresh connection's buffer over Ethernet (87,040
#: with its own overhead), with room to spare.
BATCH_BYTES = 1 << 15
#: Counts of files in one batch: the ledger's line on it is some 300 kB then.
BATCH_FACTS = 10_000
#: A count of more digits than this is no count of processes.
_DIGITS = len(":1000000000|c\n")


class Stream(Protocol):
    """A connection: see `popcon.outgoing.Stream`."""

    def fill(self, counts: Mapping[str, int]) -> None: ...

    def send(self) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Batch:
    """What is sent at once: the counts, and of which files they are made."""

    counts: Counter[str] = field(default_factory=Counter)
    facts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    size: int = 0
    number: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it has to be sent before more is added."""
        return self.size > BATCH_BYTES or self.number >= BATCH_FACTS

    def add(self, account: Account, fact: str) -> None:
        """Add one count of a file."""
        name = f"{account.prefix}.{fact}"
        if name not in self.counts:
            self.size += len(name) + _DIGITS
        self.counts[name] += 1
        self.number += 1
        self.facts[account.id].append(fact)


@dataclass
class Loaded:
    """What came of it: files that were read, those of them with news, and counts in them."""

    files: int = 0
    news: int = 0
    counts: int = 0
    names: set[str] = field(default_factory=set)


def find_files(paths: Iterable[str]) -> list[str]:
    """Return the reports among paths: files as they are, folders by the names in them.

    Raises `FileError` where there is no such file or folder.
    """
    found: dict[str, None] = {}
    for path in paths:
        try:
            if os.path.isdir(path):
                names = sorted(name for name in os.listdir(path) if file_id(name))
                found.update(dict.fromkeys(os.path.join(path, name) for name in names))
            else:
                os.lstat(path)
                found[path] = None
        except OSError as error:
            raise FileError(f"can't read '{path}': {error.strerror}") from None
    return list(found)


def ledger_for(paths: Iterable[str], chosen: str | None) -> str:
    """Return the ledger that these paths have. Raises `UsageError` where there would be two.

    With two, what one of them knows would be counted again by the other.
    """
    folders = {
        os.path.realpath(path if os.path.isdir(path) else os.path.dirname(path) or os.curdir)
        for path in paths
    }
    if chosen is None:
        if len(folders) > 1:
            raise UsageError(
                "the reports are in several folders: say with --ledger where their one account is kept"
            )
        return os.path.join(folders.pop(), FILE_NAME)
    for folder in sorted(folders):
        own = os.path.join(folder, FILE_NAME)
        if os.path.realpath(own) != os.path.realpath(chosen) and is_ledger(own):
            raise UsageError(f"these reports have a ledger of their own: '{own}', not '{chosen}'")
    return chosen


def load(
    files: Iterable[str],
    ledger: Ledger,
    known: Callable[[str], bool],
    refuse: Callable[[Refusal], None],
    connect: Callable[[], Stream] | None,
) -> Loaded:
    """Send what is new in the files, and say what was done; only look where `connect` is None.

    Raises `NetworkError` and `FileError`; what was sent by then is in the ledger.
    """
    loaded = Loaded()
    for batch in _batches(files, ledger.counted, known, refuse, loaded):
        if connect is not None:
            _deliver(batch, ledger, connect())
        loaded.counts += batch.number
        loaded.names.update(batch.counts)
    return loaded


def _batches(
    files: Iterable[str],
    counted: Mapping[str, set[str]],
    known: Callable[[str], bool],
    refuse: Callable[[Refusal], None],
    loaded: Loaded,
) -> Iterator[Batch]:
    batch = Batch()
    seen: dict[str, set[str]] = defaultdict(set)
    for file in files:
        account = read_account(file, known, refuse)
        if account is None:
            continue
        loaded.files += 1
        old = counted.get(account.id, set()) | seen[account.id]
        fresh = [fact for fact in account.facts if fact not in old]
        loaded.news += bool(fresh)
        seen[account.id].update(fresh)
        for fact in fresh:
            batch.add(account, fact)
            if batch.is_full:
                yield batch
                batch = Batch()
    if batch.counts:
        yield batch


def _deliver(batch: Batch, ledger: Ledger, stream: Stream) -> None:
    try:
        number = ledger.intend(batch.facts)
        stream.fill(batch.counts)
        ledger.sending(number)
        # Killed just here, the batch is lost. Nowhere else is anything lost or counted twice.
        try:
            stream.send()
            stream.finish()
        except OSError as error:
            raise NetworkError(
                f"the exporter went away in the middle of {batch.number} counts of "
                f"{len(batch.facts)} files, which are taken as sent: {error.strerror or error}"
            ) from None
        ledger.done(number, batch.facts)
    finally:
        stream.close()
