"""In: increments of names with the same site labels. Out: all of them in one step, the rare renamed."""

from __future__ import annotations

import math
from typing import Any

from popcon.catalog import LIBRARY_USED, LIBRARY_VERSION, OTHER, RARE, Metric
from popcon.exporter.privacy.journal import Journal, Record
from popcon.exporter.privacy.own import values_in
from popcon.exporter.series.series import NOT_FINITE


class Cell(Record):
    """The place where the increments of one name wait.

    It stays valid from step to step, until it is `gone`: whoever kept it asks for another then.
    """

    __slots__ = ("_group", "amount", "metric", "name", "named", "published")

    def __init__(self, name: str, metric: Metric, group: Group, *, stored: bool = False) -> None:
        super().__init__(group._journal, stored=stored)
        self._group = group
        self.name = name
        self.metric = metric
        self.amount = 0.0  # waits
        self.published = 0.0  # went before, kept only where a threshold asks for it
        self.named = False  # reached the threshold once

    def is_first(self, value: float) -> bool:
        """Return whether nothing waited before this."""
        return self.amount == value

    def take(self, value: float, times: int) -> str | None:
        """Add `value` so many `times`; return None, or the reason why not.

        What is negative or not finite, here or in all, is refused.
        """
        more = value * times
        total = self.amount + more
        if not more > 0.0 or total == math.inf:
            return NOT_FINITE if more else None
        if not self.amount:
            self._group.waiting.append(self)
        self.amount = total
        if not self._changed:
            self.change()
        return None

    def key(self) -> str:
        return f"name:{self.name}"

    def record(self) -> list[float | bool] | None:
        if not self.amount and not self.published:
            return None
        return [self.amount, self.published, self.named]

    def values(self) -> tuple[str, ...]:
        """Return the label values that the name says."""
        parts = self.name[len(self._group.head) :].split(".")
        return values_in(self.metric, parts[1:])


class Group(Record):
    """All names with the same site labels, whose text is `text`; they begin with `head`."""

    __slots__ = ("addresses", "cells", "head", "last", "processes", "since", "text", "waiting")

    def __init__(self, text: str, prefix: str, journal: Journal, *, stored: bool = False) -> None:
        super().__init__(journal, stored=stored)
        self.text = text
        self.head = f"{prefix}.{text}." if text else f"{prefix}."
        self.cells: dict[str, Cell] = {}
        self.waiting: list[Cell] = []
        self.processes = 0
        self.addresses: set[str] = set()
        self.since: float | None = None  # the first increment that waits came
        self.last: float | None = None  # the last step was

    def key(self) -> str:
        return f"group:{self.text}"

    def record(self) -> dict[str, Any]:
        # Addresses are never written, and without them nobody can tell who is new.
        processes = 0 if self.addresses else self.processes
        return {"processes": processes, "since": self.since, "last": self.last}

    def step(self, now: float, threshold: int) -> list[tuple[str, float]]:
        """Take out all that waits, under the names that it may have, and begin a new batch."""
        for cell in self.waiting:
            if threshold > 1:
                cell.published += cell.amount
                cell.named = cell.named or cell.published >= threshold
        # Which names crossed is known before the first of them is asked for.
        steps: dict[str, float] = {}
        for cell in self.waiting:
            name = cell.name if threshold <= 1 else _shown(cell, self)
            steps[name] = steps.get(name, 0.0) + cell.amount
        for cell in self.waiting:
            cell.amount = 0.0
            cell.change()
        self.waiting.clear()
        self.addresses.clear()
        self.processes, self.since, self.last = 0, None, now
        self.change()
        return list(steps.items())


def _shown(cell: Cell, group: Group) -> str:
    """Return the name under which a cell's increments go: below the threshold it says `_rare`."""
    values = cell.values()
    if not values:
        return cell.name
    if cell.metric is LIBRARY_VERSION:
        library = group.cells.get(f"{group.head}{LIBRARY_USED.wire}.{values[0]}")
        if values[0] != OTHER and not (library is not None and library.named):
            return _rare(cell, group, (RARE, RARE))
        return cell.name if cell.named else _rare(cell, group, (values[0], RARE))
    return cell.name if cell.named or values[0] == OTHER else _rare(cell, group, (RARE,))


def _rare(cell: Cell, group: Group, values: tuple[str, ...]) -> str:
    return ".".join((group.head + cell.metric.wire, *values))
