"""In: series and samples. Out: them in a Prometheus or a VictoriaMetrics, by the remote-write protocol 1.0.

Written by hand, because samples of months are many and much alike: a scrape's time is spelled once
for all series, a value once for all scrapes at which it stood still. Sources: `prompb/remote.proto`
and `types.proto` of Prometheus, snappy's `format_description.txt` (literals alone are valid snappy).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Optional

import requests

Labels = Mapping[str, str]
#: A value for each time; None is the marker that a series has ended.
Values = Sequence[Optional[float]]
Runs = Iterable[tuple[Optional[float], int]]

#: What Prometheus writes where a series has ended (`value.StaleNaN`), little-endian.
_STALE = struct.pack("<Q", 0x7FF0000000000002)
#: A request's size before it is sent, in bytes.
_ENOUGH = 4_000_000
_TIMEOUT = 120.0


class Sender:
    """Sends what it is given, in requests of a few megabytes, to all servers at a time; `flush` and `close` send the rest."""

    def __init__(self, *urls: str) -> None:
        self._urls = urls
        self._waiting: list[bytes] = []
        self._size = 0
        # The next request is made meanwhile.
        self._threads = ThreadPoolExecutor(len(urls))
        self._sent: list[Future[None]] = []

    def add(self, series: bytes) -> None:
        """Send one series' samples, as `encoded` made them, soon."""
        if series:
            self._waiting.append(series)
            self._size += len(series)
            if self._size > _ENOUGH:
                self._send()

    def flush(self) -> None:
        """Send what is waiting, and return when all has arrived."""
        self._send()
        self._arrived()

    def close(self) -> None:
        """Flush; nothing can be added any more."""
        with self._threads:
            self.flush()

    def _send(self) -> None:
        body = _as_snappy(b"".join(self._waiting))
        self._waiting, self._size = [], 0
        self._arrived()
        self._sent = [self._threads.submit(_post, url, body) for url in self._urls]

    def _arrived(self) -> None:
        for sent in self._sent:
            sent.result()


def _post(url: str, body: bytes) -> None:
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(f"{url}/api/v1/write", data=body, headers=headers, timeout=_TIMEOUT)
    if answer.status_code not in (200, 204):
        raise OSError(f"{url} refused samples: {answer.status_code} {answer.text.strip()}")


def spelled_times(seconds: Iterable[float]) -> list[bytes]:
    """Return the ends of samples at these times."""
    return [b"\x10" + _varint(round(moment * 1000)) for moment in seconds]


def encoded(name: str, labels: Labels, times: Sequence[bytes], values: Values) -> bytes:
    """Return one series with its samples, times and values side by side, as a part of a request."""
    runs = ((value, sum(1 for _ in run)) for value, run in groupby(values))
    return encoded_runs(name, labels, times, runs)


def encoded_runs(name: str, labels: Labels, times: Sequence[bytes], runs: Runs) -> bytes:
    """Return one series with its samples, as `encoded` does; a value and how often it comes, one after the other."""
    samples: list[bytes] = []
    place = 0
    for value, count in runs:
        spelled = _STALE if value is None else struct.pack("<d", value)
        moments = times[place : place + count]
        # All times of this century are equally long, so a sample's beginning is the same, too.
        start = b"\x12" + bytes((9 + len(moments[0]),)) + b"\x09" + spelled
        samples.append(start + start.join(moments))
        place += count
    if not samples:
        return b""
    pairs = sorted({**labels, "__name__": name}.items())
    message = b"".join(_label(*pair) for pair in pairs if pair[1]) + b"".join(samples)
    return b"\x0a" + _varint(len(message)) + message


def _label(name: str, value: str) -> bytes:
    body = b"".join(
        tag + _varint(len(text)) + text
        for tag, text in ((b"\x0a", name.encode()), (b"\x12", value.encode()))
    )
    return b"\x0a" + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _as_snappy(data: bytes) -> bytes:
    return _varint(len(data)) + b"".join(_literals(data))


def _literals(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 65_536):
        piece = data[start : start + 65_536]
        yield b"\xf4" + struct.pack("<H", len(piece) - 1) + piece
