"""In: when the exporter started, and what its file says. Out: when its counts began, over restarts.

Whoever reads counters has to know whether one that they see for the first time began at zero
lately, or was counted on from a file (popcon/render/queries.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_KEY = "since"


class Since:
    """When counting began, in seconds since 1970: a source of the state file."""

    kind = "exporter"

    def __init__(self, now: float) -> None:
        self.seconds = now
        self._saved = False

    def changes(self) -> dict[str, Any]:
        """What is to be saved: the time, once."""
        found = {} if self._saved else {_KEY: self.seconds}
        self._saved = True
        return found

    def unsaved(self, changes: Iterable[str]) -> None:
        """Take back what could not be saved."""
        self._saved = self._saved and _KEY not in changes

    def restore(self, items: Iterable[tuple[str, Any]]) -> None:
        """Be as an earlier process said; a time that is none is passed over."""
        for key, value in items:
            if key == _KEY and isinstance(value, (int, float)) and 0 < value < self.seconds:
                self.seconds, self._saved = value, True
