"""In: what processes say, and a policy. Out: how far each counter rose between two scrapes of /metrics.

Nothing of the exporter is modelled. The reports are the reporter's own datagrams, they go through the
exporter's `Pipeline` and `Publication` as they are, and what rose is read off the page that Prometheus
would get. Only time is simulated: the exporter's tick is called where there is something to do.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from popcon.audit import bits
from popcon.audit.bits import Planes
from popcon.audit.hub import Process
from popcon.audit.shelf import Shelf
from popcon.catalog import LIBRARY_USED, PREFIX, RARE, REPORTS
from popcon.exporter.mapping.mapping import Mapping
from popcon.exporter.pipeline import Pipeline
from popcon.exporter.privacy.policy import Policy
from popcon.exporter.privacy.publication import Publication
from popcon.exporter.series.registry import Registry
from popcon.report import Report
from popcon.sinks.statsd import lines, pack

#: Seconds between two scrapes, the finest that is looked at; others are sums of it.
SCRAPE = 15
_NAMESPACE = "hub"
_SERIES = re.compile(rb'(\w+)\{(?:library="([^"]*)",)?namespace="hub"\} (\d+)')


class Move(NamedTuple):
    """What an onlooker sees of one interval: when it ended, and by how much counters rose."""

    time: float
    reports: int
    counts: Planes
    rare: int = 0


class Published(NamedTuple):
    """What was seen, and what only we know.

    `seen` holds for each process the time of the scrape that first showed it, None if none did;
    `late` how many increments became visible so many seconds after they were sent.
    """

    moves: list[Move]
    seen: list[float | None]
    late: Counter[int]


class _Site:
    """An exporter at a simulated time, and who scrapes it."""

    def __init__(self, installed: Shelf, policy: Policy, rules: Mapping) -> None:
        self.now = 0.0
        self._numbers = {name.encode(): n for n, name in enumerate(installed.names)}
        self._publication = Publication(policy) if policy.holds else None
        self._minimum = policy.min_processes
        self._pipeline = Pipeline(
            rules,
            registry=Registry(clock=lambda: self.now),
            publication=self._publication,
            wall=lambda: self.now,
        )
        self._page: set[bytes] = set()
        self._values: dict[bytes, int] = {}

    def take(self, datagrams: list[bytes], host: str) -> None:
        self._pipeline.take(datagrams, [host] * len(datagrams))

    def tick(self) -> bool:
        """Do what the exporter does each second; return whether something may have become visible."""
        self._pipeline.tick()
        # A step takes all that waits.
        return self._publication is None or not self._publication.standing(self.now)

    def due(self) -> float:
        """Return when time alone lets something go: never, where processes are missing."""
        if self._publication is None:
            return math.inf
        times = [
            one.earliest
            for one in self._publication.standing(self.now)
            if one.earliest is not None and one.processes >= self._minimum
        ]
        return min(times, default=math.inf)

    def scrape(self) -> Move | None:
        """Return what rose since the last scrape, None for nothing."""
        page = set(b"".join(self._pipeline.page()).split(b"\n"))
        reports = rare = 0
        counts: list[tuple[int, int]] = []
        for line in page - self._page:
            series = _SERIES.fullmatch(line)
            if series is None:
                continue
            name, library, text = series.groups()
            key = library or name
            rise = int(text) - self._values.get(key, 0)
            self._values[key] = int(text)
            if name == REPORTS.name.encode():
                reports = rise
            elif name == LIBRARY_USED.name.encode() and library in self._numbers:
                counts.append((self._numbers[library], rise))
            elif library == RARE.encode():
                rare = rise
        self._page = page
        if not (reports or counts or rare):
            return None
        return Move(self.now, reports, bits.planes_of(counts), rare)


def published(
    installed: Shelf, processes: Sequence[Process], policy: Policy, rules: Mapping
) -> Published:
    """Return what becomes visible of the processes under a policy; the last scrape is a day after them."""
    site = _Site(installed, policy, rules)
    events: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, process in enumerate(processes):
        for part, said in enumerate(process.says):
            events[math.ceil(said.time)].append((number, part))
    seen: list[float | None] = [None] * len(processes)
    waiting: list[tuple[int, int]] = []
    late: Counter[int] = Counter()
    moves: list[Move] = []
    shown = False

    def tick(now: float) -> None:
        nonlocal shown
        site.now = now
        if site.tick():
            shown = True
            scrape = math.ceil(now / SCRAPE) * SCRAPE
            for number, part in waiting:
                said = processes[number].says[part]
                late[int(now - said.time)] += bits.size(said.bits) + said.first
                if said.first:
                    seen[number] = scrape
            waiting.clear()

    def scrape(until: float) -> None:
        """Tick where time alone lets something go, and scrape, up to a moment."""
        nonlocal shown
        while True:
            due = site.due()
            if shown:
                at = math.ceil(site.now / SCRAPE) * SCRAPE
                if at >= until and due >= until:
                    return
                if at <= due:
                    site.now, shown = at, False
                    move = site.scrape()
                    if move is not None:
                        moves.append(move)
                    continue
            if due >= until:
                return
            tick(math.ceil(due))

    for second in sorted(events):
        scrape(second)
        for number, part in events[second]:
            process = processes[number]
            said = process.says[part]
            names = tuple(installed.names[one] for one in bits.members(said.bits))
            prefix = f"{PREFIX}.namespace.{_NAMESPACE}"
            site.take(pack(lines(Report(names, said.first), prefix)), f"user-{process.user}")
            waiting.append((number, part))
        tick(second)
    scrape(max(events, default=0) + 86_400)
    return Published(moves, seen, late)


def every(seconds: int, found: Published) -> Published:
    """Return what is seen by somebody who scrapes only so often, a multiple of `SCRAPE`."""

    def later(time: float) -> float:
        return math.ceil(time / seconds) * seconds

    moves: list[Move] = []
    for move in found.moves:
        time = later(move.time)
        if moves and moves[-1].time == time:
            last = moves.pop()
            counts = bits.added(last.counts, move.counts)
            move = Move(time, last.reports + move.reports, counts, last.rare + move.rare)
        moves.append(move._replace(time=time))
    seen = [None if time is None else later(time) for time in found.seen]
    return Published(moves, seen, found.late)
