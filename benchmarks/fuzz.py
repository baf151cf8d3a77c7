"""In: a number of datagrams. Out: so many hostile ones went to a running exporter, and how it bore them.

They are sent as fast as it reads: nothing is lost on the way. Meanwhile connections that send endless
and broken lines lay siege to its TCP port, and /metrics is asked for all the time.
"""

from __future__ import annotations

import argparse
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.exporters import (
    Running,
    exporter,
    free_port,
    granted_at_most,
    socket_of,
    total,
    waiting,
)
from benchmarks.hostile import GOOD, datagrams, mapping_text
from benchmarks.siege import Siege
from popcon.catalog import CANARY

#: Datagrams between two looks at how much waits in the receiver's buffer.
BURST = 200
#: Bytes from which on it is looked after each datagram.
LARGE = 10_000
#: Good lines that one TCP connection brings in the end, among the bad ones.
GOOD_BY_TCP = 1000
_TROUBLE = re.compile(r"^(\w*(?:error|conflict|overflow|refused|drops|too_)\w*_total(?:\{.*\})?) (.*)$",
                      re.MULTILINE)  # fmt: skip


class Borne(NamedTuple):
    """How it went: MiB, seconds, and what was asked of /metrics while it went on."""

    rss_before: float
    rss_after: float
    seconds: float
    dropped: int
    scrapes: int
    failures: list[str]
    slowest: float
    good_sent: int
    good_counted: int
    page: str


def fuzz(count: int, seed: int, flags: Sequence[str] = (), *, say: bool = False) -> Borne:
    """Send so many datagrams to an exporter that is started for it."""
    with tempfile.TemporaryDirectory() as folder:
        mapping = Path(folder) / "hostile.yaml"
        mapping.write_text(mapping_text())
        tags = [
            f"--statsd.parse-{style}-tags"
            for style in ("dogstatsd", "influxdb", "librato", "signalfx")
        ]
        buffer = f"--statsd.read-buffer={granted_at_most()}"
        tcp = free_port(socket.SOCK_STREAM)
        listen = [f"--statsd.listen-tcp=127.0.0.1:{tcp}"]
        with exporter("popcon", *tags, buffer, *listen, *flags, mapping=mapping) as running:
            siege = Siege(tcp, seed)
            try:
                return _bear(running, tcp, count, seed, say=say)
            finally:
                siege.lift()


def _bear(running: Running, tcp: int, count: int, seed: int, *, say: bool) -> Borne:
    before, start = running.rss(), time.monotonic()
    stopping = threading.Event()
    asked: list[float] = []
    failures: list[str] = []
    scraping = threading.Thread(target=_scrape, args=(running, stopping, asked, failures))
    scraping.start()
    try:
        good = _send(running, count, seed, say=say) + GOOD_BY_TCP
        with socket.create_connection(("127.0.0.1", tcp)) as stream:
            stream.sendall((GOOD + b"\n") * GOOD_BY_TCP)
        counted = _counted(running, good)
    finally:
        stopping.set()
        scraping.join()
    return Borne(
        before,
        running.rss(),
        time.monotonic() - start,
        running.receive_buffer()[1],
        len(asked),
        failures,
        max(asked, default=0.0),
        good,
        counted,
        running.page(),
    )


def _send(running: Running, count: int, seed: int, *, say: bool) -> int:
    """Send the datagrams, as fast as they are read; return how many of them were good."""
    good = 0
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket_of(running.pid, running.udp) as receiver,
    ):
        sender.connect(("127.0.0.1", running.udp))
        room = receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 3
        for number, datagram in enumerate(islice(datagrams(seed), count), 1):
            sender.send(datagram)
            good += datagram is GOOD
            if number % BURST == 0 or len(datagram) > LARGE:
                while waiting(receiver) > room and running.process.poll() is None:
                    time.sleep(0.001)
            if say and number % max(count // 10, 1) == 0:
                print(f"{number:,} sent, RSS {running.rss():.1f} MiB", flush=True)
    return good


def _counted(running: Running, good: int) -> int:
    """Return how many good lines were counted, once it is all of them, or a minute later."""
    for _ in range(300):
        counted = round(running.total(CANARY.name, 'id="job"'))
        if counted >= good:
            break
        time.sleep(0.2)
    return counted


def _scrape(
    running: Running, stopping: threading.Event, asked: list[float], failures: list[str]
) -> None:
    while not stopping.wait(1.0):
        start = time.monotonic()
        try:
            running.page()
        except (OSError, ValueError) as error:
            failures.append(repr(error))
        asked.append(time.monotonic() - start)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how it went; 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000_000, help="datagrams (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--privacy", choices=["off", "standard", "strict"], default="standard")
    asked = parser.parse_args(arguments)
    borne = fuzz(asked.count, asked.seed, (f"--privacy={asked.privacy}",), say=True)
    families = list(text_string_to_metric_families(borne.page))
    print(
        f"{asked.count:,} hostile datagrams in {borne.seconds:.0f} s, {borne.dropped} lost on the way"
    )
    print(f"RSS before {borne.rss_before:.1f} MiB, after {borne.rss_after:.1f} MiB")
    print(f"/metrics answered {borne.scrapes - len(borne.failures)} of {borne.scrapes} times,"
          f" the slowest in {borne.slowest:.2f} s; {len(families)} families at the end")  # fmt: skip
    print(f"good lines in between: {borne.good_counted} of {borne.good_sent} counted")
    print("refused:")
    for name, count in sorted(_TROUBLE.findall(borne.page)):
        if float(count) and "events_conflict" not in name:
            print(f"  {float(count):14,.0f}  {name}")
    conflicts = total(borne.page, "statsd_exporter_events_conflict_total")
    print(f"  {conflicts:14,.0f}  statsd_exporter_events_conflict_total, all of them")
    for failure in borne.failures[:3]:
        print(f"failed: {failure}")
    return int(bool(borne.failures) or borne.good_counted != borne.good_sent)


if __name__ == "__main__":
    sys.exit(main())
