"""In: increments of popcon's own metrics, and the time. Out: which of them become visible now.

Whoever sees by how much each counter rose between two scrapes sees the processes that reported in
between. So the increments of a group, all names with the same site labels, wait until a `Policy`
lets them go, and then go in one step: a family that moved on another clock would give away what the
others hide. There are no threads, no clock and no files here: the exporter calls everything under
one lock, in the order `Cell.take`, `processes`, `fold_end`, `due`, `changes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from popcon.catalog import PREFIX, Metric
from popcon.errors import FileError
from popcon.exporter.privacy.batch import Cell, Group
from popcon.exporter.privacy.journal import Journal, Record
from popcon.exporter.privacy.own import Own, labels_of, read_own
from popcon.exporter.privacy.policy import Policy
from popcon.exporter.standing import HOLDING_REASONS

#: Names that wait, in all and in one group; groups; characters of a name.
MAX_HELD = 200_000
MAX_NAMES = 50_000
MAX_GROUPS = 10_000
MAX_TEXT = 500

#: Why something is held: too few processes so far, or too little time.
PROCESSES, INTERVAL = HOLDING_REASONS


class Seen(NamedTuple):
    """What one fold brought for a group.

    `reports` is how many processes reported for the first time, `combined` how many of them did in
    a datagram that also says what they used, `largest` the largest increment of one library.
    """

    reports: int
    combined: int
    largest: float


class Standing(NamedTuple):
    """How far a group's batch is, for the admin alone.

    `since` is when the first increment was held, `earliest` the soonest that the clock lets the
    batch go, None where it does already; both are seconds since 1970.
    """

    labels: dict[str, str]
    processes: int
    min_processes: int
    since: float
    earliest: float | None


class Publication:
    """Holds the increments of popcon's own metrics, group by group, as a policy says."""

    #: The kind of what `changes` gives and `restore` takes.
    kind = "held"

    def __init__(
        self,
        policy: Policy,
        *,
        prefix: str = PREFIX,
        max_held: int = MAX_HELD,
        max_names: int = MAX_NAMES,
        max_groups: int = MAX_GROUPS,
    ) -> None:
        self.policy = policy
        self._prefix = prefix
        self._max_held, self._max_names, self._max_groups = max_held, max_names, max_groups
        self._groups: dict[str, Group] = {}
        self._held = 0
        #: Increments of how many names were given up to make room.
        self.evicted = 0
        self._journal = Journal()
        self._day = _Day(self._journal)

    # Increments come in.

    def cell(self, name: str, own: Own) -> Cell | None:
        """Return where the increments of this name wait, None where a bound is hit.

        `own` is what `read_own` made of the name, and `own.held` is true.
        """
        group = self._groups.get(own.group)
        cell = group.cells.get(name) if group is not None else None
        if cell is not None:
            return cell
        if own.metric is None or len(name) > MAX_TEXT:
            return None
        group = group or self._new_group(own.group)
        if group is None or len(group.cells) >= self._max_names:
            return None
        if self._held >= self._max_held and not self._make_room(group):
            return None
        return self._new_cell(name, own.metric, group)

    def processes(self, group: str, firsts: int) -> None:
        """Count processes that reported for the first time and used something."""
        found = self._groups.get(group)
        if found is not None and firsts > 0 and not self.policy.by_address:
            found.processes += firsts
            found.change()

    def processes_from(self, group: str, hosts: Iterable[str]) -> None:
        """Count the addresses of such processes, each once in a batch, where the policy says so."""
        found = self._groups.get(group)
        if found is None or not self.policy.by_address:
            return
        for host in hosts:
            if len(found.addresses) >= self.policy.min_processes:
                break  # more of them would change nothing, and memory has bounds
            found.addresses.add(host)
        found.processes = len(found.addresses)

    def fold_end(self, seen: Mapping[str, Seen]) -> None:
        """Count the processes whose `reports` came in a datagram of its own, group by group.

        popularity-contest sends so. Nothing tells which libraries are theirs; but of those that
        came alone, as many used something as a library has increments beyond the combined ones.
        """
        for group, fold in seen.items():
            alone = fold.reports - fold.combined
            self.processes(group, int(min(alone, max(fold.largest - fold.combined, 0))))

    # Increments go out.

    def due(self, now: float) -> list[tuple[str, float]]:
        """Return the names and amounts that become visible at `now`, mostly none.

        To be shown together: between two of them nobody may look.
        """
        for group in self._groups.values():
            if group.since is None and group.waiting:
                group.since = now
                group.change()
        ready = self._ready_today(now) if self.policy.daily else self._ready(now)
        steps = [step for group in ready for step in self._step(group, now)]
        if len(self._groups) >= self._max_groups:
            self._let_groups_go()
        return steps

    def _ready(self, now: float) -> list[Group]:
        ready = []
        for group in self._groups.values():
            if not group.waiting or group.processes < self.policy.min_processes:
                continue
            start = _start(group, now)
            if now < start:  # the clock was set back: the interval begins again
                group.last = now
                group.change()
            elif now - start >= self.policy.interval:
                ready.append(group)
        return ready

    def _ready_today(self, now: float) -> list[Group]:
        """Return what is ready at the first call of a day; it is nobody's day on the very first."""
        today, last = self.policy.day(now), self._day.number
        if today == last or (last is not None and today == last - 1):  # a clock set back a little
            return []
        self._day.number = today
        self._day.change()
        if last is None or today < last:
            return []
        minimum = self.policy.min_processes
        return [one for one in self._groups.values() if one.waiting and one.processes >= minimum]

    def _step(self, group: Group, now: float) -> list[tuple[str, float]]:
        unseen = [cell for cell in group.cells.values() if not cell.amount]
        steps = group.step(now, self.policy.min_library_processes)
        self._let_go(group, unseen)
        return steps

    # What the metrics and the admin's page say.

    def holding(self, now: float) -> set[str]:
        """Return why anything is held at all, over all groups; never how much."""
        found: set[str] = set()
        for group in self._groups.values():
            if len(found) == 2:
                break
            if group.waiting:
                if group.processes < self.policy.min_processes:
                    found.add(PROCESSES)
                if self.policy.daily or self._interval_ends(group, now) > now:
                    found.add(INTERVAL)
        return found

    def standing(self, now: float) -> list[Standing]:
        """Return how far each batch is, sorted by group. It is not for everybody's eyes."""
        midnight = self.policy.next_midnight(now)
        found = []
        for text, group in sorted(self._groups.items()):
            if group.waiting:
                ends = midnight if self.policy.daily else self._interval_ends(group, now)
                since = now if group.since is None else group.since
                found.append(
                    Standing(
                        labels_of(text),
                        group.processes,
                        self.policy.min_processes,
                        since,
                        ends if ends > now else None,
                    )
                )
        return found

    def _interval_ends(self, group: Group, now: float) -> float:
        return _start(group, now) + self.policy.interval

    # What a restart has to find again.

    def changes(self) -> dict[str, Any]:
        """Return what is different since the last call, by key; None is to be deleted.

        The first call tells everything. Where nobody calls, nothing is kept for it.
        """
        return self._journal.changes(self._records())

    def unsaved(self, changes: Mapping[str, Any]) -> None:
        """Take back what the last `changes` gave, because it was not written."""
        self._journal.unsaved()

    def _records(self) -> Iterator[Record]:
        yield self._day
        for group in self._groups.values():
            yield group
            yield from group.cells.values()

    def restore(self, items: Iterable[tuple[str, Any]]) -> None:
        """Go on from what was written, before anything else comes. Raises `FileError`.

        Names that are no longer popcon's own, because the prefix is another, are left out.
        """
        for key, value in items:
            what, _, text = key.partition(":")
            try:
                if what == "day":
                    self._day = _Day(self._journal, int(value))
                elif what == "group":
                    self._restore_group(text, value)
                elif what == "name":
                    self._restore_name(text, *value)
                else:
                    raise ValueError(what)
            except (TypeError, ValueError, KeyError):
                raise FileError(f"not what is held back, in the saved state: '{key}'") from None

    def _restore_group(self, text: str, record: dict[str, Any]) -> None:
        group = self._groups.get(text) or self._add_group(text, stored=True)
        group.processes = 0 if self.policy.by_address else int(record["processes"])
        group.since, group.last = (
            None if at is None else float(at) for at in (record["since"], record["last"])
        )

    def _restore_name(self, name: str, amount: float, published: float, named: bool) -> None:
        own = read_own(name, self._prefix)
        if own is None or own.metric is None or not own.metric.held:
            return
        group = self._groups.get(own.group) or self._add_group(own.group, stored=True)
        cell = self._new_cell(name, own.metric, group, stored=True)
        cell.amount, cell.published, cell.named = float(amount), float(published), bool(named)
        if cell.amount:
            group.waiting.append(cell)

    # Memory.

    def _new_group(self, text: str) -> Group | None:
        if len(self._groups) >= self._max_groups and not self._make_room(None):
            return None
        return self._add_group(text)

    def _make_room(self, wanting: Group | None) -> bool:
        """Let go of groups that wait for nothing, then of those that never had a step, the ones with
        the fewest processes first; return whether that made room.

        Any kernel can make up groups, which never fill. Without this they would keep every new
        library of the real ones out, also over a restart. Many at once, because it takes a while to
        find them.
        """
        self._let_groups_go(wanting)
        names, groups = self._max_held * 15 // 16, self._max_groups * 15 // 16
        unproven = [one for one in self._groups.values() if one.last is None and one is not wanting]
        unproven.sort(key=lambda group: (group.processes, -len(group.cells)))
        for group in unproven:
            if self._held <= names and len(self._groups) <= groups:
                break
            self.evicted += len(group.waiting)
            self._drop(group)
        return self._held < self._max_held and len(self._groups) < self._max_groups

    def _add_group(self, text: str, *, stored: bool = False) -> Group:
        group = self._groups[text] = Group(text, self._prefix, self._journal, stored=stored)
        return group

    def _new_cell(self, name: str, metric: Metric, group: Group, *, stored: bool = False) -> Cell:
        cell = group.cells[name] = Cell(name, metric, group, stored=stored)
        self._held += 1
        return cell

    def _let_go(self, group: Group, unseen: Iterable[Cell]) -> None:
        """Forget names that the batch didn't have.

        A threshold remembers how often a name came, unless memory is short: then names that never
        reached it begin again at nothing, and are hidden for longer.
        """
        full = self._held > self._max_held // 2 or len(group.cells) > self._max_names // 2
        for cell in unseen:
            if not cell.published or (full and not cell.named):
                self._forget(group, cell)

    def _let_groups_go(self, wanting: Group | None = None) -> None:
        """Forget other groups that wait for nothing and name no library by a threshold.

        They begin again when they come: at no process, and with a new interval.
        """
        for group in list(self._groups.values()):
            named = any(cell.named and cell.metric.labels for cell in group.cells.values())
            if not (group.waiting or named or group is wanting):
                self._drop(group)

    def _drop(self, group: Group) -> None:
        for cell in list(group.cells.values()):
            self._forget(group, cell)
        group.go()
        del self._groups[group.text]

    def _forget(self, group: Group, cell: Cell) -> None:
        cell.go()
        del group.cells[cell.name]
        self._held -= 1


class _Day(Record):
    """The day of the last daily look, as a number; None before the first one."""

    __slots__ = ("number",)

    def __init__(self, journal: Journal, number: int | None = None) -> None:
        super().__init__(journal, stored=number is not None)
        self.number = number

    def key(self) -> str:
        return "day"

    def record(self) -> int | None:
        return self.number


def _start(group: Group, now: float) -> float:
    """Return when the group's interval began: with its last step, else with its first increment."""
    if group.last is not None:
        return group.last
    return now if group.since is None else group.since
