"""In: a mapping, and a statsd name or line. Out: which rule takes it, why no other does, what shows.

The answer is asked of what runs: the matcher decides which rule it is, and the pipeline what is
shown. Only the words for the other rules are made here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from popcon.errors import UsageError
from popcon.exporter.mapping.document import quoted
from popcon.exporter.mapping.mapping import Mapping
from popcon.exporter.mapping.matching import Matcher
from popcon.exporter.mapping.rules import KINDS, Rule
from popcon.exporter.pipeline import Pipeline
from popcon.exporter.privacy.own import read_own
from popcon.exporter.self_metrics import SelfMetrics
from popcon.exporter.series.registry import Registry
from popcon.exporter.wire import TagStyles, Tally, parse_raw_line

#: Kind → what stands behind a name to make it a line of that kind.
_SUFFIXES = {"counter": ":1|c", "gauge": ":1|g", "observer": ":1|h"}


class Verdict(NamedTuple):
    """A rule, by its place in the file (from 0), and why it doesn't take the name; "" if it does."""

    rule: int
    match: str
    why_not: str


class Shown(NamedTuple):
    """A series on /metrics."""

    name: str
    type: str
    labels: tuple[tuple[str, str], ...]


class Answer(NamedTuple):
    """Which rule takes a sample, and why the others don't.

    `rule` is the place of the rule that takes it, None if none does; `statsd_exporter` that of the
    rule which statsd_exporter would use: the same, but for the rules that it loses by their order.
    `action` is map, drop or unmapped. `held` means that this is popcon's own and counts processes:
    where the exporter has a publication policy, it is shown late (docs/exporter.md).
    """

    name: str
    kind: str
    tags: dict[str, str]
    action: str
    rule: int | None
    statsd_exporter: int | None
    held: bool
    verdicts: tuple[Verdict, ...]


class Explanation(NamedTuple):
    """What becomes of a line: of each of its samples, and what /metrics shows of it all.

    `refused` are the reasons that are counted for what isn't shown, or not as it came.
    """

    line: str
    answers: tuple[Answer, ...]
    shown: tuple[Shown, ...]
    refused: tuple[str, ...]


def lines_of(metric: bytes, kind: str | None = None) -> list[bytes]:
    """The lines that a person means: the line itself, or for a bare name one of each kind.

    Raises `UsageError` for what is no line, and where a line and a kind are given.
    """
    shown = repr(metric.decode("utf-8", "backslashreplace"))
    if not metric or b"\n" in metric:
        raise UsageError(f"not a name or a line: {shown}")
    if b":" not in metric:
        return [metric + _SUFFIXES[one].encode() for one in ((kind,) if kind else KINDS)]
    if kind is not None:
        raise UsageError(f"a line says its type itself, so '--type' can't: {shown}")
    return [metric]


def explain(mapping: Mapping, line: bytes, styles: TagStyles) -> Explanation:
    """Return what an exporter with this mapping does with a line, the first that comes to it."""
    samples = parse_raw_line(line, styles, Tally())
    registry = Registry(reserved=SelfMetrics().names())
    pipeline = Pipeline(mapping, registry=registry, styles=styles)
    pipeline.feed(line)
    counted = pipeline.counted()
    reasons = {
        **counted.sample_errors_total,
        **counted.events_error_total,
        "conflict": sum(counted.events_conflict_total.values()),
        "tag_errors": counted.tag_errors_total,
    }
    return Explanation(
        line.decode("utf-8", "backslashreplace"),
        tuple(_answer(mapping, one.name, one.kind, dict(one.labels)) for one in samples),
        tuple(
            Shown(family.name, family.type, series.labels)
            for family in registry.families()
            for series in family.series
        ),
        tuple(sorted(reason for reason, times in reasons.items() if times)),
    )


def as_statsd_exporter_has_it(mapping: Mapping, kind: str) -> Mapping:
    """The rules for a kind as statsd_exporter's matcher holds them: without those that it loses.

    `popcon.exporter.mapping.order_warnings` tells of the same defect, and where it comes from.
    """
    owners: dict[tuple[str, ...], int] = {}  # path → the rule that came by first
    places: dict[int, int] = {}  # rule → where it stands in the order
    for index, rule in enumerate(mapping.rules):
        if rule.match_type != "glob":
            places[index] = index
        elif rule.match_metric_type in ("", kind):
            path = tuple(rule.match.split("."))
            first = owners.get(path, index)
            if mapping.rules[first].match == rule.match:
                places[first] = index
            for length in range(1, len(path) + 1):
                owners.setdefault(path[:length], index)
    order = sorted(places, key=lambda index: places[index])
    return replace(mapping, rules=tuple(mapping.rules[index] for index in order))


def _answer(mapping: Mapping, name: str, kind: str, tags: dict[str, str]) -> Answer:
    taken = _place(mapping, mapping, name, kind)
    own = read_own(name)
    return Answer(
        name,
        kind,
        tags,
        "unmapped" if taken is None else mapping.rules[taken].action,
        taken,
        _place(as_statsd_exporter_has_it(mapping, kind), mapping, name, kind),
        own is not None and own.held,
        tuple(
            Verdict(index, rule.match, _why_not(mapping, index, taken, name, kind))
            for index, rule in enumerate(mapping.rules)
        ),
    )


def _place(asked: Mapping, mapping: Mapping, name: str, kind: str) -> int | None:
    """Where in `mapping` the rule stands that `asked`, which has the same rules, uses for a name."""
    match = asked.match(name, kind)
    if match is None:
        return None
    return next(i for i, rule in enumerate(mapping.rules) if rule is match.rule)


def _why_not(mapping: Mapping, index: int, taken: int | None, name: str, kind: str) -> str:
    rule = mapping.rules[index]
    if index == taken:
        return ""
    if taken is None or Matcher([rule]).match(name, kind) is None:
        return _misfit(rule, name, kind)
    winner = mapping.rules[taken]
    if rule.match_type != winner.match_type:
        return f"it fits, but globs come before regexes, and mappings[{taken}] fits"
    if taken < index:
        return f"it fits, but mappings[{taken}] comes before it"
    return f"it fits, but mappings[{taken}] has a literal part where this one has a star"


def _misfit(rule: Rule, name: str, kind: str) -> str:
    """Why a rule that doesn't fit a name doesn't."""
    if rule.match_metric_type not in ("", kind):
        return f"it is for {rule.match_metric_type}s only"
    if rule.match_type == "regex":
        return "the regex finds nothing in the name"
    parts, found = rule.match.split("."), name.split(".")
    if len(parts) != len(found):
        return f"it has {_parts(len(parts))}, the name has {len(found)}"
    number = next(i for i, part in enumerate(parts) if part not in ("*", found[i]))
    return f"part {number + 1} is {quoted(parts[number])}, in the name {quoted(found[number])}"


def _parts(number: int) -> str:
    return "one part" if number == 1 else f"{number} parts"
