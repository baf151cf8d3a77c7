"""Which source is taken in a real Prometheus, what it says besides, and where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from popcon.catalog import LIBRARY_INSTALLED, LIBRARY_USED, REPORTS
from popcon.errors import PopconError
from popcon.insight.sources.choose import chosen
from popcon.insight.sources.prometheus import Access
from popcon.insight.sources.scope import Scope
from popcon.insight.usage import Period
from popcon.promql.exporter_names import HOLDING, POLICY
from tests.dashboards.remote_write import Sender, encoded, spelled_times
from tests.dashboards.stores import prometheus
from tests.insight.stored import DAY, FIRST, Key, now, record

HISTORY: dict[Key, list[int | None]] = {
    (REPORTS, ("h",)): [10] * 12,
    (LIBRARY_USED, ("h", "_rare")): [3] * 12,
}
NOW = now(12)
ALL = Period(FIRST, NOW)
EVERYBODY = Scope()
TARGET = {"job": "popcon", "instance": "e:9102"}
STRICT = {"min_processes": "20", "interval_seconds": "86400", "min_library_processes": "20"}
STANDARD = {"min_processes": "10", "interval_seconds": "900", "min_library_processes": "1"}


def send(sender: Sender, at: int, name: str, value: float, **labels: str) -> None:
    """Send an hour of one series up to a time, a scrape each minute."""
    times = range(at - 3600, at + 1, 60)
    sender.add(encoded(name, {**TARGET, **labels}, spelled_times(times), [value] * len(times)))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with recordings of twelve days; before that, an hour of counters alone."""
    with prometheus(tmp_path_factory.mktemp("prometheus")) as url:
        sender = Sender(url)
        send(sender, FIRST - 5 * DAY, REPORTS.name, 5, namespace="old")
        record(sender, HISTORY)
        midnight = NOW - DAY // 2
        send(sender, midnight, REPORTS.name, 8, namespace="h")
        send(sender, midnight, POLICY, 1, policy="standard", **STANDARD)
        send(sender, midnight, HOLDING, 1, reason="interval")
        for hub, instance, policy, numbers in (
            ("h", "e:9102", "standard", STANDARD),
            ("g", "s:9102", "strict", STRICT),
        ):
            send(sender, NOW, REPORTS.name, 9, namespace=hub, instance=instance)
            send(sender, NOW, POLICY, 1, instance=instance, policy=policy, **numbers)
        send(sender, NOW, HOLDING, 1, reason="interval")
        send(sender, NOW, HOLDING, 0, reason="processes", instance="s:9102")
        for library, part, size in (("numpy", "library", 7e6), ("notebook", "server", 2e6)):
            name = LIBRARY_INSTALLED.name
            send(sender, FIRST + 3 * DAY, name, size / 2, library=library, part=part, namespace="h")
        send(
            sender, NOW, LIBRARY_INSTALLED.name, 7e6, library="numpy", part="library", namespace="h"
        )
        sender.close()
        yield url


@pytest.mark.parametrize(
    ("kind", "period", "words"),
    [
        ("auto", ALL, "recording rules"),
        ("rules", ALL, "recording rules"),
        ("raw", ALL, "raw series"),
        ("auto", Period(FIRST - 6 * DAY, FIRST - 3 * DAY), "raw series"),
        # Nothing is known of it, but popcon is.
        ("auto", Period(FIRST + 400 * DAY, FIRST + 401 * DAY), "recording rules"),
        ("auto", Period(FIRST - 31 * DAY, FIRST - 28 * DAY), "recording rules"),
        ("raw", Period(FIRST - 31 * DAY, FIRST - 28 * DAY), "raw series"),
    ],
)
def test_which_source(url: str, kind: str, period: Period, words: str) -> None:
    """Recordings where they are in the period, else counters; or what is asked for."""
    assert chosen(Access(url), EVERYBODY, kind, period).words == words


def test_sizes(url: str) -> None:
    """Sizes are those of now; what has none now, has that of a midnight of the period."""
    source = chosen(Access(url), EVERYBODY, "auto", ALL)

    assert source.sizes(ALL) == {
        ("h", "numpy", "library"): 7_000_000,
        ("h", "notebook", "server"): 1_000_000,
    }
    assert source.sizes(Period(FIRST + 5 * DAY, NOW)) == {("h", "numpy", "library"): 7_000_000}


def test_notes(url: str) -> None:
    """People are told since when there is data, what each hub's exporter holds, and what has no name."""
    period = Period(FIRST - 30 * DAY, NOW)
    source = chosen(Access(url), EVERYBODY, "auto", period)

    assert source.notes(period) == [
        "data since 2026-06-01: 12 of 42 days",
        "hub g: counts show once 20 processes have reported and a day is over; a library is named "
        "from 20 processes on, and its 0 reads fewer than 20",
        "hub h: counts show once 10 processes have reported and 15 minutes have passed; something "
        "waits now",
        "36 uses are under _rare: of libraries that too few processes used to be named",
        "there are counters from before these recordings: --from raw reads them",
    ]
    assert (
        chosen(Access(url), Scope(("h",)), "auto", ALL)
        .notes(ALL)[0]
        .startswith("counts show once 10")
    )


@pytest.mark.parametrize(
    ("begin", "days"), [(400, "2027-07-06 to 2027-07-07"), (-31, "2026-05-01 to 2026-05-02")]
)
@pytest.mark.parametrize("kind", ["auto", "raw"])
def test_nothing_in_the_period(url: str, kind: str, begin: int, days: str) -> None:
    """An empty period is said, also where it is before all data."""
    empty = Period(FIRST + begin * DAY, FIRST + (begin + 2) * DAY)
    source = chosen(Access(url), EVERYBODY, kind, empty)

    assert source.counts(REPORTS, empty) == {}
    assert source.notes(empty) == [f"no counts from {days}"]


def test_what_waits_now(url: str) -> None:
    """Whether something waits is said of now, and not where the days that are asked for are over."""
    for end, waits in ((NOW, True), (NOW - DAY // 2, False)):
        period = Period(FIRST, end)
        said = " ".join(chosen(Access(url), EVERYBODY, "auto", period).notes(period))
        assert "counts show once 10 processes have reported" in said
        assert ("something waits now" in said) is waits


def test_a_hub_that_is_mistyped(url: str) -> None:
    """A hub that was asked for and never reported is said, beside another that did."""
    source = chosen(Access(url), Scope(("h", "hh")), "auto", ALL)

    assert (
        source.notes(ALL)[0]
        == "hub 'hh' did not report up to 2026-06-12: popcon coverage lists those that did"
    )


@pytest.mark.parametrize("hubs", [(), ("h",)])
def test_the_first_minutes(tmp_path: Path, hubs: tuple[str, ...]) -> None:
    """Counters that are too young for an answer are told."""
    with prometheus(tmp_path) as url:
        sender = Sender(url)
        times = [NOW + 60, NOW + 120]
        sender.add(
            encoded(REPORTS.name, {**TARGET, "namespace": "h"}, spelled_times(times), [0.0, 3.0])
        )
        sender.close()
        period = Period(NOW - 30 * DAY, NOW + 180)
        said = chosen(Access(url), Scope(hubs), "auto", period).notes(period)

    assert [one for one in said if one.startswith("counters are there, since some minutes")]
    assert "did not report" not in " ".join(said)


def test_a_server_without_popcon(tmp_path: Path) -> None:
    """A server that never heard of popcon is said; what it has is said where something else is asked for."""
    with prometheus(tmp_path) as url:
        for kind in ("auto", "rules", "raw"):
            with pytest.raises(PopconError, match=r"has never heard of popcon: does it scrape"):
                chosen(Access(url), EVERYBODY, kind, ALL)
        sender = Sender(url)
        send(sender, NOW, REPORTS.name, 9, namespace="h")
        sender.close()
        with pytest.raises(PopconError, match=r"no recordings of them: .* or ask --from raw"):
            chosen(Access(url), EVERYBODY, "rules", ALL)


def test_all_is_held_back(tmp_path: Path) -> None:
    """Where an exporter is scraped and its policy shows nothing yet, that is said."""
    with prometheus(tmp_path) as url:
        sender = Sender(url)
        send(sender, NOW, POLICY, 1, policy="standard", **STANDARD)
        sender.close()
        with pytest.raises(PopconError, match=r"shows no count yet: counts show once 10 processes"):
            chosen(Access(url), EVERYBODY, "auto", ALL)


@pytest.mark.parametrize(("days", "fails"), [(20, True), (6, False)])
def test_retention(tmp_path: Path, days: int, fails: bool) -> None:
    """What a Prometheus has dropped is an error where it was asked for; a young site has no more than it has."""
    today = int(time.time()) // DAY * DAY
    history: dict[Key, list[int | None]] = {(REPORTS, ("h",)): [10] * days}
    period = Period(today - 60 * DAY, today)
    with prometheus(tmp_path, retention=f"{days if fails else 20}d") as url:
        sender = Sender(url)
        record(sender, history, today - days * DAY)
        sender.close()
        if fails:
            with pytest.raises(
                PopconError, match=r"keeps 20d, and has nothing before .* 60 days were"
            ):
                chosen(Access(url), EVERYBODY, "auto", period)
        source = chosen(Access(url), EVERYBODY, "auto", period, is_default=fails)
        assert f"{days} of 60 days" in source.notes(period)[0]
