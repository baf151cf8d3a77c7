"""In: the live series of one name. Out: their text, written anew only where something changed.

The text is kept in chunks of some neighbours. A series that changed, came or went costs its chunk,
and of a chunk of single numbers only that number is written anew. A series by itself keeps no text:
with 100,000 of them that would be as much memory again.
"""

from __future__ import annotations

from bisect import bisect_right

from popcon.exporter.series.exposition import format_value, head, series_text
from popcon.exporter.series.series import Live, Series

#: Series in a chunk, at most twice as many. Those of several lines are written anew together.
_SCALARS, _OTHERS = 16, 4


class Chunk:
    """Neighbours in the order of the page, and their lines."""

    __slots__ = ("series", "text")

    def __init__(self, series: list[Live]) -> None:
        self.series = series
        self.text = b""
        for live in series:
            live.chunk = self


class Drawn:
    """The text of a name's series. `stale` are those that changed, came or went since the last one."""

    __slots__ = ("_chunks", "_head", "_name", "_type", "stale")

    def __init__(self, name: str, type: str, help: str) -> None:
        self._name = name
        self._type = type
        self._chunks: list[Chunk] = []
        self.stale: list[Live] = []
        self.retitle(help)

    def retitle(self, help: str) -> None:
        """Take another help text."""
        self._head = head(self._name, self._type, help).encode()

    def tidy(self) -> None:
        """Forget series that came and went between two pages: nobody may ever ask for one."""
        self.stale[:] = [
            live for live in dict.fromkeys(self.stale) if live.chunk is not None or not live.gone
        ]

    def text(self, now: float) -> list[bytes]:
        """The family in pieces, to be joined; nothing where there is no series."""
        if self.stale:
            self._bring_up_to_date(now)
        if self._type == "summary":  # quantiles change as time goes by
            for chunk in self._chunks:
                self._write(chunk, now)
        return [self._head, *[chunk.text for chunk in self._chunks]] if self._chunks else []

    def _bring_up_to_date(self, now: float) -> None:
        changed: dict[Chunk, list[Live]] = {}
        born = []
        for live in dict.fromkeys(self.stale):
            if live.chunk is not None:
                changed.setdefault(live.chunk, []).append(live)
            elif not live.gone:
                born.append(live)
        self.stale.clear()
        if len(born) > len(self._chunks):  # many, or the first ones
            self._cut(born, now)
            return
        for live in born:
            changed.setdefault(self._chunk_for(live), []).append(live)
        for chunk, series in changed.items():
            self._update(chunk, series, now)
        if not all(chunk.series for chunk in changed):
            self._chunks = [chunk for chunk in self._chunks if chunk.series]
        for chunk in changed:
            if len(chunk.series) > 2 * self._size():
                self._split(chunk, now)

    def _cut(self, born: list[Live], now: float) -> None:
        """Cut all chunks anew, with these in them."""
        series = [live for chunk in self._chunks for live in chunk.series if not live.gone]
        series += born
        series.sort(key=by_labels)
        size = self._size()
        self._chunks = [Chunk(series[at : at + size]) for at in range(0, len(series), size)]
        for chunk in self._chunks:
            self._write(chunk, now)

    def _split(self, chunk: Chunk, now: float) -> None:
        half = len(chunk.series) // 2
        behind = Chunk(chunk.series[half:])
        del chunk.series[half:]
        self._chunks.insert(self._chunks.index(chunk) + 1, behind)
        self._write(chunk, now)
        self._write(behind, now)

    def _update(self, chunk: Chunk, changed: list[Live], now: float) -> None:
        """Write anew what changed; the chunk's other lines stay as they are."""
        series, lines = chunk.series, chunk.text.split(b"\n")
        for live in changed:
            if live.chunk is None:
                at = bisect_right([by_labels(one) for one in series], by_labels(live))
                series.insert(at, live)
                lines.insert(at, b"")
                live.chunk = chunk
            else:
                at = series.index(live)
            if live.gone:
                live.chunk = None
                del series[at], lines[at]
            elif self._is_scalar():
                lines[at] = self._line(live, lines[at], now)
                live.fresh = True
        if self._is_scalar():
            chunk.text = b"\n".join(lines)
        else:
            self._write(chunk, now)

    def _write(self, chunk: Chunk, now: float) -> None:
        """Write all of a chunk."""
        chunk.text = b"".join([self._series(live, now) for live in chunk.series])
        for live in chunk.series:
            live.fresh = True

    def _line(self, live: Live, old: bytes, now: float) -> bytes:
        """The line of a single number, without its newline; `old` is its last one, or nothing."""
        value = live.freeze(now)
        if not old or not isinstance(value, float):
            return self._series(live, now)[:-1]
        return old[: old.rindex(b" ") + 1] + format_value(value).encode()

    def _series(self, live: Live, now: float) -> bytes:
        return series_text(self._name, Series(live.labels(), live.freeze(now))).encode()

    def _chunk_for(self, live: Live) -> Chunk:
        """The last chunk that begins before a new series, or the first one."""
        rank, low, high = by_labels(live), 0, len(self._chunks)
        while low < high:
            middle = (low + high) // 2
            if by_labels(self._chunks[middle].series[0]) <= rank:
                low = middle + 1
            else:
                high = middle
        return self._chunks[max(low - 1, 0)]

    def _is_scalar(self) -> bool:
        return self._type in ("counter", "gauge")

    def _size(self) -> int:
        return _SCALARS if self._is_scalar() else _OTHERS


def by_labels(live: Live) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """The order of a name's series: by number of labels, then by their values, as in Go's client."""
    return len(live.values), live.values, live.shape.names
