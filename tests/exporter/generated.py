"""In: hypothesis. Out: mapping files and datagrams that statsd_exporter and ours must answer alike.

What docs/exporter.md lists as a difference can't come out of here; each such bound says so.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from hypothesis import strategies as st

from popcon.exporter.mapping.mapping import load, order_warnings

#: A name that no generated rule fits but the one written for it: what shows that all has come.
END = "end.of.what.was.sent.here"
END_METRIC = "zz_end"

SEGMENTS = ("a", "b", "c", "a-b", "x1", "count", "sum")
#: An observer whose own `_sum` or `_count` is another metric's name makes statsd_exporter's page an
#: error 500, so these parts of names are for counters and gauges.
SUFFIXES = ("count", "sum")
#: An observation's kind on the wire.
OBSERVERS = ("ms", "h", "d")

#: One-letter label names are refused in a mapping; `__*`, `le` and `quantile` are dropped here only.
LABELS = ("site", "course", "tag_1")
TAG_KEYS = ("site", "course", "tag-1", "tag.1", "k", "9k", "é")
TAG_VALUES = ("hub", "1", "a b", "é", '"', "\\", "-", "a/b", "hub2")

#: Go's fmt garbles a `%` in a glob's template, and `$1 $11`: defects of statsd_exporter.
TEMPLATES = ("$1", "${1}", "${1}_$2", "$2-$1", "x$1", "fixed", "", 'a "b" \\', "é", "$3", "$$1")
#: YAML scalars that stand in a file as they are, though many a reader takes them for something else.
SCALARS = ("yes", "010", "1.50", "~", "2020-01-01", "0x1F", "1e3", "null", "1_000", "1:30", "'1'", "-",
           "True", ".inf", "0o7", "- ", "{}", "[]", "1s", "1m30s", "-1", "0", "!!str 1", '"true"', "off",
           "summary", "histogram", "glob", "regex", "map", "drop", "counter", "timer", "a.b", "a", "*",
           "a.*.*", "1a", "a..b", "^a(", "(?<n>a)", "m_$1", "1m", "a:b", "{a: b}", "[1, 2]", "")  # fmt: skip
#: Those that are text wherever a label's value is.
LABEL_SCALARS = (
    "yes",
    "010",
    "1.50",
    "~",
    "2020-01-01",
    "0x1F",
    "1e3",
    "null",
    "1_000",
    "True",
    ".inf",
)
#: Mapped names stand apart from the names on the wire: where the two differ in their help, the real
#: one answers 500.
NAMES = ("m_$1", "m_${1}", "m_${1}_${2}", "m_fixed", "m_other", "m_$3")
REGEXES = (
    r"^a\.(.*)$",
    r"b\.(\w+)",
    r"(a|b)\.(c|x1)",
    r"^(.*)\.(count)$",
    r"(?i)A.(B)?",
    r"^([a-z]+)\.([a-z0-9-]+)$",
    r"x",
    "",
)

#: What isn't a number, or hardly looks like one.
ODD = ("0x1p4", "1_000", "-0", "+", "", "x", "0x10", "1e", " 1", "1e3", ".5", "5.", "+3")
#: Halves of halves add up alike in any order. Other fractions don't, to the last digit: equal lines
#: are counted first and added at once here, each when it comes there. Milliseconds become seconds.
MILLISECONDS = ("0", "125", "1000", "62.5", "-250", "1e3", "0x3E8p0", "x", "1_000", "")
EXACT = ("0", "1", "2", "-1", "0.5", "-0.25", "100000", "1234567", "0.0078125", *ODD)
#: A gauge takes any: nothing is added up.
ANY = (*EXACT, "0.1", "1e-7", "1e21", "123456.789", "-3.3e-5")
#: What is not finite stays on a counter for ever there, and is refused here.
NOT_FINITE = ("inf", "-inf", "+Inf", "NaN", "infinity")
#: An observation counts 1/rate times; above 500 of them a summary is exact here and a sketch there.
RATES = ("1", "0.5", "0.1", "0.25", "2", "0", "-1", "x", "", "1e")


class Case(NamedTuple):
    """A mapping file's text, the tag styles that are read, and datagrams."""

    mapping: str
    styles: dict[str, bool]
    datagrams: list[bytes]


def globs(*, only_last: bool) -> st.SearchStrategy[str]:
    """Globs of one to three segments; with `only_last` no `*` but at the end.

    Where ordering is off, statsd_exporter misses rules that it would have to go back for; a `*` at
    the end alone needs no going back.
    """
    literal = st.sampled_from(SEGMENTS)
    inner = literal if only_last else st.sampled_from((*SEGMENTS, "*", "*"))
    last = st.sampled_from((*SEGMENTS, "*", "*", "*"))
    return st.builds(lambda first, end: ".".join([*first, end]), st.lists(inner, max_size=2), last)


def _rules(only_last: bool) -> st.SearchStrategy[dict[str, Any]]:
    glob = st.fixed_dictionaries({"match": globs(only_last=only_last)})
    regex = st.fixed_dictionaries(
        {"match": st.sampled_from(REGEXES), "match_type": st.just("regex")}
    )
    name = st.sampled_from(NAMES)
    return st.builds(
        lambda match, name, rest, observer: {**match, "name": name, **rest, **observer},
        st.one_of(glob, glob, regex),
        name,
        st.fixed_dictionaries(
            {},
            optional={
                "labels": st.dictionaries(
                    st.sampled_from(LABELS),
                    st.sampled_from((*TEMPLATES, *map("<<{}>>".format, LABEL_SCALARS))),
                    max_size=2,
                ),
                "honor_labels": st.booleans(),
                "match_metric_type": st.sampled_from(("counter", "gauge", "observer")),
                "action": st.sampled_from(("map", "map", "drop")),
                "scale": st.sampled_from((2, 0.5, 0, -1, 1000)),
                "ttl": st.sampled_from(("1h", "90m")),
            },
        ),
        _observer(),
    )


def _observer() -> st.SearchStrategy[dict[str, Any]]:
    """How observations are held. Unsorted bounds, and quantiles above 1, crash the real one."""
    buckets = st.lists(st.sampled_from((0.001, 0.1, 1, 2.5, 1000)), min_size=1, unique=True)
    quantiles = st.lists(st.sampled_from((0.1, 0.5, 0.9, 0.99)), min_size=1, unique=True)
    return st.one_of(
        st.just({}),
        st.just({}),
        buckets.map(
            lambda found: {
                "observer_type": "histogram",
                "histogram_options": {"buckets": sorted(found)},
            }
        ),
        quantiles.map(
            lambda found: {
                "observer_type": "summary",
                "summary_options": {
                    "quantiles": [{"quantile": one, "error": 0.001} for one in sorted(found)]
                },
            }
        ),
    )


@st.composite
def mappings(draw: st.DrawFn) -> str:
    """A mapping file; JSON is YAML. Rules that the real one would lose are left out."""
    unordered = draw(st.booleans()) and draw(st.booleans())
    defaults = {**draw(_observer()), "glob_disable_ordering": unordered}
    help = draw(st.sampled_from(({}, {"help": 'Of "all" rules \\ é'})))
    kept: list[dict[str, Any]] = [{"match": END, "name": END_METRIC}]
    for rule in draw(st.lists(_rules(unordered), min_size=1, max_size=8)):
        more = [*kept, {**rule, **help}]
        if not order_warnings(load(_bare(json.dumps({"defaults": defaults, "mappings": more})))):
            kept = more
    return _bare(json.dumps({"defaults": defaults, "mappings": kept}, ensure_ascii=False))


def _bare(text: str) -> str:
    """JSON with what stands in `<<` and `>>` put there as it is."""
    return re.sub(r'"<<(.*?)>>"', lambda found: str(json.loads(f'"{found[1]}"')), text)


def _values(*good: Any) -> st.SearchStrategy[Any]:
    """A good value most of the time, else any scalar."""
    return st.one_of(*[st.sampled_from(good)] * 20, st.sampled_from(SCALARS).map("<<{}>>".format))


def files() -> st.SearchStrategy[str]:
    """Mapping files of which many are wrong somewhere."""
    buckets = st.fixed_dictionaries({"buckets": _values([1, 2.5], [0.1])})
    quantiles = st.fixed_dictionaries(
        {
            "quantiles": st.lists(
                st.fixed_dictionaries({"quantile": _values(0.5), "error": _values(0.1)})
            )
        },
        optional={
            "max_age": _values("1m", "90s"),
            "age_buckets": _values(5),
            "buf_cap": _values(500),
        },
    )
    both = {
        "observer_type": _values("summary", "histogram"),
        "match_type": _values("glob", "regex"),
        "ttl": _values("1h", "1m20s"),
        "histogram_options": buckets,
        "summary_options": quantiles,
    }
    rule = st.fixed_dictionaries(
        {"match": _values("a.*", "b.c", "d"), "name": _values("m_$1", "m_${1}x", "other")},
        optional={
            **both,
            "labels": st.dictionaries(
                st.sampled_from((*LABELS, "x", "le", "é")), _values("$1", "x")
            ),
            "honor_labels": _values(True, False),
            "match_metric_type": _values("counter", "gauge", "observer"),
            "action": _values("map", "drop"),
            "scale": _values(1, 0.5),
            "help": _values("text"),
            "timer_type": _values("histogram"),
        },
    )
    defaults = st.fixed_dictionaries({}, optional={**both, "glob_disable_ordering": _values(True)})
    return st.builds(
        lambda defaults, rules: _bare(json.dumps({"defaults": defaults, "mappings": rules})),
        defaults,
        st.lists(rule, max_size=3),
    )


@st.composite
def _well_formed(draw: st.DrawFn) -> str:
    """A line of a name, tags in some style, and samples of one type.

    Samples of different types share labels there, by a defect.
    """
    type = draw(st.sampled_from(("c", "c", "g", *OBSERVERS, "s", "C", "")))
    plain = tuple(one for one in SEGMENTS if one not in SUFFIXES) if type in OBSERVERS else SEGMENTS
    # An empty name, with no rule to refuse it, makes the real one's page an error 500.
    name = ".".join(draw(st.lists(st.sampled_from((*plain, "")), min_size=1, max_size=3))) or "a"
    pairs = draw(
        st.lists(st.tuples(st.sampled_from(TAG_KEYS), st.sampled_from(TAG_VALUES)), max_size=3)
    )
    style = draw(st.sampled_from(("#", ",", "[", "|#", "")))
    head, tail = name, ""
    if style == "|#":
        tail = "|#" + ",".join(f"{key}:{value}" for key, value in pairs)
        # Without tags a container id is read here, and refused there.
        tail += draw(st.sampled_from(("", "|c:id", "|T1"))) if pairs else ""
    elif style:
        end = "]" if style == "[" else ""
        head += style + ",".join(f"{key}={value}" for key, value in pairs) + end
    count = 1 if style == "|#" else draw(st.sampled_from((1, 1, 2, 3)))
    numbers = {"g": (*ANY, *NOT_FINITE), "ms": MILLISECONDS}.get(type, EXACT)
    samples = [
        f"{draw(st.sampled_from(numbers))}|{type}"
        + draw(st.sampled_from(("", "", "|@" + draw(st.sampled_from(RATES)))))
        for _ in range(count)
    ]
    return f"{head}:{':'.join(samples)}{tail}"


#: Reversed brackets crash the real one, and an empty name makes its page an error 500; a container id
#: is read here; `__*` labels (of two characters that no label can have) are dropped here.
_DIFFERENT = re.compile(r"^[^\[]*\]|^[#,\[]|\|c:|[#,\[|:][^a-z0-9=:|]{2}")


def _damaged() -> st.SearchStrategy[bytes]:
    """Lines that hardly make sense, of the characters that do in statsd, and of bytes that don't."""
    text = st.text("abc.:|#,=[]-019cghms é", max_size=25)
    odd = st.sampled_from((b"\xff", b"a\xc3:1|c", b"a:1|\xed\xa0\x80", b"", b"a:1|c|", b":1|c"))
    # A sampled observation, and what isn't finite, need letters and signs that aren't there.
    return st.one_of(text.filter(lambda line: not _DIFFERENT.search(line)).map(str.encode), odd)


def lines() -> st.SearchStrategy[bytes]:
    """Lines, most of them well formed."""
    good = _well_formed().filter(lambda line: not line.endswith("\r")).map(str.encode)
    return st.one_of(good, good, good, _damaged())


def cases() -> st.SearchStrategy[Case]:
    """A mapping and what is sent to it."""
    styles = ("dogstatsd", "influxdb", "librato", "signalfx")
    datagrams = st.lists(lines(), min_size=1, max_size=5).map(b"\n".join)
    return st.builds(
        Case,
        mappings(),
        st.fixed_dictionaries({style: st.sampled_from((True, True, False)) for style in styles}),
        st.lists(datagrams, min_size=4, max_size=20),
    )
