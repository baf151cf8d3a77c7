"""In: an environment with popcon, and a folder. Out: what three exporters of each kind told, behind one address, as JSON.

`python -m tests.e2e.replicas PYTHON FOLDER` runs in a network of its own (`service.py`). Days are
compressed. On the first, kernels and scripts report; then one of the three exporters is taken out,
restarted, and put back, as a rolling restart does, about midnight; on the second they report again.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import requests

from popcon.catalog import LIBRARY_USED, PREFIX, REPORTS
from popcon.demo.kernels import KernelSession, kernel
from popcon.promql.recordings import ENDS, recorded
from tests.conftest import clean_environ
from tests.dashboards import compressed, engines
from tests.e2e import servers
from tests.e2e.servers import MAPPING, Running, counted
from tests.e2e.service import PORT, Service

KINDS = ("statsd_exporter", "popcon")
PODS = {kind: [f"10.244.{n}.{pod}" for pod in (2, 3, 4)] for n, kind in enumerate(KINDS)}
SERVICES = {kind: f"10.96.0.{10 + n}" for n, kind in enumerate(KINDS)}
HUBS = ("hub1", "hub2")
#: Kernel → its hub, and what its cells import: on the first day, while one exporter is away, on the second.
KERNELS = {
    "ada": ("hub1", ("import yaml", "import jinja2", "import zope.interface")),
    "bea": ("hub1", ("import jinja2", "import yaml, jinja2", "import ruamel.yaml")),
    "cid": ("hub2", ("import zope.interface", "import yaml", "import jinja2")),
}
#: A script's import, and how many there are on each day. None of the exporters gets none of so many.
SCRIPTS = ("hub2", "import zope.interface", 16)
#: What the exporter that is restarted gets as its last, after Prometheus' last look at it, or before.
LATE = "late"
#: How long reports may take to be sent and scraped.
ENOUGH = 6.0


class Told(NamedTuple):
    """What a kind's exporters told: hub → libraries and reports, or labels → processes."""

    #: What the restarted one held when it ended.
    held: dict[str, Any]
    #: What each of the three held at the end.
    pods: list[dict[str, Any]]
    #: What Prometheus saw of the last line before the restart.
    seen_late: int
    #: What is recorded of the day before, and of today.
    days: list[dict[str, int]]
    #: For how many seconds Prometheus didn't look, at most, by exporter and by its own rules.
    gaps: dict[str, float]


class Pods:
    """A kind's three exporters, their address, and a Prometheus that scrapes them."""

    def __init__(self, stack: ExitStack, kind: str, folder: Path) -> None:
        self._kind, self._folder = kind, folder
        self._last = ExitStack()
        stack.enter_context(self._last)
        self.running = [
            self._start(stack if number < 2 else self._last, number) for number in range(3)
        ]
        self.service = Service(SERVICES[kind], PODS[kind])
        urls = [one.url for one in self.running]
        self._prometheus = stack.enter_context(engines.prometheus(folder, {"popcon": urls})).url

    def _start(self, stack: ExitStack, number: int) -> Running:
        own = (f"--persistence.file={self._folder}-{number}", "--web.admin-address=")
        flags = own if self._kind == "popcon" else ()
        host = PODS[self._kind][number]
        return stack.enter_context(
            servers.exporter(self._kind, MAPPING, (PORT, 9102), flags=flags, host=host)
        )

    def held(self, number: int) -> dict[str, Any]:
        """Return what one of them holds of each hub."""
        return {hub: counted(self.running[number], hub)._asdict() for hub in HUBS}

    def end_last(self) -> dict[str, Any]:
        """End the last one by SIGTERM, right after a line that came to it; return what it held."""
        line = LIBRARY_USED.line(f"{PREFIX}.namespace.hub1", LATE)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(line.encode(), (PODS[self._kind][2], PORT))
        held = self.held(2)
        self._last.close()
        return held

    def start_last(self) -> None:
        """Start it again, at its address and with its file."""
        self._start(self._last, 2)

    def told(self, held: dict[str, Any]) -> Told:
        """Return what there is to tell, on the second day."""
        seen = self._asked(f'max_over_time({LIBRARY_USED.name}{{library="{LATE}"}}[60s])')
        instance = f"{PODS[self._kind][2]}:9102"
        late = sum(round(value) for labels, value in seen if labels["instance"] == instance)
        return Told(
            held,
            [self.held(number) for number in range(3)],
            late,
            # A group's rules are worked out one after the other: the last of them may be an interval late.
            [self._recorded("increase1d", "10s"), self._recorded("increase_today", "5s")],
            self._gaps(),
        )

    def _recorded(self, operation: str, within: str) -> dict[str, int]:
        found = {}
        for metric in (LIBRARY_USED, REPORTS):
            expr = f"last_over_time({recorded(metric, operation)}[{within}])"
            for labels, value in self._asked(expr):
                found[f"{labels['namespace']} {labels.get('library', 'reports')}"] = round(value)
        return found

    def _gaps(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for expr in ('up{job="popcon"}', ENDS):
            for one in self._result(f"{expr}[{2 * compressed.DAY}s]"):
                times = [at for at, value in one["values"] if value != "0"]
                name = one["metric"].get("instance", expr)
                found[name] = round(max((b - a for a, b in zip(times, times[1:])), default=0.0), 1)
        return found

    def _asked(self, expr: str) -> list[tuple[Mapping[str, str], float]]:
        return [(one["metric"], float(one["value"][1])) for one in self._result(expr)]

    def _result(self, expr: str) -> list[dict[str, Any]]:
        url = f"{self._prometheus}/api/v1/query"
        answer = requests.get(url, params={"query": expr}, timeout=10).json()
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


def main(python: str, folder: str) -> None:
    """Live through the two days; print what was told, and on which of them an exporter was away, 0 or 1."""
    with ExitStack() as stack:
        pods = {kind: Pods(stack, kind, Path(folder) / kind) for kind in KINDS}
        environs = {hub: _environ(hub, Path(folder), pods) for hub in HUBS}
        sessions = [
            (stack.enter_context(_kernel(environs[hub], python)), cells)
            for hub, cells in KERNELS.values()
        ]
        _not_about_midnight()
        second = compressed.midnight(1)
        _report(0, sessions, python, environs)
        assert time.time() < second - 1, "this machine is too slow for such days"
        for kind, one in pods.items():
            one.service.ready(PODS[kind][:2])
        time.sleep(2 * compressed.STEP)  # all that it has is seen
        held = {kind: one.end_last() for kind, one in pods.items()}
        _not_about_midnight()
        away = int(time.time() > second)
        for session, cells in sessions:
            session.run(cells[1])
        for one in pods.values():
            one.start_last()
        # Steps are short here: one has to show that it began again, before it counts further.
        compressed.wait(max(second + compressed.STEP, time.time() + 2 * compressed.STEP))
        for kind, one in pods.items():
            one.service.ready(PODS[kind])
        _report(2, sessions, python, environs)
        # Days that are over are recorded each five seconds, and today each two, of what was scraped before.
        compressed.wait(max(second + 14, time.time() + 5 * compressed.STEP))
        assert time.time() < second + compressed.DAY - 2, "this machine is too slow for such days"
        told = {kind: one.told(held[kind])._asdict() for kind, one in pods.items()}
    print(json.dumps({"away": away, **told}))


def _report(
    number: int,
    sessions: Sequence[tuple[KernelSession, Sequence[str]]],
    python: str,
    environs: dict[str, dict[str, str]],
) -> None:
    """Let all kernels run their cell of this number, and all scripts run, at once."""
    hub, code, count = SCRIPTS
    command = [python, "-c", f"import popcon; popcon.setup_reporter(); {code}"]
    scripts = [subprocess.Popen(command, env=environs[hub], cwd="/") for _ in range(count)]
    for session, cells in sessions:
        session.run(cells[number])
    assert [script.wait() for script in scripts] == [0] * count


@contextmanager
def _kernel(environ: dict[str, str], python: str) -> Iterator[KernelSession]:
    with kernel(environ, python) as session:
        yield session


def _environ(hub: str, folder: Path, pods: dict[str, Pods]) -> dict[str, str]:
    sinks = " ".join(one.service.sink for one in pods.values())
    environ = clean_environ(
        POPCON_SINK=sinks, POPCON_LABELS=f"namespace={hub}", IPYTHONDIR=str(folder / "ipython")
    )
    del environ["PYTHONPATH"]
    return environ


def _not_about_midnight() -> None:
    """Wait for the next day, if this one has not enough left."""
    if compressed.midnight(1) - time.time() < ENOUGH:
        compressed.wait(compressed.midnight(1) + 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
