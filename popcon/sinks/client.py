"""In: a Report. Out: increments, through a statsd client that the caller handed in.

The client is the caller's own: what it takes of the user's time, and whether it blocks, is theirs to
choose. It is neither closed nor shared out anew after a fork.
"""

from popcon.sinks import Sink
from popcon.sinks.statsd import stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from popcon.report import Report


class ClientSink(Sink):
    """Sends through anything that speaks the pipeline of the `statsd` package."""

    __slots__ = ("_client", "_prefix")

    def __init__(self, client: "Any", prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def send(self, report: "Report", *, final: bool) -> None:
        """Count everything in one pipeline; the client puts its own prefix, if any, before ours."""
        with self._client.pipeline() as pipeline:
            for stat in stats(report, self._prefix):
                pipeline.incr(stat)
