"""In: nothing. Out: a made-up university: its hubs, what is installed there, how many use it on which day.

The same on each machine: every number comes from a seed and `random()`, whose sequence Python keeps.
Days are numbers. Ten weeks from day 0 on are told closely, with all that can happen to exporters; what
was before, to make a year of it, has negative numbers, and less of everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

#: The history ends after this many whole days from day 0 on, and a part of the next; and its first day.
DAYS = 70
EARLIEST = -300
#: A summer and a week without lectures.
HOLIDAYS = (*range(-170, -110), *range(22, 29))
#: Since when versions, direct imports and checks are counted anywhere.
_NAMED_SINCE = -28
#: A share of the processes on each day of the week; day 0 is a Wednesday.
_WEEK = (1.0, 0.95, 0.8, 0.15, 0.2, 0.9, 1.0)

MIB = 1 << 20


class Library(NamedTuple):
    """One installed library: the share of processes that use it, its size, and what it is part of.

    `until` and `since` are days on which that share ends and begins, `later` is the share that it
    goes to from day 0 to the last. `direct` is the share of its uses that are the user's own.
    """

    name: str
    share: float
    mib: float
    part: str = "library"
    later: float | None = None
    since: int = EARLIEST
    until: int = DAYS + 1
    direct: float = 0.6
    versions: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Return its bytes on disk."""
        return int(self.mib * MIB)


class Hub(NamedTuple):
    """One hub: its processes on a weekday, how many of the libraries it has, its first and last day."""

    name: str
    size: int
    libraries: int
    since: int = EARLIEST
    until: int = DAYS + 1
    #: How often a day its exporter shows what was added; 0 is once, after midnight.
    batches: int = 10
    named: bool = False
    """Whether versions and direct imports are counted, too."""


def _many(text: str, share: float, part: str = "library") -> tuple[Library, ...]:
    pairs = (entry.split(":") for entry in text.split())
    return tuple(Library(name, share, float(mib), part) for name, mib in pairs)


LIBRARIES = (
    Library("numpy", 0.83, 68, direct=0.8, versions=("2.2.6", "2.3.5")),
    Library("pandas", 0.66, 62, direct=0.95, versions=("2.2.3", "2.3.3")),
    Library("matplotlib", 0.58, 24, direct=0.97, versions=("3.9.4", "3.10.8")),
    Library("scipy", 0.41, 108, direct=0.5, versions=("1.15.3",)),
    Library("pillow", 0.6, 19, direct=0.03),
    Library("kiwisolver", 0.58, 3.4, direct=0.0),
    Library("contourpy", 0.58, 1.2, direct=0.0),
    Library("python-dateutil", 0.67, 0.9, direct=0.02),
    Library("pytz", 0.66, 2.6, direct=0.03),
    Library("seaborn", 0.23, 1.3, direct=1.0, versions=("0.13.2",)),
    Library("scikit-learn", 0.19, 46, direct=0.99, versions=("1.5.2", "1.7.2")),
    Library("joblib", 0.2, 1.7, direct=0.05),
    Library("polars", 0.01, 122, later=0.17, direct=0.98, versions=("1.20.0", "1.35.2")),
    Library("requests", 0.17, 0.6, direct=0.4),
    Library("pyyaml", 0.14, 2.5, direct=0.3),
    Library("sympy", 0.11, 32, direct=0.9),
    Library("tqdm", 0.1, 0.5, direct=0.7),
    Library("ipywidgets", 0.09, 1.6, direct=0.8),
    Library("statsmodels", 0.08, 47, direct=0.9),
    Library("networkx", 0.07, 12, direct=0.8),
    Library("torch", 0.06, 1740, later=0.09, direct=0.98, versions=("2.6.0", "2.9.1+cpu")),
    Library("plotly", 0.06, 41, direct=0.9),
    Library("theano", 0.05, 18, until=36, direct=1.0),
    Library("openpyxl", 0.04, 3.2, direct=0.1),
    Library("xarray", 0.03, 11, direct=0.9),
    Library("numba", 0.03, 25, direct=0.6),
    Library("folium", 0.03, 0.9, later=0.005, direct=0.95),
    Library("duckdb", 0.05, 71, since=51, direct=0.99),
    Library("marimo", 0.02, 38, since=58, direct=1.0),
    Library("beautifulsoup4", 0.02, 1.1, direct=0.9),
    Library("altair", 0.012, 3.8, direct=0.95),
    Library("nltk", 0.004, 9.6, direct=0.95),
    Library("spacy", 0.02, 91, until=-150, direct=0.95),
    Library("pyarrow", 0.0006, 129, direct=0.3),
    Library("geopandas", 0.0004, 2.1, direct=0.9),
    *_many("xgboost:310 shapely:9 lightgbm:14", 0.0002),
    *_many(
        "tensorflow:1290 pymc:6 gensim:28 cartopy:21 netcdf4:20 h5py:15 lxml:18 "
        "dask:9 mlflow:74 rasterio:58 prophet:22",
        0.0,
    ),
    *_many("ipykernel:0.9 jupyter-client:0.8 comm:0.1 debugpy:21", 0.0, "kernel"),
    *_many("jupyterlab:59 notebook:34 jupyter-server:2.9 jupyterhub:19 nbgitpuller:1", 0.0, "server"),
    *_many("pip:9 setuptools:6 ruff:28 black:2.5", 0.0, "tool"),
    *_many("popcon:0.7 statsd:0.1", 0.0, "popcon"),
)  # fmt: skip
BY_NAME = {library.name: library for library in LIBRARIES}
#: Used by one process in the whole history: hub, day.
ONCE = {"cartopy": ("biology", 60), "netcdf4": ("datahub", -230)}
#: How many processes use what is no library of the image.
OTHER_SHARE = 0.27
#: Shares of those processes in which a check of a watch list holds.
CHECKS = {"gpu": 0.04, "old-pandas-api": 0.11}

HUBS = (
    Hub("datahub", 2400, len(LIBRARIES), named=True),
    Hub("biology", 760, len(LIBRARIES), since=-180),
    Hub("statistics", 190, 44, since=-90, batches=0),
    Hub("physics", 60, 38, since=-120, until=41, batches=5),
    Hub("economics", 130, 40, since=52, batches=6, named=True),
)


def installed(hub: Hub) -> tuple[Library, ...]:
    """Return what a hub's image has: smaller ones lack some of what few use."""
    kept = {*(one.name for one in LIBRARIES if one.part != "library"), "theano", "polars", "numpy"}
    drawn = sorted(LIBRARIES, key=lambda one: (one.name not in kept, _of(hub.name, one.name)))
    chosen = {one.name for one in drawn[: hub.libraries]}
    return tuple(one for one in LIBRARIES if one.name in chosen)


def processes(hub: Hub, day: int) -> int:
    """Return how many processes reported on a day."""
    if not hub.since <= day <= hub.until:
        return 0
    season = 0.1 if day in HOLIDAYS else 1.0
    return int(
        hub.size * _WEEK[day % 7] * season * (0.85 + 0.3 * _of(hub.name, day)) + _of(day, hub.name)
    )


def used(hub: Hub, day: int, count: int | None = None) -> Iterator[tuple[Library, int]]:
    """Yield the libraries that a hub has and in how many of a day's processes each was used, zeros too."""
    count = processes(hub, day) if count is None else count
    for library in installed(hub):
        number = min(
            count, int(count * _share(library, hub, day) + _of(hub.name, library.name, day))
        )
        once = ONCE.get(library.name)
        yield library, int(once == (hub.name, day)) if once or not library.share else number


def batches(hub: Hub, day: int) -> int:
    """Return in how many steps a hub's exporter shows a day's uses; 0 is once, after midnight."""
    return hub.batches if day >= 0 else min(hub.batches, 3)


def named(hub: Hub, day: int) -> bool:
    """Say whether versions, direct imports and checks are counted."""
    return hub.named and day >= _NAMED_SINCE


def by_version(library: Library, hub: Hub, day: int, count: int) -> dict[str, int]:
    """Return a library's uses by version: a newer one takes over when the image is built anew."""
    if len(library.versions) < 2:
        return {version: count for version in library.versions if count}
    changed = 30 + int(20 * _of("changed", library.name, hub.name))
    newer = count if day > changed else count // 3 if day == changed else 0
    pairs = zip(library.versions, (count - newer, newer))
    return {version: number for version, number in pairs if number}


def _share(library: Library, hub: Hub, day: int) -> float:
    if not library.since <= day < library.until:
        return 0.0
    later = library.share if library.later is None else library.later
    share = library.share + (later - library.share) * max(day, 0) / DAYS
    # Each hub has its own taste, and each day its own luck.
    taste = 1.0 if share > 0.5 else 0.5 + _of("taste", hub.name, library.name)
    return share * taste * (0.9 + 0.2 * _of("luck", library.name, hub.name, day))


def _of(*seed: str | int) -> float:
    """Return a number from 0 to 1 that depends on nothing but the seed."""
    return Random("/".join(str(part) for part in seed)).random()
