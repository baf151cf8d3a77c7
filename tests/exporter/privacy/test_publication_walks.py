"""Long random walks: whatever comes, and wherever it is killed, a policy keeps its word."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from popcon.catalog import PREFIX
from popcon.exporter.privacy.own import Own, read_own
from popcon.exporter.privacy.policy import DAY, Policy
from popcon.exporter.privacy.publication import Publication

POLICIES = {
    "standard": Policy("standard", 5, 300.0),
    "threshold": Policy("custom", 3, 60.0, min_library_processes=6),
    "strict": Policy("strict", 8, DAY, daily=True, min_library_processes=8),
}
GROUPS = ("", "namespace.hub1.", "namespace.hub2.", "namespace.hub1.course.x.")


def names(walk: random.Random) -> list[str]:
    """What one process counts, without its site labels: a few libraries, the rare ones rarely."""
    found = set()
    for _ in range(walk.randrange(6)):
        library = f"lib{min(int(walk.expovariate(0.2)), 60)}"
        kind = walk.choice(["library_used", "library_used", "library_direct", "check"])
        found.add(f"{kind}.{library}")
        if walk.random() < 0.3:
            found.add(f"library_version.{library}.{walk.choice(['1.0', '2.0.1'])}")
    if walk.random() < 0.2:
        found.add("library_used._other")
    return sorted(found)


def own_of(name: str) -> Own:
    own = read_own(name)
    assert own is not None
    return own


@dataclass
class Truth:
    """What an honest clerk knows of all that came, to hold the publication to its word."""

    policy: Policy
    came: Counter[str] = field(default_factory=Counter)
    waits: dict[str, Counter[str]] = field(default_factory=dict)
    processes: Counter[str] = field(default_factory=Counter)
    since: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    day: int | None = None
    shown: Counter[str] = field(default_factory=Counter)

    def take(self, name: str) -> None:
        self.came[name] += 1
        self.waits.setdefault(own_of(name).group, Counter())[name] += 1

    def check(self, steps: list[tuple[str, float]], now: float) -> None:
        """Each group moves when it is full and its time has come, whole, and names nothing rare."""
        due = {group for group in self.waits if self.is_due(group, now)}
        self.day = self.policy.day(now)
        moved: dict[str, Counter[str]] = {}
        for name, amount in steps:
            assert amount > 0
            moved.setdefault(own_of(name).group, Counter())[name] += int(amount)
            self.shown[name] += int(amount)
        assert moved.keys() == due
        for group, found in moved.items():
            expected: Counter[str] = Counter()
            for name, amount in self.waits.pop(group).items():
                expected[self.name(name)] += amount
            assert found == expected
            del self.processes[group], self.since[group]
            self.last[group] = now

    def is_due(self, group: str, now: float) -> bool:
        """Whether the policy's words let a group go now."""
        since = self.since.setdefault(group, now)
        if self.policy.daily:
            has_come = self.day is not None and self.day != self.policy.day(now)
        else:
            has_come = now - self.last.get(group, since) >= self.policy.interval
        return has_come and self.processes[group] >= self.policy.min_processes

    def name(self, name: str) -> str:
        """The name that the increments of a name may have, if they are shown now."""
        k = self.policy.min_library_processes
        _, metric, values = own_of(name)
        assert metric is not None
        if k == 1 or not values or values == ("_other",):
            return name
        start = name[: len(name) - len(".".join(values))]
        is_enough = self.came[name] >= k
        if metric.wire != "library_version":
            return name if is_enough else f"{start}_rare"
        library = start.replace("library_version", "library_used") + values[0]
        if self.came[library] < k:
            return f"{start}_rare._rare"
        return name if is_enough else f"{start}{values[0]}._rare"


def fold(walk: random.Random, publication: Publication, truth: Truth) -> None:
    """A second in which some processes report."""
    for _ in range(walk.choice([0, 0, 0, 1, 1, 2, 9])):
        start = walk.choice(GROUPS)
        counted = names(walk)
        first = walk.random() < 0.7
        for text in [*counted, *(["reports"] if first else [])]:
            name = f"{PREFIX}.{start}{text}"
            cell = publication.cell(name, own_of(name))
            assert cell is not None
            assert cell.take(1.0, 1) is None
            truth.take(name)
        if first and counted:
            group = start.rstrip(".")
            publication.processes(group, 1)
            truth.processes[group] += 1


def clock(walk: random.Random, policy: Policy) -> Iterator[float]:
    """Some weeks, or some hours, in steps of a fold or of a quiet hour."""
    now, pause = 1_772_000_000.0, DAY / 40 if policy.daily else 20.0
    for _ in range(1200):
        now += walk.choice([1.0, 1.0, pause, 3 * pause])
        yield now


def write(saved: dict[str, Any], changes: dict[str, Any]) -> None:
    """Save what changed, through JSON."""
    for key, value in json.loads(json.dumps(changes)).items():
        if value is None:
            assert key in saved, "only what was saved is deleted"
            del saved[key]
        else:
            saved[key] = value


def restarted(policy: Policy, saved: dict[str, Any], walk: random.Random) -> Publication:
    publication = Publication(policy)
    items = list(saved.items())
    walk.shuffle(items)
    publication.restore(items)
    return publication


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_walk_with_restarts_and_a_bad_disk(policy: Policy, seed: int) -> None:
    """What came is shown or waits, and never less or more: each step is full and whole, and a
    restart after any saving, some of which fail before, changes nothing.
    """
    walk = random.Random(f"{policy.name} {seed}")
    publication, truth, saved = Publication(policy), Truth(policy), dict[str, Any]()
    changes: dict[str, Any] | None = None
    for now in clock(walk, policy):
        fold(walk, publication, truth)
        truth.check(publication.due(now), now)
        if changes is not None:  # the disk took its time: things went on meanwhile
            if walk.random() < 0.4:
                publication.unsaved(changes)
            else:
                write(saved, changes)
            changes = None
        elif walk.random() < 0.5:
            changes = publication.changes()
        elif walk.random() < 0.1:
            write(saved, publication.changes())
            publication = restarted(policy, saved, walk)
    if changes is not None:
        write(saved, changes)
    assert len(truth.last) == len(GROUPS)
    waits = sum((found for found in truth.waits.values()), Counter[str]())
    assert sum(truth.shown.values()) + sum(waits.values()) == sum(truth.came.values())
    everything = Publication(Policy("off", 0, 0.0))
    write(saved, publication.changes())
    everything.restore(saved.items())
    assert {name: int(amount) for name, amount in everything.due(now)} == waits


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_kill_loses_what_was_not_saved_and_nothing_else(policy: Policy, seed: int) -> None:
    """Counters and what waits are saved together; from there on they add up again."""
    walk = random.Random(f"kill {policy.name} {seed}")
    publication, saved = Publication(policy), dict[str, Any]()
    came, shown = Counter[str](), Counter[str]()
    kept: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for now in clock(walk, policy):
        truth = Truth(policy)
        fold(walk, publication, truth)
        came += truth.came
        for name, amount in publication.due(now):
            shown[_kind(name)] += int(amount)
        if walk.random() < 0.5:
            write(saved, publication.changes())
            kept = came.copy(), shown.copy()
        if walk.random() < 0.05:  # kill -9, anywhere between fold and saving
            publication = restarted(policy, saved, walk)
            came, shown = kept[0].copy(), kept[1].copy()
    everything = Publication(Policy("off", 0, 0.0))
    write(saved, publication.changes())
    everything.restore(saved.items())
    for name, amount in everything.due(now):
        shown[_kind(name)] += int(amount)
    expected: Counter[str] = Counter()
    for name, count in came.items():
        expected[_kind(name)] += count
    assert shown == expected


def _kind(name: str) -> str:
    """Group and metric: a threshold changes the rest."""
    own = own_of(name)
    assert own.metric is not None
    return f"{own.group} {own.metric.wire}"
