"""In: nothing. Out: what popcon's counters take on the wire, in memory and on disks, and from that what three sites need.

`--table` prints the sites alone, as docs/scale.md has them. Measured are kernels in the environment
of the benchmarks, both exporters with 300 and 30,000 series, a Prometheus that scrapes them, blocks
on disk, and the samples that the costliest rule reads; the rest is multiplication. How many
datagrams an exporter takes is `benchmarks.ingest`'s to measure, and stands here as it was measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.environment import ready
from benchmarks.kernels_sent import HEADERS, NOTEBOOKS, TYPICAL, Sent, sent
from benchmarks.measure import Receiver, table
from benchmarks.recordings import ALLOWED, ask, fill
from benchmarks.resident import Memory, measured
from benchmarks.stored import KINDS, Stored, stored
from popcon.catalog import LIBRARY_USED
from popcon.promql.recordings import recorded, recordings
from tests.dashboards.stores import prometheus

#: `python -m benchmarks.ingest`, "as from a hub": datagrams a second that one core takes.
INGESTED = {"statsd_exporter": 310_818 / 18.0, "popcon": 2_307_467 / 18.0}
#: Of a day's kernels, those that start in its busiest hour.
BUSIEST = 0.2
#: Of a library in a hub: it was used, and how large it is.
EACH = 2
DAYS = 400
#: A recording's samples on a day: today's each five minutes, days and weeks each hour.
_TODAY, _HOURLY = 288, 48
#: Prometheus' blocks grow up to this many days.
_BLOCK = 31
#: What Prometheus keeps of a sample while it works out a query: a time and a value.
_HELD = 16


class Site(NamedTuple):
    """Who is counted, and by how many exporters behind one address."""

    name: str
    kernels: int
    hubs: int
    libraries: int
    replicas: int = 1

    @property
    def used(self) -> int:
        """How many series the counter of libraries has."""
        return self.hubs * self.libraries * self.replicas


SITES = (
    Site("a campus", 6_000, 5, 500),
    Site("a national service", 150_000, 50, 500),
    Site("the same, 3 replicas", 150_000, 50, 500, 3),
    Site("a million kernels a day", 1_000_000, 200, 500),
)


class Sizes(NamedTuple):
    """What was measured."""

    kernels: Mapping[str, Sent]
    memory: Mapping[str, Memory]
    stores: Mapping[str, tuple[Stored, Stored]]
    #: Samples that the rule of today holds for each series.
    peak: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", action="store_true", help="only what sites need")
    alone = parser.parse_args(arguments).table
    environment = ready()
    with Receiver() as receiver:
        kernels = {name: sent(environment, receiver, cells) for name, cells in NOTEBOOKS.items()}
    sizes = Sizes(kernels, measured(), {kind.name: stored(kind) for kind in KINDS}, _peak())
    if not alone:
        _print_measured(sizes)
    print(_sites(sizes))
    return 0


def _peak() -> float:
    """Return how many samples the costliest rule holds for each series."""
    rules = {rule.record: rule.expr for _, group in recordings().values() for rule in group}
    few = 300
    with tempfile.TemporaryDirectory() as folder, prometheus(Path(folder)) as url:
        fill(url, few)
        return ask(url, rules[recorded(LIBRARY_USED, "increase_today")], few)[1] / few


def _print_measured(sizes: Sizes) -> None:
    heads: tuple[str, ...] = ("a kernel that imports", *Sent._fields, "with headers")
    rows: list[tuple[str, ...]] = [
        (name, *map(str, one), str(one.bytes + HEADERS * one.datagrams))
        for name, one in sizes.kernels.items()
    ]
    print(table(heads, rows), end="\n\n")
    heads = ("resident memory", "MiB with few series", "bytes a series")
    rows = [
        (name, f"{one.base / 2**20:.0f}", f"{one.series:,.0f}")
        for name, one in sizes.memory.items()
    ]
    print(table(heads, rows), end="\n\n")
    heads = ("bytes on disk", "Prometheus: a sample", "a series in a block")
    heads = (*heads, "VictoriaMetrics: a sample", "a series")
    rows = [
        (
            name,
            f"{ours.sample:.2f}",
            f"{ours.labels:.0f}",
            f"{other.sample:.2f}",
            f"{other.labels:.0f}",
        )
        for name, (ours, other) in sizes.stores.items()
    ]
    print(table(heads, rows), end="\n\n")
    print(f"the rule of today holds {sizes.peak:,.0f} samples of each series", end="\n\n")


def _sites(sizes: Sizes) -> str:
    typical = sizes.kernels[TYPICAL]
    rows: dict[str, list[str]] = {}
    for site in SITES:
        series = EACH * site.used
        peak = site.kernels * BUSIEST / 3600 * typical.datagrams
        disk, other = _disks(sizes, site)
        column = {
            "kernels a day": f"{site.kernels:,}",
            "hubs x libraries x replicas": f"{site.hubs} x {site.libraries} x {site.replicas}",
            "series": f"{series:,}",
            "datagrams a second in the busiest hour": f"{peak:,.1f}",
            "  of what one statsd_exporter takes": f"{peak / INGESTED['statsd_exporter']:.2%}",
            "kB a second there, with headers": f"{_bandwidth(typical, site):,.1f}",
        }
        for name, flavour in sizes.memory.items():
            # Of replicas each has all series, and Prometheus all of all.
            own = series if name == "Prometheus" else series / site.replicas
            column[f"MiB of memory: {name}"] = (
                f"{(flavour.base + own * flavour.series) / 2**20:,.0f}"
            )
        held = site.used * sizes.peak
        column |= {
            "million samples for the rule of today": f"{held / 1e6:,.1f}",
            "  MiB of memory, meanwhile": f"{held * _HELD / 2**20:,.0f}",
            "  of `--query.max-samples`' default": f"{held / ALLOWED:.0%}",
            f"GB for {DAYS} days: Prometheus": f"{disk[0] / 1e9:,.1f}",
            "  recordings alone": f"{disk[1] / 1e9:,.2f}",
            f"GB for {DAYS} days: VictoriaMetrics": f"{other[0] / 1e9:,.1f}",
            "  recordings alone ": f"{other[1] / 1e9:,.2f}",
        }
        for name, cell in column.items():
            rows.setdefault(name, []).append(cell)
    return table(
        ("needs", *(site.name for site in SITES)), [(name, *cells) for name, cells in rows.items()]
    )


def _bandwidth(typical: Sent, site: Site) -> float:
    each = typical.bytes + HEADERS * typical.datagrams
    return site.kernels * BUSIEST / 3600 * each / 1e3


def _disks(sizes: Sizes, site: Site) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the bytes of all, and of recordings alone, in Prometheus and in VictoriaMetrics."""
    raw, today = sizes.stores[KINDS[1].name], sizes.stores[KINDS[-1].name]
    series, blocks = EACH * site.used, DAYS / _BLOCK
    recorded_series = 3 * site.hubs * site.libraries
    samples = series * DAYS * 86_400 / KINDS[1].interval
    recorded_samples = site.hubs * site.libraries * DAYS * (_TODAY + _HOURLY)
    # Blocks have each series' labels once more; VictoriaMetrics has them once.
    ours = recorded_samples * today[0].sample + recorded_series * blocks * today[0].labels
    other = recorded_samples * today[1].sample + recorded_series * today[1].labels
    return (
        (samples * raw[0].sample + series * blocks * raw[0].labels + ours, ours),
        (samples * raw[1].sample + series * raw[1].labels + other, other),
    )


if __name__ == "__main__":
    sys.exit(main())
