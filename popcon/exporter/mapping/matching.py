"""In: rules, then a statsd name and its kind. Out: the rule that fits, name and labels filled in.

Globs are tried before regexes, wherever they stand in the file. Within the globs the first of the
file wins; with ordering off, a literal segment wins over `*` at the leftmost segment where two
rules differ. That is what statsd_exporter documents; its matcher loses rules in some orders
(see `popcon.exporter.mapping.mapping.order_warnings`), ours doesn't.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, NamedTuple, Union

import re2

from popcon.exporter.mapping.rules import KINDS, Match, Rule

#: Text, and numbers that stand for captures; capture 0 is all that matched.
Template = tuple[Union[str, int], ...]

_GLOB_REFERENCE = re.compile(r"\$\{?([a-zA-Z0-9_$]+)\}?")
#: Finds a pattern's groups, stepping over what only looks like one: \Q..\E, escapes, classes.
_REGEX_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|\Z)|(?P<byte>\\C)|\\."
    r"|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]"
    r"|(?P<group>\((?:\?P?<(?P<name>\w+)>|(?!\?)))",
    re.DOTALL,
)


def compile_regex(pattern: str) -> Any:
    """A compiled pattern; ValueError says why Go's regexp package wouldn't take it.

    RE2 is the engine because names come from users: a backtracking one could be made to hang.
    """
    options = re2.Options()
    options.log_errors = False  # RE2 would write to our standard error
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as wrong:
        reason = wrong.args[0]
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None
    # Two things that the C++ library takes and Go's doesn't.
    for token in _REGEX_TOKEN.finditer(pattern):
        if token["byte"]:
            raise ValueError("invalid escape sequence: \\C")
        if not (token["name"] or "").isascii():
            raise ValueError(f"invalid group name: {token['name']}")
    return compiled


def _group_names(pattern: str) -> dict[str, list[int]]:
    """Name → numbers of its groups: in Go, unlike in RE2's own table, a name may have several."""
    names: dict[str, list[int]] = {}
    groups = (token for token in _REGEX_TOKEN.finditer(pattern) if token["group"])
    for number, token in enumerate(groups, start=1):
        if token["name"]:
            names.setdefault(token["name"], []).append(number)
    return names


def glob_template(template: str, captures: int) -> Template:
    """A glob rule's template: `$1`, `${1}`; anything else after a `$` stands for nothing.

    `$1_x` and `$1$2` each are one reference, to a capture that can't exist: write `${1}_x`.
    """
    parts: list[str | int] = []
    position = 0
    for reference in _GLOB_REFERENCE.finditer(template):
        parts.append(template[position : reference.start()])
        position = reference.end()
        number = reference[1]
        if number.isdigit() and len(number) < 20 and int(number) <= captures:
            parts.append(int(number))
    return (*parts, template[position:])


def regex_template(template: str, captures: int, names: dict[str, int]) -> Template:
    """A regex rule's template, as Go's Regexp.Expand reads it: `$1`, `${1}`, `$name`, `$$`.

    Without braces a name is as long as it can be: `$1x` is the group called `1x`. What names no
    group stands for nothing; a `$` that starts no reference stands for itself.
    """
    parts: list[str | int] = []
    text, dollar, rest = template.partition("$")
    while dollar:
        parts.append(text)
        name = "".join(
            takewhile(
                lambda c: c.isalpha() or c.isdecimal() or c == "_",
                rest.removeprefix("{"),
            )
        )
        if rest.startswith("$"):
            parts.append("$")
            rest = rest[1:]
        elif not name or (rest.startswith("{") and rest[len(name) + 1 : len(name) + 2] != "}"):
            parts.append("$")
        else:
            rest = rest[len(name) + (2 if rest.startswith("{") else 0) :]
            numeric = name.isascii() and name.isdigit() and (name == "0" or name[0] != "0")
            if numeric and len(name) < 10 and int(name) <= captures:
                parts.append(int(name))
            elif not numeric and name in names:
                parts.append(names[name])
        text, dollar, rest = rest.partition("$")
    return (*parts, text)


def _filled(template: Template, captures: Sequence[str]) -> str:
    return "".join(part if isinstance(part, str) else captures[part] for part in template)


class _Prepared(NamedTuple):
    """A rule with its templates taken apart, and one of the two ways to recognise a name."""

    rule: Rule
    name: Template
    labels: tuple[tuple[str, Template], ...]
    literals: tuple[tuple[int, str], ...] = ()  # (which segment, what it has to be)
    stars: tuple[int, ...] = ()  # which segments are captured
    regex: Any = None
    twins: tuple[Sequence[int], ...] = ()  # groups that share a name; captured after the others

    def match(self, captures: Sequence[str]) -> Match:
        labels = {label: _filled(template, captures) for label, template in self.labels}
        return Match(self.rule, _filled(self.name, captures), labels)


def _prepare_glob(rule: Rule) -> _Prepared:
    segments = rule.match.split(".")
    stars = tuple(index for index, segment in enumerate(segments) if segment == "*")
    return _Prepared(
        rule,
        glob_template(rule.name, len(stars)),
        tuple((label, glob_template(value, len(stars))) for label, value in rule.labels),
        literals=tuple((i, segment) for i, segment in enumerate(segments) if segment != "*"),
        stars=stars,
    )


def _prepare_regex(rule: Rule) -> _Prepared:
    regex = compile_regex(rule.match)
    count = regex.groups
    names, twins = {}, []
    for name, numbers in _group_names(rule.match).items():
        names[name] = numbers[0]
        if len(numbers) > 1:
            twins.append(numbers)
            names[name] = count + len(twins)
    return _Prepared(
        rule,
        regex_template(rule.name, count, names),
        tuple((label, regex_template(value, count, names)) for label, value in rule.labels),
        regex=regex,
        twins=tuple(twins),
    )


class Matcher:
    """Rules, prepared for looking up names. Raises ValueError for a regex that doesn't compile."""

    def __init__(self, rules: Iterable[Rule], *, ordered: bool = True) -> None:
        self._globs: dict[tuple[str, int], list[_Prepared]] = {}
        self._regexes: dict[str, list[_Prepared]] = {kind: [] for kind in KINDS}
        for rule in rules:
            kinds = (rule.match_metric_type,) if rule.match_metric_type else KINDS
            if rule.match_type == "glob":
                glob = _prepare_glob(rule)
                for kind in kinds:
                    self._globs.setdefault((kind, rule.match.count(".")), []).append(glob)
            else:
                regex = _prepare_regex(rule)
                for kind in kinds:
                    self._regexes[kind].append(regex)
        if not ordered:
            for globs in self._globs.values():
                globs.sort(key=lambda glob: [part == "*" for part in glob.rule.match.split(".")])

    def match(self, name: str, kind: str) -> Match | None:
        """The rule for a name of this kind ("counter", "gauge", "observer"), None if none fits."""
        segments = name.split(".")
        for glob in self._globs.get((kind, len(segments) - 1), ()):
            for index, literal in glob.literals:
                if segments[index] != literal:
                    break
            else:
                return glob.match([name, *(segments[index] for index in glob.stars)])
        for prepared in self._regexes.get(kind, ()):
            found = prepared.regex.search(name)
            if found:
                captures = [found.group(), *found.groups(default="")]
                for twins in prepared.twins:
                    taken = (found[number] for number in twins if found[number] is not None)
                    captures.append(next(taken, ""))
                return prepared.match(captures)
        return None
