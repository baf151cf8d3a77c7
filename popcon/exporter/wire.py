r"""In: the bytes of a statsd datagram. Out: Samples, with every refusal counted by its reason.

The format is the one that statsd_exporter v0.30.0 reads: statsd lines, with tags in the styles of
DogStatsD, InfluxDB, Librato and SignalFX. Where this reader differs, it does so on purpose:

- One `\r` at the end of a line is dropped, so that `foo:1|c\r\n` is read.
- Reversed brackets (`foo]a=b[:1|c`) are a tag error and the name stays as it is, as with one bracket
  missing; statsd_exporter crashes.
- A DogStatsD container id is read on a line without tags too (`foo:1|c|c:abc`).
- More than MAX_TAGS tags at one place are refused as `too_many_tags`.
- A sampled observation (`|@0.01`) is one Sample that counts 100 times, not 100 Samples; a rate that
  would make it count more than MAX_TIMES times is refused as `sample_rate_too_small`.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

#: How often one sampled observation may count. A rate of one in a million is far below what
#: clients use; without a bound one line could drive a summary or histogram to any count.
MAX_TIMES = 1_000_000

#: Tags before the colon, or behind one `#`. A line can have a value for every two bytes, and each has
#: all the tags: with thousands of them, one datagram would take half a minute.
MAX_TAGS = 100

#: A sample's fields: value, type, and up to four of rate, tags, container id and timestamp.
MIN_FIELDS, MAX_FIELDS = 2, 6

KINDS = {"c": "counter", "g": "gauge", "ms": "observer", "h": "observer", "d": "observer"}

#: Go's strconv.ParseFloat, which Python's float() is not: it takes hexadecimal, and no spaces.
_DIGITS, _HEX = "[0-9](?:_?[0-9])*", "[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_DECIMAL_NUMBER = re.compile(
    rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
)
_HEX_NUMBER = re.compile(rf"[+-]?0[xX](?:_?{_HEX}(?:\.(?:{_HEX})?)?|\.{_HEX})[pP][+-]?{_DIGITS}")
_INFINITE_OR_NAN = re.compile(r"[+-]?(?:inf|infinity)|nan", re.IGNORECASE | re.ASCII)

#: One sample whose first `:` opens a container id. Any other `:` starts the next sample.
_ONE_WITH_CONTAINER = re.compile(r"[^|:]*\|[^|:]*(?:\|[^|:]*)*\|c:[^|]+(?:\|[@T][^|:]*)*")

_NOT_IN_A_NAME = re.compile(r"-+|[^a-zA-Z0-9_]")


class Sample(NamedTuple):
    """One measurement.

    `name` is the statsd name without tags, not escaped; `kind` is counter, gauge or observer;
    `value` is in seconds where the line said milliseconds; `relative` means that a gauge moves by
    the value; `labels` are the tags, keys escaped; `times` is how many equal measurements this one
    stands for (more than one only for a sampled observer).
    """

    name: str
    kind: str
    value: float
    relative: bool
    labels: Mapping[str, str]
    times: int = 1


@dataclass(frozen=True)
class TagStyles:
    """Which of the four tag styles are read."""

    dogstatsd: bool = True
    influxdb: bool = True
    librato: bool = True
    signalfx: bool = True


class Tally:
    """What was read and what was refused so far; `tags` counts samples with tags, not tags."""

    __slots__ = ("lines", "sample_errors", "samples", "tag_errors", "tags")

    lines: int
    samples: int
    tags: int
    tag_errors: int
    sample_errors: defaultdict[str, int]

    def __init__(self) -> None:
        self.lines = self.samples = self.tags = self.tag_errors = 0
        self.sample_errors = defaultdict(int)

    def add(self, other: Tally, times: int) -> None:
        """Count what another tally did, so many times."""
        self.lines += times * other.lines
        self.samples += times * other.samples
        self.tags += times * other.tags
        self.tag_errors += times * other.tag_errors
        for reason, count in other.sample_errors.items():
            self.sample_errors[reason] += times * count


#: The tags of a line's samples, which mostly have the same: text → tags, and what was wrong.
_Read = dict[str, tuple[dict[str, str], Tally]]


class _Refused(Exception):  # noqa: N818 - the line goes on, nobody sees it
    """The sample can't be taken; the argument is the reason that is counted."""


def parse_raw_line(raw: bytes, styles: TagStyles, tally: Tally) -> list[Sample]:
    """The samples of one line of a datagram, as it came (without its newline)."""
    tally.lines += 1  # empty ones too, as statsd_exporter counts
    if raw.endswith(b"\r"):
        raw = raw[:-1]
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError:
        tally.sample_errors["malformed_line"] += 1
        return []
    return parse_line(line, styles, tally)


def parse_line(line: str, styles: TagStyles, tally: Tally) -> list[Sample]:
    """The samples of one line (without its newline): none, one, or several."""
    if not line:
        return []
    name_part, colon, rest = line.partition(":")
    try:
        if not colon or not name_part:
            raise _Refused("malformed_line")
        name, tags = _name_and_tags(name_part, styles, tally)
        if tags and "|#" in rest:
            raise _Refused("mixed_tagging_styles")
        texts = _split_samples(rest)
    except _Refused as refused:
        tally.sample_errors[str(refused)] += 1
        return []

    samples = []
    read: _Read = {}
    for text in texts:
        tally.samples += 1
        try:
            sample = _read_sample(name, text, dict(tags), styles, tally, read)
        except _Refused as refused:
            tally.sample_errors[str(refused)] += 1
        else:
            if sample.times:
                samples.append(sample)
    return samples


def escape_name(name: str) -> str:
    """A Prometheus name: a run of `-`, or any other character that can't be in one, becomes `_`."""
    escaped = _NOT_IN_A_NAME.sub("_", name)
    return f"_{escaped}" if escaped[:1].isdigit() else escaped


def parse_number(text: str) -> tuple[float, bool]:
    """What Go's ParseFloat gives: the number, and whether all is well.

    Text that is no number gives (0.0, False), one out of range an infinite number and False.
    """
    if _DECIMAL_NUMBER.fullmatch(text):
        number = float(text.replace("_", ""))
        return number, math.isfinite(number)
    if _INFINITE_OR_NAN.fullmatch(text):
        return float(text), True
    if _HEX_NUMBER.fullmatch(text):
        try:
            return float.fromhex(text.replace("_", "")), True
        except OverflowError:
            return (-math.inf if text.startswith("-") else math.inf), False
    return 0.0, False


def _name_and_tags(part: str, styles: TagStyles, tally: Tally) -> tuple[str, dict[str, str]]:
    """What stands before the colon, taken apart: the name and the tags inside or behind it."""
    tags: dict[str, str] = {}
    if styles.signalfx:
        start, end = part.find("["), part.find("]")
        if 0 <= start < end:
            _read_tags(part[start + 1 : end], "=", tags, tally)
            return part[:start] + part[end + 1 :], tags
        if start >= 0 or end >= 0:
            tally.tag_errors += 1
            return part, tags
    for at, character in enumerate(part):
        if (character == "#" and styles.librato) or (character == "," and styles.influxdb):
            _read_tags(part[at + 1 :], "=", tags, tally)
            return part[:at], tags
    return part, tags


def _read_tags(text: str, separator: str, into: dict[str, str], tally: Tally) -> None:
    if text.count(",") > MAX_TAGS:
        raise _Refused("too_many_tags")
    items = text.split(",")
    if not items[-1]:
        items.pop()  # one comma at the end is no error
    for item in items:
        if separator == ":" and item.startswith("#"):
            item = item[1:]
        key, _, value = item.partition(separator)
        if key and value:
            into[escape_name(key)] = value
        else:
            tally.tag_errors += 1


def _split_samples(rest: str) -> list[str]:
    """What stands behind the name's colon, as one text `value|type|…` for each sample."""
    values, bar, suffix = rest.partition("|")
    if not bar:
        raise _Refused("not_enough_parts_after_colon")
    if ":" in values:  # DogStatsD's extended aggregation: several values, one suffix
        if suffix.partition("|")[0] not in ("ms", "h", "d"):
            raise _Refused("invalid_extended_aggregate_type")
        return [f"{value}|{suffix}" for value in values.split(":")]
    if "|#" in rest or ("|c:" in rest and _ONE_WITH_CONTAINER.fullmatch(rest)):
        return [rest]
    return rest.split(":")


def _read_sample(
    name: str, text: str, labels: dict[str, str], styles: TagStyles, tally: Tally, read: _Read
) -> Sample:
    fields = text.split("|")
    if not MIN_FIELDS <= len(fields) <= MAX_FIELDS:
        raise _Refused("malformed_component")
    value_text, kind_text, *extras = fields
    value, well = parse_number(value_text)
    if not well:
        raise _Refused("malformed_value")
    if "" in extras:
        raise _Refused("malformed_component")

    kind = KINDS.get(kind_text)
    times: float = 1
    for extra in extras:
        if extra[0] == "@":
            rate = _read_rate(extra[1:], tally)
            if kind == "counter":
                value /= rate
            elif kind == "observer":
                times = 1 / rate
        elif extra[0] == "#":
            if styles.dogstatsd:
                if extra not in read:
                    found: dict[str, str] = {}
                    errors = Tally()
                    _read_tags(extra[1:], ":", found, errors)
                    read[extra] = found, errors
                labels.update(read[extra][0])
                tally.tag_errors += read[extra][1].tag_errors
        elif extra[0] == "c":
            if not extra.startswith("c:") or extra == "c:":
                raise _Refused("malformed_container_id")
            labels["container_id"] = extra[2:]
        elif extra[0] != "T":  # a timestamp is taken and ignored
            raise _Refused("invalid_sample_factor")

    if labels:
        tally.tags += 1
    if kind is None:
        raise _Refused("illegal_event")
    if math.isfinite(times) and times > MAX_TIMES:
        raise _Refused("sample_rate_too_small")
    return Sample(
        name=name,
        kind=kind,
        value=value / 1000 if kind_text == "ms" else value,
        relative=kind == "gauge" and value_text[0] in "+-",
        labels=labels,
        # A rate above one, below zero, infinite or NaN stands for no observation at all.
        times=int(times) if times >= 1 and math.isfinite(times) else 0,
    )


def _read_rate(text: str, tally: Tally) -> float:
    """A sample rate. One that can't be read is counted, and the sample still taken."""
    rate, well = parse_number(text)
    if not well:
        tally.sample_errors["invalid_sample_factor"] += 1
    return rate or 1.0
