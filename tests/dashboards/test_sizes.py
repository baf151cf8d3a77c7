"""What docs/scale.md is multiplied from can be measured: a short run of the benchmark, in both engines."""

from __future__ import annotations

from benchmarks.stored import Kind, stored


def test_bytes_on_disk() -> None:
    """A sample that hardly ever rises takes some bytes at most, a series' labels some hundred."""
    for engine in stored(Kind("a day, each ten minutes", 1, 600)):
        assert 0 < engine.sample < 8
        assert 0 < engine.labels < 1000
