"""In: a statsd_exporter mapping file's text. Out: its rules and defaults, checked, ready to match.

Where statsd_exporter refuses a file, so do we, and where it takes one, so do we; only the messages
are ours. Its source is the reference: pkg/mapper/mapper.go and mapping.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from popcon.errors import FileError
from popcon.exporter.mapping.document import Problem, parse, quoted
from popcon.exporter.mapping.matching import Matcher, compile_regex
from popcon.exporter.mapping.rules import (
    DEFAULT_HISTOGRAM,
    DEFAULT_SUMMARY,
    KINDS,
    Defaults,
    HistogramOptions,
    Match,
    Rule,
    SummaryOptions,
)
from popcon.exporter.mapping.schema import Fields, read_file

_GLOB = re.compile(r"(?:\*|[a-zA-Z_][a-zA-Z0-9_-]*)(?:\.\*|\.[a-zA-Z0-9_][a-zA-Z0-9_-]*)*")
_NAME = re.compile(r"(?:[a-zA-Z_]|\$\{?[0-9]+\}?)(?:[a-zA-Z0-9_]|\$\{?[0-9]+\}?)*")


class MappingError(FileError):
    """A mapping file that statsd_exporter wouldn't load either."""


@dataclass(frozen=True)
class Mapping:
    """A mapping file, read. Made by `load`, which checks what this takes on trust."""

    rules: tuple[Rule, ...]
    defaults: Defaults
    _matcher: Matcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        matcher = Matcher(self.rules, ordered=not self.defaults.glob_disable_ordering)
        object.__setattr__(self, "_matcher", matcher)

    def match(self, name: str, kind: str) -> Match | None:
        """The rule for a statsd name, None if none fits.

        `name` comes after tags are taken off and before it is escaped; `kind` is "counter",
        "gauge" or "observer".
        """
        return self._matcher.match(name, kind)


def load(text: str, *, source: str = "mapping") -> Mapping:
    """What `text` says. Raises MappingError: one line that begins with `source`."""
    try:
        file = read_file(parse(text))
        defaults = _defaults(file.get("defaults") or {})
        rules = []
        for index, (line, fields) in enumerate(file.get("mappings") or ()):
            try:
                rules.append(_rule(fields, line, defaults))
            except Problem as problem:
                raise problem.inside(f"mappings[{index}]") from None
    except (Problem, RecursionError) as problem:
        raise MappingError(str(Problem(str(problem), None, source))) from None
    return Mapping(tuple(rules), defaults)


def order_warnings(mapping: Mapping) -> list[str]:
    """One line for each rule that the real statsd_exporter loses without a word, and we don't.

    Its matcher is a tree of segments, one for each kind, and a rule is hung on the tree only when
    its last segment is new there (pkg/mapper/fsm/fsm.go, AddState): `a.b.c` before `a.b` loses
    `a.b`. An exact duplicate is lost too, and drags the first one down to its own place.
    """
    tree: dict[tuple[str, tuple[str, ...]], int] = {}  # (kind, path) → the rule that came by first
    warnings = []
    for index, rule in enumerate(mapping.rules):
        if rule.match_type != "glob":
            continue
        path = tuple(rule.match.split("."))
        kinds = (rule.match_metric_type,) if rule.match_metric_type else KINDS
        for first in sorted({tree[kind, path] for kind in kinds if (kind, path) in tree}):
            lost = [kind for kind in kinds if tree.get((kind, path)) == first]
            warnings.append(_order_warning(mapping, index, first, lost))
        for kind in kinds:
            for length in range(1, len(path) + 1):
                tree.setdefault((kind, path[:length]), index)
    return warnings


def _order_warning(mapping: Mapping, index: int, first: int, kinds: list[str]) -> str:
    rule, earlier = mapping.rules[index], mapping.rules[first]
    whom = "" if len(kinds) == len(KINDS) or rule.match_metric_type else f" for {', '.join(kinds)}"
    start = f"mappings[{index}] {quoted(rule.match)}: statsd_exporter never uses it{whom}, "
    if rule.match != earlier.match:
        return f"{start}unless it comes before mappings[{first}] {quoted(earlier.match)}"
    if mapping.defaults.glob_disable_ordering:
        return f"{start}mappings[{first}] has the same match"
    return f"{start}mappings[{first}] has the same match, and moves down to its place in the order"


def _histogram(fields: Fields, rest: HistogramOptions) -> HistogramOptions:
    """Options as the file gives them; what it leaves out or sets to nothing comes from `rest`."""
    return HistogramOptions(
        tuple(fields.get("buckets") or rest.buckets),
        fields.get("native_histogram_bucket_factor") or rest.native_histogram_bucket_factor,
        fields.get("native_histogram_max_buckets") or rest.native_histogram_max_buckets,
    )


def _summary(fields: Fields, rest: SummaryOptions) -> SummaryOptions:
    """The same for a summary."""
    quantiles = tuple(
        (pair.get("quantile", 0.0), pair.get("error", 0.0))
        for pair in (found or {} for found in fields.get("quantiles") or ())
    )
    return SummaryOptions(
        quantiles or rest.quantiles,
        fields.get("max_age") or rest.max_age,
        fields.get("age_buckets") or rest.age_buckets,
        fields.get("buf_cap") or rest.buf_cap,
    )


def _defaults(fields: Fields) -> Defaults:
    return Defaults(
        ttl=fields.get("ttl", 0.0),
        observer_type=fields.get("observer_type", ""),
        match_type=fields.get("match_type") or "glob",
        glob_disable_ordering=fields.get("glob_disable_ordering", False),
        histogram_options=_histogram(fields.get("histogram_options") or {}, DEFAULT_HISTOGRAM),
        summary_options=_summary(fields.get("summary_options") or {}, DEFAULT_SUMMARY),
    )


def _rule(fields: Fields, line: int, defaults: Defaults) -> Rule:
    name, match = fields.get("name", ""), fields.get("match", "")
    match_type = fields.get("match_type") or defaults.match_type
    observer_type = fields.get("observer_type") or defaults.observer_type
    _check_name(name, match, line)
    _check_match(match, match_type, line)
    histogram, summary = _options(fields, observer_type, line, defaults)
    return Rule(
        match=match,
        name=name,
        labels=tuple((fields.get("labels") or {}).items()),
        match_type=match_type,
        match_metric_type=fields.get("match_metric_type", ""),
        action=fields.get("action") or "map",
        help=fields.get("help", ""),
        honor_labels=fields.get("honor_labels", False),
        ttl=fields.get("ttl") or max(defaults.ttl, 0.0),
        scale=fields.get("scale"),
        observer_type=observer_type,
        histogram_options=histogram,
        summary_options=summary,
    )


def _check_name(name: str, match: str, line: int) -> None:
    if not name:
        raise Problem(f"the rule for {quoted(match)} has no name", line)
    if not _NAME.fullmatch(name):
        what = "letters, digits, _ and references such as ${1}, no digit first"
        raise Problem(f"{quoted(name)} can't be a metric's name ({what})", line, "name")


def _check_match(match: str, match_type: str, line: int) -> None:
    if match_type == "regex":
        try:
            compile_regex(match)
        except ValueError as wrong:
            raise Problem(f"{quoted(match)} is not a regex: {wrong}", line, "match") from None
    elif not _GLOB.fullmatch(match):
        what = "letters, digits, _ and - with dots between, no digit first; * is a whole segment"
        raise Problem(f"{quoted(match)} is not a glob ({what})", line, "match")


def _options(
    fields: Fields, observer_type: str, line: int, defaults: Defaults
) -> tuple[HistogramOptions | None, SummaryOptions | None]:
    """A rule's options. Only a rule whose observer type somebody chose inherits the defaults' ones;
    that is statsd_exporter's way, and so is that native options are looked up there at use.
    """
    histogram, summary = fields.get("histogram_options"), fields.get("summary_options")
    if observer_type == "histogram":
        if summary is not None:
            raise Problem('observer_type "histogram" can\'t have "summary_options"', line)
        inherited = HistogramOptions(defaults.histogram_options.buckets)
        return _histogram(histogram or {}, inherited), None
    if observer_type == "summary":
        if histogram is not None:
            raise Problem('observer_type "summary" can\'t have "histogram_options"', line)
        return None, _summary(summary or {}, defaults.summary_options)
    return (
        None if histogram is None else _histogram(histogram, HistogramOptions()),
        None if summary is None else _summary(summary, SummaryOptions()),
    )
