"""Histories in which nothing is counted again: an older file, another label; rows for `test_recordings.py`."""

from __future__ import annotations

from tests.render.recording_cases import DAY, Case, N, one

AGAIN: list[Case] = [
    Case(
        "restarted with an older copy of its file: what it counted before is not counted again",
        (
            one(
                (600, 1000),
                (2, None),
                (60, 990),
                (2 * DAY, 993),
                began=((600, -DAY), (2, None), (2 * DAY, 601)),
                since=((600, -DAY), (2, None), (2 * DAY, -DAY)),
            ),
        ),
        {0: {N: 3}, 1: {N: 0}},
    ),
    Case(
        "restarted with an older copy of its file, after an hour",
        (
            one(
                (600, 1000),
                (60, None),
                (60, 990),
                (2 * DAY, 993),
                began=((600, -DAY), (60, None), (2 * DAY, 659)),
                since=((600, -DAY), (60, None), (2 * DAY, -DAY)),
            ),
        ),
        {0: {N: 3}, 1: {N: 0}},
    ),
    *(
        Case(
            f"had a new file for {away} minutes, and has its own again",
            (
                one(
                    (600, 1000),
                    (away, 5),
                    (60, 1000),
                    (2 * DAY, 1003),
                    began=((600, -DAY), (away, 600), (2 * DAY, 600 + away)),
                    since=((600, -DAY), (away, 600), (2 * DAY, -DAY)),
                ),
            ),
            {0: {N: 8}, 1: {N: 0}},
        )
        for away in (62, 300)
    ),
    # Labels of the target, such as its pod, don't say who counts.
    Case(
        "its target gets another label",
        (
            one((602, 5000), began=((602, -DAY),)),
            one(
                (602, None),
                (60, 5000),
                (2 * DAY, 5001),
                began=((602, None), (2 * DAY, -DAY)),
                more=',site="x"',
            ),
        ),
        {0: {N: 1}, 1: {N: 0}},
    ),
    Case(
        "its target gets another label on its first day",
        (
            one((25, None), (577, 5000), began=((25, None), (577, 20))),
            one(
                (602, None),
                (60, 5000),
                (2 * DAY, 5001),
                began=((602, None), (2 * DAY, 20)),
                more=',site="x"',
            ),
        ),
        {0: {N: 5001}, 1: {N: 0}},
    ),
    Case(
        "its target gets another label, twenty minutes after the last look",
        (
            one((602, 5000), began=((602, -DAY),)),
            one(
                (622, None),
                (60, 5000),
                (2 * DAY, 5001),
                began=((622, None), (2 * DAY, -DAY)),
                more=',site="x"',
            ),
        ),
        {0: {N: 1}, 1: {N: 0}},
    ),
    Case(
        "another pod at the same address, from nothing",
        (
            one((602, 500), began=((602, -DAY),), more=',pod="x"'),
            one(
                (603, None),
                (60, 4),
                (2 * DAY, 5),
                began=((603, None), (2 * DAY, 602)),
                more=',pod="y"',
            ),
        ),
        {0: {N: 5}, 1: {N: 0}},
    ),
    Case(
        "another pod at the same address, with the file of the last one",
        (
            one((602, 500), began=((602, -DAY),), since=((602, -DAY),), more=',pod="x"'),
            one(
                (603, None),
                (60, 502),
                (2 * DAY, 505),
                began=((603, None), (2 * DAY, 602)),
                since=((603, None), (2 * DAY, -DAY)),
                more=',pod="y"',
            ),
        ),
        {0: {N: 3}, 1: {N: 0}},
    ),
]
