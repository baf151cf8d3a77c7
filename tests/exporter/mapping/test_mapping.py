"""In: mapping files. Out: the rules, matches and refusals that statsd_exporter's own runs recorded.

What the recorded answers leave out is in the tables below them; the rows under `DEFECTS` are where
we mean to differ.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from popcon.errors import FileError
from popcon.exporter.mapping.mapping import MappingError, load, order_warnings
from popcon.exporter.mapping.rules import Defaults, HistogramOptions, Match, SummaryOptions
from tests.vectors import cases


def as_recorded(match: Match | None) -> dict[str, Any]:
    """A match in the words of the vectors. They also hold the escaped name; that isn't ours."""
    if match is None:
        return {"matched": False}
    rule = match.rule
    found: dict[str, Any] = {
        "matched": True,
        "action": rule.action,
        "help": rule.help,
        "honor_labels": rule.honor_labels,
        "labels": match.labels,
        "match": rule.match,
        "match_metric_type": rule.match_metric_type,
        "match_type": rule.match_type,
        "name": match.name,
        "observer_type": rule.observer_type,
        "ttl_seconds": rule.ttl,
    }
    if rule.scale is not None:
        found["scale"] = "NaN" if rule.scale != rule.scale else rule.scale
    if rule.summary_options:
        found["summary_options"] = {
            "quantiles": [
                {"quantile": quantile, "error": error}
                for quantile, error in rule.summary_options.quantiles
            ],
            "max_age_seconds": rule.summary_options.max_age,
            "age_buckets": rule.summary_options.age_buckets,
            "buf_cap": rule.summary_options.buf_cap,
        }
    if rule.histogram_options:
        found["histogram_options"] = {
            "buckets": list(rule.histogram_options.buckets),
            "native_histogram_bucket_factor": rule.histogram_options.native_histogram_bucket_factor,
            "native_histogram_max_buckets": rule.histogram_options.native_histogram_max_buckets,
        }
    return found


@pytest.mark.parametrize("case", cases("mapper"))
def test_a_mapping_does_what_statsd_exporter_does(case: dict[str, Any]) -> None:
    """A file is refused iff statsd_exporter refuses it, and its rules match as they do there."""
    if case["config_error"] is not None:
        with pytest.raises(MappingError):
            load(case["config"])
        return
    mapping = load(case["config"])
    for lookup in case["lookups"]:
        expected = {key: lookup["expected"][key] for key in lookup["expected"]}
        expected.pop("escaped_name", None)
        asked = lookup["input"]
        assert as_recorded(mapping.match(asked["metric"], asked["type"])) == expected, asked


def glob(match: str, label: str) -> str:
    """A file with one glob rule and one label."""
    return f"mappings:\n- match: '{match}'\n  name: n\n  labels: {{ll: '{label}'}}\n"


def regex(match: str, label: str) -> str:
    """A file with one regex rule and one label."""
    return f"mappings:\n- match: '{match}'\n  match_type: regex\n  name: n\n  labels: {{ll: '{label}'}}\n"


#: file, name, our label, the label of statsd_exporter v0.31.0 (None: no rule matched)
DEFECTS = {
    "a percent sign beside a reference": (glob("a.*", "$1%"), "a.b", "b%", "b%!(NOVERB)"),
    "a percent sign and a letter": (
        glob("a.*", "%d of $1"),
        "a.b",
        "%d of b",
        "%!d(string=b) of %!s(MISSING)",
    ),
    "a reference that begins another": (
        glob("*.*.*.*.*.*.*.*.*.*.*", "$1 $11"),
        "1.2.3.4.5.6.7.8.9.10.11",
        "1 11",
        "1 111",
    ),
    "a segment that is a star": (glob("a.*", "$1"), "a.*", "*", ""),
    "a shorter glob after a longer one": (
        glob("a.b.c", "long") + "- {match: a.b, name: n, labels: {ll: short}}\n",
        "a.b",
        "short",
        None,
    ),
    "a glob that comes twice": (
        glob("a.b", "first")
        + "- {match: 'a.*', name: n, labels: {ll: star}}\n"
        + "- {match: a.b, name: n, labels: {ll: again}}\n",
        "a.b",
        "first",
        "star",
    ),
    "no backtracking without ordering": (
        "defaults: {glob_disable_ordering: true}\n"
        + glob("a.b.c.x", "0")
        + "- {match: a.*.c.d, name: n, labels: {ll: '1'}}\n"
        + "- {match: '*.b.*.e', name: n, labels: {ll: '2'}}\n"
        + "- {match: '*.*.*.*', name: n, labels: {ll: '3'}}\n",
        "a.b.c.d",
        "1",
        None,
    ),
}


@pytest.mark.parametrize(("text", "name", "ours", "theirs"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_of_statsd_exporter_is_not_reproduced(
    text: str, name: str, ours: str, theirs: str | None
) -> None:
    """Where statsd_exporter's answer is a defect, ours is what its documentation promises."""
    match = load(text).match(name, "counter")
    assert match is not None
    assert match.labels == {"ll": ours}
    assert ours != theirs


@pytest.mark.parametrize(
    ("text", "name", "label"),
    [
        (glob("a.*", "$name$1_x|${1}_x"), "a.b", "|b_x"),
        (glob("a.*", "$0"), "a.b", "a.b"),
        (glob("a.*", "$1}-${1-$01"), "a.b", "b-b-b"),
        (glob("a.*", "$2"), "a.b", ""),
        (glob("a.*", "$"), "a.b", "$"),
        (glob("a.*", "$1"), "a.", ""),
        (glob("a.*", "$1"), "a.é", "é"),
        (regex("é(.*)ß$", "<$1>"), "aaéüüß", "<üü>"),
        (regex("(.)$", "$1"), "a\U0001f600", "\U0001f600"),
        (regex("^a(.*?)(z)?$", "$1|$2"), "abc", "bc|"),
        (regex("(?P<lib>[^.]+)$", "${lib}$$1"), "a.numpy", "numpy$1"),
        (regex("(?<lib>[^.]+)$", "$lib"), "a.numpy", "numpy"),
        (regex("(?:a(?P<lib>x)|b(?P<lib>y))", "$lib"), "by", "y"),
        (regex(r"\Aa\.\pL+\z", "$0"), "a.é", "a.é"),
        (regex(r"\Qa.b\E(.)", "$1"), "a.bc", "c"),
        (regex("b", "$0"), "abc", "b"),
    ],
)
def test_a_template_is_filled_in(text: str, name: str, label: str) -> None:
    """A reference becomes what was captured, the way the two kinds of rule each read it."""
    match = load(text).match(name, "gauge")
    assert match is not None
    assert match.labels["ll"] == label


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", r"\C", "(?P<é>a)", "a{1001}", "(", r"a\Z"])
def test_a_regex_that_go_refuses_is_refused(
    pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A regex outside Go's syntax is quoted in the refusal, and RE2 prints nothing."""
    with pytest.raises(MappingError) as refusal:
        load(regex(pattern, "x"))
    assert f'"{pattern}" is not a regex: ' in str(refusal.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1m20s", 80.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("500ms", 0.5),
        ("3us", 3e-6),
        ("3\u00b5s", 3e-6),
        ("3\u03bcs", 3e-6),
        ("7ns", 7e-9),
        ("+5s", 5.0),
        ("-5s", -5.0),
        ("5000000000", 5.0),
        ("5e9", 5.0),
        ("1_000_000_000", 1.0),
        ("0", 0.0),
        ("'0'", 0.0),
        ("null", 0.0),
        ("1d", None),
        ("1w", None),
        ("5 s", None),
        ("'5'", None),
        ("1s-1s", None),
        (".s", None),
        ("yes", None),
        (".inf", None),
        ("''", None),
        ("2562048h", None),
        ("9" * 5000 + "s", None),
    ],
)
def test_a_duration_is_gos(written: str, seconds: float | None) -> None:
    """A duration is read as Go's time.ParseDuration does, and a bare number is nanoseconds."""
    text = f"mappings:\n- match: a\n  name: n\n  ttl: {written}\n"
    if seconds is None:
        with pytest.raises(MappingError, match="is not a duration"):
            load(text)
    else:
        assert load(text).rules[0].ttl == seconds


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("010", 8.0),
        ("08", 8.0),
        ("0x10", 16.0),
        ("0b11", 3.0),
        ("0o17", 15.0),
        ("-0x10", -16.0),
        ("1_000", 1000.0),
        ("1e-6", 1e-6),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("!!float 2", 2.0),
        ("!!int '2'", 2.0),
        ("9" * 400, None),
        ("1e400", None),
        ("'2'", None),
        ("!!str 2", None),
        ("0x", None),
        ("1:30", None),
        ("inf", None),
        ("true", None),
        ("2001-01-01", None),
        ("[2]", None),
    ],
)
def test_a_number_is_yaml_1_1_as_go_reads_it(written: str, number: float | None) -> None:
    """A number is what go.yaml.in/yaml/v2 takes for one."""
    text = f"mappings:\n- match: a\n  name: n\n  scale: {written}\n"
    if number is None:
        with pytest.raises(MappingError):
            load(text)
    else:
        assert load(text).rules[0].scale == number


@pytest.mark.parametrize(
    "written", ["yes", "010", "1.50", "2001-01-01", "1_000", "0x1F", "NO", "1e3", ".inf"]
)
def test_a_label_is_the_text_that_was_typed(written: str) -> None:
    """A label's value is the scalar's characters, not what YAML would make of them."""
    rule = load(f"mappings:\n- match: a\n  name: n\n  labels: {{ll: {written}}}\n").rules[0]
    assert rule.labels == (("ll", written),)


@pytest.mark.parametrize(
    ("written", "flag"),
    [
        ("yes", True),
        ("on", True),
        ("Y", True),
        ("off", False),
        ("null", False),
        ("True", True),
        ("'true'", None),
        ("1", None),
        ("tRUE", None),
    ],
)
def test_a_flag_is_a_bare_word(written: str, flag: bool | None) -> None:
    """A flag is one of YAML 1.1's words, without quotes."""
    text = f"mappings:\n- match: a\n  name: n\n  honor_labels: {written}\n"
    if flag is None:
        with pytest.raises(MappingError, match="neither true nor false"):
            load(text)
    else:
        assert load(text).rules[0].honor_labels is flag


BASE = "mappings:\n- &base {match: a, name: n, ttl: 5s, labels: {job: x}}\n"


@pytest.mark.parametrize(
    ("rule", "name", "ttl", "labels"),
    [
        ("{<<: *base, match: b}", "n", 5.0, (("job", "x"),)),
        ("{<<: *base, match: b, ttl: 6s}", "n", 6.0, (("job", "x"),)),
        ("{<<: *base, match: b, labels: {kind: y}}", "n", 5.0, (("job", "x"), ("kind", "y"))),
        ("{<<: *base, match: b, labels: null}", "n", 5.0, ()),
        ("{<<: [{name: m}, *base], match: b}", "m", 5.0, (("job", "x"),)),
        ("{match: b, name: m, <<: *base}", "n", 5.0, (("job", "x"),)),
        ("{match: b, name: m, labels: &a {job: z}}", "m", 0.0, (("job", "z"),)),
    ],
)
def test_a_merge_is_spread_out_where_it_stands(
    rule: str, name: str, ttl: float, labels: tuple[tuple[str, str], ...]
) -> None:
    """`<<` sets keys in the order of the file, the last one wins, and labels add up."""
    found = load(f"{BASE}- {rule}\n").rules[1]
    assert (found.name, found.ttl, found.labels) == (name, ttl, labels)


def test_defaults_are_filled_in() -> None:
    """An empty file has statsd_exporter's defaults and no rules."""
    mapping = load("")
    assert mapping.rules == ()
    assert mapping.defaults == Defaults(
        ttl=0.0,
        observer_type="",
        match_type="glob",
        glob_disable_ordering=False,
        histogram_options=HistogramOptions(
            (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0), 1.1, 256
        ),
        summary_options=SummaryOptions(((0.5, 0.05), (0.9, 0.01), (0.99, 0.001)), 0.0, 0, 0),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "mappings:\n- match: a\n  name: n\n  honour_labels: yes\n",
            'line 4: mappings[0]: unknown key "honour_labels", did you mean "honor_labels"?',
        ),
        ("mapping: []\n", 'line 1: unknown key "mapping", did you mean "mappings"?'),
        (
            "mappings:\n- match: a\n  name: n\n  timer_type: histogram\n",
            'line 4: mappings[0]: unknown key "timer_type", it is called "observer_type" now',
        ),
        (
            "mappings:\n- {match: a, name: n}\n- match: b\n  match: c\n  name: n\n",
            'line 4: mappings[1]: key "match" is set twice',
        ),
        (
            "mappings:\n- match: a\n  name: n\n  labels:\n    ll: a\n    ll: b\n",
            'line 6: mappings[0].labels: key "ll" is set twice',
        ),
        (
            f"{BASE}- {{<<: *base, labels: {{job: y}}}}\n",
            'line 3: mappings[1].labels: label "job" is set twice',
        ),
        ("mappings:\n- match: a.b\n", 'line 2: mappings[0]: the rule for "a.b" has no name'),
        (
            "mappings:\n- match: a\n  name: n\n  observer_type: Histogram\n",
            (
                'line 4: mappings[0].observer_type: "Histogram" is none of "summary", "histogram", '
                'did you mean "histogram"?'
            ),
        ),
        (
            "mappings:\n- match: a\n  name: n\n  scale: '2'\n",
            'line 4: mappings[0].scale: "2" is not a number (leave out the quotes)',
        ),
        (
            "mappings:\n- match: a\n  name: n\n  histogram_options:\n    buckets: [1, x]\n",
            'line 5: mappings[0].histogram_options.buckets[1]: "x" is not a number',
        ),
        (
            "defaults:\n  summary_options:\n    age_buckets: -1\n",
            (
                'line 3: defaults.summary_options.age_buckets: "-1" is not a whole number '
                "from 0 to 4294967295"
            ),
        ),
        (
            "mappings:\n- match: a\n  observer_type: histogram\n  name: n\n  summary_options: {}\n",
            'line 2: mappings[0]: observer_type "histogram" can\'t have "summary_options"',
        ),
        ("mappings: foo\n", 'line 1: mappings: "foo" where a list belongs'),
        ("mappings:\n- a\n", 'line 2: mappings[0]: "a" where keys and values belong'),
        (
            "mappings:\n- match: *.foo\n",
            (
                "line 2: not YAML: expected alphabetic or numeric character, but found '.' "
                'while scanning an alias: "- match: *.foo"'
            ),
        ),
        (
            "mappings:\n- match: a\n  name: n\n  labels: {ll: [a]}\n",
            "line 4: mappings[0].labels.ll: a list where one value belongs",
        ),
    ],
)
def test_a_refusal_says_where_and_what(text: str, message: str) -> None:
    """A refusal is one line: the file, the line, the key's path, the value in quotes."""
    with pytest.raises(MappingError) as refusal:
        load(text, source="statsd.yaml")
    assert str(refusal.value) == f"statsd.yaml: {message}"
    assert isinstance(refusal.value, FileError)


def nested_merges(count: int, each: int) -> str:
    """Rules whose labels each merge the labels of the one before, so many times."""
    rules = ["- labels: &l0 {ll: a}"]
    for index in range(1, count):
        merged = ", ".join([f"*l{index - 1}"] * each)
        rules.append(f"- labels: &l{index} {{<<: [{merged}]}}")
    return "mappings:\n" + "\n".join(rules)


HOSTILE = {
    "a bomb of aliases": nested_merges(12, 9),
    "a long chain of aliases": nested_merges(300, 1),
    "one big rule, many times": "mappings:\n- &r {match: a, name: n, labels: {"
    + ", ".join(f"l{index}: a" for index in range(2000))
    + "}}\n"
    + "- *r\n" * 300,
    "a list that contains itself": "mappings: &a [*a]",
    "a merge of itself": "mappings:\n- labels: &a {<<: *a}",
    "deep brackets": "mappings: " + "[" * 100_000,
    "deep braces": "{a: " * 5000,
    "deep indentation": "".join(" " * level + "a:\n" for level in range(2000)),
    "an escape beyond Unicode": '"\\UFFFFFFFF"',
    "a lone surrogate": 'mappings:\n- {match: a, name: n, help: "\\ud800"}',
    "a raw surrogate": "a: \ud800",
    "a null byte": "a\0b",
    "another YAML": "%YAML 1.2\n---\n",
    "a long version": "%YAML " + "9" * 5000 + ".1\n---\n",
    "a percent sign at a line's start": "mappings: []\n%- match: a\n",
    "an open quote": 'mappings: "',
    "an indenting tab": "mappings:\n\t- match: a",
    "a Python object": "!!python/object/apply:os.system [ls]",
    "binary": "mappings:\n- {match: a, name: !!binary aGk=}",
    "a tag that isn't UTF-8": "!<%ff> a",
    "line breaks in a value": 'mappings:\n- {name: n, match: "a\\nb\\u2028c\\x85"}',
    "a long value": f"mappings:\n- {{name: n, match: '{'a' * 100_000}!'}}",
    "a long number": f"mappings:\n- {{name: n, match: a, scale: {'9' * 100_000}}}",
    "a long duration": f"mappings:\n- {{name: n, match: a, ttl: {'9' * 100_000}}}",
    "a list as a key": "? [a]\n: b",
    "a merge of a word": "mappings:\n- <<: a",
    "a merge of lists": "mappings:\n- <<: [[{name: n}]]",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_yaml_is_refused_in_one_line(text: str) -> None:
    """Whatever the file holds, the refusal is one short printable line, and no other exception."""
    with pytest.raises(MappingError) as refusal:
        load(text, source="a\nfile.yaml")
    message = str(refusal.value)
    assert message.startswith("a\\nfile.yaml: ")
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffmappings: []\n",
        "null\n",
        "defaults: null\nmappings: null\n",
        "mappings: []\n--- this is [another document\n",
        "mappings:\n- match:\ta\n  name: n\t\n",
        "defaults: &a {ttl: 1s}\nmappings: &a []\n",
        json.dumps({"mappings": [{"match": "a", "name": "n", "help": "it\\'s"}]}),
        'mappings:\n- {match: a, name: n, help: "it\\\'s"}\n',
        "mappings:\n- ? match\n  : a\n  ? name\n  : n\n",
    ],
)
def test_odd_yaml_that_statsd_exporter_takes_is_taken(text: str) -> None:
    """Tabs inside a line, a byte order mark, a reused anchor and later documents do no harm."""
    assert len(load(text).rules) <= 1


def globs(*rules: str, defaults: str = "") -> str:
    """A file of glob rules, each "match" or "match kind"."""
    lines = [f"defaults: {{{defaults}}}", "mappings:"]
    for rule in rules:
        match, _, kind = rule.partition(" ")
        typed = f", match_metric_type: {kind}" if kind else ""
        lines.append(f"- {{match: '{match}', name: n{typed}}}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        (globs("a.b", "a.b.c", "a.*", "*.b"), []),
        (
            globs("a.b.c", "a.b"),
            [
                (
                    'mappings[1] "a.b": statsd_exporter never uses it, '
                    'unless it comes before mappings[0] "a.b.c"'
                )
            ],
        ),
        (
            globs("x.library_used.*.*", "x.library_used.*"),
            [
                (
                    'mappings[1] "x.library_used.*": statsd_exporter never uses it, '
                    'unless it comes before mappings[0] "x.library_used.*.*"'
                )
            ],
        ),
        (
            globs("a.b", "a.*", "a.b"),
            [
                (
                    'mappings[2] "a.b": statsd_exporter never uses it, mappings[0] has the same '
                    "match, and moves down to its place in the order"
                )
            ],
        ),
        (
            globs("a.b", "a.b", defaults="glob_disable_ordering: true"),
            ['mappings[1] "a.b": statsd_exporter never uses it, mappings[0] has the same match'],
        ),
        (globs("a.b.c counter", "a.b gauge"), []),
        (
            globs("a.b.c counter", "a.b"),
            [
                (
                    'mappings[1] "a.b": statsd_exporter never uses it for counter, '
                    'unless it comes before mappings[0] "a.b.c"'
                )
            ],
        ),
        (
            globs("a.b.c", "a.b gauge"),
            [
                (
                    'mappings[1] "a.b": statsd_exporter never uses it, '
                    'unless it comes before mappings[0] "a.b.c"'
                )
            ],
        ),
        (globs("a.*.c", "a.b"), []),
        ("defaults: {match_type: regex}\n" + globs("a.b.c", "a.b").split("\n", 1)[1], []),
    ],
)
def test_rules_that_statsd_exporter_loses_are_named(text: str, warnings: list[str]) -> None:
    """A glob whose path an earlier one has gone through is warned about, for the kinds it is."""
    assert order_warnings(load(text)) == warnings


@pytest.mark.parametrize(
    ("rules", "defaults", "name", "expected"),
    [
        (("a.*", "a.b"), "", "a.b", "a.*"),
        (("a.*", "a.b"), "glob_disable_ordering: true", "a.b", "a.b"),
        (("a.*.c", "a.b.*"), "glob_disable_ordering: true", "a.b.c", "a.b.*"),
        (("a.b.x", "a.*.c"), "glob_disable_ordering: true", "a.b.c", "a.*.c"),
        (("*.*", "a.*", "*.b"), "glob_disable_ordering: true", "c.d", "*.*"),
        (("a.b gauge", "a.*"), "", "a.b", "a.*"),
        (("a.*",), "", "a.b.c", None),
        (("a.*",), "", "a", None),
        (("a.*",), "", "", None),
    ],
)
def test_the_order_of_globs(
    rules: tuple[str, ...], defaults: str, name: str, expected: str | None
) -> None:
    """The first glob of the file wins; with ordering off, the one that is literal the longest."""
    match = load(globs(*rules, defaults=defaults)).match(name, "counter")
    assert (match and match.rule.match) == expected
