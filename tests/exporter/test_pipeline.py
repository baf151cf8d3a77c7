"""In: mappings and datagrams. Out: the page and the counts that statsd_exporter recorded."""

from __future__ import annotations

import random
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from popcon.exporter.exposition import render
from popcon.exporter.mapping import Mapping, load
from popcon.exporter.pipeline import Counted, Pipeline
from popcon.exporter.registry import Registry
from popcon.exporter.rules import Match
from popcon.exporter.wire import TagStyles
from tests.vectors import cases

#: Vector → why we answer otherwise on purpose.
DEVIATIONS = {12: "a counter refuses infinity, which it could never leave again"}


class Clock:
    """Seconds, as the test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


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
    del fields["lines_total"]  # the vectors don't have it
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
    assert pipeline.counted() == expected


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
