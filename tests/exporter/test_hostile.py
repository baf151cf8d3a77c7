"""In: datagrams that nobody should send, over real sockets. Out: an exporter that goes on."""

from __future__ import annotations

import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.exporters import total
from benchmarks.fuzz import Borne, fuzz
from popcon.catalog import METRICS

COUNT = int(os.environ.get("POPCON_HOSTILE", "20000"))


@pytest.fixture(scope="module")
def borne() -> Borne:
    """How an exporter bore them."""
    return fuzz(COUNT, seed=1)


def test_always_answers(borne: Borne) -> None:
    """While it is fuzzed, every scrape gets its 200, and what it shows can be read."""
    assert borne.failures == []
    assert borne.scrapes
    assert list(text_string_to_metric_families(borne.page))


def test_the_good_is_counted(borne: Borne) -> None:
    """Good lines between hostile ones are counted, each of them."""
    assert borne.dropped == 0
    assert borne.good_counted == borne.good_sent > 0


def test_no_labels_of_strangers(borne: Borne) -> None:
    """No family of popcon's own has a label that the catalogue doesn't give it, whatever was sent."""
    allowed = {metric.name: {*metric.labels, "namespace"} for metric in METRICS}
    for family in text_string_to_metric_families(borne.page):
        for sample in family.samples:
            if sample.name in allowed:
                assert set(sample.labels) <= allowed[sample.name], sample


def test_nothing_fails_inside(borne: Borne) -> None:
    """Everything that was refused has a reason of its own; none is a fault of ours."""
    assert total(borne.page, "statsd_exporter_events_error_total", 'reason="internal_error"') == 0
