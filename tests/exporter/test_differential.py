"""In: generated mappings and datagrams. Out: statsd_exporter and ours show the same page.

POPCON_DIFFERENTIAL=2000 tries that many fresh cases and makes a failing one small; without it the
same few are tried each time.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import requests
from hypothesis import HealthCheck, Phase, given, settings

from popcon.errors import FileError
from popcon.exporter.mapping.mapping import load
from tests.conftest import clean_environ
from tests.e2e.servers import free_port
from tests.exporter.generated import END, END_METRIC, Case, cases, files
from tests.peers.found import program

KINDS = ("statsd_exporter", "popcon")

_WANTED = int(os.environ.get("POPCON_DIFFERENTIAL", "0"))
_PHASES = [Phase.explicit, Phase.generate]
TRIED = settings(
    max_examples=_WANTED or 60,
    derandomize=not _WANTED,
    database=None,
    deadline=None,
    phases=[*_PHASES, Phase.shrink] if _WANTED else _PHASES,
    suppress_health_check=list(HealthCheck),
)

#: What either says of itself, and of the process that it is.
_OWN = re.compile(
    r"(?:# (?:HELP|TYPE) )?(?:go|process|promhttp|python|popcon|statsd_exporter|statsd_metric_mapper)_"
)
_LABEL = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"),?')
#: What they say of what came, and must agree on.
_COUNTS = re.compile(
    r"^(statsd_exporter_(?:lines|samples|tags|tag_errors|sample_errors|events|events_unmapped"
    r"|events_actions|events_conflict|events_error|metrics)_total(?:\{.*\})?|"
    r"statsd_exporter_loaded_mappings) (.*)$",
    re.MULTILINE,
)


class Answer(NamedTuple):
    """The lines that are shown of what came, and the counts of it."""

    shown: list[str]
    counts: dict[str, float]

    def order(self) -> list[str]:
        """Return what the lines are sorted by: name and labels' values, without a label's name.

        Where two series differ in a label's name alone, Go's sort leaves their order to chance.
        """
        keys = [_LABEL.sub(_value_alone, line.rpartition(" ")[0]) for line in self.shown]
        return [key for key, _ in groupby(keys)]


def _value_alone(found: re.Match[str]) -> str:
    return "" if found[1] in ("le", "quantile") else found[2]


@contextmanager
def _running(kind: str, mapping: Path, styles: dict[str, bool]) -> Iterator[tuple[int, int]]:
    """Run an exporter; give its ports for UDP and for HTTP."""
    udp, web = free_port(socket.SOCK_DGRAM), free_port()
    flags = [
        f"--statsd.mapping-config={mapping}",
        f"--statsd.listen-udp=127.0.0.1:{udp}",
        "--statsd.listen-tcp=",
        f"--web.listen-address=127.0.0.1:{web}",
        *(f"--{'' if on else 'no-'}statsd.parse-{style}-tags" for style, on in styles.items()),
    ]
    if kind == "popcon":
        own = [sys.executable, "-m", "popcon", "exporter"]
        start = [*own, "--privacy=off", "--web.admin-address="]
    else:
        start = [str(program(kind)), "--statsd.event-flush-interval=20ms"]
    process = subprocess.Popen(
        [*start, *flags], env=clean_environ(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        yield udp, web
    except AssertionError:
        process.kill()
        print(kind, process.communicate()[1].decode())
        raise
    finally:
        process.kill()
        process.communicate()


def _page(web: int) -> str | None:
    """The page, None where there is none."""
    try:
        answer = requests.get(f"http://127.0.0.1:{web}/metrics", timeout=10)
    except requests.ConnectionError:
        return None
    assert answer.status_code == 200, answer.text
    answer.encoding = "utf-8"
    return answer.text


def _soon(check: Any) -> str:
    """Ask each 10 ms, for 20 s, and return the first answer."""
    for _ in range(2000):
        found = check()
        if found:
            assert isinstance(found, str)
            return found
        time.sleep(0.01)
    raise AssertionError("no answer")


def _answer(ports: tuple[int, int], datagrams: list[bytes]) -> Answer:
    """Send datagrams; return what is shown then, and the counts of what came."""
    udp, web = ports
    _soon(lambda: _page(web))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in [*datagrams, f"{END}:1|c".encode()]:
            sender.sendto(datagram, ("127.0.0.1", udp))

    def after_all() -> str | None:
        page = _page(web)
        return page if page and f"\n{END_METRIC} 1\n" in page else None

    page = _soon(after_all)
    counts = {name: float(count) for name, count in _COUNTS.findall(page) if float(count)}
    return Answer([line for line in page.split("\n") if not _OWN.match(line)], counts)


@TRIED
@given(cases())
def test_same_pages(case: Case) -> None:
    """Whatever rules and lines are, both show the same lines and have counted the same."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        mapping = Path(folder) / "mapping.yaml"
        mapping.write_text(case.mapping, encoding="utf-8")
        ports = {kind: stack.enter_context(_running(kind, mapping, case.styles)) for kind in KINDS}
        real, ours = (_answer(ports[kind], case.datagrams) for kind in KINDS)
    assert ours.counts == real.counts
    assert sorted(ours.shown) == sorted(real.shown)
    assert ours.order() == real.order()


@settings(TRIED, max_examples=TRIED.max_examples * 5)
@given(files())
def test_same_files_are_refused(text: str) -> None:
    """A mapping file that one of them doesn't take is one that the other doesn't take."""
    with tempfile.TemporaryDirectory() as folder:
        mapping = Path(folder) / "mapping.yaml"
        mapping.write_text(text, encoding="utf-8")
        real = subprocess.run(
            [program("statsd_exporter"), "--check-config", f"--statsd.mapping-config={mapping}"],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        load(text)
        ours = ""
    except FileError as error:
        ours = str(error)
    assert bool(ours) == bool(real.returncode), ours or real.stderr
