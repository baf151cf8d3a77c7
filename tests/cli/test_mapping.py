"""`popcon mapping`: what it says of a name, what it warns of, what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from popcon.cli import main
from tests.conftest import clean_environ

RULES = """\
mappings:
- {match: a.b.c, name: long}
- {match: a.b, name: short}
- {match: 'a.*', name: star, labels: {key: $1}}
- {match: '^a', match_type: regex, name: rest, action: drop}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A mapping file, of which statsd_exporter loses a rule."""
    made = tmp_path / "mapping.yaml"
    made.write_text(RULES)
    return str(made)


@pytest.mark.parametrize(
    ("metric", "flags", "expected"),
    [
        pytest.param(
            "a.b",
            [],
            """\
a.b as a counter or a gauge or an observer
  taken by  mappings[1] "a.b"
            statsd_exporter: mappings[2] "a.*", because of the rules' order (mapping check)
  not by    mappings[0] "a.b.c": it has 3 parts, the name has 2
  not by    mappings[2] "a.*": it fits, but mappings[1] comes before it
  not by    mappings[3] "^a" (regex): it fits, but globs come before regexes, and mappings[1] fits
  shown as  short, a counter or a gauge or a summary
""",
            id="a bare name",
        ),
        pytest.param(
            'a.x:1|c|#say:"hi",le',
            [],
            """\
a.x as a counter, say="\\"hi\\""
  taken by  mappings[2] "a.*"
  not by    mappings[0] "a.b.c": it has 3 parts, the name has 2
  not by    mappings[1] "a.b": part 2 is "b", in the name "x"
  not by    mappings[3] "^a" (regex): it fits, but globs come before regexes, and mappings[2] fits
  shown as  star{key="x",say="\\"hi\\""}, a counter
  refused   tag_errors
""",
            id="a line with tags",
        ),
        pytest.param(
            "a",
            ["--type", "gauge"],
            """\
a as a gauge
  taken by  mappings[3] "^a" (regex)
  not by    mappings[0] "a.b.c": it has 3 parts, the name has 1
  not by    mappings[1] "a.b": it has 2 parts, the name has 1
  not by    mappings[2] "a.*": it has 2 parts, the name has 1
  shown     nothing: the rule drops it
""",
            id="a name that is dropped",
        ),
        pytest.param(
            "\x1b[31m:1|c",
            ["--no-tags"],
            """\
'\\x1b[31m as a counter'
  taken by  no rule
  not by    mappings[0] "a.b.c": it has 3 parts, the name has 1
  not by    mappings[1] "a.b": it has 2 parts, the name has 1
  not by    mappings[2] "a.*": it has 2 parts, the name has 1
  not by    mappings[3] "^a" (regex): the regex finds nothing in the name
  shown as  __31m, a counter
""",
            id="what a terminal would obey",
        ),
        pytest.param("x:1|h|@2", [], "", id="no measurement"),
    ],
)
def test_explain(
    file: str, metric: str, flags: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is said is for people: the rule, why not the others, what is shown; types that agree share it."""
    assert main(["mapping", "explain", metric, "--mapping", file, *flags]) == 0

    printed = capsys.readouterr().out
    assert printed == (expected or "x:1|h|@2\n  shown     nothing: it stands for no measurement\n")


def test_popcons_own_rules(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a file the rules are popcon's own, and tags are not parsed, as in the exporter."""
    assert main(["mapping", "explain", "python_popcon.reports:1|c|#user:x", "--json"]) == 0

    (one,) = json.loads(capsys.readouterr().out)
    (answer,) = one["answers"]
    assert one["shown"] == [{"name": "python_popcon_reports", "type": "counter", "labels": {}}]
    assert (answer["rule"], answer["statsd_exporter"], answer["tags"]) == (0, 0, {})
    assert answer["verdicts"][1] == {
        "rule": 1,
        "match": "python_popcon.library_used.*",
        "why_not": "it has 3 parts, the name has 2",
    }


@pytest.mark.parametrize(
    ("metric", "held"),
    [
        ("python_popcon.namespace.hub1.library_used.numpy:1|c", True),
        ("python_popcon.canary.doctor:1|c", False),
        ("python_popcon.library_used.numpy:1|g", False),
    ],
)
def test_what_a_publication_policy_holds(
    metric: str, held: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what counts processes it is said that it shows late; not of a canary, nor of what never shows."""
    assert main(["mapping", "explain", metric]) == 0

    assert ("  held      popcon's own" in capsys.readouterr().out) is held


def test_a_line_that_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A line that no exporter takes is an answer too, with the reason under which it is counted."""
    assert main(["mapping", "explain", "a:x|c"]) == 0

    assert capsys.readouterr().out == "a:x|c\n  refused   malformed_value\n"


def test_check(file: str) -> None:
    """`check` says what `popcon exporter --check-config` says: a warning a lost rule, and the number."""
    commands = (
        ["mapping", "check", file],
        ["exporter", "--check-config", "--statsd.mapping-config", file],
    )
    checked, same = (
        subprocess.run(
            [sys.executable, "-m", "popcon", *command],
            capture_output=True,
            text=True,
            env=clean_environ(),
            timeout=60,
            check=True,
        ).stdout
        for command in commands
    )

    assert checked == same
    assert checked == (
        'warning: mappings[1] "a.b": statsd_exporter never uses it, unless it comes before '
        'mappings[0] "a.b.c"\n4 rules, all well formed\n'
    )


@pytest.mark.parametrize(
    ("arguments", "status", "quoted"),
    [
        (["check", "/no/such"], 3, "'/no/such'"),
        (["explain", "a", "--mapping", "/no/such"], 3, "'/no/such'"),
        (["explain", ""], 2, "''"),
        (["explain", "a:1|c\nb:1|c"], 2, r"'a:1|c\nb:1|c'"),
        (["explain", "a:1|c", "--type", "gauge"], 2, "'a:1|c'"),
    ],
)
def test_refusals(
    arguments: list[str], status: int, quoted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can't be read is refused in one line, with the value in quotes."""
    assert main(["mapping", *arguments]) == status

    printed = capsys.readouterr()
    assert (printed.out, quoted in printed.err, printed.err.count("\n")) == ("", True, 1)
