"""What recordings say, in a real Prometheus and a real VictoriaMetrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from popcon.catalog import LIBRARY_USED, LIBRARY_VERSION, REPORTS
from popcon.errors import NetworkError
from popcon.insight.sources.prometheus import Access, Prometheus
from popcon.insight.sources.recorded import RecordedSource
from popcon.insight.sources.scope import Scope
from popcon.insight.usage import Observed, Period
from popcon.promql.days import added
from tests.dashboards.remote_write import Sender
from tests.dashboards.stores import ENGINES, STARTED, prometheus, settle
from tests.insight.stored import DAY, FIRST, Days, Key, now, record

LENGTH = 130
NOW = now(LENGTH)
#: 129 whole days and today: numpy rises by one a day; scipy is installed late; hub b falls silent.
NUMPY: Days = list(range(LENGTH))
SCIPY: Days = [None] * 100 + [0] * 30
SILENT: Days = [10] * 20 + [0] * 10 + [None] * 100
HISTORY: dict[Key, Days] = {
    (REPORTS, ("a",)): [2 * day for day in range(LENGTH)],
    (REPORTS, ("b",)): SILENT,
    (REPORTS, ("",)): [None] * 129 + [3],
    (LIBRARY_USED, ("a", "numpy")): NUMPY,
    (LIBRARY_USED, ("a", "scipy")): SCIPY,
    (LIBRARY_USED, ("b", "numpy")): SILENT,
    (LIBRARY_USED, ("a", "_rare")): [1] * LENGTH,
    (LIBRARY_VERSION, ("a", "numpy", "1!2.0+cu121")): NUMPY,
}


@pytest.fixture(scope="module", params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with that history."""
    with STARTED[request.param](tmp_path_factory.mktemp(request.param)) as url:
        sender = Sender(url)
        record(sender, HISTORY)
        sender.close()
        settle(url)
        yield url


def source(url: str, scope: Scope = Scope()) -> RecordedSource:  # noqa: B008
    """Return that source."""
    return RecordedSource(Prometheus(Access(url)), scope)


def test_a_time_limit_with_a_fraction(url: str) -> None:
    """Servers are told of it so that they understand: Prometheus doesn't know 2.5s."""
    assert [row.value for row in Prometheus(Access(url, timeout=2.5)).at("vector(1)")] == [1]


PERIODS = {
    "all, and today": Period(FIRST, NOW),
    "thirty days": Period(FIRST + 99 * DAY, NOW),
    "a past month": Period(FIRST + 10 * DAY, FIRST + 40 * DAY),
    "one past day": Period(FIRST + 28 * DAY, FIRST + 29 * DAY),
    "up to midnight": Period(FIRST + 120 * DAY, FIRST + 129 * DAY),
    "today": Period(FIRST + 129 * DAY, NOW),
    "until yesterday's noon": Period(FIRST + 120 * DAY, NOW - DAY),
    "long before": Period(FIRST - 400 * DAY, FIRST - 300 * DAY),
}


@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS.keys())
def test_what_a_period_counted(url: str, period: Period) -> None:
    """Sums and days are those that were counted, and what wasn't there on a day isn't there."""
    found = source(url)

    for metric in (REPORTS, LIBRARY_USED, LIBRARY_VERSION):
        days = expected_days(metric, period)
        assert found.by_day(metric, period) == days
        assert found.counts(metric, period) == {key: sum(one.values()) for key, one in days.items()}


def expected_days(metric: object, period: Period) -> dict[tuple[str, ...], dict[float, int]]:
    """Return the truth."""
    found: dict[tuple[str, ...], dict[float, int]] = {}
    for (of, key), days in HISTORY.items():
        for day, number in enumerate(days):
            midnight = FIRST + day * DAY
            if of is metric and number is not None and period.begin <= midnight < period.end:
                found.setdefault(key, {})[midnight] = number
    return found


def test_hubs(url: str) -> None:
    """A hub is known since its first day, also where it is silent; its last report to five minutes."""
    period = Period(FIRST + 99 * DAY, NOW)
    seen = source(url).observed(period)
    today = FIRST + 129 * DAY

    assert seen == {
        "a": Observed(FIRST, today + DAY // 4 + 300, 30, sum(range(198, 260, 2))),
        "b": Observed(FIRST, FIRST + 20 * DAY, 0, 0),
        "": Observed(today, today + DAY // 4 + 300, 0, 3),
    }


def test_chosen(url: str) -> None:
    """Hubs are chosen by name and left out by pattern, libraries by name; no name is a name."""
    period = Period(FIRST, NOW)

    assert set(source(url, Scope(("a",))).counts(REPORTS, period)) == {("a",)}
    assert set(source(url, Scope(("", "b"))).counts(REPORTS, period)) == {("",), ("b",)}
    assert set(source(url, Scope(without="a|x.*")).counts(REPORTS, period)) == {("",), ("b",)}
    assert set(source(url).counts(LIBRARY_USED, period, ["scipy", "no.such"])) == {("a", "scipy")}


def test_asked_once(url: str) -> None:
    """What was answered isn't asked for again: a report needs the same counts, sizes and hubs in several places."""
    period = Period(FIRST, NOW)
    found = source(url)
    first = found.counts(LIBRARY_USED, period), found.sizes(period), found.observed(period)
    found.server = Prometheus(Access("http://127.0.0.1:1"))

    assert (
        found.counts(LIBRARY_USED, period),
        found.sizes(period),
        found.observed(period),
    ) == first
    with pytest.raises(NetworkError):
        found.counts(REPORTS, period)


def test_a_small_limit(tmp_path: Path) -> None:
    """What a server refuses to load at once is asked for in parts, to the same sums; no day is refused in two."""
    period = Period(FIRST, NOW)
    with prometheus(tmp_path, "--query.max-samples=600") as url:
        sender = Sender(url)
        record(sender, HISTORY)
        sender.close()
        found = source(url)
        counts, days = found.counts(LIBRARY_USED, period), found.by_day(LIBRARY_USED, period)
        with pytest.raises(NetworkError, match=r"422 .*too many samples.*query\.max-samples"):
            found.server.at(added(LIBRARY_USED, "130d"), NOW)

    assert days == expected_days(LIBRARY_USED, period)
    assert counts == {key: sum(one.values()) for key, one in days.items()}
