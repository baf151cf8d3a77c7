"""In: a seed. Out: datagrams that nobody should send, and rules that let them come as far as they can."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from benchmarks.exporters import MAPPING
from popcon.catalog import CANARY, LIBRARY_USED, LIBRARY_VERSION, PREFIX, REPORTS

#: What is sent in between, one in so many datagrams, and has to be counted all the same.
GOOD = CANARY.line(PREFIX, "job").encode()
ONE_GOOD_IN = 100

#: Name, tag and sample, in all styles and against all of them.
_TAGGED = ("{0}:{2}", "{0}#{1},{1}:{2}", "{0},{1}:{2}", "{0}[{1}]:{2}", "{0}]{1}[:{2}", "{0}:{2}|#{1}",
           "{0}[{1}:{2}", "{0}#{1}:{2}|#{1}", "{0}:{2}|#{1}|c:id", "{0}:{2}|c:id", "{0}:{2}:{2}:{2}")  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_NUMBERS = ("1", "NaN", "nan", "inf", "-inf", "+Inf", "1e308", "-1e308", "1e999", "5e-324", "0x1p1023",
            "-1", "-0", "1_0", "9" * 300, "", "+", "0")  # fmt: skip
_TYPES = ("c", "g", "ms", "h", "d", "s", "", "C", "c|@1e-300", "ms|@0.000001", "h|@1e-9", "c|@-1",
          "d|@nan", "c|@0.0000001", "ms|@inf")  # fmt: skip
#: Names that the exporter itself shows, and ones that would be a histogram's or a summary's.
_TAKEN = ("go_goroutines", "process_cpu_seconds_total", "statsd_exporter_lines_total", "python_info",
          "promhttp_metric_handler_requests_total", "popcon_exporter_series", "up",
          "python_popcon_library_used", "python_popcon_reports", "python_popcon_canary_total",
          "a_sum", "a_count", "a_bucket", "a", "", ".", "-", "__name__", "é")  # fmt: skip
_LABELS = (
    "user",
    "le",
    "quantile",
    "__name__",
    "__x",
    "",
    "namespace",
    "library",
    "job",
    "instance",
)


def mapping_text() -> str:
    """Return popcon's rules without the last one, which drops everything else, and a few in its place."""
    rules, _, _ = MAPPING.read_text().rpartition('- match: "."')
    return f"""{rules}
- match: "histogram.*"
  name: "hostile_${{1}}"
  observer_type: histogram
  labels: {{user: "$1"}}
- match: "^(.*)\\\\.deep\\\\.(.*)$"
  match_type: regex
  name: "deep_$2"
  labels: {{all: "$1"}}
"""


def datagrams(seed: int) -> Iterator[bytes]:
    """Datagrams without end, the same ones for the same seed."""
    source = random.Random(seed)  # noqa: S311
    number = 0
    while True:
        number += 1
        yield GOOD if number % ONE_GOOD_IN == 0 else source.choice(_KINDS)(source)[:65_507]


def _noise(source: random.Random) -> bytes:
    return source.randbytes(source.randrange(1, 200))


def _word(source: random.Random, longest: int = 8) -> str:
    return "".join(source.choices(_LETTERS, k=source.randrange(1, longest)))


def _name(source: random.Random) -> str:
    if source.random() < 0.8:
        return source.choice(_TAKEN)
    return source.choice(("histogram.{}", "{}.deep.x")).format(_word(source, 3))


def _line(source: random.Random) -> str:
    name, sample = _name(source), f"{source.choice(_NUMBERS)}|{source.choice(_TYPES)}"
    tag = f"{source.choice(_LABELS)}{source.choice(':=')}{_word(source)}"
    return source.choice(_TAGGED).format(name, tag, sample)


def _lines(source: random.Random) -> bytes:
    return "\n".join(_line(source) for _ in range(source.randrange(1, 5))).encode()


def _damaged(source: random.Random) -> bytes:
    content = bytearray(_lines(source))
    for _ in range(source.randrange(1, 4)):
        content[source.randrange(len(content))] = source.randrange(256)
    return bytes(content)


def _new_series(source: random.Random) -> bytes:
    return (
        f"new.{source.random()}:1|{source.choice(_TYPES)}|#{_word(source)}:{_word(source)}".encode()
    )


def _forged(source: random.Random) -> bytes:
    """Lines of popcon's own that no reporter sends."""
    name = _word(source, source.choice((4, 4, 4, 300)))
    prefix = source.choice((PREFIX, f"{PREFIX}.namespace.{name}", f"{PREFIX}.namespace."))
    line = source.choice((
        LIBRARY_USED.line(prefix, name),
        LIBRARY_USED.line(prefix, name) + "|#user:alice",
        LIBRARY_USED.line(prefix, "numpy,user=alice"),
        LIBRARY_VERSION.line(prefix, name, "1." * source.randrange(1, 100)),
        REPORTS.line(prefix),
        f"{prefix}.library_used.{name}:{source.choice(_NUMBERS)}|c",
        f"{prefix}.reports:{source.choice(_NUMBERS)}|{source.choice(_TYPES)}",
        f"{prefix}.event.{name}.{name}:1|c",
    ))  # fmt: skip
    return line.encode()


def _huge(source: random.Random) -> bytes:
    """Up to 64 KiB: a line, a name of many parts, many empty lines, many samples."""
    parts: tuple[Callable[[], bytes], ...] = (
        lambda: b"a" * 65_000 + b":1|c",
        lambda: b"a." * 30_000 + b"a:1|c",
        lambda: b"\n" * 65_000,
        lambda: b"many:" + b"1|c:" * 10_000,
        lambda: b"tags:1|c|#" + b"k:v," * 10_000,
        lambda: b":" * 65_000,
        lambda: b"|" * 65_000,
        lambda: b"a:1|c|" + b"\xff" * 60_000,
        lambda: b"value:1|c|#k:" + _word(source).encode() * 8_000,
        lambda: source.randbytes(65_000),
    )
    return source.choice(parts)()


#: By how often: what is huge costs the sender as well.
_KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    *[_noise] * 400, *[_lines] * 150, *[_damaged] * 100, *[_new_series] * 200, *[_forged] * 149, _huge
)  # fmt: skip
