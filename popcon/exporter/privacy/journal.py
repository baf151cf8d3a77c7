"""In: records that change, come and go. Out: what has to be saved since the last time.

Only what a saved state really has is told to be deleted, so that neither a saving that fails for
days nor one that nobody asks for costs memory. `unsaved` may come late: things go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Record:
    """Something that a restart has to find again, under its key."""

    __slots__ = ("_changed", "_journal", "_stored", "gone")

    def __init__(self, journal: Journal, *, stored: bool = False) -> None:
        self._journal = journal
        self._changed = False
        self._stored = stored
        #: Nobody has it any more; whoever kept it asks for another.
        self.gone = False

    def key(self) -> str:
        """Return the key: one for each record that isn't gone."""
        raise NotImplementedError

    def record(self) -> Any:
        """Return what has to be found again, as JSON has it; None for nothing."""
        raise NotImplementedError

    def change(self) -> None:
        """Let the next `changes` tell of this record."""
        if not self._changed:
            self._changed = True
            if self._journal.is_kept:
                self._journal.changed.append(self)

    def go(self) -> None:
        """Let the next `changes` say that this record is no more."""
        self.gone = True
        if self._stored:
            self._journal.deleted[self.key()] = None


class Journal:
    """What changed since the last call of `changes`, the first of which tells everything."""

    def __init__(self) -> None:
        self.is_kept = False
        self.changed: list[Record] = []
        self.deleted: dict[str, None] = {}
        self._told: list[tuple[Record, bool]] = []  # and whether it was stored before
        self._told_deleted: dict[str, None] = {}

    def changes(self, everything: Iterable[Record]) -> dict[str, Any]:
        """Return key → value, None for what is no more. The caller saves it, or calls `unsaved`."""
        told = self.changed if self.is_kept else list(everything)
        self.is_kept, self.changed = True, []
        self._told, self._told_deleted, self.deleted = [], self.deleted, {}
        found: dict[str, Any] = dict(self._told_deleted)
        for record in told:
            record._changed = False
            if record.gone:
                continue
            self._told.append((record, record._stored))
            value = record.record()
            if value is not None or record._stored:
                found[record.key()] = value
            record._stored = value is not None
        return found

    def unsaved(self) -> None:
        """Take back what the last `changes` told: the next one tells it again."""
        for record, was_stored in self._told:
            record._stored = was_stored
            if not record.gone:
                record.change()
            elif was_stored:
                self.deleted[record.key()] = None
            else:
                self.deleted.pop(record.key(), None)
        self.deleted = {**self._told_deleted, **self.deleted}
        self._told, self._told_deleted = [], {}
