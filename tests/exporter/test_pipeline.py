"""In: mappings and datagrams. Out: the page and the counts that statsd_exporter recorded."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from popcon.exporter.mapping.mapping import Mapping, load
from popcon.exporter.mapping.rules import Match
from popcon.exporter.pipeline import Pipeline
from popcon.exporter.privacy.policy import STANDARD, Policy
from popcon.exporter.privacy.publication import Publication
from popcon.exporter.series.exposition import render
from popcon.exporter.series.registry import Registry
from popcon.exporter.standing import Cache, Counted
from popcon.exporter.wire import TagStyles
from popcon.render.mapping import mapping_text
from tests.exporter.clock import Clock
from tests.vectors import cases

#: Vector → why we answer otherwise on purpose.
DEVIATIONS = {12: "a counter refuses infinity, which it could never leave again"}


def _answers(case: dict[str, Any]) -> dict[str, object]:
    """What a case gives when it is played, in the shape of its `expected`."""
    clock = Clock()
    pipeline = Pipeline(
        load(case["config"]), registry=Registry(clock), styles=TagStyles(**case["parser"])
    )
    steps: list[dict[str, object]] = []
    for step in case["steps"]:
        if "reload_config" in step:
            pipeline.reload(load(step["reload_config"]))
            steps.append({"reload": "ok"})
            continue
        clock.now = step["at_seconds"]
        pipeline.feed(step["packet"].encode())
        pipeline.registry.sweep()
        families = pipeline.registry.families()
        steps.append({"families": len(families), "text": render(families)})
    return {"steps": steps, "self": _self(pipeline.counted())}


def _self(counted: Counted) -> dict[str, object]:
    fields = counted._asdict()
    for name in ("lines_total", "folds", "cache"):
        del fields[name]  # the vectors don't have it
    fields["events_conflict_total"] = {
        f"metric_name={name},type={kind}": count
        for (kind, name), count in counted.events_conflict_total.items()
    }
    return fields


@pytest.mark.parametrize("case", cases("exporter"))
def test_recorded_pages(case: dict[str, Any]) -> None:
    """From the mapping and the packets to the page and the self metrics, all is as recorded."""
    answers = _answers(case)
    if case["id"] in DEVIATIONS:
        assert answers != case["expected"], f"no deviation: {DEVIATIONS[case['id']]}"
    else:
        assert answers == case["expected"]


def _samples(pipeline: Pipeline) -> list[str]:
    """The page, without help and types."""
    page = render(pipeline.registry.families())
    return [line for line in page.splitlines() if not line.startswith("#")]


RULES = """
defaults: {observer_type: histogram, histogram_options: {buckets: [1]}}
mappings:
- {match: only.counters, match_metric_type: counter, name: mapped, labels: {rule: one}}
- {match: honor.*, name: honored, honor_labels: true, labels: {who: rule, what: $1}}
- {match: summary.*, name: summed_$1, observer_type: summary,
   summary_options: {quantiles: [{quantile: 0.5, error: 0.05}]}}
- {match: '^blank(.*)$', match_type: regex, name: $1}
- {match: bad.label, name: bad, labels: {__name__: x, le: y}}
- {match: own.buckets, name: own, histogram_options: {buckets: [2]}, observer_type: histogram}
- {match: gone.*, name: gone, action: drop}
"""


@pytest.mark.parametrize(
    ("data", "samples"),
    [
        pytest.param(
            b"only.counters:1|c:2|g",
            ['mapped{rule="one"} 1', "only_counters 2"],
            id="labels-do-not-leak-from-sample-to-sample",
        ),
        pytest.param(
            b"honor.x:1|c|#who:tag", ['honored{what="x",who="tag"} 1'], id="a-tag-is-honored"
        ),
        pytest.param(b"bad.label:1|g", ['bad{le="y"} 1'], id="a-rule-cannot-set-__name__"),
        pytest.param(
            b"summary.t:4|h|#quantile:1,le:2",
            [
                'summed_t{le="2",quantile="0.5"} 4',
                'summed_t_sum{le="2"} 4',
                'summed_t_count{le="2"} 1',
            ],
            id="a-tag-cannot-be-quantile-on-a-summary",
        ),
        pytest.param(
            b"t:1|h|#le:2,__a:3",
            ['t_bucket{le="1"} 1', 't_bucket{le="+Inf"} 1', "t_sum 1", "t_count 1"],
            id="nor-le-on-a-histogram",
        ),
        pytest.param(
            b"own.buckets:3|h|@0.5",
            ['own_bucket{le="2"} 0', 'own_bucket{le="+Inf"} 2', "own_sum 6", "own_count 2"],
            id="a-rule-has-buckets-of-its-own",
        ),
    ],
)
def test_what_becomes_of_a_line(data: bytes, samples: list[str]) -> None:
    """A line and the rules make these samples."""
    pipeline = Pipeline(load(RULES))
    pipeline.feed(data)
    assert _samples(pipeline) == samples


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        pytest.param(b"blank:1|c", {"events_error_total": {"empty_metric_name": 1}}, id="blank"),
        pytest.param(
            b"[a=b]:1|c",
            {"events_error_total": {"empty_metric_name": 1}, "tags_total": 1},
            id="no-name-but-tags",
        ),
        pytest.param(
            b"x:nan|c",
            {"events_error_total": {"not_a_finite_number": 1}, "events_unmapped_total": 1},
            id="nan",
        ),
        pytest.param(
            b"x:1|c|@-1",
            {"events_error_total": {"illegal_negative_counter": 1}, "events_unmapped_total": 1},
            id="negative-rate",
        ),
        pytest.param(b"gone.x:1|h|@0.1", {"events_actions_total": {"drop": 10}}, id="drop"),
        pytest.param(
            b"t:1|h|#__a:b,le:2",
            {"events_total": {"observer": 1}, "events_unmapped_total": 1, "tag_errors_total": 2}
            | {"tags_total": 1, "metrics_total": {"histogram": 1}},
            id="reserved-labels-are-tag-errors",
        ),
    ],
)
def test_what_is_counted(data: bytes, counts: dict[str, object]) -> None:
    """A line moves these counts, and no others."""
    pipeline = Pipeline(load(RULES))
    nothing = pipeline.counted()
    pipeline.feed(data)
    expected = nothing._replace(
        **{"lines_total": 1, "samples_total": 1, **counts}  # type: ignore[arg-type]
    )
    assert pipeline.counted()._replace(folds=0, cache=Cache()) == expected


def test_a_ttl_changed_by_reload_reaches_series_that_are_there() -> None:
    """The next measurement brings the new TTL to a series that was born without."""
    clock = Clock()
    pipeline = Pipeline(load(""), registry=Registry(clock))
    pipeline.feed(b"x:1|c")
    pipeline.reload(load("defaults: {ttl: 1s}"))
    pipeline.feed(b"x:1|c")
    clock.now = 2.0
    pipeline.registry.sweep()
    assert _samples(pipeline) == []


class Broken(Mapping):
    """A mapping with a fault that shows on one name only."""

    def match(self, name: str, kind: str) -> Match | None:
        """Fail on `bad`."""
        if name == "bad":
            raise ZeroDivisionError
        return super().match(name, kind)


def test_a_fault_of_ours_costs_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """What fails inside is counted, logged once, and stays where it is."""
    plain = load("")
    pipeline = Pipeline(Broken(plain.rules, plain.defaults))
    pipeline.feed(b"a:1|c\nbad:1|c\nbad:1|c\nb:1|c")
    assert _samples(pipeline) == ["a 1", "b 1"]
    assert pipeline.counted().events_error_total == {"internal_error": 2}
    assert len(caplog.records) == 1


def test_the_page_stays_readable_whatever_arrives() -> None:
    """After shuffled names, tags and types a Prometheus parser reads the page, no sample twice."""
    names = ["a", "a_sum", "a_count", "a_bucket", "a_sum_count", "only.counters", "honor.x"]
    names += ["summary.a", "blanka", "", "ü", "1", "own.buckets", "bad.label"]
    tags = ["", "|#le:1", "|#quantile:0.5", "|#__name__:x", '|#k:"\\', "|#k:v,l:w", "|c:id"]
    chance = random.Random(9102)
    pipeline = Pipeline(load(RULES))
    for _ in range(5000):
        value = chance.choice(["1", "-1", "+2", "nan", "inf", "1e308", "0"])
        kind = chance.choice(["c", "g", "ms", "h", "d", "s"])
        rate = chance.choice(["", "", "|@0.1", "|@-1", "|@inf"])
        line = f"{chance.choice(names)}:{value}|{kind}{rate}{chance.choice(tags)}"
        pipeline.feed(line.encode())
    assert "internal_error" not in pipeline.counted().events_error_total
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for family in text_string_to_metric_families(render(pipeline.registry.families())):
        for sample in family.samples:
            identity = (sample.name, frozenset(sample.labels.items()))
            assert identity not in seen
            seen.add(identity)
    assert len(seen) > 50


def test_long_names_are_not_remembered() -> None:
    """A datagram that is one long name costs no memory once it was refused."""
    pipeline = Pipeline(load("{mappings: [{match: ., match_type: regex, name: x, action: drop}]}"))
    for size in (10, 60_000):
        pipeline.feed(b"x" * size + b":1|c")
    assert pipeline.counted().events_actions_total == {"drop": 2}
    assert pipeline.counted().cache.length == 1


def test_conflicts_are_not_told_without_end() -> None:
    """Conflicts beyond the first thousand names are counted together."""
    pipeline = Pipeline(load(""))
    for number in range(1_500):
        pipeline.feed(b"x%d:1|c\nx%d:1|g" % (number, number))
    pipeline.feed(b"x0:1|g")
    conflicts = pipeline.counted().events_conflict_total
    assert len(conflicts) == 1_001
    assert conflicts["gauge", "x0"] == 2
    assert conflicts["gauge", "_other"] == 500


NUMPY = b"python_popcon.namespace.hub1.library_used.numpy:1|c"
FIRST = b"python_popcon.namespace.hub1.reports:1|c"
SIZE = b"python_popcon.namespace.hub1.library_installed.numpy.library"


class Published(NamedTuple):
    """A pipeline with a publication, and the clock on the wall."""

    pipeline: Pipeline
    wall: Clock

    def shown(self) -> list[str]:
        """The page's samples after the second that now begins."""
        self.pipeline.tick()
        return _samples(self.pipeline)


@pytest.fixture
def published() -> Published:
    """A pipeline with popcon's own rules, and three processes or 15 minutes to wait for."""
    wall = Clock()
    wall.now = 1e9
    policy = replace(STANDARD, min_processes=3)
    pipeline = Pipeline(load(mapping_text()), publication=Publication(policy), wall=wall)
    return Published(pipeline, wall)


USED = 'python_popcon_library_used{library="numpy",namespace="hub1"}'
REPORTED = 'python_popcon_reports{namespace="hub1"}'


def test_own_metrics_wait_for_company_and_for_time(published: Published) -> None:
    """Nothing of a group shows until enough processes reported and enough time has passed; then all."""
    for _ in range(2):
        published.pipeline.feed(NUMPY + b"\n" + FIRST)
    assert published.shown() == []
    published.wall.now += 3600
    assert published.shown() == []
    published.pipeline.feed(NUMPY + b"\n" + FIRST)
    assert published.shown() == [f"{USED} 3", f"{REPORTED} 3"]
    published.pipeline.take([NUMPY + b"\n" + FIRST] * 3)
    assert published.shown() == [f"{USED} 3", f"{REPORTED} 3"]
    published.wall.now += 900
    assert published.shown() == [f"{USED} 6", f"{REPORTED} 6"]


def test_empty_processes_are_no_company(published: Published) -> None:
    """Processes that report and used nothing hide nobody."""
    published.pipeline.feed(NUMPY + b"\n" + FIRST)
    published.pipeline.take([FIRST] * 20)
    published.shown()
    published.wall.now += 3600
    assert published.shown() == []


def test_processes_that_report_apart_from_what_they_used_are_company(published: Published) -> None:
    """popularity-contest sends its libraries first, and `reports` in a datagram of its own."""
    published.pipeline.take([NUMPY, FIRST] * 3)
    published.shown()
    published.wall.now += 3600
    assert published.shown() == [f"{USED} 3", f"{REPORTED} 3"]


def test_processes_beside_a_gauge_are_company(published: Published) -> None:
    """Each counts, also where they used nothing in common and a gauge came with them."""
    used = [NUMPY, NUMPY.replace(b"numpy", b"scipy"), NUMPY.replace(b"numpy", b"pandas")]
    published.pipeline.take([*(line + b"\n" + FIRST for line in used), b"load:1|g"])
    published.shown()
    published.wall.now += 3600
    assert f"{REPORTED} 3" in published.shown()


def test_sums_of_many_processes_are_company(published: Published) -> None:
    """`popcon load` sends sums, over a connection."""
    published.pipeline.take([NUMPY.replace(b":1", b":40") + b"\n" + FIRST.replace(b":1", b":50")])
    published.shown()
    published.wall.now += 3600
    assert published.shown() == [f"{USED} 40", f"{REPORTED} 50"]


def test_what_is_no_process_shows_at_once(published: Published) -> None:
    """Zeros and sizes of an inventory, canaries, and what is a stranger's don't wait."""
    published.pipeline.reload(load(""))
    published.pipeline.feed(NUMPY.replace(b":1", b":0") + b"\n" + SIZE + b":5|g")
    published.pipeline.feed(SIZE + b":31000000|g")
    published.pipeline.feed(b"python_popcon.canary.doctor:1|c\nstranger:1|c\nstranger:1|c")
    assert published.shown() == [
        "python_popcon_canary_doctor 1",
        "python_popcon_namespace_hub1_library_installed_numpy_library 3.1e+07",
        "python_popcon_namespace_hub1_library_used_numpy 0",
        "stranger 2",
    ]


def test_own_is_decided_before_the_mapping(published: Published) -> None:
    """A mapping that shows popcon's own under a name of its choice doesn't let it through."""
    rules = "mappings: [{match: 'python_popcon.namespace.*.library_used.*', name: mine}]"
    published.pipeline.reload(load(rules))
    published.pipeline.take([NUMPY + b"\n" + FIRST] * 2)
    published.shown()
    published.wall.now += 3600
    assert published.shown() == []


def test_what_is_held_does_not_show_in_the_counts(published: Published) -> None:
    """Events are accounted for as they come, so that no difference tells how much is held."""
    published.pipeline.take([NUMPY + b"\n" + FIRST] * 3)
    published.shown()
    before = published.pipeline.counted()
    assert before.events_total == {"counter": 6}
    assert before.events_actions_total == {"map": 6}
    assert before.metrics_total == {}
    published.wall.now += 3600
    assert len(published.shown()) == 2
    after = published.pipeline.counted()
    assert after.events_total == before.events_total
    assert after.events_actions_total == before.events_actions_total


def test_nobody_can_ask_whether_a_library_was_used(published: Published) -> None:
    """A line with a name that was used and one with a name that wasn't leave the same counts."""
    published.pipeline.feed(NUMPY + b"\n" + FIRST)

    def ask(line: bytes) -> list[int]:
        """How much a line changes what is told of the names that are remembered."""
        before = published.pipeline.counted().cache
        published.pipeline.feed(line)
        return [now - was for was, now in zip(before, published.pipeline.counted().cache)]

    assert ask(NUMPY) == ask(NUMPY.replace(b"numpy", b"scipy"))


@pytest.mark.parametrize("policy", [None, STANDARD])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (NUMPY + b"|#user:ada", "popcon_with_tags"),
        (b"python_popcon.canary.x,user=ada:1|c", "popcon_with_tags"),
        (NUMPY + b"|c:container", "popcon_with_tags"),
        (NUMPY.replace(b"|c", b"|g"), "popcon_wrong_kind"),
        (NUMPY.replace(b"|c", b"|ms"), "popcon_wrong_kind"),
        (NUMPY.replace(b":1", b":-1"), "popcon_not_a_count"),
        (NUMPY.replace(b":1", b":0.5"), "popcon_not_a_count"),
        (NUMPY.replace(b":1", b":nan"), "popcon_not_a_count"),
        (NUMPY.replace(b":1", b":inf"), "popcon_not_a_count"),
        (NUMPY.replace(b":1", b":1e300"), "popcon_not_a_count"),
        (NUMPY + b"|@1e-9", "popcon_not_a_count"),
        (SIZE + b":1|c", "popcon_wrong_kind"),
        (SIZE + b":0|c", "popcon_wrong_kind"),
        (SIZE + b":1|ms", "popcon_wrong_kind"),
        (SIZE + b":1|g|#user:ada", "popcon_with_tags"),
        (SIZE + b":+1|g", "popcon_not_a_count"),
        (SIZE + b":-1|g", "popcon_not_a_count"),
        (SIZE + b":0.5|g", "popcon_not_a_count"),
        (SIZE + b":nan|g", "popcon_not_a_count"),
        (SIZE + b":1e15|g", "popcon_not_a_count"),
    ],
)
def test_what_no_process_says_of_itself(line: bytes, reason: str, policy: Policy | None) -> None:
    """Under popcon's own names only counts and sizes are taken, and no labels from a kernel."""
    publication = None if policy is None else Publication(policy)
    pipeline = Pipeline(load(mapping_text()), publication=publication)
    for _ in range(2):
        pipeline.feed(line)
    assert pipeline.counted().events_error_total == {reason: 2}
    assert _samples(pipeline) == []


def test_addresses_count_once(published: Published) -> None:
    """Where the policy counts addresses, one person's many processes are one."""
    policy = replace(STANDARD, min_processes=3, by_address=True)
    pipeline = Pipeline(load(mapping_text()), publication=Publication(policy), wall=published.wall)
    first = NUMPY + b"\n" + FIRST
    pipeline.take([first] * 9, ["10.0.0.1"] * 8 + ["10.0.0.2"])
    pipeline.tick()
    published.wall.now += 3600
    pipeline.tick()
    assert _samples(pipeline) == []
    pipeline.take([first], ["10.0.0.3"])
    pipeline.tick()
    assert _samples(pipeline) == [f"{USED} 10", f"{REPORTED} 10"]


def test_addresses_of_strangers_are_not_kept() -> None:
    """Whoever sends lines that end like popcon's costs no memory, nor counts for a group."""
    policy = replace(STANDARD, min_processes=1, by_address=True)
    publication = Publication(policy)
    pipeline = Pipeline(load(""), publication=publication)
    for number in range(9):
        pipeline.take([b"a:1|c\n%d.reports:1|c" % number], ["10.0.0.1"])
        pipeline.tick()
    assert pipeline._hosts == {}
    pipeline.take([b"python_popcon.library_used.numpy:1|c"])
    pipeline.take([b"a:1|c\nb.reports:1|c"], ["10.0.0.1"])
    pipeline.tick()
    assert [one.processes for one in publication.standing(0.0)] == [0]


def test_an_address_counts_beside_a_gauge() -> None:
    """What comes together with a gauge counts at once, and its address with it."""
    publication = Publication(replace(STANDARD, by_address=True))
    pipeline = Pipeline(load(mapping_text()), publication=publication)
    pipeline.take([NUMPY + b"\n" + FIRST, b"load:1|g"], ["10.0.0.1", "10.0.0.2"])
    pipeline.tick()
    assert [one.processes for one in publication.standing(0.0)] == [1]


@pytest.mark.parametrize(
    ("rules", "line", "answer"),
    [
        ("", b"python_popcon_canary_total:1|c", "popcon_name_taken"),
        ("", b"python_popcon_library_used:1|g", "popcon_name_taken"),
        ("", b"python-popcon-reports:1|c", "popcon_name_taken"),
        ("", b"python_popcon.library.used:1|g", "popcon_name_taken"),
        ("", b"python_popcon.canary.total:1|g", "popcon_wrong_kind"),
        ("{match: 'x.*', name: $1}", b"x.python_popcon_reports:1|c", "popcon_name_taken"),
        ("{match: 'x.*', name: python_popcon_reports}", b"x.y:1|c", ["python_popcon_reports 1"]),
        ("{match: 'x.*', name: python_popcon_reports}", b"x.y:1|c|#a:b", "popcon_with_tags"),
    ],
)
def test_own_names_are_nobody_elses(rules: str, line: bytes, answer: str | list[str]) -> None:
    """A line can't end up under one of popcon's names by itself: only a rule can say so."""
    pipeline = Pipeline(load(f"mappings: [{rules}]"))
    pipeline.feed(line)
    errors = pipeline.counted().events_error_total
    assert (list(errors) or _samples(pipeline)) == ([answer] if isinstance(answer, str) else answer)


def test_a_fault_of_ours_ends_no_thread(
    published: Published, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever receives goes on, whatever fails behind a datagram; it is counted and logged once."""

    def fails(datagrams: list[bytes]) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(published.pipeline._intake, "count", fails)
    published.pipeline.take([FIRST, FIRST])
    published.pipeline.take([FIRST])
    assert published.pipeline.counted().events_error_total == {"internal_error": 3}
    assert len(caplog.records) == 1
