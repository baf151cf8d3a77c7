"""In: saved pages of /metrics, in the text format or OpenMetrics. Out: their counts, since their exporters began.

A page has no days: one sum is all that it knows. Of several pages, as replicas have, counts are summed.
Source: Prometheus' exposition formats 0.0.4, and OpenMetrics 1.0, "Text Format".
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from popcon.catalog import (
    CANARY,
    LIBRARY_INSTALLED,
    LIBRARY_USED,
    METRICS,
    RARE,
    REPORTS,
    Metric,
)
from popcon.errors import FileError, PopconError, UsageError
from popcon.http_client import one_line
from popcon.insight.sources.notes import NO_NUMBERS, day_of, policy, unheard, unnamed
from popcon.insight.sources.scope import Scope
from popcon.insight.usage import DAY, Counts, Observed, Period, is_number
from popcon.promql.exporter_names import COUNTING_SINCE, HOLDING, POLICY, PROCESS_STARTED

# Runs of usual characters are one step each: a page may have some 100,000 lines.
_LABEL = re.compile(
    r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*(?:,|$)', re.DOTALL
)
_SAMPLE = re.compile(
    r"""\s*(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
    \s*(?:\{(?P<labels>[^"}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"}]*)*)\})?
    \s*(?P<value>[+-]?(?:Inf|NaN|[0-9.][0-9.eE+-]*))(?:\s.*)?$""",
    re.VERBOSE | re.IGNORECASE,
)
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_BESIDE = (COUNTING_SINCE, PROCESS_STARTED, POLICY, HOLDING)
#: What no kernel of a hub sent: a canary has no namespace, or tells of no process.
_NO_HUBS = (*_BESIDE, CANARY.name)
_WANTED = {metric.name: metric.name for metric in METRICS} | {name: name for name in _BESIDE}
#: A counter whose name doesn't end so may have got it from what wrote OpenMetrics.
_WANTED |= {f"{metric.name}_total": metric.name for metric in METRICS if metric.kind == "counter"}


class Sample(NamedTuple):
    """One line of a page."""

    name: str
    labels: Mapping[str, str]
    value: float


class Page(NamedTuple):
    """What a page says of popcon, where it is from, and when it was saved."""

    shown: str
    saved: float
    samples: list[Sample]
    #: Whether there are samples besides, whose values are no numbers.
    is_odd: bool = False

    def gauge(self, name: str) -> float | None:
        """Return a gauge's value; None where it isn't there."""
        return next((sample.value for sample in self.samples if sample.name == name), None)


def page(content: bytes, shown: str, saved: float) -> Page:
    """Return a page. `shown` is what it is called. Raises `FileError`, with the line that is none."""
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            raise FileError(f"{shown!r} ends too early, or is no gzip file") from None
    try:
        text = content.decode("utf-8-sig")  # as Windows writes it
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(f"{shown!r}, line {line}: not UTF-8, so no page of /metrics") from None
    samples = list(_samples(text, shown))
    numbers = [sample for sample in samples if is_number(sample.value)]
    found = Page(shown, saved, numbers, len(numbers) < len(samples))
    if not any(sample.name not in _BESIDE for sample in found.samples):
        raise PopconError(f"{shown!r} has no counts of popcon")
    return found


def _samples(text: str, shown: str) -> Iterator[Sample]:
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.match(line)
        if match is None:
            raise FileError(f"{shown!r}, line {number}: not a sample: {one_line(line)[:80]!r}")
        name = _WANTED.get(match["name"])
        if name is None:
            continue
        try:
            yield Sample(name, _labels(match["labels"] or ""), float(match["value"]))
        except ValueError:
            raise FileError(
                f"{shown!r}, line {number}: not a sample: {one_line(line)[:80]!r}"
            ) from None


def _labels(text: str) -> dict[str, str]:
    found, place, text = {}, 0, text.rstrip()
    while place < len(text):
        match = _LABEL.match(text, place)
        if match is None:
            raise ValueError(text)
        name, value = match.groups()
        if "\\" in value:
            value = re.sub(r"\\.", lambda one: _ESCAPES.get(one[0], one[0]), value)
        found[name] = value
        place = match.end()
    return found


class PageSource:
    """Saved pages. What is asked of a period, they answer of all their time, which is `period`."""

    words = "a saved page"

    def __init__(self, pages: Iterable[Page], scope: Scope) -> None:
        self._pages = list(pages)
        self._scope = scope
        began = [_began(one) for one in self._pages]
        begin = min((one for one in began if one is not None), default=self._saved)
        self.period = Period(begin - begin % DAY, self._saved)
        self._known = all(one is not None for one in began)

    @property
    def _saved(self) -> float:
        return max(one.saved for one in self._pages)

    def counts(self, metric: Metric, period: Period, libraries: Iterable[str] = ()) -> Counts:
        """Return all that was counted."""
        chosen = set(libraries) if "library" in metric.labels else set()
        found: Counter[tuple[str, ...]] = Counter()
        for one in self._pages:
            for labels, value in _of(one, metric.name):
                key = tuple(labels.get(name, "") for name in ("namespace", *metric.labels))
                if self._scope.has(key[0]) and (not chosen or labels.get("library") in chosen):
                    found[key] += round(value)
        return dict(found)

    def by_day(
        self, metric: Metric, period: Period, libraries: Iterable[str] = ()
    ) -> dict[tuple[str, ...], dict[float, int]]:
        """Refuse: there are no days."""
        raise UsageError(
            f"{self._pages[0].shown!r} is one page, which knows no days: "
            "what needs them takes --prometheus"
        )

    def observed(self, period: Period) -> dict[str, Observed]:
        """Return each hub since its first exporter began; nobody saw when its reports rose last."""
        processes = self.counts(REPORTS, period)
        found: dict[str, Observed] = {}
        for one in self._pages:
            began = _began(one)
            began = one.saved if began is None else began
            for hub in {labels.get("namespace", "") for labels, _ in _of(one)}:
                if not self._scope.has(hub):
                    continue
                first = began - began % DAY
                # The day in which it began is watched from then on only.
                days = max(0, int((one.saved - one.saved % DAY - first) // DAY) - 1)
                other = found.get(hub)
                if other is not None:
                    # A replica that began anew may have lost what it counted before.
                    first, days = min(first, other.first), min(days, other.days)
                found[hub] = Observed(first, None, days, processes.get((hub,), 0))
        return found

    def sizes(self, period: Period) -> dict[tuple[str, str, str], int]:
        """Return what inventories gave; of several pages the largest."""
        found: dict[tuple[str, str, str], int] = {}
        for one in self._pages:
            for labels, value in _of(one, LIBRARY_INSTALLED.name):
                key = tuple(labels.get(name, "") for name in ("namespace", "library", "part"))
                if self._scope.has(key[0]):
                    hub, library, part = key
                    found[hub, library, part] = max(
                        found.get((hub, library, part), 0), round(value)
                    )
        return found

    def notes(self, period: Period) -> list[str]:
        """Return since when these pages count, and what their exporters hold back."""
        said = [
            f"counts of all the time since {day_of(self.period.begin)}, when the exporter began"
            if self._known
            else "counts since the exporter began, and the page doesn't say when that was"
        ]
        said += unheard(self._scope.hubs, self.observed(period), self.period)
        for one in self._pages:
            reasons = {
                sample.labels.get("reason", "")
                for sample in one.samples
                if sample.name == HOLDING and sample.value
            }
            said += [policy(labels, reasons) for labels, _ in _of(one, POLICY)]
            said += [NO_NUMBERS] if one.is_odd else []
        rare = sum(self.counts(LIBRARY_USED, period, (RARE,)).values())
        return [*(words for words in dict.fromkeys(said) if words), *unnamed(rare)]


def _of(one: Page, name: str = "") -> Iterator[tuple[Mapping[str, str], float]]:
    """Yield labels and values of a name's samples, or of all that hubs count: a canary is of none."""
    for sample in one.samples:
        if sample.name == name if name else sample.name not in _NO_HUBS:
            yield sample.labels, sample.value


def _began(one: Page) -> float | None:
    """Return since when a page counts; None where it doesn't say, or says what can't be."""
    since = one.gauge(COUNTING_SINCE)
    since = one.gauge(PROCESS_STARTED) if since is None else since
    return since if since is not None and 0 <= since <= one.saved else None
