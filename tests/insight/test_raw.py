"""What counters themselves say, in a real Prometheus and a real VictoriaMetrics: what recordings of them would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from popcon.catalog import LIBRARY_USED, REPORTS
from popcon.insight.sources.prometheus import Access, Prometheus
from popcon.insight.sources.raw import RawSource
from popcon.insight.sources.scope import Scope
from popcon.insight.usage import Period
from tests.dashboards.remote_write import Sender, encoded, spelled_times
from tests.dashboards.stores import ENGINES, STARTED, settle
from tests.insight.stored import FIRST
from tests.render.promtool_series import samples
from tests.render.recording_cases import DAY, LEAD, STEPS, Case
from tests.render.recording_histories import DAYS, random_exporter, restless_exporter, three
from tests.render.recording_targets import AGAIN

CASES = [*STEPS, *AGAIN]
#: Minute 0 of a case.
BEGIN = FIRST + LEAD * 60
#: Job → the histories of three exporters.
HISTORIES = {
    f"{kind}-{seed}": three(made, seed)
    for kind, made in (("random", random_exporter), ("restless", restless_exporter))
    for seed in range(2)
}


@pytest.fixture(scope="module", params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with all histories: a job for each."""
    with STARTED[request.param](tmp_path_factory.mktemp(request.param)) as url:
        sender = Sender(url)
        # A series' first sample isn't there for VictoriaMetrics at its very millisecond.
        begin = FIRST - (request.param == "victoria-metrics")
        for number, case in enumerate(CASES):
            for exporter in case.exporters:
                for series, values in exporter.series().items():
                    send(sender, begin, f"case-{number}", series, values)
        for job, histories in HISTORIES.items():
            for history in histories:
                for row in history.series():
                    send(sender, begin, job, row["series"], row["values"])
        sender.close()
        settle(url)
        yield url


def send(sender: Sender, begin: int, job: str, series: str, written: str) -> None:
    """Send a series of promtool's as that job's, and its library's counts as its reports, too."""
    name, labels, values = samples(series, written)
    if name in ("process_start_time_seconds", "popcon_exporter_counting_since_timestamp_seconds"):
        values = [(at, None if value is None else value + begin) for at, value in values]
    times = spelled_times([begin + 60 * minute for minute, _ in values])
    of = {**labels, "job": job}
    if "namespace" in of:
        of["namespace"] = job
    numbers = [value for _, value in values]
    sender.add(encoded(name, of, times, numbers))
    if labels.get("library") == "numpy" and "namespace" in of:
        without = {key: value for key, value in of.items() if key != "library"}
        sender.add(encoded(REPORTS.name, without, times, numbers))


def expected(
    days: Mapping[int, Mapping[str, int]], job: str
) -> dict[tuple[str, str], dict[float, int]]:
    """Return what each day counted, by hub and library."""
    found: dict[tuple[str, str], dict[float, int]] = {}
    for day, said in days.items():
        for labels, added in said.items():
            library = labels.partition('library="')[2].partition('"')[0]
            hub = job if "namespace" in labels else ""
            found.setdefault((hub, library), {})[BEGIN + day * DAY * 60] = added
    return found


def asked(url: str, job: str, days: int) -> tuple[RawSource, Period]:
    """Return a source of that history's hub, and its days."""
    source = RawSource(Prometheus(Access(url)), Scope(("", job) if job == WITHOUT else (job,)))
    return source, Period(BEGIN, BEGIN + days * DAY * 60)


WITHOUT = f"case-{[case.what for case in CASES].index('without a namespace')}"


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.what for case in CASES])
def test_what_a_day_counted(url: str, number: int) -> None:
    """A day counts births, rises and restarts, each once, and so does a stretch of several days."""
    case: Case = CASES[number]
    source, period = asked(url, f"case-{number}", len(case.days))
    days = expected(case.days, f"case-{number}")

    assert source.by_day(LIBRARY_USED, period) == days
    assert source.counts(LIBRARY_USED, period) == {
        key: sum(one.values()) for key, one in days.items()
    }
    for minute, said in case.today.items():
        begin = BEGIN + (minute - 1) // DAY * DAY * 60
        so_far = expected({0: said}, f"case-{number}")
        assert source.counts(LIBRARY_USED, Period(begin, BEGIN + minute * 60)) == {
            key: sum(one.values()) for key, one in so_far.items()
        }


@pytest.mark.parametrize("job", HISTORIES)
def test_a_random_history(url: str, job: str) -> None:
    """Three days of three exporters' births, rises, restarts and gaps count what a simple model counts."""
    days: dict[tuple[str, str], dict[float, int]] = {}
    for history in HISTORIES[job]:
        for key, added in expected(dict(enumerate(history.days[:DAYS])), job).items():
            for day, number in added.items():
                days.setdefault(key, {}).setdefault(day, 0)
                days[key][day] += number
    source, period = asked(url, job, DAYS)

    assert source.by_day(LIBRARY_USED, period) == days
    assert source.counts(LIBRARY_USED, period) == {
        key: sum(one.values()) for key, one in days.items()
    }
