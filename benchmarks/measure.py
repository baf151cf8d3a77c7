"""In: code and an environment. Out: the numbers that the code's own process printed, and its datagrams.

A reporter is two pieces of code here: what arms it, and what reports as the end of a process does.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from popcon.config import without_popcon

WORKLOADS = {
    "nothing": [],
    "numpy, pandas": ["numpy", "pandas"],
    "34 imports": """numpy scipy.stats pandas matplotlib.pyplot mpl_toolkits.mplot3d
        sklearn.linear_model seaborn statsmodels.api sympy requests sqlalchemy dask.dataframe
        distributed xarray networkx bokeh.plotting plotly.express PIL.Image h5py pyarrow.parquet
        polars altair yaml ruamel.yaml zope.interface google.cloud.storage dateutil.parser
        _cffi_backend lxml.etree bs4 nltk ipywidgets tqdm joblib""".split(),  # noqa: SIM905
}


@dataclass(frozen=True)
class Side:
    """A reporter, as code."""

    name: str
    arm: str
    report: str


POPCON = Side(
    "popcon",
    "import popcon; popcon.setup_reporter()",
    "popcon._armed.at_exit()",
)
PEER = Side(
    "popularity-contest",
    "import popularity_contest.reporter as _peer; _peer.setup_reporter()",
    "_peer.report_popularity(_armed)",
)


class Receiver:
    """A UDP port of this machine, and what came to it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    def environ(self) -> dict[str, str]:
        """Return this process's environment, in which both reporters send to here."""
        host, port = self._socket.getsockname()
        inherited = without_popcon(os.environ)
        for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
            inherited.pop(name, None)
        return {
            **inherited,
            "POPCON_SINK": f"statsd://{host}:{port}",
            "PYTHON_POPCONTEST_STATSD_HOST": host,
            "PYTHON_POPCONTEST_STATSD_PORT": str(port),
        }

    def take(self) -> list[bytes]:
        """Return the datagrams that have come since the last call."""
        datagrams = []
        while True:
            try:
                datagrams.append(self._socket.recv(65536))
            except BlockingIOError:
                return datagrams

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def libraries_in(datagrams: list[bytes]) -> set[str]:
    """Return the libraries that the datagrams name, as PEP 503 writes them."""
    found = set()
    for line in b"\n".join(datagrams).decode().splitlines():
        name = line.rpartition(":")[0].partition(".library_used.")[2]
        if name:
            found.add(name.lower().replace("_", "-").replace(".", "-"))
    return found


def run(python: str, code: str, environ: dict[str, str], before: Sequence[str] = ()) -> Any:
    """Return what a fresh process prints as JSON in its last line; `before` is put before it."""
    # Away from the checkout, so that the installed, compiled package is measured.
    done = subprocess.run(
        [*before, python, "-c", code], capture_output=True, text=True, cwd="/", env=environ
    )
    if done.returncode:
        raise SystemExit(f"a measured process failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def reporting(side: Side | None, imports: Sequence[str], marks: tuple[str, str] = ("", "")) -> str:
    """Return code that arms, imports and reports as at exit, and prints what that took.

    It prints seconds of wall time and of CPU time, the number of modules, and the files of those that came after
    arming. Without a side nothing is armed, and nothing reported. The code in `marks` runs
    just before and after the report.
    """
    arm, report = (side.arm, side.report) if side else ("", "pass")
    lines = [
        "import json, os, sys, time",
        arm,
        "_armed = set(sys.modules)",
        *(f"import {name}" for name in imports),
        "_new = [module for name, module in list(sys.modules.items()) if name not in _armed]",
        "_files = [getattr(module, '__dict__', {}).get('__file__') for module in _new]",
        marks[0],
        "_cpu, _wall = time.process_time(), time.perf_counter()",
        report,
        "_wall, _cpu = time.perf_counter() - _wall, time.process_time() - _cpu",
        marks[1],
        "print(json.dumps({'wall': _wall, 'cpu': _cpu, 'modules': len(sys.modules),"
        " 'files': [file for file in _files if isinstance(file, str)]}), flush=True)",
        "os._exit(0)",
    ]
    return "\n".join(lines)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows in columns, the first to the left, the others to the right."""
    lines = [heads, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )
