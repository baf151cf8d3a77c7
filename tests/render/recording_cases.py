"""Histories of exporters, and what each day of them counted: rows for `test_recordings.py`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Optional

from popcon.catalog import REPORTS

#: promtool's time begins in 1970; ours two days later, so that nothing asks for what was before.
LEAD = 2 * 1440
DAY = 1440

#: Minutes and a value, one after the other: how a series was scraped. None is no value.
Pieces = tuple[tuple[int, Optional[int]], ...]


class Exporter(NamedTuple):
    """An exporter's counters by their series, and when its process began.

    `began` are minutes of our time, None while it isn't seen. `since` is when its file was begun,
    which popcon's own exporter shows. `more` are labels that its target has besides.
    """

    counts: Mapping[str, Pieces]
    began: Pieces
    since: Pieces = ()
    instance: str = "a"
    more: str = ""

    def series(self, *, scrape_fails: bool = False) -> dict[str, str]:
        """Return what promtool takes for it.

        Where it isn't seen, nobody looks; or the scrape fails, which ends its series at once.
        """
        of = f'job="popcon-metrics",instance="{self.instance}"{self.more}'
        seen = {
            "statsd_exporter_lines_total": tuple(
                (minutes, None if began is None else 1) for minutes, began in self.began
            ),
            "process_start_time_seconds": _seconds(self.began),
        }
        if self.since:
            seen["popcon_exporter_counting_since_timestamp_seconds"] = _seconds(self.since)
        found = {f"{name}{{{of}}}": pieces for name, pieces in seen.items()}
        for key, pieces in self.counts.items():
            name, _, labels = key.rstrip("}").partition("{")
            found[f"{name}{{{of}{',' if labels else ''}{labels}}}"] = pieces
        return {series: _written(pieces, scrape_fails) for series, pieces in found.items()}


class Case(NamedTuple):
    """What each whole day counted, by the labels of the recording; a day that isn't there has none.

    `today` is what had been counted since midnight at some minutes.
    """

    what: str
    exporters: tuple[Exporter, ...]
    days: dict[int, dict[str, int]]
    today: Mapping[int, dict[str, int]] = MappingProxyType({})


def _seconds(pieces: Pieces) -> Pieces:
    return tuple(
        (minutes, None if began is None else (LEAD + began) * 60) for minutes, began in pieces
    )


def _written(pieces: Pieces, scrape_fails: bool) -> str:
    """Return the values in promtool's words: `5x2` are three samples, `_x2` are two without one."""
    parts = [f"_x{LEAD}"]
    for minutes, value in pieces:
        if value is not None:
            parts.append(f"{value}x{minutes - 1}")
        else:
            parts.extend(["stale", f"_x{minutes - 1}"] if scrape_fails else [f"_x{minutes}"])
    if scrape_fails:
        parts.append("stale")
    return " ".join(parts)


U = "python_popcon_library_used"
R = REPORTS.name
HUB = 'namespace="h"'
NUMPY = f'{U}{{{HUB},library="numpy"}}'
#: numpy in hub h, as the recording has it.
N = '{namespace="h",library="numpy"}'

#: Long running, seen all the time for three days.
OLD: Pieces = ((3 * DAY, -5 * DAY),)


def one(
    *pieces: tuple[int, int | None],
    began: Pieces = OLD,
    since: Pieces = (),
    instance: str = "a",
    more: str = "",
) -> Exporter:
    """Return an exporter with one library."""
    return Exporter({NUMPY: pieces}, began, since, instance, more)


def away(start: int, minutes: int, began: int = -5 * DAY) -> Pieces:
    """Return an exporter that was seen, then not for so many minutes, and went on meanwhile."""
    return ((start, began), (minutes, None), (2 * DAY, began))


STEPS: list[Case] = [
    Case("nothing moved", (one((2 * DAY, 7)),), {0: {N: 0}, 1: {N: 0}}, {700: {N: 0}}),
    Case("a zero of the inventory", (one((2 * DAY, 0)),), {0: {N: 0}, 1: {N: 0}}, {700: {N: 0}}),
    Case("no data", (), {0: {}, 1: {}}, {700: {}}),
    Case("born at 1", (one((600, None), (2 * DAY, 1)),), {0: {N: 1}, 1: {N: 0}}, {700: {N: 1}}),
    Case("born at 0, then used", (one((600, 0), (2 * DAY, 1)),), {0: {N: 1}, 1: {N: 0}}),
    Case(
        "born, and used again a minute later",
        (one((601, None), (1, 1), (2 * DAY, 3)),),
        {0: {N: 3}, 1: {N: 0}},
    ),
    Case("used again", (one((600, 100), (2 * DAY, 103)),), {0: {N: 3}, 1: {N: 0}}),
    Case(
        "used on two days",
        (one((600, 1), (DAY, 3), (DAY, 10)),),
        {0: {N: 2}, 1: {N: 7}},
        {700: {N: 2}, DAY: {N: 2}, DAY + 1: {N: 0}, DAY + 599: {N: 0}, DAY + 600: {N: 7}},
    ),
    Case(
        "gone with its exporter",
        (one((600, 4), (2 * DAY, None), began=((600, -DAY), (2 * DAY, None))),),
        {0: {N: 0}, 1: {}},
        {DAY + 601: {}},
    ),
    Case(
        "without a namespace",
        (
            Exporter(
                {f'{U}{{library="numpy"}}': ((600, 1), (2 * DAY, 2)), NUMPY: ((2 * DAY, 2),)}, OLD
            ),
        ),
        {0: {N: 0, '{library="numpy"}': 1}},
    ),
    # A value at the second of midnight belongs to the day that ends.
    Case("published at midnight", (one((DAY, 5), (DAY, 9)),), {0: {N: 4}, 1: {N: 0}}),
    Case(
        "published a minute after",
        (one((DAY + 1, 5), (DAY, 9)),),
        {0: {N: 0}, 1: {N: 4}},
        {DAY + 4: {N: 0}, DAY + 5: {N: 4}},
    ),
    Case("born at midnight", (one((DAY, None), (DAY, 9)),), {0: {N: 9}, 1: {N: 0}}),
    Case("born a minute after", (one((DAY + 1, None), (DAY, 9)),), {0: {}, 1: {N: 9}}),
    # Restarts.
    Case(
        "restarted, and used again at once",
        (one((600, 10), (2, None), (2 * DAY, 2), began=((600, -DAY), (2, None), (2 * DAY, 602))),),
        {0: {N: 2}, 1: {N: 0}},
    ),
    Case(
        "restarted, and used again to the same number hours later",
        (one((600, 3), (300, None), (2 * DAY, 3), began=((600, -DAY), (2 * DAY, 600))),),
        {0: {N: 3}, 1: {N: 0}},
    ),
    Case(
        "restarted, and used more often than before hours later",
        (one((600, 3), (300, None), (2 * DAY, 5), began=((600, -DAY), (2 * DAY, 600))),),
        {0: {N: 5}, 1: {N: 0}},
    ),
    Case(
        "restarted, and above the number before within ten minutes: all but the difference is lost",
        (one((601, 3), (1, None), (2 * DAY, 5), began=((601, -DAY), (2 * DAY, 601))),),
        {0: {N: 2}, 1: {N: 0}},
    ),
    Case(
        "restarted while Prometheus was down, above the number before",
        (
            one(
                (600, 3),
                (60, None),
                (2 * DAY, 5),
                began=((600, -DAY), (60, None), (2 * DAY, 630)),
            ),
        ),
        {0: {N: 5}, 1: {N: 0}},
    ),
    Case(
        "restarted while Prometheus was down, and not used again that day",
        (
            one(
                (600, 3),
                (DAY, None),
                (DAY, 1),
                began=((600, -DAY), (60, None), (2 * DAY, 630)),
            ),
        ),
        {0: {N: 0}, 1: {N: 1}},
    ),
    Case(
        "restarted with its file",
        (
            one(
                (600, 10),
                (10, None),
                (2 * DAY, 12),
                began=((600, -DAY), (10, None), (2 * DAY, 609)),
                since=((600, -DAY), (10, None), (2 * DAY, -DAY)),
            ),
        ),
        {0: {N: 2}, 1: {N: 0}},
    ),
    Case(
        "restarted with its file at another address, on its second day",
        (
            one((600, 10), began=((600, -DAY - 9),), since=((600, -DAY - 9),)),
            one(
                (603, None),
                (60, 12),
                (2 * DAY, 15),
                began=((603, None), (2 * DAY, 602)),
                since=((603, None), (2 * DAY, -DAY - 9)),
                instance="b",
            ),
        ),
        {0: {N: 3}, 1: {N: 0}},  # Nobody saw when the two came that it has more there.
    ),
    Case(
        "restarted with its file at another address, on its first day",
        (
            one(
                (10, None),
                (590, 10),
                began=((10, None), (590, 9)),
                since=((10, None), (590, 9)),
            ),
            one(
                (603, None),
                (60, 12),
                (2 * DAY, 15),
                began=((603, None), (2 * DAY, 602)),
                since=((603, None), (2 * DAY, 9)),
                instance="b",
            ),
        ),
        {0: {N: 13}, 1: {N: 0}},
    ),
    Case(
        "restarted without its file at another address",
        (
            one((600, 10), began=((600, -DAY),), since=((600, -DAY),)),
            one(
                (603, None),
                (60, 12),
                (2 * DAY, 15),
                began=((603, None), (2 * DAY, 602)),
                since=((603, None), (2 * DAY, 602)),
                instance="b",
            ),
        ),
        {0: {N: 15}, 1: {N: 0}},
    ),
    # Several exporters.
    Case(
        "two exporters",
        (one((600, 5), (2 * DAY, 6)), one((700, None), (2 * DAY, 3), instance="b")),
        {0: {N: 4}, 1: {N: 0}},
    ),
    Case(
        "two exporters, one of them restarted",
        (
            one((600, 500), (2 * DAY, 501)),
            one(
                (600, 400),
                (5, None),
                (600, 3),
                (2 * DAY, 4),
                began=((600, -DAY), (3, None), (2 * DAY, 603)),
                instance="b",
            ),
        ),
        {0: {N: 5}, 1: {N: 0}},
    ),
    Case(
        "a second exporter, and gone again",
        (
            one((3 * DAY, 500)),
            one(
                (700, None),
                (10, 4),
                (100, 7),
                began=((700, None), (110, 699)),
                instance="b",
            ),
        ),
        {0: {N: 7}, 1: {N: 0}},
    ),
    # What Prometheus didn't see.
    Case(
        "an old exporter, seen for the first time",
        (one((600, None), (100, 5000), (2 * DAY, 5001), began=((600, None), (2 * DAY, -2 * DAY))),),
        {0: {N: 1}, 1: {N: 0}},
    ),
    Case(
        "a new exporter",
        (one((600, None), (100, 4), (2 * DAY, 5), began=((600, None), (2 * DAY, 599))),),
        {0: {N: 5}, 1: {N: 0}},
    ),
    *(
        Case(
            f"a new exporter, first seen {minute - 600} minutes after a step's end, and gone two later",
            (one((minute, None), (2, 4), began=((minute, None), (2, minute - 1))),),
            {0: {N: 4}, 1: {}},
        )
        for minute in range(600, 605)
    ),
    *(
        Case(
            f"a new exporter, first seen {minute - 600} minutes after a step's end, and soon on its file",
            (
                one(
                    (minute, None),
                    (2, 4),
                    (2 * DAY, 5),
                    began=((minute, None), (2, minute - 1), (2 * DAY, minute + 1)),
                    since=((minute, None), (2 * DAY, minute - 1)),
                ),
            ),
            {0: {N: 5}, 1: {N: 0}},
        )
        for minute in range(600, 605)
    ),
    Case(
        "a scrape failed once",
        (one((600, 5), (1, None), (2 * DAY, 8), began=away(600, 1)),),
        {0: {N: 3}, 1: {N: 0}},
    ),
    Case(
        "not scraped for twenty minutes",
        (one((600, 5), (20, None), (2 * DAY, 8), began=away(600, 20)),),
        {0: {N: 3}, 1: {N: 0}},
    ),
    Case(
        "not scraped for ten hours",
        (one((600, 5), (600, None), (2 * DAY, 8), began=away(600, 600)),),
        {0: {N: 3}, 1: {N: 0}},
    ),
    Case(
        "not scraped over midnight: the day in which it is seen again",
        (one((DAY - 60, 5), (120, None), (2 * DAY, 8), began=away(DAY - 60, 120)),),
        {0: {N: 0}, 1: {N: 3}},
    ),
    Case(
        "not scraped for more than a day: what rose meanwhile can't be dated",
        (one((600, 5), (DAY + 10, None), (60, 8), (DAY, 9), began=away(600, DAY + 10)),),
        {0: {N: 0}, 1: {N: 1}},
    ),
    Case(
        "born while it was not scraped",
        (one((620, None), (2 * DAY, 2), began=away(600, 20)),),
        {0: {N: 2}, 1: {N: 0}},
    ),
    Case(
        "scraped every ten minutes",
        (
            Exporter(
                {NUMPY: ((1, 5), (9, None)) * 60 + ((1, 7), (9, None)) * 200},
                ((1, -5 * DAY), (9, None)) * 260,
            ),
        ),
        {0: {N: 2}, 1: {N: 0}},
    ),
]
