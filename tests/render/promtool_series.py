"""In: a series as promtool's tests take it. Out: its name, labels, and a value for each minute at which there is one."""

from __future__ import annotations

import re
from typing import Optional

#: Minutes and values; None is the marker that a series has ended.
Samples = list[tuple[int, Optional[float]]]


def samples(series: str, written: str) -> tuple[str, dict[str, str], Samples]:
    """Return them.

    >>> samples('up{job="a"}', "_x2 5x1 stale 7")
    ('up', {'job': 'a'}, [(2, 5.0), (3, 5.0), (4, None), (5, 7.0)])
    """
    name, _, inside = series.partition("{")
    labels = dict(re.findall(r'(\w+)="([^"]*)"', inside))
    found: Samples = []
    minute = 0
    for part in written.split():
        value, _, more = part.partition("x")
        # `_x3` are three minutes without a sample, `5x3` are four with one.
        length = int(more or 1) if value == "_" else int(more or 0) + 1
        if value != "_":
            number = None if value == "stale" else float(value)
            found += [(minute + one, number) for one in range(length)]
        minute += length
    return name, labels, found
