"""In: `popcon mapping`. Out: whether a mapping is well formed, or what it does with a name."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from popcon.cli.extras import needs

if TYPE_CHECKING:
    from popcon.exporter.mapping.explain import Answer, Explanation
    from popcon.exporter.mapping.mapping import Mapping


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "mapping",
        help="check a mapping file; say which rule takes a metric, and why",
        description="Look into a mapping file of statsd_exporter's, or into popcon's own rules.",
    )
    verbs = command.add_subparsers(metavar="VERB", required=True)
    _add_explain(verbs)
    check = verbs.add_parser(
        "check",
        help="read it, and warn of rules that statsd_exporter would lose",
        description="Read a mapping as the exporter does, and warn of rules that statsd_exporter "
        "would lose. `popcon exporter --check-config` says the same.",
    )
    check.add_argument("mapping", metavar="FILE", nargs="?", help="(default: popcon's own rules)")
    check.set_defaults(run=lambda arguments: check_mapping(read_mapping(arguments.mapping)))


def _add_explain(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = verbs.add_parser(
        "explain",
        help="say which rule takes a metric, why no other does, and what is shown",
        description="Say which rule takes a metric, why no other does, and what /metrics shows.",
    )
    flag = command.add_argument
    flag("metric", metavar="METRIC", help="a statsd name, or a whole line: 'foo:1|c|#key:value'")
    flag("--mapping", metavar="FILE", help="(default: popcon's own rules)")
    flag("--type", choices=["counter", "gauge", "observer"], help="of a name (default: each)")
    flag(
        "--tags",
        action=argparse.BooleanOptionalAction,
        help="whether the exporter parses tags (as there: on with a file, off without)",
    )
    flag("--json", action="store_true", help="for programs")
    command.set_defaults(run=run_explain)


def read_mapping(path: str | None) -> Mapping:
    """Return the rules of a file, or popcon's own. Raises `FileError` with the path in quotes."""
    with needs("exporter"):
        from popcon.exporter.mapping.file import read_mapping_file
        from popcon.exporter.mapping.mapping import load
    from popcon.render.mapping import mapping_text

    if path is None:
        return load(mapping_text(), source="popcon's own rules")
    return read_mapping_file(path)


def check_mapping(mapping: Mapping) -> int:
    """Print a warning for each rule that statsd_exporter would lose, and return an exit status."""
    from popcon.exporter.mapping.mapping import order_warnings

    for warning in order_warnings(mapping):
        print(f"warning: {warning}")
    print(f"{len(mapping.rules)} rules, all well formed")
    return 0


def run_explain(arguments: argparse.Namespace) -> int:
    """Print what becomes of the metric."""
    mapping = read_mapping(arguments.mapping)
    from popcon.exporter.mapping.explain import explain, lines_of
    from popcon.exporter.wire import TagStyles

    parsed = arguments.mapping is not None if arguments.tags is None else arguments.tags
    styles = TagStyles(*[parsed] * 4)
    lines = lines_of(os.fsencode(arguments.metric), arguments.type)
    found = [explain(mapping, line, styles) for line in lines]
    if arguments.json:
        print(json.dumps([_as_json(one) for one in found], indent=2))
        return 0
    for text in _texts(mapping, found):
        print(text if text.isprintable() else ascii(text))
    return 0


def _as_json(explanation: Explanation) -> dict[str, Any]:
    answers = [
        {**answer._asdict(), "verdicts": [verdict._asdict() for verdict in answer.verdicts]}
        for answer in explanation.answers
    ]
    shown = [{**one._asdict(), "labels": dict(one.labels)} for one in explanation.shown]
    return {**explanation._asdict(), "answers": answers, "shown": shown}


def _texts(mapping: Mapping, found: Sequence[Explanation]) -> Iterator[str]:
    """Yield the lines for people: kinds of which the same can be said share them."""
    alike: dict[str, list[Explanation]] = {}
    for one in found:
        said = [answer._replace(kind="") for answer in one.answers]
        shown = [series._replace(type="") for series in one.shown]
        alike.setdefault(repr((said, shown, one.refused)), []).append(one)
    for group in alike.values():
        if not group[0].answers:
            yield group[0].line
        for answers in zip(*(one.answers for one in group)):
            yield from _answer_texts(mapping, answers)
        for series in zip(*(one.shown for one in group)):
            labels = ",".join(_pair(*label) for label in series[0].labels)
            braced = f"{{{labels}}}" if labels else ""
            types = _any_of(one.type for one in series)
            yield f"  shown as  {series[0].name}{braced}, {types}"
        if group[0].shown and any(answer.held for answer in group[0].answers):
            yield "  held      popcon's own: it shows once enough processes have reported (--privacy)"
        if group[0].refused:
            yield f"  refused   {', '.join(group[0].refused)}"
        elif not group[0].shown:
            dropped = any(answer.action == "drop" for answer in group[0].answers)
            why = "the rule drops it" if dropped else "it stands for no measurement"
            yield f"  shown     nothing: {why}"


def _answer_texts(mapping: Mapping, answers: Sequence[Answer]) -> Iterator[str]:
    """Yield the lines for answers that differ in nothing but their kind."""
    first = answers[0]
    tags = "".join(f", {_pair(*tag)}" for tag in first.tags.items())
    yield f"{first.name} as {_any_of(answer.kind for answer in answers)}{tags}"
    yield f"  taken by  {_rule(mapping, first.rule)}"
    if first.statsd_exporter != first.rule:
        theirs = _rule(mapping, first.statsd_exporter)
        yield f"            statsd_exporter: {theirs}, because of the rules' order (mapping check)"
    for verdict in first.verdicts:
        if verdict.why_not:
            yield f"  not by    {_rule(mapping, verdict.rule)}: {verdict.why_not}"


def _rule(mapping: Mapping, index: int | None) -> str:
    from popcon.exporter.mapping.document import quoted

    if index is None:
        return "no rule"
    rule = mapping.rules[index]
    regex = " (regex)" if rule.match_type == "regex" else ""
    return f"mappings[{index}] {quoted(rule.match)}{regex}"


def _pair(key: str, value: str) -> str:
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def _any_of(nouns: Iterable[str]) -> str:
    articles = (f"an {noun}" if noun[0] in "aeiou" else f"a {noun}" for noun in nouns)
    return " or ".join(dict.fromkeys(articles))
