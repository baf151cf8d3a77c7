"""What the dashboard Hubs asks, answered by promtool over days that are known beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from popcon.catalog import LIBRARY_USED, NO_NAMESPACE, REPORTS
from popcon.render import hub_queries as queries
from tests.render.recorded import Days, answers, series

RANGE = 7
DAY = 86_400
#: Two weeks of days, and today at noon.
AT = f"{24 * 14 + 12}h"


def days(*weeks: int | None, today: int | None = 0) -> Days:
    """Return weeks of days with the same count each, and today."""
    return [count for week in weeks for count in [week] * 7] + [today]


HUBS = {
    "busy": days(10, 20, today=5),
    "weekend": [*days(10, 10)[:12], 0, 0, 0],
    "silent": days(10, 0),
    "forgotten": days(10, None, today=None),
    "fresh": days(None, None, today=3),
    "": days(1, 1, today=1),
}
USED: dict[tuple[str, str], Days] = {
    ("busy", "numpy"): days(10, 10, today=5),
    ("busy", "torch"): days(0, 2),
    ("busy", "idle"): days(0, 0),
    ("weekend", "numpy"): [*days(5, 5)[:12], 0, 0, 0],
    ("silent", "numpy"): days(10, 0),
    ("fresh", "polars"): days(None, None, today=3),
    ("", "numpy"): days(1, 1, today=1),
}


def named(hub: str) -> dict[str, str]:
    """Return a hub's label; the senders without one have none."""
    return {"namespace": hub} if hub else {}


KNOWN = [
    *(one for hub, counts in HUBS.items() for one in series(REPORTS, counts, **named(hub))),
    *(
        one
        for (hub, library), counts in USED.items()
        for one in series(LIBRARY_USED, counts, library=library, **named(hub))
    ),
    *(
        {
            "series": f'kube_service_info{{service="{service}",namespace="{hub}"}}',
            "values": "1x400",
        }
        for service, hub in (("hub", "busy"), ("hub", "never"), ("proxy", "else"), ("hub", "fresh"))
    ),
]


def of(**values: float) -> dict[str, float]:
    """Return samples by hub; `none` is for what has no namespace."""
    return {
        f'{{namespace="{NO_NAMESPACE if hub == "none" else hub}"}}': value
        for hub, value in values.items()
    }


def shares(together: dict[str, float], **hubs: dict[str, float]) -> dict[str, float]:
    """Return samples by library and hub."""
    found = {
        f'{{library="{one}",namespace="{queries.TOGETHER}"}}': v for one, v in together.items()
    }
    for hub, values in hubs.items():
        name = NO_NAMESPACE if hub == "none" else hub
        found |= {f'{{library="{one}",namespace="{name}"}}': v for one, v in values.items()}
    return found


#: In the range: busy 145, weekend 50, fresh 3, without a namespace 8.
_ALL = 145 + 50 + 3 + 8
CASES: dict[str, tuple[str, dict[str, float]]] = {
    "whole days and today; 0 where nothing came for long": (
        queries.processes(),
        of(busy=145, weekend=50, silent=0, forgotten=0, fresh=3, none=8),
    ),
    "hubs that report": (queries.hubs_reporting(), {"{}": 4}),
    "libraries that were used": (
        queries.libraries_by_hub(),
        of(busy=2, weekend=1, fresh=1, none=1),
    ),
    "a whole day's mean": (
        queries.mean_by_hub(),
        of(busy=20, weekend=50 / 7, silent=0, none=1),
    ),
    "whole days that were watched": (
        queries.days_by_hub(),
        of(busy=7, weekend=7, silent=7, none=7),
    ),
    "a week's reports: 0 is silence": (
        queries.week_by_hub(),
        of(busy=145, weekend=50, silent=0, forgotten=0, fresh=3, none=8),
    ),
    "how many are silent": (queries.silent(), {"{}": 2}),
    "the last report: today's to the hour that is recorded here, else the end of its day": (
        queries.last_report(),
        {
            hub: 1000 * seconds
            for hub, seconds in of(
                busy=14 * DAY + 3600,
                fresh=14 * DAY + 3600,
                none=14 * DAY + 3600,
                weekend=12 * DAY,
                silent=7 * DAY,
                forgotten=7 * DAY,
            ).items()
        },
    ),
    "a hub that kube-state-metrics knows, and popcon doesn't": (
        queries.never_reported(),
        {'{namespace="never"}': 1},
    ),
    "shares of each hub's processes, and of all": (
        queries.shares(),
        shares(
            {"numpy": 108 / _ALL, "torch": 14 / _ALL, "polars": 3 / _ALL},
            busy={"numpy": 75 / 145, "torch": 14 / 145},
            weekend={"numpy": 25 / 50},
            fresh={"polars": 1},
            none={"numpy": 1},
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_answered(tmp_path: Path, case: str) -> None:
    """Each question has the answer that was known beforehand, in a range of a week."""
    expr, expected = CASES[case]

    assert answers(tmp_path, KNOWN, {expr: expected}, at=AT, range_days=RANGE, top="20") == ""


@pytest.mark.parametrize("case", CASES)
def test_where_nothing_is_known(tmp_path: Path, case: str) -> None:
    """Without data there is no answer, and no error."""
    expr, _ = CASES[case]

    assert answers(tmp_path, [], {expr: {}}, at=AT, range_days=RANGE, top="20") == ""


def test_a_day_stands_where_it_is(tmp_path: Path) -> None:
    """Asked at a midnight, as Grafana does, the reports are those of the day that begins then."""
    counts = [*range(100, 114), 0]
    known = series(REPORTS, counts, namespace="busy")
    # promtool reads no further than the last question; at a midnight the next day is looked at.
    asked = {queries.reports_by_day(): of(busy=103)}

    assert answers(tmp_path, known, asked, at="72h", range_days=RANGE, until=AT) == ""


def test_a_gap_is_no_report(tmp_path: Path) -> None:
    """Where Prometheus was away, and the number is what it was before, nothing came."""
    hours = 24 * 14
    today = 'day="today",namespace="busy"'
    name = f"namespace:python_popcon_reports:increase_today{{{today}}}"
    known = [{"series": name, "values": f"_x{hours + 1} 0x1 7x2 _x4 7x3"}]
    seconds = (hours + 3) * 3600

    assert (
        answers(
            tmp_path,
            known,
            {queries.last_report(): of(busy=1000 * seconds)},
            at=f"{hours + 11}h",
            range_days=RANGE,
        )
        == ""
    )
