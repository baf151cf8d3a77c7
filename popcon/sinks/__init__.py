"""In: a Report. Out: nothing. Promise: returns at once, whatever happens to the report.

A sink is a URL; its scheme says which module opens it, and that module is imported only then.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from popcon.report import Report

    class Sink(Protocol):
        """Where a Report goes."""

        def send(self, report: "Report", *, final: bool) -> None:
            """Take the report. `final`: the process ends now, so nothing may be put off."""

        def forget(self) -> None:
            """Begin again in a process that was just forked: what waits is its parent's."""

        def end(self) -> None:
            """Let go: nothing follows, and the process ends. May wait for some 20 ms."""

        def retry(self) -> None:
            """There is nothing new: a good moment for what could not be sent before."""


def open_sink(url: str, prefix: str) -> "Sink":
    """Return the sink that a URL names; the first statsd name part is `prefix`.

    There is one scheme so far, and its parser refuses the others with a `UsageError`.
    """
    from popcon.sinks.statsd import StatsdSink

    return StatsdSink(url, prefix)
