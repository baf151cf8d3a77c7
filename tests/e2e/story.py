"""In: an environment with popcon. Out: five days of three hubs, lived through by real kernels, and who was told of it.

Days are compressed. Kernels start before the first one and run their cells on their days, each
sending to a replica of statsd_exporter and to popcon's exporter. Each of the two kinds has a
Prometheus of its own, with our rules, and each of these a VictoriaMetrics.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from popcon.demo.kernels import KernelSession, kernel
from tests.conftest import clean_environ
from tests.dashboards import compressed, engines
from tests.e2e.conftest import run
from tests.e2e.exporters import KINDS, Exporters
from tests.e2e.servers import Running


class Kernel(NamedTuple):
    """A hub's kernel, the replica that it sends to, and what is set for it."""

    hub: str
    replica: int
    environ: dict[str, str]


class Act(NamedTuple):
    """What happens on a day, after what stands above: a kernel's cell, or something else that `who` names."""

    day: int
    who: str
    cell: str = ""


DETAILS = {"POPCON_DETAILS": "version,direct"}
HUBS = ("hub1", "hub2", "hub3")
KERNELS = {
    "ada": Kernel("hub1", 0, DETAILS),
    "bea": Kernel("hub1", 1, {}),
    "cid": Kernel("hub2", 0, {}),
    "dan": Kernel("hub2", 1, {"POPCON_DENY": "pyyaml"}),
    "eve": Kernel("hub3", 0, {}),
    "fay": Kernel("hub1", 0, DETAILS),
    "gus": Kernel("hub1", 1, {}),
}
#: So many scripts are enough for a change of shares to be one.
SCRIPTS = 20
#: What a range of two days shows on the fifth, in its middle, is from the third day on.
ACTS = (
    Act(1, "ada", "import yaml"),
    Act(1, "cid", "import jinja2"),
    Act(1, "eve", "import zope.interface"),
    Act(1, "scripts", "import yaml"),
    Act(2, "bea", "import jinja2, yaml"),
    Act(2, "cid", "import zope.interface"),
    Act(2, "eve", "import jinja2"),  # hub3 is silent from then on
    Act(3, "fay", "import jinja2"),
    Act(3, "dan", "import yaml"),  # _other: that kernel doesn't name it
    Act(3, "restart"),
    Act(3, "gus", "import yaml"),  # born again at 1, as it was before the restart
    Act(4, "fay", "import ruamel.yaml"),  # one use only
    Act(4, "cid", "import yaml"),
    Act(4, "lines", "python_popcon.namespace.hub1.canary.job:1|c"),
    Act(4, "lines", "python_popcon.reports:x|c\npython_popcon.reports:y|c"),  # refused
    Act(4, "lines", "evil:1|c"),  # no rule has it
    Act(4, "inventory"),  # as each day; popcon's exporter keeps counts, and no sizes
    Act(5, "mapping"),  # somebody writes nonsense into it
    Act(5, "ada", "import jinja2"),
    Act(5, "gus", "import jinja2"),
)
WATCHED = '[[check]]\nname = "yaml"\nany = ["yaml"]\n'


class Told(NamedTuple):
    """Who was told, by kind of exporter; when the first day began; and the time to ask about."""

    exporters: dict[str, list[Running]]
    prometheus: dict[str, Running]
    victoria: dict[str, Running]
    began: int
    at: int


@contextmanager
def told(python: str, folder: Path) -> Iterator[Told]:
    """Yield who was told, after noon of the fifth day."""
    with ExitStack() as stack:
        exporters = stack.enter_context(Exporters(folder))
        victoria, prometheus = {}, {}
        for kind in KINDS:
            here = folder / kind
            victoria[kind] = stack.enter_context(engines.victoria_metrics(here / "victoria"))
            urls = [one.url for one in exporters.running[kind]]
            prometheus[kind] = stack.enter_context(
                engines.prometheus(here / "prometheus", {"popcon": urls}, victoria[kind].url)
            )
        exporters.start()
        stack.callback(run, [python, "-m", "popcon", "watch", "--remove"])
        _watch(python, folder)
        sessions = {
            name: stack.enter_context(_started(python, folder, one, exporters))
            for name, one in KERNELS.items()
        }
        _send_inventory(python, exporters)
        began = compressed.midnight(1)
        at = began + 4 * compressed.DAY + compressed.DAY // 2
        for act in ACTS:
            midnight = began + (act.day - 1) * compressed.DAY
            compressed.wait(midnight + 2 * compressed.STEP)
            _not_about_noon(midnight + compressed.DAY // 2)
            _play(act, python, sessions, exporters)
            over = min(midnight + compressed.DAY, at) - 2 * compressed.STEP
            assert time.time() < over, f"this machine is too slow for such days: {act}"
        compressed.wait(at + compressed.STEP)
        yield Told(exporters.running, prometheus, victoria, began, at)


def _play(act: Act, python: str, sessions: dict[str, KernelSession], exporters: Exporters) -> None:
    if act.who in sessions:
        sessions[act.who].run(act.cell)
    elif act.who == "scripts":
        _run_scripts(python, act.cell, exporters)
    elif act.who == "inventory":
        _send_inventory(python, exporters)
    elif act.who == "lines":
        exporters.send(act.cell)
    elif act.who == "mapping":
        exporters.spoil_mapping()
    elif act.who == "restart":
        # Steps are short here: what was counted has to be seen before, and that it is gone, after.
        time.sleep(2 * compressed.STEP)
        exporters.restart()
        time.sleep(2 * compressed.STEP)
    else:
        raise ValueError(act)


def _not_about_noon(noon: float) -> None:
    """Wait where ranges begin and end: what rises there some engines count, and others don't."""
    if abs(time.time() - noon) < 2 * compressed.STEP:
        compressed.wait(noon + 2 * compressed.STEP)


def _watch(python: str, folder: Path) -> None:
    """Let the environment's kernels look at a list."""
    file = folder / "watched.toml"
    file.write_text(WATCHED)
    run([python, "-m", "popcon", "watch", str(file)])


def _run_scripts(python: str, code: str, exporters: Exporters) -> None:
    environ = _environ(Kernel("hub1", 0, {}), exporters)
    command = [python, "-c", f"import popcon; popcon.setup_reporter(); {code}"]
    _at_once([partial(run, command, **environ)] * SCRIPTS)


def _send_inventory(python: str, exporters: Exporters) -> None:
    command = [python, "-m", "popcon", "inventory", "--send", "--to"]
    _at_once(
        [
            partial(run, [*command, sink], POPCON_LABELS=f"namespace={hub}")
            for hub in HUBS
            for sink in exporters.sinks(0)
        ]
    )


def _at_once(runs: Sequence[Callable[[], object]]) -> None:
    """Run programs side by side: on a busy machine a day is too short for one after the other."""
    with ThreadPoolExecutor(len(runs)) as pool:
        for ended in [pool.submit(one) for one in runs]:
            ended.result()


@contextmanager
def _started(
    python: str, folder: Path, one: Kernel, exporters: Exporters
) -> Iterator[KernelSession]:
    environ = clean_environ(IPYTHONDIR=str(folder / "ipython"), **_environ(one, exporters))
    del environ["PYTHONPATH"]
    with kernel(environ, python) as session:
        yield session


def _environ(one: Kernel, exporters: Exporters) -> dict[str, str]:
    sinks = " ".join(exporters.sinks(one.replica))
    return {"POPCON_SINK": sinks, "POPCON_LABELS": f"namespace={one.hub}", **one.environ}
