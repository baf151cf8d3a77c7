"""In: datagrams, and a mapping. Out: series in a registry, and counts of all that happened.

The order of the steps is statsd_exporter's (pkg/exporter/exporter.go): parse, map, drop, scale,
store. Two things are different: the samples of a line don't share their labels, and what a line
means is worked out once for all its repetitions. A line that counts one thing is remembered as a
`Plan`: from then on it costs an addition.

What is popcon's own waits in the publication, if there is one, until enough processes reported.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext

from popcon.catalog import LIBRARY_USED, OTHER, PREFIX, REPORTS
from popcon.exporter.intake import Intake, firsts_of
from popcon.exporter.mapping.mapping import Mapping
from popcon.exporter.mapping.routes import Route, Routes
from popcon.exporter.mapping.rules import DEFAULT_HISTOGRAM, DEFAULT_SUMMARY
from popcon.exporter.plans import TAGGED, UNMAPPED, Plan, Plans
from popcon.exporter.privacy.own import Own
from popcon.exporter.privacy.publication import Publication, Seen
from popcon.exporter.privacy.refusals import (
    OWN_COUNT,
    OWN_KIND,
    OWN_NAME,
    OWN_TAGS,
    refusal_of_namesake,
    refusal_of_own,
)
from popcon.exporter.series.limits import BOUNDS
from popcon.exporter.series.registry import CONFLICT, NEGATIVE, Registry, allowed_labels
from popcon.exporter.series.series import NOT_FINITE, Live
from popcon.exporter.standing import Cache, Counted
from popcon.exporter.wire import Sample, TagStyles, Tally, parse_raw_line

log = logging.getLogger(__name__)

EMPTY_NAME = "empty_metric_name"
#: Something of ours failed on a line; the first time it is logged with its traceback.
INTERNAL = "internal_error"
#: More names wait to be published than may.
TOO_MANY_HELD = "too_many_held"
#: Names whose conflicts are told apart, by type; those of others are counted together, as
#: `_other`: any kernel can send any number of them, and each is a line of every page.
MAX_CONFLICTS = 1_000
#: Reasons for which something is refused because there is no room for it.
OVERFLOWS = (*BOUNDS, TOO_MANY_HELD)
#: All reasons for which a sample that could be read is refused.
ERRORS = (
    *(EMPTY_NAME, NEGATIVE, NOT_FINITE, OWN_TAGS, OWN_KIND, OWN_COUNT, OWN_NAME),
    *OVERFLOWS,
    INTERNAL,
)


class Pipeline:
    """Feeds one registry by one mapping at a time. Any thread may feed, reload and read.

    `lock` is held while anything of it changes; whoever reads the registry or the publication
    itself takes it too.
    """

    def __init__(
        self,
        mapping: Mapping,
        *,
        registry: Registry | None = None,
        styles: TagStyles | None = None,
        publication: Publication | None = None,
        prefix: str = PREFIX,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.registry = registry if registry is not None else Registry()
        self.styles = styles if styles is not None else TagStyles()
        self.publication = publication
        self.lock = threading.RLock()
        self._wall = wall
        self._intake = Intake(tells_firsts=publication is not None)
        self._intake_lock = threading.Lock()
        self._plans = Plans(self.registry.clock)
        self._routes = Routes(mapping, prefix)
        self._folds = 0
        self._seen: list[tuple[Own, float]] = []  # of the publication, since the last fold
        self._firsts: Counter[bytes] = Counter()  # of what was taken in order
        self._hosts: dict[bytes, set[str]] = {}
        self._tally = Tally()
        self._planned = [0, 0, 0, 0]  # lines taken by plan, by account
        self._events: Counter[str] = Counter()
        self._unmapped = 0
        self._actions: Counter[str] = Counter()
        self._conflicts: Counter[tuple[str, str]] = Counter()
        self._errors: Counter[str] = Counter()

    @property
    def mapping(self) -> Mapping:
        """The rules that hold now."""
        return self._routes.mapping

    def take(self, datagrams: list[bytes], hosts: Iterable[str] = ()) -> None:
        """Take what came in. Whatever is in it, nothing is raised; it shows after the next fold.

        `hosts` are the senders' addresses, where the publication asks for them.
        """
        try:
            self._take_all(datagrams, hosts)
        except Exception:  # a fault of ours must not end the thread that receives
            self._note_fault(len(datagrams))

    def _take_all(self, datagrams: list[bytes], hosts: Iterable[str]) -> None:
        came = [
            (first, host)
            for datagram, host in zip(datagrams, hosts)
            for first in firsts_of([datagram])
        ]
        # An address counts in the same fold as what came from it.
        with self.lock if came else nullcontext():
            with self._intake_lock:
                counted = self._intake.count(datagrams)
                full = self._intake.is_full()
            if counted:
                self._note(came)
        if not counted:
            lines = b"\n".join(datagrams).split(b"\n")
            with self.lock:
                self.fold()
                self._apply([(line, 1) for line in lines])
                self._firsts.update(firsts_of(datagrams))
                self._note(came)
        elif full:
            self.fold()

    def _note_fault(self, times: int) -> None:
        if not self._errors[INTERNAL]:
            log.exception("a line could not be handled; the next ones are only counted")
        self._errors[INTERNAL] += times

    def _note(self, came: Iterable[tuple[bytes, str]]) -> None:
        """Keep the addresses that lines of `reports` came from, until the next fold."""
        for first, host in came:
            self._hosts.setdefault(first, set()).add(host)

    def feed(self, data: bytes) -> None:
        """Take one datagram, and let it show."""
        self.take([data])
        self.fold()

    def fold(self) -> None:
        """Let everything show that came in so far."""
        with self.lock:
            with self._intake_lock:
                waiting = self._intake.look()
            lines, firsts = waiting.lines()  # whoever receives doesn't wait for this
            firsts.update(self._firsts)
            self._firsts.clear()
            if lines:
                self._folds += 1
                self._apply(lines.items())
            if self.publication is not None and self._seen:
                self._count_processes(self.publication, firsts)
            self._hosts.clear()

    def tick(self) -> None:
        """What is to be done each second: fold, let go of what is over, publish what is due."""
        with self.lock:
            self.fold()
            self.registry.sweep()
            if self.publication is not None:
                self.publish(self.publication.due(self._wall()))

    def publish(self, increments: Iterable[tuple[str, float]]) -> None:
        """Let increments of counters show, all at once, that were held until now."""
        with self.lock:
            for name, amount in increments:
                self._publish(name, amount)

    def page(self) -> list[bytes]:
        """The text of all series in pieces, with all that came in so far."""
        with self.lock:
            self.fold()
            return self.registry.page()

    def reload(self, mapping: Mapping) -> None:
        """Use another mapping for what comes from now on; the series stay."""
        with self.lock:
            self.fold()
            self._routes.turn_to(mapping)
            self._plans.clear()

    def counted(self) -> Counted:
        """The counts of all that came in so far."""
        with self.lock:
            self.fold()
            planned = sum(self._planned)
            tagged = self._planned[TAGGED] + self._planned[TAGGED | UNMAPPED]
            unmapped = self._planned[UNMAPPED] + self._planned[TAGGED | UNMAPPED]
            return Counted(
                lines_total=self._tally.lines + planned,
                samples_total=self._tally.samples + planned,
                tags_total=self._tally.tags + tagged,
                tag_errors_total=self._tally.tag_errors,
                sample_errors_total=dict(self._tally.sample_errors),
                events_total=_with(self._events, "counter", planned),
                events_unmapped_total=self._unmapped + unmapped,
                events_actions_total=_with(self._actions, "map", planned - unmapped),
                events_conflict_total=dict(self._conflicts),
                events_error_total=_with(
                    self._errors,
                    TOO_MANY_HELD,
                    self.publication.evicted if self.publication is not None else 0,
                ),
                metrics_total=self.registry.shapes(),
                folds=self._folds,
                cache=Cache(len(self._routes), self._routes.gets, self._routes.hits),
            )

    def _apply(self, lines: Iterable[tuple[bytes, int]]) -> None:
        now = self.registry.clock()
        plans, planned, seen = self._plans, self._planned, self._seen
        for line, times in lines:
            try:
                plan = plans.find(line)
                if plan is None or plan.target.gone:
                    plan = self._learn(line, times)
                    if plan is not None:
                        plans.remember(line, plan)
                    continue
                refusal = plan.target.take(plan.value, times)
                if refusal is None:
                    planned[plan.account] += times
                else:
                    self._tally.lines += times
                    self._tally.samples += times
                    self._errors[refusal] += times
                if plan.ttl and isinstance(plan.target, Live):
                    self.registry.renew(plan.target, plan.ttl, now)
                if plan.own is not None:
                    seen.append((plan.own, plan.value * times))
            except Exception:
                self._note_fault(times)
        plans.age()

    def _learn(self, line: bytes, times: int) -> Plan | None:
        """Do what a line says; return how to do it again, if it only adds to one counter."""
        tally = Tally()
        samples = parse_raw_line(line, self.styles, tally)
        plans = [self._take(sample, sample.times * times) for sample in samples]
        self._tally.add(tally, times)
        if len(plans) != 1 or tally.tag_errors or tally.sample_errors:
            return None
        plan = plans[0]
        return plan and plan._replace(account=plan.account | (TAGGED if tally.tags else 0))

    def _take(self, sample: Sample, times: int) -> Plan | None:
        """Take a sample; return how to do that again, if it only adds to one counter."""
        route = self._routes.find(sample.name, sample.kind)
        rule = route.rule
        refusal = refusal_of_own(sample, route)
        if refusal is not None:
            self._errors[refusal] += times
            return None
        if rule is not None and rule.action == "drop":
            self._actions["drop"] += times
            return None
        refusal = EMPTY_NAME if not route.name else refusal_of_namesake(sample, route)
        if refusal is not None:
            self._errors[refusal] += times
            return None
        if rule is None:
            self._unmapped += times
        else:
            self._actions[rule.action] += times
        held = route.own is not None and route.own.held
        if held and sample.value and self.publication is not None:
            plan = self._hold(sample, times, route)
        else:
            plan = self._show(sample, times, route)
        if plan is None or plan.target.is_first(plan.value * times):
            return None  # what came once may never come again
        return plan._replace(account=UNMAPPED if rule is None else 0)

    def _hold(self, sample: Sample, times: int, route: Route) -> Plan | None:
        """Let a sample of popcon's own wait for its group."""
        assert self.publication is not None
        assert route.own is not None
        cell = self.publication.cell(sample.name, route.own)
        refusal = TOO_MANY_HELD if cell is None else cell.take(sample.value, times)
        if cell is None or refusal is not None:
            self._errors[refusal or TOO_MANY_HELD] += times
            return None
        self._events["counter"] += times
        self._seen.append((route.own, sample.value * times))
        return Plan(cell, sample.value, own=route.own)

    def _show(self, sample: Sample, times: int, route: Route) -> Plan | None:
        """Put a sample into the registry."""
        tag_errors = self._tally.tag_errors
        taken = self._store(sample, times, route)
        if isinstance(taken, Live):
            self._events[sample.kind] += times
            if sample.kind == "counter" and tag_errors == self._tally.tag_errors:
                return Plan(taken, route.scaled(sample.value), self._routes.ttl(route.rule))
        elif taken == CONFLICT:
            self._conflict(sample.kind, route.name, times)
        else:
            self._errors[taken] += times
        return None

    def _store(self, sample: Sample, times: int, route: Route) -> Live | str:
        """Put a sample into the registry; return its series, or why it has none."""
        routes, rule = self._routes, route.rule
        type = routes.type(rule, sample.kind)
        labels, left_out = allowed_labels(route.labelled(dict(sample.labels)), type)
        self._tally.tag_errors += left_out * (times // sample.times)
        return self.registry.add(
            sample.kind,
            route.name,
            labels,
            route.scaled(sample.value),
            relative=sample.relative,
            times=times,
            help=rule.help if rule else "",
            ttl=routes.ttl(rule),
            observer=type,
            histogram=routes.histogram(rule) if type == "histogram" else DEFAULT_HISTOGRAM,
            summary=routes.summary(rule) if type == "summary" else DEFAULT_SUMMARY,
        )

    def _publish(self, name: str, amount: float) -> None:
        """Let an increment show that was held; what came of its event is accounted for already."""
        route = self._routes.find(name, "counter")
        if route.name and not (route.rule and route.rule.action == "drop"):
            taken = self._store(Sample(name, "counter", amount, False, {}), 1, route)
            if taken == CONFLICT:
                self._conflict("counter", route.name, 1)
            elif isinstance(taken, str):
                self._errors[taken] += 1

    def _conflict(self, kind: str, name: str, times: int) -> None:
        if (kind, name) not in self._conflicts and len(self._conflicts) >= MAX_CONFLICTS:
            name = OTHER
        self._conflicts[kind, name] += times

    def _count_processes(self, publication: Publication, firsts: Counter[bytes]) -> None:
        """Tell the publication which groups were heard of, and by how many processes."""
        reports: Counter[str] = Counter()
        largest: dict[str, float] = {}
        combined: Counter[str] = Counter()
        for own, amount in self._seen:
            if own.metric is REPORTS:
                reports[own.group] += int(amount)
            elif own.metric is LIBRARY_USED:
                largest[own.group] = max(largest.get(own.group, 0.0), amount)
        self._seen.clear()
        for first, times in firsts.items():
            group = self._group(first)
            if group is not None:
                combined[group] += times
        for first, hosts in self._hosts.items():
            group = self._group(first)
            if group is not None:
                publication.processes_from(group, hosts)
        for group, times in combined.items():
            publication.processes(group, times)
        publication.fold_end(
            {
                group: Seen(count, combined[group], largest.get(group, 0.0))
                for group, count in reports.items()
            }
        )

    def _group(self, line: bytes) -> str | None:
        """The group that a line of `reports` belongs to."""
        name = line.partition(b":")[0].decode("utf-8", "replace")
        own = self._routes.find(name, "counter").own
        return own.group if own is not None else None


def _with(counts: Counter[str], key: str, more: int) -> dict[str, int]:
    """The counts, and more of one; not mentioned where there is none of it."""
    return dict(counts + Counter({key: more}) if more else counts)
