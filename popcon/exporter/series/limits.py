"""In: a series that is to be. Out: what it would cost, and how much there may be of everything."""

from __future__ import annotations

from dataclasses import dataclass

from popcon.exporter.series.series import KEPT_OBSERVATIONS, Shape

#: What a measurement is refused for where it would exceed a bound.
TOO_LONG = "labels_too_long"
TOO_MANY = "too_many_series"
TOO_MANY_OF_ONE = "too_many_series_of_one_name"
TOO_MANY_LABELS = "too_many_labels"
TOO_MUCH_MEMORY = "too_much_memory"
BOUNDS = (TOO_MANY, TOO_MANY_OF_ONE, TOO_MANY_LABELS, TOO_LONG, TOO_MUCH_MEMORY)

#: Bytes that a series takes besides its text, about (measured with 100,000 counters); and a name with
#: its label names, which stay, besides what its text takes so many times (200,000 names).
_SERIES_BYTES = 450
SHAPE_BYTES, SHAPE_TEXTS = 1000, 2


@dataclass(frozen=True)
class Limits:
    """What a registry holds at most.

    `series` are held at once, and as many (name, label names) pairs are remembered; `text` are the
    characters of a series' name, label names and label values together; `memory` are bytes, about,
    which matters where histograms have many buckets and summaries many observations.
    """

    series: int = 200_000
    series_of_one_name: int = 100_000
    labels: int = 32
    text: int = 2048
    memory: int = 512 * 1024 * 1024


def cost_of(shape: Shape, text: int) -> int:
    """Bytes that one series takes, about, when it is full and was on a page."""
    if shape.type == "histogram":
        return _SERIES_BYTES + (len(shape.bounds) + 3) * (text + 40)
    if shape.type == "summary":
        return _SERIES_BYTES + (len(shape.bounds) + 2) * (text + 40) + 24 * KEPT_OBSERVATIONS
    return _SERIES_BYTES + 2 * text
