"""In: a URL and what to look for there. Out: a number, or a `NetworkError` that says what to do."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from typing import NamedTuple

import requests
from prometheus_client.parser import text_string_to_metric_families

from popcon.errors import NetworkError, PopconError
from popcon.http_client import fetch, one_line, without_password
from popcon.insight.sources.prometheus import Access, Prometheus

#: Seconds that one request may take.
TIMEOUT = 10.0


def scraped(url: str, name: str, labels: dict[str, str]) -> float | None:
    """Return the sum of the samples of that name with at least these labels in a /metrics page.

    None where there is no such sample; `NetworkError` where there is no such page.
    """
    values = [value for found, value in _samples(url, name) if labels.items() <= found.items()]
    return sum(values) if values else None


def by_label(url: str, name: str, label: str) -> dict[str, float]:
    """Return the samples of that name in a /metrics page, summed by one label's value."""
    totals: defaultdict[str, float] = defaultdict(float)
    for labels, value in _samples(url, name):
        totals[labels.get(label, "")] += value
    return totals


def reaches(ask: Callable[[], float], value: float, deadline: float) -> bool:
    """Ask twice a second until the answer is that high; False at the deadline (monotonic seconds).

    An answer that fails in between is no answer yet.
    """
    while True:
        with suppress(PopconError):
            if ask() >= value:
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)


def _samples(url: str, name: str) -> list[tuple[dict[str, str], float]]:
    text = _get(url, {}).text
    try:
        return [
            (sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            # The parser writes every counter's name as OpenMetrics does, with _total.
            if sample.name in (name, f"{name}_total")
        ]
    except (ValueError, IndexError) as error:  # the parser's own fault, where a name is missing
        raise NetworkError(
            f"{without_password(url)!r} is not a metrics page: {one_line(error)}"
        ) from None


def queried(url: str, promql: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Return what an instant query answers: sorted label pairs → value.

    `url` is the root of a Prometheus-compatible server.
    """
    rows = Prometheus(Access(url, timeout=TIMEOUT)).at(promql)
    return {tuple(sorted(row.labels.items())): row.value for row in rows}


class Held(NamedTuple):
    """A group whose counts an exporter holds back, and how far its next batch is.

    `earliest` is the soonest that the clock lets it go, None where it does already.
    """

    labels: dict[str, str]
    processes: int
    min_processes: int
    since: datetime
    earliest: datetime | None


def held(url: str) -> list[Held]:
    """Return what an exporter holds back; `url` is the root of its page for the admin."""
    address = url.rstrip("/") + "/held.json"
    answer = _get(address, {})
    try:
        return [
            Held(
                {str(key): str(value) for key, value in row["labels"].items()},
                int(row["processes"]),
                int(row["min_processes"]),
                _time(row["since"]),
                None if row["earliest"] is None else _time(row["earliest"]),
            )
            for row in answer.json()["held"]
        ]
    except (requests.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        raise NetworkError(
            f"{without_password(address)!r} does not answer as popcon's exporter does: check the URL"
        ) from None


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def _get(url: str, params: dict[str, str]) -> requests.Response:
    with requests.Session() as session:
        answer = fetch(session, "GET", url, params=params, timeout=TIMEOUT)
    if answer.status_code != 200:
        raise NetworkError(
            f"{without_password(url)!r} answers {answer.status_code} {one_line(answer.reason)}"
        )
    return answer
