"""In: measurements, and a clock. Out: series, refusals, and what is let go of."""

from __future__ import annotations

import gc
import json
import math
import random

import pytest

from popcon.exporter.mapping.rules import HistogramOptions, SummaryOptions
from popcon.exporter.series.exposition import render
from popcon.exporter.series.limits import Limits
from popcon.exporter.series.registry import Registry, allowed_labels
from popcon.exporter.series.series import KEPT_OBSERVATIONS, Histogram, Live, Series, Summary
from tests.exporter.clock import Clock


def _values(registry: Registry) -> dict[str, object]:
    """The value of each name that has one series."""
    return {family.name: family.series[0].value for family in registry.families()}


def _add(registry: Registry, what: str, **options: object) -> str | None:
    """`kind name value`; for an observer the kind is histogram or summary."""
    kind, name, value = what.split()
    observer = kind if kind in ("histogram", "summary") else "summary"
    kind = "observer" if kind == observer else kind
    return refusal(
        registry.add(kind, name, {}, float(value), observer=observer, **options)  # type: ignore[arg-type]
    )


def refusal(answer: Live | str) -> str | None:
    """Return why a measurement was refused, None where it wasn't."""
    return answer if isinstance(answer, str) else None


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("counter x 1", "counter x 1", False),
        ("counter x 1", "gauge x 1", True),
        ("counter x 1", "summary x 1", True),
        ("summary x 1", "histogram x 1", True),
        ("counter x 1", "counter x_count 1", False),
        ("counter x 1", "gauge x_sum 1", False),
        ("gauge x 1", "counter x_count 1", True),
        ("summary x 1", "gauge x_sum 1", True),
        ("summary x 1", "counter x_bucket 1", True),
        ("histogram x 1", "counter x_bucket 1", True),
        ("counter x_count 1", "summary x 1", True),
        ("counter x_bucket 1", "summary x 1", False),
        ("counter x_bucket 1", "histogram x 1", True),
        # Those that statsd_exporter lets through, only to answer 500 from then on:
        ("summary x 1", "summary x_sum 1", True),
        ("summary x_sum 1", "summary x 1", True),
        ("histogram x 1", "histogram x_bucket 1", True),
        ("summary x 1", "histogram x_bucket 1", False),
        ("gauge x 1", "summary x_sum 1", False),
    ],
)
def test_a_name_belongs_to_its_first_type(first: str, second: str, refused: bool) -> None:
    """A name, and the names among its samples, are refused to any other type."""
    registry = Registry()
    assert _add(registry, first) is None
    assert _add(registry, second) == ("conflict" if refused else None)


@pytest.mark.parametrize("what", ["counter own 1", "gauge own 1", "summary own 1", "summary ow 1"])
def test_the_exporters_own_names_are_refused(what: str) -> None:
    """Nobody can add to a metric that the exporter shows about itself."""
    assert _add(Registry(reserved=["own", "ow_sum"]), what) == "conflict"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-1.0, "illegal_negative_counter"),
        (-math.inf, "illegal_negative_counter"),
        (math.inf, "not_a_finite_number"),
        (math.nan, "not_a_finite_number"),
    ],
)
def test_counters_refuse_what_would_spoil_them(value: float, reason: str) -> None:
    """A refused value leaves no series behind."""
    registry = Registry()
    assert registry.add("counter", "x", {}, value) == reason
    assert registry.families() == ()


def test_a_counter_does_not_overflow() -> None:
    """Two values that are finite, but not their sum: the second is refused."""
    registry = Registry()
    assert [_add(registry, "counter x 1e308") for _ in range(2)] == [None, "not_a_finite_number"]
    assert _values(registry) == {"x": 1e308}


def test_gauges_are_set_and_moved() -> None:
    """A move of a gauge that isn't there starts from zero."""
    registry = Registry()
    for value, relative in ((-10.0, True), (4.0, True)):
        registry.add("gauge", "x", {}, value, relative=relative)
    assert _values(registry) == {"x": -6.0}
    registry.add("gauge", "x", {}, 3.0)
    assert _values(registry) == {"x": 3.0}


def test_histograms_count_up_to_their_bounds() -> None:
    """A bound belongs to its bucket; +Inf needn't be given; NaN is in no bucket."""
    registry = Registry()
    options = HistogramOptions((1.0, 2.0, math.inf))
    for value, times in ((1.0, 1), (1.5, 3), (9.0, 1), (math.nan, 1)):
        registry.add(
            "observer", "x", {}, value, times=times, observer="histogram", histogram=options
        )
    (series,) = registry.families()[0].series
    assert isinstance(series.value, Histogram)
    assert series.value.buckets == ((1.0, 1), (2.0, 4))
    assert series.value.count == 6
    assert math.isnan(series.value.sum)


def _summary(values: list[tuple[float, int]], quantiles: tuple[float, ...]) -> list[float]:
    registry = Registry(Clock())
    options = SummaryOptions(tuple((quantile, 0.01) for quantile in quantiles))
    for value, times in values:
        registry.add("observer", "x", {}, value, times=times, summary=options)
    found = _values(registry)["x"]
    assert isinstance(found, Summary)
    assert [quantile for quantile, _ in found.quantiles] == sorted(quantiles)
    return [value for _, value in found.quantiles]


@pytest.mark.parametrize(
    ("values", "quantiles", "answers"),
    [
        ([(float(n), 1) for n in range(100, 0, -1)], (0.5, 0.99), [50.0, 99.0]),
        ([(float(n), 1) for n in range(1, 101)], (0.0, 1.0), [1.0, 100.0]),
        ([(7.0, 1)], (0.5, 0.9, 0.99), [7.0, 7.0, 7.0]),
        ([(1.0, 98), (2.0, 1), (3.0, 1)], (0.98, 0.99, 1.0), [1.0, 2.0, 3.0]),
        ([(0.0, 1)] * 9 + [(float(n), 1) for n in range(KEPT_OBSERVATIONS)], (0.002,), [0.0]),
        ([(9.0, 1)] * 9 + [(1.0, 1)] * KEPT_OBSERVATIONS, (1.0,), [1.0]),
    ],
)
def test_summaries_are_exact(
    values: list[tuple[float, int]], quantiles: tuple[float, ...], answers: list[float]
) -> None:
    """A quantile is the smallest value that so many observations, of the newest, don't exceed."""
    assert _summary(values, quantiles) == answers


def test_quantiles_are_of_late_observations() -> None:
    """What is older than `max_age` leaves the quantiles, and stays in sum and count."""
    clock = Clock()
    registry = Registry(clock)
    options = SummaryOptions(((0.5, 0.05),), max_age=30.0)
    registry.add("observer", "x", {}, 1.0, summary=options)
    clock.now = 30.0
    assert _values(registry)["x"] == Summary(((0.5, 1.0),), 1.0, 1)
    registry.add("observer", "x", {}, 5.0, summary=options)
    clock.now = 30.5
    assert _values(registry)["x"] == Summary(((0.5, 5.0),), 6.0, 2)
    clock.now = 61.0
    late = _values(registry)["x"]
    assert isinstance(late, Summary)
    assert math.isnan(late.quantiles[0][1])
    assert (late.sum, late.count) == (6.0, 2)


@pytest.mark.parametrize(("times", "total"), [(10, 0.9999999999999999), (1000, 100.0)])
def test_sums_of_sampled_observations(times: int, total: float) -> None:
    """A small number of equal observations is added one by one, as statsd_exporter does it."""
    registry = Registry()
    registry.add("observer", "x", {}, 0.1, times=times)
    assert _values(registry)["x"] == Summary(((0.5, 0.1), (0.9, 0.1), (0.99, 0.1)), total, times)


def test_series_go_when_their_time_is_over() -> None:
    """A series stays until its TTL is exceeded; each measurement renews it, with its own TTL."""
    clock = Clock()
    registry = Registry(clock)
    _add(registry, "counter x 5", ttl=10.0)
    _add(registry, "counter for_ever 5")
    clock.now = 8.0
    _add(registry, "counter x 1", ttl=1.0)
    clock.now = 9.0
    assert registry.sweep() == 0
    clock.now = 9.001
    assert registry.sweep() == 1
    assert _values(registry) == {"for_ever": 5.0}
    _add(registry, "counter x 1")
    assert _values(registry) == {"for_ever": 5.0, "x": 1.0}


def test_series_that_went_cost_nothing() -> None:
    """Series come and go without end, while nobody asks for the page."""
    clock = Clock()
    registry = Registry(clock)
    for number in range(100):
        registry.add("counter", "went", {"number": str(number)}, 1.0, ttl=1.0)
        if number < 3:
            registry.page()
        clock.now += 2.0
        registry.sweep()
    kept = [one for one in gc.get_objects() if isinstance(one, Live) and one.shape.metric == "went"]
    assert len(kept) == 1  # which was on the last page
    assert registry.page() == []


def test_a_name_keeps_its_type_when_its_series_are_gone() -> None:
    """Expiry frees no name, and what was counted as seen stays counted."""
    clock = Clock()
    registry = Registry(clock)
    _add(registry, "counter x 1", ttl=1.0)
    clock.now = 5.0
    registry.sweep()
    assert _add(registry, "gauge x 1") == "conflict"
    assert registry.shapes() == {"counter": 1}


def test_the_first_help_and_options_stay() -> None:
    """Help is a name's; options are those of the name with the same label names."""
    registry = Registry()
    for help, bound, labels in (("a", 1.0, {"l": "x"}), ("b", 2.0, {"l": "y"}), ("c", 3.0, {})):
        registry.add(
            *("observer", "x", labels, 0.5),
            help=help,
            observer="histogram",
            histogram=HistogramOptions((bound,)),
        )
    (family,) = registry.families()
    assert family.help == "a"
    assert [
        (series.labels, series.value.buckets)
        for series in family.series
        if isinstance(series.value, Histogram)
    ] == [((), ((3.0, 1),)), ((("l", "x"),), ((1.0, 1),)), ((("l", "y"),), ((1.0, 1),))]
    assert registry.shapes() == {"histogram": 2}


def test_series_are_sorted() -> None:
    """By name; within a name by the number of labels, then by the values of the sorted labels."""
    registry = Registry()
    for name, labels in (
        ("b", {"l": "1"}),
        ("a", {"z": "1", "k": "2"}),
        ("a", {"z": "2", "k": "1"}),
        ("a", {"l": "9"}),
        ("a", {}),
    ):
        registry.add("gauge", name, labels, 1.0)
    assert [(f.name, s.labels) for f in registry.families() for s in f.series] == [
        ("a", ()),
        ("a", (("l", "9"),)),
        ("a", (("k", "1"), ("z", "2"))),
        ("a", (("k", "2"), ("z", "1"))),
        ("b", (("l", "1"),)),
    ]


def test_the_number_of_series_is_bounded() -> None:
    """A full registry refuses new series, takes old ones, and has room again after a sweep."""
    clock = Clock()
    registry = Registry(clock, limits=Limits(series=2))
    added = [
        refusal(registry.add("counter", "x", {"l": v}, 1.0, ttl=1.0)) for v in ("a", "b", "c", "a")
    ]
    assert added == [None, None, "too_many_series", None]
    clock.now = 2.0
    registry.sweep()
    assert refusal(registry.add("counter", "x", {"l": "c"}, 1.0)) is None


def test_one_name_cannot_take_all_the_room() -> None:
    """A name has a bound of its own, whatever its label names are; others still have room."""
    registry = Registry(limits=Limits(series_of_one_name=2))
    added = [refusal(registry.add("counter", "x", {label: "v"}, 1.0)) for label in ("a", "b", "c")]
    assert added == [None, None, "too_many_series_of_one_name"]
    assert _add(registry, "counter y 1") is None


def test_the_number_of_names_is_bounded() -> None:
    """Names are kept when their series go, so there is a limit on them as well."""
    clock = Clock()
    registry = Registry(clock, limits=Limits(series=2))
    for number, expected in enumerate((None, None, "too_many_series")):
        assert refusal(registry.add("counter", f"x{number}", {}, 1.0, ttl=1.0)) == expected
        clock.now += 2.0
        registry.sweep()


def test_the_number_of_labels_is_bounded() -> None:
    """A series has so many labels at most."""
    registry = Registry(limits=Limits(labels=2))
    assert registry.add("gauge", "x", dict.fromkeys("abc", "v"), 1.0) == "too_many_labels"
    assert refusal(registry.add("gauge", "x", dict.fromkeys("ab", "v"), 1.0)) is None


@pytest.mark.parametrize("type", ["counter", "histogram", "summary"])
def test_memory_is_bounded(type: str) -> None:
    """What takes more memory finds room for fewer; what is let go of gives its room back."""
    clock = Clock()
    registry = Registry(clock, limits=Limits(memory=200_000))
    options = HistogramOptions(tuple(float(bound) for bound in range(100)))
    held = 0
    while held < 1000:
        kind = "counter" if type == "counter" else "observer"
        answer = registry.add(kind, f"x{held}", {}, 1.0, observer=type, histogram=options, ttl=1.0)
        if refusal(answer):
            break
        held += 1
    assert answer == "too_much_memory"
    assert {"counter": 100, "histogram": 10, "summary": 5}[type] < held < 300
    clock.now = 2.0
    assert registry.sweep() == held
    assert refusal(registry.add("counter", "y", {}, 1.0)) is None


def test_names_take_memory_for_good() -> None:
    """A name stays when its series go, so what it takes isn't given back."""
    clock = Clock()
    registry = Registry(clock, limits=Limits(memory=100_000))
    answer = None
    for number in range(200):
        answer = refusal(registry.add("counter", f"x{number}", {}, 1.0, ttl=1.0))
        clock.now += 2.0
        registry.sweep()
    assert answer == "too_much_memory"
    assert refusal(registry.add("counter", "x1", {}, 1.0)) is None


MAX_TEXT = Limits().text


@pytest.mark.parametrize(
    ("name", "labels"),
    [("n" * (MAX_TEXT + 1), {}), ("n", {"l" * MAX_TEXT: ""}), ("n", {"l": "v" * (MAX_TEXT - 1)})],
)
def test_the_text_of_a_series_is_bounded(name: str, labels: dict[str, str]) -> None:
    """Name, label names and label values together have a limit, up to which they are taken."""
    registry = Registry()
    assert registry.add("counter", name, labels, 1.0) == "labels_too_long"
    assert registry.families() == ()
    assert refusal(registry.add("counter", "n", {"l": "v" * (MAX_TEXT - 2)}, 1.0)) is None


@pytest.mark.parametrize(
    ("type", "kept"),
    [
        ("counter", {"le", "quantile", "_a"}),
        ("gauge", {"le", "quantile", "_a"}),
        ("histogram", {"quantile", "_a"}),
        ("summary", {"le", "_a"}),
    ],
)
def test_some_labels_are_not_the_users(type: str, kept: set[str]) -> None:
    """Names with two underscores in front are Prometheus', `le` and `quantile` the type's."""
    labels = dict.fromkeys(("le", "quantile", "_a", "__name__"), "v")
    found, left_out = allowed_labels(labels, type)
    assert (set(found), left_out) == (kept, len(labels) - len(kept))


def test_a_snapshot_does_not_change() -> None:
    """What a reader holds stays as it was when more comes in."""
    registry = Registry()
    _add(registry, "counter x 1")
    before = registry.families()
    _add(registry, "counter x 1")
    assert before[0].series == (Series((), 1.0),)


def test_the_page_is_what_the_families_are() -> None:
    """Whatever came, went and changed in between, the page has the bytes that its values have."""
    clock, chance = Clock(), random.Random(5)
    registry = Registry(clock)
    summary = SummaryOptions(((0.5, 0.1), (0.9, 0.1)), max_age=3.0)
    for _ in range(400):
        for _ in range(chance.randrange(6)):
            kind = chance.choice(["counter", "gauge", "histogram", "summary"])
            labels = {name: chance.choice('1"\\\nü ') for name in "ab" if chance.random() < 0.5}
            registry.add(
                *(kind if kind in ("counter", "gauge") else "observer", f"{kind}s", labels),
                chance.choice([0.0, 1.0, 0.5, 1e6, 123456.75, 1e21]),
                relative=chance.random() < 0.5,
                times=chance.randrange(1, 3),
                ttl=chance.choice([0.0, 5.0]),
                observer=kind,
                summary=summary,
            )
        clock.now += chance.random()
        registry.sweep()
        assert b"".join(registry.page()) == render(registry.families()).encode()
    assert registry.held() > 10


@pytest.mark.parametrize("type", ["counter", "histogram"])
def test_the_page_of_many_is_what_they_are(type: str) -> None:
    """Also where a name has hundreds of series, and new ones come between old ones."""
    clock, chance = Clock(), random.Random(7)
    registry = Registry(clock)
    kind = "counter" if type == "counter" else "observer"
    gone = 0
    for births in (900, 1, 3, 200, 0, 5, 40, 2000, 7, 0, 1):
        for _ in range(births):
            name = str(chance.randrange(4000))
            labels = {"l": name} if chance.random() < 0.9 else {"k": name, "l": "x"}
            ttl = chance.choice([0.0, 0.0, 3.0])
            registry.add(kind, "x", labels, 1.0, observer=type, ttl=ttl)
        clock.now += 1.0
        gone += registry.sweep()
        if chance.random() < 0.5:
            registry.add(kind, "x", {"l": "5"}, 1.0, observer=type, ttl=1.0)
        assert b"".join(registry.page()) == render(registry.families()).encode()
    assert gone > 100


def test_what_changed_is_told_once() -> None:
    """A state file is told everything the first time, then what changed, and what went."""
    clock = Clock()
    registry = Registry(clock)
    _add(registry, "counter x 1")
    _add(registry, "gauge g 1")
    state = {"help": "", "type": "counter", "whole": 1, "part": 0.0}
    assert registry.changes() == {'["x", []]': state}
    assert registry.changes() == {}
    _add(registry, "counter x 2")
    _add(registry, "counter y 1", ttl=1.0)
    changed = {'["x", []]': {**state, "whole": 3}, '["y", []]': {**state, "lasts": 1.0}}
    assert registry.changes() == changed
    registry.unsaved(changed)
    assert registry.changes() == changed
    clock.now = 2.0
    registry.sweep()
    assert registry.changes() == {'["y", []]': None}
    registry.unsaved(['["y", []]'])
    assert registry.changes() == {'["y", []]': None}
    _add(registry, "counter y 5")
    assert registry.changes() == {'["y", []]': {**state, "whole": 5}}


def _restarted(registry: Registry) -> Registry:
    again = Registry(Clock())
    again.restore(json.loads(json.dumps(registry.changes())).items())
    return again


def test_a_restart_forgets_no_count() -> None:
    """Counters, histograms, sums and counts of summaries go on; gauges and quantiles begin anew."""
    registry = Registry(Clock())
    for what in ("counter c 3", "gauge g 1", "histogram h 0.3", "summary s 4"):
        _add(registry, what, help="what it is")
    again = _restarted(registry)
    expected = dict(_values(registry))
    del expected["g"]
    found = _values(again)
    assert isinstance(found["s"], Summary)
    assert (found.pop("s"), expected.pop("s")) != (None, None)
    assert found == expected
    assert {family.help for family in again.families()} == {"what it is"}
    _add(again, "counter c 1")
    _add(again, "histogram h 0.3")
    _add(again, "summary s 1")
    assert _values(again)["c"] == 4.0
    histogram, after = _values(again)["h"], _values(again)["s"]
    assert isinstance(histogram, Histogram)
    assert isinstance(after, Summary)
    assert (histogram.count, after.count, after.sum) == (2, 2, 5.0)
    assert after.quantiles == ((0.5, 1.0), (0.9, 1.0), (0.99, 1.0))


def test_what_went_right_after_a_restart_stays_gone() -> None:
    """What other buckets made go before anything was saved isn't there at the next start."""
    registry = Registry(Clock())
    saved = {}
    for label in ("a", "b"):
        registry.add("observer", "h", {"who": label}, 1.0, observer="histogram")
    saved.update(registry.changes())
    other = HistogramOptions((3.0,))
    again = Registry(Clock())
    again.restore(saved.items())
    again.add("observer", "h", {"who": "a"}, 2.0, observer="histogram", histogram=other)
    saved.update(again.changes())
    third = Registry(Clock())
    third.restore((key, state) for key, state in saved.items() if state is not None)
    assert third.families() == again.families()


def test_another_observer_type_begins_anew() -> None:
    """After a restart the rule's type holds; a counter's name stays a counter's, whoever sends."""
    registry = Registry(Clock())
    for what in ("summary x 1", "counter c 1"):
        _add(registry, what)
    again = _restarted(registry)
    assert _add(again, "gauge x 1") == "conflict"
    assert _add(again, "summary c 1") == "conflict"
    assert _add(again, "histogram x 1", histogram=HistogramOptions((3.0,))) is None
    assert _values(again) == {"c": 1.0, "x": Histogram(((3.0, 1),), 1.0, 1)}
    assert again.shapes() == {"counter": 1, "histogram": 1}
    assert b"".join(again.page()).decode() == render(again.families())
    assert _add(again, "summary x 1") == "conflict"
    assert _values(_restarted(again)) == _values(again)


def test_series_go_after_a_restart_too() -> None:
    """A series that nobody measures any more goes when its TTL is over, though there was a restart."""
    registry = Registry(Clock())
    _add(registry, "counter x 5", ttl=10.0)
    _add(registry, "counter for_ever 5")
    clock = Clock()
    clock.now = 1000.0
    again = Registry(clock)
    again.restore(json.loads(json.dumps(registry.changes())).items())
    clock.now += 10.0
    assert again.sweep() == 0
    clock.now += 0.1
    assert again.sweep() == 1
    assert _values(again) == {"for_ever": 5.0}


def test_other_buckets_begin_anew() -> None:
    """After a restart the rule's buckets hold: counts of other buckets can't be turned into them."""
    registry = Registry(Clock())
    _add(registry, "histogram h 1", histogram=HistogramOptions((1.0, 2.0)))
    again = _restarted(registry)
    _add(again, "histogram h 5", histogram=HistogramOptions((3.0,)))
    assert _values(again) == {"h": Histogram(((3.0, 0),), 5.0, 1)}


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"type": "counter"},
        {"type": "counter", "help": "", "whole": "x", "part": 0},
        {"type": "counter", "help": "", "whole": -1, "part": 0},
        {"type": "counter", "help": "", "whole": 1, "part": math.inf},
        {"type": "nothing", "help": "", "value": 1},
        {"type": "histogram", "help": "", "bounds": [1], "counts": [-1, 0], "sum": 0},
        {"type": "histogram", "help": "", "bounds": [1], "counts": [1], "sum": 0},
        {"type": "summary", "help": "", "count": 1.5, "sum": 0},
    ],
)
def test_a_state_that_is_none(state: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    """What no registry said is let go of with a line in the log, and the rest is restored."""
    registry = Registry()
    good = {"type": "counter", "help": "", "whole": 1, "part": 0}
    registry.restore([('["x", []]', state), ('["y", []]', good)])
    assert len(caplog.records) == 1
    assert _values(registry)["y"] == 1.0
