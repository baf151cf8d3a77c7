"""In: nothing. Out: a server that answers as Grafana does, and its token in the environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.grafana.served import TOKEN, Grafana


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    """A Grafana without folders and dashboards."""
    with Grafana() as made:
        yield made
