"""In: nothing. Out: what real kernels send over a network: reports, datagrams, lines and bytes, by what their cells import."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.environment import Environment
from benchmarks.measure import WORKLOADS, Receiver
from popcon.activate import ipython, written
from popcon.demo.kernels import kernel
from popcon.sinks.statsd import pack

#: What stands on top of a notebook, and what its later cells need.
NOTEBOOKS: dict[str, Sequence[str]] = {
    "nothing": ("1 + 1",),
    "a first course": ("import numpy as np", "import pandas as pd", "import matplotlib.pyplot"),
    "an analysis": (
        "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt",
        "import seaborn",
        "from scipy import stats",
        "from sklearn.linear_model import LinearRegression",
        "import statsmodels.api",
    ),
    "34 imports": ("\n".join(f"import {name}" for name in WORKLOADS["34 imports"]),),
}
#: What stands for all of a site's kernels.
TYPICAL = "an analysis"
#: The headers of a datagram in an Ethernet frame with IPv4: 14 + 20 + 8 bytes.
HEADERS = 42
_LABELS = "namespace=statistics-101"


class Sent(NamedTuple):
    """What a kernel sent from its start to its end; bytes are those of the datagrams' contents."""

    reports: int
    datagrams: int
    lines: int
    bytes: int


def sent(environment: Environment, receiver: Receiver, cells: Sequence[str]) -> Sent:
    """Return what one kernel sent."""
    with tempfile.TemporaryDirectory() as folder:
        written.write(ipython.texts(Path(folder) / "profile_default" / "startup"))
        environ = {**receiver.environ(), "IPYTHONDIR": folder, "POPCON_LABELS": _LABELS}
        with kernel(environ, environment.python) as session:
            for cell in cells:
                session.run(cell)
    reports = receiver.take()  # within a machine a report of less than 8,932 bytes is one datagram
    datagrams = [one for report in reports for one in pack(report.decode().split("\n"))]
    lines = sum(datagram.count(b"\n") + 1 for datagram in datagrams)
    return Sent(len(reports), len(datagrams), lines, sum(map(len, datagrams)))
