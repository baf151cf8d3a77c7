"""Which policies there are, and which numbers a site may choose."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from popcon.errors import UsageError
from popcon.exporter.privacy.policy import OFF, STANDARD, STRICT, chosen


def test_policies_by_name() -> None:
    """The names give what the documents say of them."""
    assert chosen("off") == OFF
    assert chosen("standard") == STANDARD
    assert chosen("strict") == STRICT
    assert [policy.holds for policy in (OFF, STANDARD, STRICT)] == [False, True, True]
    assert (STANDARD.min_processes, STANDARD.interval) == (10, 900)
    assert (STRICT.min_processes, STRICT.min_library_processes, STRICT.daily) == (20, 20, True)


def test_each_number_can_be_set_alone() -> None:
    """What is given takes its place, the rest stays; an interval takes the place of midnight."""
    assert chosen("standard", min_processes=3).interval == STANDARD.interval
    assert chosen("standard", interval=60).min_processes == STANDARD.min_processes
    assert chosen("standard", min_library_processes=5).min_library_processes == 5
    assert chosen("strict", min_processes=3).daily
    assert not chosen("strict", interval=3600).daily
    assert chosen("strict", by_address=True).by_address


@pytest.mark.parametrize(
    ("name", "numbers", "message"),
    [
        ("none", {}, "not a privacy policy: 'none' (off, standard, strict)"),
        ("standard", {"min_processes": 0}, "not a number of processes: '0' (1 or more)"),
        ("strict", {"min_library_processes": -1}, "not a number of processes: '-1' (1 or more)"),
        ("standard", {"interval": -1.0}, "not an interval: '-1' seconds (0 to a year)"),
        ("standard", {"interval": float("nan")}, "not an interval: 'nan' seconds (0 to a year)"),
        ("strict", {"timezone": "Mars"}, "not a time zone: 'Mars' (as in Europe/Berlin)"),
        ("strict", {"timezone": "../x"}, "not a time zone: '../x' (as in Europe/Berlin)"),
        ("strict", {"timezone": ""}, "not a time zone: '' (as in Europe/Berlin)"),
        (
            "off",
            {"interval": 5.0},
            "the privacy policy 'off' holds nothing, so it takes no numbers",
        ),
    ],
)
def test_what_is_refused(name: str, numbers: dict[str, float], message: str) -> None:
    """One line says which value is wrong."""
    with pytest.raises(UsageError) as error:
        chosen(name, **numbers)  # type: ignore[arg-type]
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("zone", "now", "midnight"),
    [
        ("UTC", "2026-03-01 23:59:59", "2026-03-02 00:00:00"),
        ("utc", "2026-03-02 00:00:00", "2026-03-03 00:00:00"),
        ("Europe/Berlin", "2026-01-10 22:59:59", "2026-01-10 23:00:00"),
        ("Europe/Berlin", "2026-01-10 23:00:00", "2026-01-11 23:00:00"),
        ("Europe/Berlin", "2026-03-28 23:30:00", "2026-03-29 22:00:00"),  # a day of 23 hours
        ("America/Los_Angeles", "2026-01-10 08:00:00", "2026-01-11 08:00:00"),
    ],
)
def test_days_end_at_midnight_of_the_time_zone(zone: str, now: str, midnight: str) -> None:
    """In UTC unless told otherwise; the times here are UTC."""
    policy = chosen("strict", timezone=zone)
    at, next_day = (
        datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()
        for text in (now, midnight)
    )
    assert policy.next_midnight(at) == next_day
    assert policy.day(next_day) == policy.day(at) + 1
    assert policy.day(next_day - 1) == policy.day(at)
