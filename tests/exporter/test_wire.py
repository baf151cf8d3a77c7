"""In: datagrams. Out: the samples and refusals that statsd_exporter recorded, and our own few."""

from __future__ import annotations

import base64
import math
import random
from typing import Any

import pytest

from popcon.exporter.series.exposition import format_value
from popcon.exporter.wire import (
    MAX_TIMES,
    Sample,
    TagStyles,
    Tally,
    escape_name,
    parse_line,
    parse_number,
    parse_raw_line,
)
from tests.vectors import cases

#: Vector → why we answer otherwise on purpose.
DEVIATIONS = {618: "a DogStatsD container id is read on a line without tags too"}


def parse_datagram(data: bytes, styles: TagStyles, tally: Tally) -> list[Sample]:
    """Return the samples of a datagram's lines, taken as the pipeline takes them."""
    return [s for raw in data.split(b"\n") for s in parse_raw_line(raw, styles, tally)]


def _event(sample: Sample) -> dict[str, object]:
    special = not math.isfinite(sample.value)
    event: dict[str, object] = {
        "labels": sample.labels,
        "name": sample.name,
        "type": sample.kind,
        "value": format_value(sample.value) if special else sample.value,
    }
    return {**event, "relative": sample.relative} if sample.kind == "gauge" else event


def _read(data: bytes, styles: TagStyles | None = None) -> dict[str, object]:
    """What a datagram gives, in the shape of the vectors."""
    tally = Tally()
    samples = parse_datagram(data, styles or TagStyles(), tally)
    return {
        "events": [_event(sample) for sample in samples for _ in range(sample.times)],
        "sample_errors": dict(tally.sample_errors),
        "samples": tally.samples,
        "tag_errors": tally.tag_errors,
        "tags": tally.tags,
    }


def test_tags_of_many_values_are_read_once() -> None:
    """Equal tags of a line's values mean the same to each of them, and are as wrong."""
    found = _read(b"foo:1:2:3|h|#a:b,wrong,c:d")
    assert found["tag_errors"] == 3
    assert found["tags"] == 3
    events = found["events"]
    assert isinstance(events, list)
    assert [event["labels"] for event in events] == [{"a": "b", "c": "d"}] * 3


def _bytes(given: dict[str, str]) -> bytes:
    return given["text"].encode() if "text" in given else base64.b64decode(given["base64"])


@pytest.mark.parametrize("case", cases("line"))
def test_recorded_lines(case: dict[str, Any]) -> None:
    """A datagram gives the events and the counts that statsd_exporter gave."""
    answer = _read(_bytes(case["input"]), TagStyles(**case["config"]))
    if case["id"] in DEVIATIONS:
        assert answer != case["expected"], f"no deviation: {DEVIATIONS[case['id']]}"
    else:
        assert answer == case["expected"]


@pytest.mark.parametrize("case", cases("escape"))
def test_recorded_names(case: dict[str, Any]) -> None:
    """A name is escaped as statsd_exporter escapes it."""
    assert escape_name(case["input"]) == case["expected"]


def _counter(name: str, labels: dict[str, str] | None = None) -> dict[str, object]:
    return {"name": name, "type": "counter", "value": 1.0, "labels": labels or {}}


@pytest.mark.parametrize(
    ("data", "events", "errors", "tag_errors"),
    [
        pytest.param(b"foo:1|c\r\n", [_counter("foo")], {}, 0, id="one-cr-is-dropped"),
        pytest.param(b"foo:1|c\r\r\n", [], {"illegal_event": 1}, 0, id="but-not-two"),
        pytest.param(b"\r\n", [], {}, 0, id="a-cr-alone-is-an-empty-line"),
        pytest.param(b"fo]a=b[o:1|c", [_counter("fo]a=b[o")], {}, 1, id="reversed-brackets"),
        pytest.param(b"][:1|c", [_counter("][")], {}, 1, id="nothing-but-reversed-brackets"),
        pytest.param(
            b"foo:1|c|c:abc", [_counter("foo", {"container_id": "abc"})], {}, 0, id="container"
        ),
        pytest.param(
            b"foo:1|c|@1|c:ci-ab:12|T99",
            [_counter("foo", {"container_id": "ci-ab:12"})],
            *({}, 0),
            id="container-between-rate-and-time",
        ),
        pytest.param(
            b"foo:1|c|c:1|c",
            [_counter("foo")],
            *({"malformed_container_id": 1}, 0),
            id="several-samples-stay-several",
        ),
        pytest.param(
            b"foo:1|h|@0.0000009", [], {"sample_rate_too_small": 1}, 0, id="rate-too-small"
        ),
        pytest.param(
            b"foo:1:2|h|#" + b"a:b," * 101, [], {"too_many_tags": 2}, 0, id="too-many-tags"
        ),
        pytest.param(b"foo" + b",a=b" * 102 + b":1|c", [], {"too_many_tags": 1}, 0, id="influx"),
        pytest.param(b"foo:1|h|@1e-300", [], {"sample_rate_too_small": 1}, 0, id="rate-tiny"),
        pytest.param(b"foo:1|h|@5e-324", [], {}, 0, id="rate-below-what-can-be-inverted"),
        pytest.param(
            b"\xff:1|c\nfoo:1|c", [_counter("foo")], {"malformed_line": 1}, 0, id="not-utf-8"
        ),
    ],
)
def test_our_own_answers(
    data: bytes, events: list[object], errors: dict[str, int], tag_errors: int
) -> None:
    """Where statsd_exporter crashes, loops or refuses what is clear, we answer as documented."""
    answer = _read(data)
    assert (answer["events"], answer["sample_errors"], answer["tag_errors"]) == (
        events,
        errors,
        tag_errors,
    )


def test_a_sampled_observation_is_one_sample() -> None:
    """A rate of one in a million makes one sample that stands for a million."""
    (sample,) = parse_line("foo:1|h|@0.000001", TagStyles(), Tally())
    assert sample == Sample("foo", "observer", 1.0, False, {}, times=MAX_TIMES)


def test_samples_of_a_line_do_not_share_labels() -> None:
    """Each sample of a line has a dict of its own."""
    first, second = parse_line("foo[a=b]:1|c:2|g", TagStyles(), Tally())
    assert first.labels == second.labels
    assert first.labels is not second.labels


def test_every_line_is_counted() -> None:
    """Lines are counted as statsd_exporter counts them: the empty one behind a newline too."""
    tally = Tally()
    parse_datagram(b"a:1|c\n\nnonsense\n", TagStyles(), tally)
    assert (tally.lines, tally.samples, tally.sample_errors) == (4, 1, {"malformed_line": 1})


@pytest.mark.parametrize(
    ("text", "number", "well"),
    [
        *(("1", 1.0, True), ("+.5", 0.5, True), ("-5.", -5.0, True), ("1_000", 1000.0, True)),
        *(("0x1p4", 16.0, True), ("0X_1.8P+0", 1.5, True), ("-0x.8p1", -1.0, True)),
        *(("inf", math.inf, True), ("-Infinity", -math.inf, True)),
        *(("1e-400", 0.0, True), ("1e400", math.inf, False), ("-1e400", -math.inf, False)),
        *(("0x1p9999", math.inf, False), ("-0x1p9999", -math.inf, False)),
        *((text, 0.0, False) for text in ("", ".", "_1", "1__0", "1_", "1_.5", "0x10", "+nan")),
        *((text, 0.0, False) for text in ("1 ", " 1", "\u0661", "1e", "0b1", "\u0131nf", "1\n")),
    ],
)
def test_numbers_are_read_as_go_reads_them(text: str, number: float, well: bool) -> None:
    """A number is what strconv.ParseFloat takes, and nothing that only Python's float() takes."""
    assert parse_number(text) == (number, well)


def test_nothing_is_raised_whatever_arrives() -> None:
    """Ten thousand datagrams of shuffled syntax are read or refused."""
    parts = [*"abc:|#,=[]@+-._", "1", "0.1", "|c", "|g", "|ms", "|h", "|#a:b", "|c:x", "\n", "\r"]
    chance = random.Random(9125)
    tally = Tally()
    for _ in range(10_000):
        text = "".join(chance.choices(parts, k=chance.randint(0, 20))).encode()
        noise = bytes([chance.randrange(256)]) if chance.random() < 0.1 else b""
        for sample in parse_datagram(text + noise, TagStyles(), tally):
            assert sample.times > 0
    assert set(tally.sample_errors) == {
        *("malformed_line", "mixed_tagging_styles", "not_enough_parts_after_colon"),
        *("invalid_extended_aggregate_type", "malformed_component", "malformed_value"),
        *("invalid_sample_factor", "malformed_container_id", "illegal_event"),
    }
