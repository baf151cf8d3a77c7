"""In: nothing. Out: what a scrape takes, and memory, by number of series: ours and statsd_exporter's.

Some series change before each scrape, as between two scrapes of a hub. Each side is asked for plain
text and for gzip, over one connection, half a second after they changed; in the end for plain text
in a row, when nothing changes and nothing has left the processor's caches. What the two show of
popcon's families has to be the same.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import re
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.exporters import Running, exporter, granted_at_most
from benchmarks.generator import Generator
from benchmarks.loads import LIBRARIES, Load, libraries
from benchmarks.measure import table
from popcon.catalog import LIBRARY_USED, PREFIX
from popcon.sinks.statsd import pack

SIZES = (300, 10_000, 100_000)
CHANGED = 300
SCRAPES = 15
#: Lines a second at which series are made: slow enough for both to lose none.
LOADING = 20_000.0
#: Seconds until what was sent is shown; statsd_exporter's flush interval is 0.2 s.
SHOWN_LATER = 0.5

_OWN = re.compile(rf"(?:# (?:HELP|TYPE) )?{PREFIX}_")


class Measured(NamedTuple):
    """Medians of milliseconds, bytes, MiB at the end, and what was shown of popcon's families."""

    plain: float
    zipped: float
    in_a_row: float
    cpu: float
    size: int
    rss: float
    shown: str


class Scraper:
    """One HTTP connection that is kept, without a client's own costs."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def scrape(self, encoding: str) -> tuple[float, bytes]:
        """Return the seconds from the request to the answer's last byte, and its content, unpacked."""
        start = time.perf_counter()
        request = f"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\n\r\n"
        self._socket.sendall(request.encode())
        parts: list[bytes] = []
        missing, chunked, tail = -1, False, b""
        while missing:
            part = self._socket.recv(1 << 20)
            if not part:
                raise SystemExit("the exporter closed the connection")
            parts.append(part)
            tail = (tail + part)[-5:]
            if missing < 0 and not chunked and b"\r\n\r\n" in (so_far := b"".join(parts)):
                head, _, rest = so_far.partition(b"\r\n\r\n")
                fields = head.lower()
                if not head.startswith(b"HTTP/1.1 200 "):
                    raise SystemExit(f"/metrics answered {head[:40]!r}")
                chunked = b"transfer-encoding: chunked" in fields
                if not chunked:
                    length = fields.partition(b"content-length:")[2].partition(b"\r\n")[0]
                    missing = int(length) - len(rest)
            elif missing > 0:
                missing -= len(part)
            if chunked and tail == b"0\r\n\r\n":
                missing = 0
        took = time.perf_counter() - start
        head, _, body = b"".join(parts).partition(b"\r\n\r\n")
        content = _joined(body) if chunked else body
        return took, gzip.decompress(content) if b"gzip" in head.lower() else content

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _joined(body: bytes) -> bytes:
    """Return a chunked body's content (RFC 9112, 7.1)."""
    parts: list[bytes] = []
    at = 0
    while True:
        line, _, _ = body[at : at + 20].partition(b"\r\n")
        size = int(line, 16)
        if not size:
            return b"".join(parts)
        at += len(line) + 2
        parts.append(body[at : at + size])
        at += size + 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, nargs="+", default=SIZES, metavar="N")
    asked = parser.parse_args(arguments)
    cpus = sorted(os.sched_getaffinity(0))
    receiver, sender = {cpus[0]}, {cpus[-1]}
    os.sched_setaffinity(0, sender)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        generator = Generator(Path(folder), sender)
        for size in asked.series:
            sides = {}
            for name in ("statsd_exporter", "popcon"):
                flags = ("--privacy=off",) * (name == "popcon")
                buffer = f"--statsd.read-buffer={granted_at_most()}"
                with exporter(name, *flags, buffer, cpus=receiver) as running:
                    sides[name] = _measure(running, generator, size)
            if sides["popcon"].shown != sides["statsd_exporter"].shown:
                raise SystemExit(f"{size} series: the two don't show the same")
            rows += [_row(size, name, one, sides["statsd_exporter"]) for name, one in sides.items()]
    print(f"scrapes: {CHANGED} series change before each; medians of {SCRAPES}")
    heads = ("series", "exporter", "plain ms", "faster", "gzip ms", "faster", "in a row ms", "faster", "CPU ms", "less",
             "bytes", "RSS MiB", "less")  # fmt: skip
    print(table(heads, rows))
    return 0


def _names(size: int) -> list[str]:
    """Return names for so many series: all libraries in one namespace, then in the next."""
    known = libraries()
    return [
        LIBRARY_USED.line(
            f"{PREFIX}.namespace.course-{index // LIBRARIES}", known[index % LIBRARIES]
        )
        for index in range(size)
    ]


def _measure(running: Running, generator: Generator, size: int) -> Measured:
    names = _names(size)
    before = running.counted()
    sent = _send(running, generator, f"{size} series", names)
    came, _ = running.settle(sent, before)
    if came != sent:
        raise SystemExit(f"{running.name}: {came} of {sent} lines came")
    source = random.Random(size)  # noqa: S311
    scraper = Scraper(running.web)
    times: dict[str, list[float]] = {"identity": [], "gzip": []}
    cpus: list[float] = []
    content = b""
    for number in range(SCRAPES + 1):
        for encoding, taken in times.items():
            changed = source.sample(names, min(CHANGED, size))
            _send(running, generator, f"{size} changed {number} {encoding}", changed)
            time.sleep(SHOWN_LATER)  # to look would be a scrape
            cpu = running.cpu()
            took, content = scraper.scrape(encoding)
            cpus.append(running.cpu() - cpu)
            taken.append(took * 1e3)
    in_a_row = [scraper.scrape("identity")[0] * 1e3 for _ in range(SCRAPES)]
    scraper.close()
    lines = content.decode().splitlines()
    return Measured(
        median(times["identity"][1:]),
        median(times["gzip"][1:]),
        median(in_a_row),
        sum(cpus) / len(cpus) * 1e3,
        len(content),
        running.rss(),
        "\n".join(line for line in lines if _OWN.match(line)),
    )


def _send(running: Running, generator: Generator, title: str, lines: list[str]) -> int:
    datagrams = pack(lines)
    load = Load(title, datagrams, list(range(len(datagrams))))
    return generator.send(load, running.udp, LOADING, len(lines) / LOADING).lines


def _row(size: int, name: str, one: Measured, peer: Measured) -> list[str]:
    return [
        f"{size:,}",
        name,
        f"{one.plain:.2f}",
        f"{peer.plain / one.plain:.1f}x",
        f"{one.zipped:.2f}",
        f"{peer.zipped / one.zipped:.1f}x",
        f"{one.in_a_row:.2f}",
        f"{peer.in_a_row / one.in_a_row:.1f}x",
        f"{one.cpu:.2f}",
        f"{peer.cpu / max(one.cpu, 1e-3):.1f}x",
        f"{one.size:,}",
        f"{one.rss:.1f}",
        f"{peer.rss / one.rss:.1f}x",
    ]


if __name__ == "__main__":
    sys.exit(main())
