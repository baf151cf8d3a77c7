"""A saved /metrics: what it counts, in either format, of either exporter."""

from __future__ import annotations

import gzip
import socket

import pytest
import requests

from popcon.catalog import LIBRARY_INSTALLED, LIBRARY_USED, LIBRARY_VERSION, REPORTS
from popcon.errors import FileError, PopconError, UsageError
from popcon.insight.sources.notes import NO_NUMBERS
from popcon.insight.sources.page import PageSource, page
from popcon.insight.sources.scope import Scope
from popcon.insight.usage import Observed, Period
from tests.e2e.servers import counted, exporter

DAY = 86_400
#: Noon of 2026-06-11.
SAVED = 1_780_272_000 + 10 * DAY + DAY // 2
BEGAN = SAVED - 3 * DAY - 3600
ANY = Period(0, SAVED)
PAGE = f"""\
# HELP python_popcon_library_used Processes.
# TYPE python_popcon_library_used counter
python_popcon_library_used{{library="numpy",namespace="h"}} 3
python_popcon_library_used{{library="numpy",namespace="h",course="x"}} 4
python_popcon_library_used{{library="scipy",namespace="h"}} 0
python_popcon_library_used{{library="_rare"}} 1.2e+06
  python_popcon_library_version_used_total  {{ library = "numpy" , version="1!2.0+\\"}}" , }}  7  1780272000000
python_popcon_reports{{namespace="h"}} 10
python_popcon_library_installed_bytes{{namespace="h",library="numpy",part="library"}} 1e+07
popcon_exporter_privacy_info{{policy="strict",min_processes="20",interval_seconds="86400",min_library_processes="20"}} 1
popcon_exporter_privacy_holding{{reason="processes"}} 0
popcon_exporter_privacy_holding{{reason="interval"}} 1
popcon_exporter_counting_since_timestamp_seconds {BEGAN}
process_start_time_seconds {SAVED - 60}
other_quantile{{q="0.5"}} NaN
other_bucket{{le="+Inf"}} +Inf
"""


def source(*texts: str, scope: Scope = Scope()) -> PageSource:  # noqa: B008
    """Return pages as a source."""
    return PageSource([page(text.encode(), "metrics.txt", SAVED) for text in texts], scope)


def test_what_a_page_counts() -> None:
    """Counts are by hub and label, of all the time since the exporter began, whatever the period."""
    found = source(PAGE)

    assert found.counts(LIBRARY_USED, ANY) == {
        ("h", "numpy"): 7,
        ("h", "scipy"): 0,
        ("", "_rare"): 1_200_000,
    }
    assert found.counts(LIBRARY_USED, ANY, ["scipy"]) == {("h", "scipy"): 0}
    assert found.counts(LIBRARY_VERSION, ANY) == {("", "numpy", '1!2.0+"}'): 7}
    assert found.sizes(ANY) == {("h", "numpy", "library"): 10_000_000}
    assert found.period == Period(BEGAN - BEGAN % DAY, SAVED)
    assert found.observed(ANY)["h"] == Observed(BEGAN - BEGAN % DAY, None, 2, 10)
    assert found.notes(ANY) == [
        "counts of all the time since 2026-06-08, when the exporter began",
        "counts show once 20 processes have reported and a day is over; a library is named from 20 "
        "processes on, and its 0 reads fewer than 20; something waits now",
        "1,200,000 uses are under _rare: of libraries that too few processes used to be named",
    ]


def test_several_pages() -> None:
    """Replicas are summed, sizes are not; hubs are chosen as anywhere."""
    found = source(PAGE, PAGE, scope=Scope(("h",)))

    assert found.counts(REPORTS, ANY) == {("h",): 20}
    assert found.counts(LIBRARY_USED, ANY) == {("h", "numpy"): 14, ("h", "scipy"): 0}
    assert found.sizes(ANY) == {("h", "numpy", "library"): 10_000_000}


@pytest.mark.parametrize("began", ["9e99", "-5", "NaN", str(SAVED + 60)])
def test_a_beginning_that_cannot_be(began: str) -> None:
    """A beginning after the page was saved, or before there was time, is none that is known."""
    found = source(PAGE.replace(str(BEGAN), began).replace(str(SAVED - 60), began))

    assert found.period == Period(SAVED - SAVED % DAY, SAVED)
    assert found.observed(ANY)["h"].days == 0
    assert found.notes(ANY)[0].endswith("the page doesn't say when that was")


def test_a_mark_of_byte_order() -> None:
    """What Windows puts before a text is no part of it."""
    assert page(b"\xef\xbb\xbf" + PAGE.encode(), "m", SAVED) == page(PAGE.encode(), "m", SAVED)


def test_a_replica_that_began_anew() -> None:
    """Days are those of the replica with the fewest: what it counted before that may be lost."""
    anew = PAGE.replace(str(BEGAN), str(SAVED - 60))

    for pages in ((PAGE, anew), (anew, PAGE)):
        assert source(*pages).observed(ANY)["h"] == Observed(BEGAN - BEGAN % DAY, None, 0, 20)


def test_a_hub_that_is_mistyped() -> None:
    """A hub that was asked for and is in no page is said."""
    found = source(PAGE, scope=Scope(("x",)))

    assert (
        found.notes(ANY)[1]
        == "hub 'x' did not report up to 2026-06-11: popcon coverage lists those that did"
    )


def test_what_is_no_number() -> None:
    """A NaN, which any kernel can make statsd_exporter add, is left out, and said."""
    values = ("NaN", "+Inf", "2")
    lines = [f'python_popcon_library_used{{library="{name}"}} {name}\n' for name in values]
    found = source("".join(lines))

    assert found.counts(LIBRARY_USED, ANY) == {("", "2"): 2}
    assert found.notes(ANY)[1:] == [NO_NUMBERS]


def test_a_canary() -> None:
    """The doctor's test count makes no hub, which nobody ever reported from, and which was silent."""
    found = source(
        PAGE.replace('{library="_rare"}', '{library="_rare",namespace="h"}').replace(
            "library_version_used_total  {", 'library_version_used_total{namespace="h",'
        )
        + 'python_popcon_canary_total{id="doctor"} 3\n'
    )

    assert found.observed(ANY).keys() == {"h"}


def test_no_days() -> None:
    """What needs days is told where to get them."""
    with pytest.raises(UsageError, match=r"'metrics\.txt' is one page, .* takes --prometheus"):
        source(PAGE).by_day(REPORTS, ANY)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>\n", "'m', line 1: not a sample: '<html>'"),
        (PAGE.encode() + b"python_popcon_reports\n", "line 17: not a sample: 'python_popcon_reports'"),
        (b'python_popcon_reports{a="b} 1', "line 1: not a sample"),
        (b"python_popcon_reports{a=b} 1", "line 1: not a sample"),
        (b"python_popcon_reports 1e", "line 1: not a sample"),
        (b"up 1\n\xff\xfe", "'m', line 2: not UTF-8"),
        (gzip.compress(PAGE.encode())[:-9], "'m' ends too early, or is no gzip file"),
    ],
)  # fmt: skip
def test_garbage(content: bytes, words: str) -> None:
    """What is no page is refused with the line that says so."""
    with pytest.raises(FileError) as refused:
        page(content, "m", 0)

    assert words in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"up 1\n", b"process_start_time_seconds 1\n"])
def test_another_page(content: bytes) -> None:
    """A page of something else is no empty answer."""
    with pytest.raises(PopconError, match="'m' has no counts of popcon"):
        page(content, "m", 0)


@pytest.mark.parametrize(
    ("kind", "accept"),
    [
        ("popcon", "text/plain"),
        ("popcon", "application/openmetrics-text"),
        ("statsd_exporter", "text/plain"),
    ],
)
def test_real_pages(kind: str, accept: str) -> None:
    """Pages of both exporters in both formats say what was sent, and when it began."""
    flags = ("--web.enable-openmetrics",) if kind == "popcon" else ()
    lines = [
        "library_used.numpy:1|c",
        "library_used.numpy:1|c",
        "library_used.scipy:0|c",
        "library_version.numpy.1!2.0+cu121:1|c",
        "reports:1|c",
        "library_installed.numpy.library:1000000|g",
    ]
    with exporter(kind, flags=flags) as running:
        host, port = running.sink.removeprefix("statsd://").split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for line in lines:
                sender.sendto(f"python_popcon.namespace.h.{line}".encode(), (host, int(port)))
        counted(running, "h")
        answer = requests.get(f"{running.url}/metrics", headers={"Accept": accept}, timeout=10)
    saved = 4_000_000_000.0
    found = PageSource([page(gzip.compress(answer.content), "m", saved)], Scope())

    assert answer.headers["Content-Type"].partition(";")[0] == accept
    assert found.counts(LIBRARY_USED, ANY) == {("h", "numpy"): 2, ("h", "scipy"): 0}
    assert found.counts(LIBRARY_VERSION, ANY) == {("h", "numpy", "1!2.0+cu121"): 1}
    assert found.counts(REPORTS, ANY) == {("h",): 1}
    assert found.sizes(ANY) == {("h", "numpy", "library"): 1_000_000}
    assert found.period.begin > 1_700_000_000
    assert LIBRARY_INSTALLED.name in answer.text
