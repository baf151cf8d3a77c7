"""In: nothing. Out: a Prometheus and a VictoriaMetrics with a year of the made-up university, once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.dashboards.history import send
from tests.dashboards.recorded import record
from tests.dashboards.stores import STARTED


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Both servers' URLs, by name."""
    with ExitStack() as running:
        urls = {
            name: running.enter_context(started(tmp_path_factory.mktemp(name)))
            for name, started in STARTED.items()
        }
        send(*urls.values())
        record(*urls.values())
        yield urls
