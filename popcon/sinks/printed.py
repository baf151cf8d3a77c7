"""In: a Report. Out: lines on standard output or standard error, for a person to read.

popcon: library_used.numpy
popcon: reports
"""

import sys

from popcon.errors import UsageError
from popcon.guard import contained
from popcon.sinks import Sink
from popcon.sinks.statsd import stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from popcon.report import Report

_STREAMS = {"": "stdout", "stdout": "stdout", "stderr": "stderr"}


def parse(url: str) -> str:
    """Return the name of the stream that `print:`, `print:stdout` or `print:stderr` means."""
    name = url.partition(":")[2]
    if name not in _STREAMS:
        raise UsageError(f"neither print: nor print:stderr: {url!r}")
    return _STREAMS[name]


class PrintSink(Sink):
    """Prints the names that are counted, without prefix and site labels."""

    __slots__ = ("_name", "_prefix")

    def __init__(self, url: str, prefix: str) -> None:
        self._name = parse(url)
        self._prefix = prefix

    def send(self, report: "Report", *, final: bool) -> None:
        """Print a line for each fact, where `print` would print now."""
        start = len(self._prefix) + 1
        write(
            "".join(f"popcon: {stat[start:]}\n" for stat in stats(report, self._prefix)),
            getattr(sys, self._name),
            getattr(sys, f"__{self._name}__"),
        )


def write(text: str, stream: "Any", original: "Any") -> None:
    """Write text to a stream; what can't be written is lost, and does not stay in its buffer.

    Python tries to write out the buffers of its own streams when it ends, and where that fails the
    exit status becomes 120. A stream that somebody put in place of the original is written to.
    """
    if stream is None:
        return
    with contained():  # first what was printed before
        stream.flush()
    if stream is original:
        import os

        os.write(stream.fileno(), text.encode(stream.encoding, "backslashreplace"))
    else:
        stream.write(text)
        stream.flush()
