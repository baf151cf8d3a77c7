"""In: what changed in the sources since the last second. Out: it is in the store, or kept for later.

Nothing here raises once the sources are restored: a full disk must not stop the counting.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from popcon.errors import PopconError

if TYPE_CHECKING:
    from popcon.exporter.state.store import Store

log = logging.getLogger(__name__)


class Source(Protocol):
    """What is to survive a restart: values by key, of a kind of its own."""

    kind: str

    def changes(self) -> dict[str, Any | None]:
        """What changed since the last call, as it is now; None for what is gone."""

    def unsaved(self, changes: Mapping[str, Any | None]) -> None:
        """Take back what `changes` gave: it was not saved, and has to be told again."""

    def restore(self, items: Iterable[tuple[str, Any]]) -> None:
        """Take what was saved, before anything else comes."""


class Persistence:
    """Saves the sources together, each time that it is asked. `errors`, `writes` only grow.

    `lock` is held while the sources are asked, and never while anything is written: what is saved
    at once belongs together. `clock` gives seconds since the epoch; `last_success` is when
    everything was last known to be in the store, 0 before.
    """

    def __init__(
        self,
        store: Store,
        sources: Sequence[Source],
        lock: AbstractContextManager[Any],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.writes = 0
        self.errors = 0
        self.last_success = 0.0
        self._store = store
        self._sources = tuple(sources)
        self._lock = lock
        self._clock = clock
        self._failed = 0  # in a row
        self._saving = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._store.size

    def restore(self) -> None:
        """Give each source what was saved of it. Raises `FileError`."""
        with self._saving, self._lock:
            for source in self._sources:
                source.restore(self._store.load(source.kind))

    def save(self) -> bool:
        """Save what changed; return whether all is in the store now. Any thread may ask."""
        with self._saving:
            taken: list[tuple[Source, dict[str, Any | None]]] = []
            try:
                with self._lock:
                    for source in self._sources:
                        taken.append((source, source.changes()))
                changes = {
                    (source.kind, key): value
                    for source, changed in taken
                    for key, value in changed.items()
                }
                self._store.save(changes)
            except Exception as error:
                with self._lock:
                    for source, changed in taken:
                        source.unsaved(changed)
                self._note_failure(error)
                return False
            self.writes += bool(changes)
            self.last_success = self._clock()
            if self._failed:
                log.warning("counts are saved again, after %d failed writes", self._failed)
                self._failed = 0
            return True

    def _note_failure(self, error: Exception) -> None:
        self.errors += 1
        self._failed += 1
        if self._failed == 1:  # the rest of the row is in the counter
            fault = None if isinstance(error, PopconError) else error
            log.error("counts are not saved, a restart would lose them: %s", error, exc_info=fault)
