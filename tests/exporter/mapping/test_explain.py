"""What is said of a name: always what the matcher, the pipeline and statsd_exporter really do."""

from __future__ import annotations

import itertools
import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from popcon.errors import UsageError
from popcon.exporter.mapping.explain import (
    Explanation,
    Shown,
    as_statsd_exporter_has_it,
    explain,
    lines_of,
)
from popcon.exporter.mapping.mapping import Mapping, load, order_warnings
from popcon.exporter.mapping.matching import Matcher
from popcon.exporter.mapping.rules import KINDS
from popcon.exporter.wire import TagStyles
from popcon.render.mapping import mapping_text
from tests.conftest import eventually
from tests.e2e.servers import exporter

RULES = """\
mappings:
- {match: app.*.count, name: app_count, match_metric_type: counter, labels: {part: $1}}
- {match: app.*.time, name: app_time, observer_type: histogram}
- {match: app.db.count, name: never}
- {match: ^app, match_type: regex, name: rest, action: drop}
- {match: count$, match_type: regex, name: counts}
"""
UNORDERED = """\
defaults: {glob_disable_ordering: true}
mappings:
- {match: '*.b', name: star}
- {match: a.b, name: literal}
- {match: 'a.*', name: half}
"""


def explained(text: str, line: str) -> Explanation:
    """Return what is said of a line, all tag styles parsed."""
    return explain(load(text), line.encode(), TagStyles())


@pytest.mark.parametrize(
    ("text", "line", "action", "rule", "reasons"),
    [
        pytest.param(
            RULES,
            "app.db.count:1|c",
            "map",
            0,
            {
                1: 'part 3 is "time", in the name "count"',
                2: "it fits, but mappings[0] comes before it",
                3: "it fits, but globs come before regexes, and mappings[0] fits",
                4: "it fits, but globs come before regexes, and mappings[0] fits",
            },
            id="the first glob of the file",
        ),
        pytest.param(
            RULES,
            "app.web.count:1|g",
            "drop",
            3,
            {
                0: "it is for counters only",
                1: 'part 3 is "time", in the name "count"',
                2: 'part 2 is "db", in the name "web"',
                4: "it fits, but mappings[3] comes before it",
            },
            id="a regex, since the glob is for another type",
        ),
        pytest.param(
            RULES,
            "web:1|c",
            "unmapped",
            None,
            {
                0: "it has 3 parts, the name has 1",
                1: "it has 3 parts, the name has 1",
                2: "it has 3 parts, the name has 1",
                3: "the regex finds nothing in the name",
                4: "the regex finds nothing in the name",
            },
            id="none",
        ),
        pytest.param(
            UNORDERED,
            "a.b:1|c",
            "map",
            1,
            {
                0: "it fits, but mappings[1] has a literal part where this one has a star",
                2: "it fits, but mappings[1] comes before it",
            },
            id="the most literal one, with ordering off",
        ),
        pytest.param(
            "mappings:\n- {match: a, name: n}\n", "a.b:1|c", "unmapped", None,
            {0: "it has one part, the name has 2"}, id="one part",
        ),
    ],
)  # fmt: skip
def test_each_rule_says_why(
    text: str, line: str, action: str, rule: int | None, reasons: dict[int, str]
) -> None:
    """Of each rule it is said why it doesn't take the name, but of the one that does."""
    (answer,) = explained(text, line).answers

    assert (answer.action, answer.rule) == (action, rule)
    assert {v.rule: v.why_not for v in answer.verdicts if v.why_not} == reasons


@pytest.mark.parametrize(
    ("line", "shown", "refused"),
    [
        ("app.db.count:1|c", [Shown("app_count", "counter", (("part", "db"),))], ()),
        ("app.db.time:1|ms", [Shown("app_time", "histogram", ())], ()),
        ("app.other:1|c", [], ()),
        ("so-so.x:1|h|#k:v", [Shown("so_so_x", "summary", (("k", "v"),))], ()),
        ("a.x#k=v:1|c", [Shown("a_x", "counter", (("k", "v"),))], ()),
        ("x:1|c|#le", [Shown("x", "counter", ())], ("tag_errors",)),
        ("x:1|c:2|g", [Shown("x", "counter", ())], ("conflict",)),
        ("statsd_exporter_lines_total:1|g", [], ("conflict",)),  # the exporter's own
        ("process_cpu_seconds_total:1|c", [], ("conflict",)),
        ("x:-1|c", [], ("illegal_negative_counter",)),
        ("x:nan|c", [], ("not_a_finite_number",)),
        ("nonsense", [], ("malformed_line",)),
        ("x:1|zz", [], ("illegal_event",)),
        ("x:1|h|@2", [], ()),
    ],
)
def test_what_is_shown(line: str, shown: list[Shown], refused: tuple[str, ...]) -> None:
    """The series are those that an exporter would show, and what it refuses is named by its reason."""
    explanation = explained(RULES, line)

    assert (list(explanation.shown), explanation.refused) == (shown, refused)


def test_a_line_of_several_samples() -> None:
    """Each sample of a line has its own answer: the type decides with the name."""
    answers = explained(RULES, "app.db.count:1|c:2|g").answers

    assert [(answer.kind, answer.rule) for answer in answers] == [("counter", 0), ("gauge", 2)]


@pytest.mark.parametrize(
    ("metric", "kind", "lines"),
    [
        (b"a.b", "gauge", [b"a.b:1|g"]),
        (b"a.b", None, [b"a.b:1|c", b"a.b:1|g", b"a.b:1|h"]),
        (b"a.b:5|ms|#k:v", None, [b"a.b:5|ms|#k:v"]),
        (b"a.b#k=v", "counter", [b"a.b#k=v:1|c"]),
    ],
)
def test_a_name_or_a_line(metric: bytes, kind: str | None, lines: list[bytes]) -> None:
    """A bare name stands for a line of each type, or of the one that is asked for."""
    assert lines == lines_of(metric, kind)


@pytest.mark.parametrize(
    ("metric", "kind"),
    [(b"", None), (b"a:1|c\nb:1|c", None), (b"a:1|c", "gauge"), (b"\xff\n", None)],
)
def test_what_is_neither(metric: bytes, kind: str | None) -> None:
    """Nothing, two lines, or a line whose type is given once more: refused, in quotes."""
    with pytest.raises(UsageError, match="'") as caught:
        lines_of(metric, kind)

    assert "\n" not in str(caught.value)


def random_rules(dice: random.Random) -> str:
    """Return a file of rules over so few parts that they stand in each other's way."""
    rules = []
    for index in range(12):
        match = ".".join(dice.choice("ab*") for _ in range(dice.randint(1, 3)))
        fields = [f"name: r{index}"]
        if dice.random() < 0.3:
            match = "^" + match.replace(".", "\\.").replace("*", "[^.]*")
            fields.append("match_type: regex")
        fields += dice.choice(
            [[], [], ["match_metric_type: counter"], ["match_metric_type: gauge"]]
        )
        rules.append(f"- {{match: '{match}', {', '.join(fields)}}}\n")
    return "mappings:\n" + "".join(rules)


def names() -> Iterator[str]:
    """Yield each name of one to three parts."""
    for length in (1, 2, 3):
        yield from (".".join(parts) for parts in itertools.product("abc", repeat=length))


@pytest.mark.parametrize("seed", range(20))
def test_no_word_against_the_matcher(seed: int) -> None:
    """Whatever the rules: the one that is named is the matcher's, and "it fits" means that it does."""
    dice = random.Random(seed)
    ordering = dice.choice(["", "defaults: {glob_disable_ordering: true}\n"])
    mapping = load(ordering + random_rules(dice))
    for name, kind in itertools.product(names(), KINDS):
        (answer,) = explain(mapping, lines_of(name.encode(), kind)[0], TagStyles()).answers
        match = mapping.match(name, kind)
        taken = None if answer.rule is None else mapping.rules[answer.rule]
        assert taken is (match and match.rule)
        for verdict in answer.verdicts:
            fits = Matcher([mapping.rules[verdict.rule]]).match(name, kind) is not None
            assert fits == (not verdict.why_not or verdict.why_not.startswith("it fits"))


@pytest.mark.parametrize("seed", range(3))
def test_what_statsd_exporter_would_do(seed: int, tmp_path: Path) -> None:
    """The rule that is said to be statsd_exporter's is the one that the real one uses."""
    text = random_rules(random.Random(seed))
    mapping = load(text)
    assert order_warnings(mapping)
    file = tmp_path / "mapping.yaml"
    file.write_text(text)
    with exporter("statsd_exporter", file) as server:
        host, port = server.sink.removeprefix("statsd://").split(":")
        lines = [f"{name}#from={name}:1|c" for name in [*names(), "last"]]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto("\n".join(lines).encode(), (host, int(port)))

        def page() -> str:
            return requests.get(f"{server.url}/metrics", timeout=10).text

        assert eventually(lambda: 'from="last"' in page())
        found = re.findall(r'^(\w+)\{from="([^"]+)"', page(), re.MULTILINE)
    used = {name: shown for shown, name in found}

    assert {name: used[name] for name in names()} == {name: said(mapping, name) for name in names()}


def said(mapping: Mapping, name: str) -> str:
    """Return the name under which statsd_exporter is said to show a counter."""
    match = as_statsd_exporter_has_it(mapping, "counter").match(name, "counter")
    return match.name if match else name.replace(".", "_")


def test_popcons_own_rules_are_the_same_for_both() -> None:
    """With the rules that popcon ships, statsd_exporter takes the rule that we take."""
    mapping = load(mapping_text([("namespace", "course")]))
    for line in (b"python_popcon.reports:1|c", b"python_popcon.namespace.a.library_used.b:1|c"):
        (answer,) = explain(mapping, line, TagStyles()).answers
        assert answer.rule == answer.statsd_exporter != len(mapping.rules) - 1
