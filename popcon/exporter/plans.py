"""In: lines that were worked out. Out: how to do again what they did, for those that came lately."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from popcon.exporter.privacy.batch import Cell
from popcon.exporter.privacy.own import Own
from popcon.exporter.series.series import Live

#: Lines remembered, and their bytes.
MAX_PLANS, MAX_PLAN_BYTES = 150_000, 32 * 1024 * 1024
#: Seconds after which a line that didn't come again is forgotten.
_REMEMBERED = 60.0
#: Bits of a Plan's `account`.
TAGGED, UNMAPPED = 1, 2


class Plan(NamedTuple):
    """What a line does that adds `value` to one counter.

    `ttl` is in seconds; `own` is given for what a publication holds; `account` says whether the line
    has tags, and whether a rule fitted it.
    """

    target: Live | Cell
    value: float
    ttl: float = 0.0
    own: Own | None = None
    account: int = 0


class Plans:
    """Line → how to do again what it did, of those that came lately."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._young: dict[bytes, Plan] = {}
        self._old: dict[bytes, Plan] = {}
        self._bytes = 0
        self._clock = clock
        self._turned = clock()

    def find(self, line: bytes) -> Plan | None:
        plan = self._young.get(line)
        if plan is None and self._old:
            plan = self._old.pop(line, None)
            if plan is not None:
                self.remember(line, plan)
        return plan

    def remember(self, line: bytes, plan: Plan) -> None:
        self._young[line] = plan
        self._bytes += len(line)
        if len(self._young) >= MAX_PLANS or self._bytes >= MAX_PLAN_BYTES:
            self._turn()

    def age(self) -> None:
        """Forget what didn't come for a while."""
        if self._clock() - self._turned > _REMEMBERED:
            self._turn()

    def clear(self) -> None:
        self._turn()
        self._turn()

    def _turn(self) -> None:
        self._old, self._young, self._bytes = self._young, {}, 0
        self._turned = self._clock()
