"""In: a Report. Out: nothing. Promise: returns at once, whatever happens to the report.

A sink is a URL; its scheme says which module opens it, and that module is imported only then.
"""

from time import monotonic

from popcon.guard import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    from popcon.report import Report


#: How long the end of a process may be held up.
END_SECONDS = 0.02


class Sink:
    """Where a Report goes. What a sink raises ends at the reporter, and costs that sink alone."""

    __slots__ = ()

    def send(self, report: "Report", *, final: bool) -> None:
        """Take the report. `final`: the process may end now, so nothing is put off."""
        raise NotImplementedError

    def retry(self) -> None:
        """There is nothing new: a good moment for what could not be sent before."""

    def forget(self) -> None:
        """Begin again in a process that was just forked: what waits is its parent's."""

    def waits(self) -> int:
        """Return how many lines have not left yet, for a person who asks what was sent."""
        return 0

    def end(self, seconds: float) -> None:
        """Let go: nothing follows, and the process ends. May wait for so long, which is little."""


#: Scheme → the module below and its class, and whether reports leave the machine: opt-outs silence
#: those. The module's `parse` raises `UsageError` for a URL that the class would not understand.
SCHEMES = {
    "statsd": ("statsd", "StatsdSink", True),
    "statsd+tcp": ("statsd_tcp", "StatsdTcpSink", True),
    "print": ("printed", "PrintSink", False),
    "file": ("files", "FileSink", False),
    "json": ("files", "FileSink", False),
    "jsonl": ("files", "FileSink", False),
    "pickle": ("files", "FileSink", False),
}


def scheme_of(url: str) -> str:
    """Return what stands before the first colon, or nothing."""
    scheme, colon, _ = url.partition(":")
    return scheme if colon else ""


def is_network(url: str) -> bool:
    """Return whether reports leave the machine here; of a third party's sink that is assumed."""
    return SCHEMES.get(scheme_of(url), ("", "", True))[2]


def check(url: str) -> None:
    """Raise `UsageError` unless a sink is known by this URL. Nothing is opened.

    Of a third party's URL only the scheme is looked at: the rest is read when it is opened.
    """
    scheme = scheme_of(url)
    if scheme in SCHEMES:
        _module(scheme).parse(url)
    else:
        from popcon.sinks.third_party import find

        find(url)


def is_statsd(url: str) -> bool:
    """Return whether an exporter is behind it, which takes statsd lines."""
    return scheme_of(url) in ("statsd", "statsd+tcp")


def open_sink(url: str, prefix: str) -> "Sink":
    """Return the sink that a URL names; the first statsd name part is `prefix`."""
    scheme = scheme_of(url)
    if scheme in SCHEMES:
        sink: "Sink" = getattr(_module(scheme), SCHEMES[scheme][1])(url, prefix)
        return sink
    from popcon.sinks.third_party import open_third_party

    return open_third_party(url, prefix)


def open_all(urls: "tuple[str, ...]", prefix: str, client: "Optional[Any]" = None) -> "list[Sink]":
    """Return the sinks of these URLs and of a statsd client, without those that can't be opened."""
    opened: "list[Sink]" = []
    for url in urls:
        with contained():
            opened.append(open_sink(url, prefix))
    if client is not None:
        from popcon.sinks.client import ClientSink

        opened.append(ClientSink(client, prefix))
    return opened


def send_all(sinks: "Iterable[Sink]", report: "Report", *, final: bool) -> None:
    """Hand a report to sinks; one that fails costs only itself."""
    for sink in sinks:
        with contained(BaseException):
            sink.send(report, final=final)


def end_all(sinks: "Iterable[Sink]") -> None:
    """Let go of sinks; together they may wait for `END_SECONDS`."""
    until = monotonic() + END_SECONDS
    for sink in sinks:
        with contained(BaseException):
            sink.end(max(0.0, until - monotonic()))


def _module(scheme: str) -> "Any":
    return __import__(f"popcon.sinks.{SCHEMES[scheme][0]}", None, None, ("parse",))
