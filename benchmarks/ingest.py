"""In: nothing. Out: what receiving costs our exporter and statsd_exporter, and the rate that each bears.

Both get the same mapping, receive buffer and core; the generator has another core. PYTHONPATH says
whose popcon runs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.exporters import Running, exporter, granted_at_most
from benchmarks.generator import Generator
from benchmarks.loads import LOADS, Load
from benchmarks.measure import table

#: Lines a second that both bear; what a hub of ten thousand kernels may send.
MODEST = 60_000.0
BORNE_LOSS = 0.001
#: A rate isn't borne either where more than this share of the time is needed to catch up when the
#: sending has ended: what waits in buffers is lost in a longer trial.
BORNE_WAIT = 0.1
#: statsd_exporter shows what it has so many seconds later, and we ask each 0.1 s.
SHOWN_LATER = 0.3
#: The search ends when the highest borne and the lowest refused rate are this close.
CLOSE = 1.06
#: The generator has come to its own limit when it is slower than asked by this factor.
SLOWER = 0.95


class Side(NamedTuple):
    """An exporter, and how it is run."""

    title: str
    name: str
    flags: tuple[str, ...] = ()


SIDES = (
    Side("statsd_exporter", "statsd_exporter"),
    Side("popcon, --privacy=off", "popcon", ("--privacy=off",)),
    Side("popcon, --privacy=standard", "popcon", ("--privacy=standard",)),
)


class Trial(NamedTuple):
    """What one stretch of sending came to."""

    rate: float
    seconds: float
    lines: int
    loss: float
    cpu: float
    wait: float
    dropped: int

    @property
    def borne(self) -> bool:
        """Whether an exporter could go on like this."""
        return self.loss < BORNE_LOSS and self.wait < SHOWN_LATER + BORNE_WAIT * self.seconds

    @property
    def per_million(self) -> float:
        """Seconds of CPU for a million lines that were counted."""
        return self.cpu / max(self.lines * (1 - self.loss), 1) * 1e6


class Measured(NamedTuple):
    """A side under a load."""

    modest: Trial
    limit: Trial
    generator_limit: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    asked = _parser().parse_args(arguments)
    cpus = sorted(os.sched_getaffinity(0))
    receiver, sender = ({cpus[0]}, {cpus[-1]}) if len(cpus) > 1 else (set(cpus), set(cpus))
    buffer = granted_at_most()
    sides = [side for side in SIDES if asked.side in side.title]
    rows: list[list[str]] = []
    print(f"receiving: {len(cpus)} cores, the exporter on {receiver}, the sender on {sender}")
    with tempfile.TemporaryDirectory() as folder:
        generator = Generator(Path(folder), sender)
        for load in (make() for make in LOADS):
            if asked.load not in load.name:
                continue
            measured: dict[str, Measured] = {}
            for side in sides:
                flags = (*side.flags, f"--statsd.read-buffer={buffer}")
                with exporter(side.name, *flags, cpus=receiver) as running:
                    if not rows:
                        granted, _ = running.receive_buffer()
                        print(f"{side.title}: asked for {buffer:,} bytes of receive buffer,"
                              f" the kernel granted {granted:,}", flush=True)  # fmt: skip
                    measured[side.title] = _measure(running, generator, load, asked.seconds)
                    _check(running, side)
            rows += [_row(load, title, one, measured) for title, one in measured.items()]
    heads = ("datagrams", "exporter", "CPU s/M lines at 60k/s", "ratio", "highest lines/s", "ratio",
             "CPU s/M there", "ratio", "loss", "wait s")  # fmt: skip
    print(table(heads, rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load", default="", metavar="TEXT", help="loads with this in their name")
    parser.add_argument("--side", default="", metavar="TEXT", help="exporters with this in theirs")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each trial (%(default)s)")
    return parser


def _measure(running: Running, generator: Generator, load: Load, seconds: float) -> Measured:
    """Find the highest rate that is borne, by halving the distance between one that is and one that isn't."""
    _try(running, generator, load, MODEST, 1.0)  # so that series and caches exist
    modest = _try(running, generator, load, MODEST, seconds)
    borne = refused = None
    rate = min(0.8e6 / modest.per_million, 20e6)
    while True:
        trial = _try(running, generator, load, rate, seconds)
        if trial.borne and trial.rate < rate * SLOWER:
            return Measured(modest, trial, generator_limit=True)
        if trial.borne:
            borne = trial
        else:
            refused = rate
        if borne is None:
            rate /= 1.5
        elif refused is None:
            rate *= 1.5
        elif refused / borne.rate < CLOSE:
            return Measured(modest, borne, generator_limit=False)
        else:
            rate = (borne.rate * refused) ** 0.5


def _try(running: Running, generator: Generator, load: Load, rate: float, seconds: float) -> Trial:
    before, cpu, (_, dropped) = running.counted(), running.cpu(), running.receive_buffer()
    sent = generator.send(load, running.udp, rate, seconds)
    came, wait = running.settle(sent.lines, before)
    return Trial(
        rate=sent.lines / sent.seconds,
        seconds=sent.seconds,
        lines=sent.lines,
        loss=1 - came / sent.lines,
        cpu=running.cpu() - cpu,
        wait=wait,
        dropped=running.receive_buffer()[1] - dropped,
    )


def _check(running: Running, side: Side) -> None:
    """What was counted is also shown: a receiver that only says so would be quick."""
    if "standard" in side.title:
        return  # held back
    page_total = running.total("python_popcon_library_used") + running.total(
        "python_popcon_reports"
    )
    if round(page_total) != running.counted():
        raise SystemExit(f"{side.title}: {page_total} shown of {running.counted()} counted")


def _row(load: Load, title: str, one: Measured, all: dict[str, Measured]) -> list[str]:
    peer = all.get("statsd_exporter", one)
    at_least = ">= " * one.generator_limit
    return [
        f"{load.name}, {load.lines_each():.1f} lines",
        title,
        f"{one.modest.per_million:.3f}",
        f"1/{peer.modest.per_million / max(one.modest.per_million, 1e-9):.1f}",
        f"{at_least}{one.limit.rate:,.0f}",
        f"{at_least}{one.limit.rate / peer.limit.rate:.1f}x",
        f"{one.limit.per_million:.3f}",
        f"1/{peer.limit.per_million / max(one.limit.per_million, 1e-9):.1f}",
        f"{one.limit.loss:.2%}",
        f"{one.limit.wait:.1f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
