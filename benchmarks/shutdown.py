"""In: nothing. Out: how long a kernel that used numpy and pandas takes to shut down.

From the shutdown request of a Jupyter client to the end of the process; with the reporter in the
kernel's startup folder, ours, popularity-contest's, or none.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from benchmarks.environment import Environment, ready
from benchmarks.measure import PEER, POPCON, Receiver, libraries_in, table
from popcon.activate import ipython, written

RUNS = 15
CELL = "import numpy, pandas"
PATIENCE = 120


def main() -> int:
    """Print the table."""
    environment = ready()
    sides = ("no reporter", POPCON.name, PEER.name)
    taken: dict[str, list[float]] = {side: [] for side in sides}
    arrived: dict[str, int] = {}
    with Receiver() as receiver, tempfile.TemporaryDirectory() as folder:
        for side in sides:
            startup = Path(folder) / side / "profile_default" / "startup"
            startup.mkdir(parents=True)
            if side == POPCON.name:
                written.write(ipython.texts(startup))
            elif side == PEER.name:
                (startup / "000-popularity-contest.py").write_text(PEER.arm + "\n")
        for _ in range(RUNS + 1):
            for side in sides:
                environ = {**receiver.environ(), "IPYTHONDIR": str(Path(folder) / side)}
                taken[side].append(_shutdown(environment, environ, folder))
                arrived[side] = len(libraries_in(receiver.take()))
    medians = {side: median(seconds[1:]) * 1e3 for side, seconds in taken.items()}
    without = taken[sides[0]][1:]
    added = {
        side: median(one - other for one, other in zip(seconds[1:], without)) * 1e3
        for side, seconds in taken.items()
    }
    least = {side: min(seconds[1:]) * 1e3 for side, seconds in taken.items()}
    rows = [
        (
            side,
            f"{ms:.0f}",
            f"{added[side]:.0f}",
            f"{ms / medians[sides[0]]:.2f}x",
            f"{least[side]:.0f}",
            str(arrived[side]),
        )
        for side, ms in medians.items()
    ]
    print(f"shutdown of a kernel: {environment.described()}; medians of {RUNS} rounds")
    print(
        table(("reporter", "ms", "added ms", "ratio", "least ms", "libraries that arrived"), rows)
    )
    return 0


def _shutdown(environment: Environment, environ: dict[str, str], folder: str) -> float:
    """Return the seconds that a fresh kernel's shutdown takes."""
    file, _ = write_connection_file(str(Path(folder) / "kernel.json"))
    kernel = subprocess.Popen(
        [environment.python, "-m", "ipykernel_launcher", "-f", file],
        env=environ, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    patience = threading.Timer(PATIENCE, kernel.kill)
    patience.start()
    client = BlockingKernelClient(connection_file=file)
    try:
        client.load_connection_file()
        client.start_channels(hb=False)  # a busy machine is no dead kernel
        client.wait_for_ready(timeout=PATIENCE)
        client.execute_interactive(CELL, timeout=PATIENCE)
        start = time.perf_counter()
        client.shutdown()
        kernel.wait()  # with a timeout it would poll, in steps of up to 50 ms
        return time.perf_counter() - start
    finally:
        patience.cancel()
        client.stop_channels()
        kernel.kill()
        kernel.wait()


if __name__ == "__main__":
    sys.exit(main())
