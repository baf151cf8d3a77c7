"""In: nothing. Out: what arming costs, ours and popularity-contest's.

In a bare interpreter, and in a kernel: there by what runs in its startup folder, in an IPKernelApp
that is initialised as far as when it runs these files.
"""

from __future__ import annotations

import sys
import tempfile
from statistics import median

from benchmarks.environment import ready
from benchmarks.measure import PEER, POPCON, Receiver, run, table
from popcon.activate.ipython import startup_text

RUNS = 31

_BARE = "import sys"
_KERNEL = """
import sys
from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance(quiet=True, outstream_class=None)
app.initialize(["-f", {folder!r} + "/kernel.json"])
"""
_ARM = """
import json, os, time
code = {code!r}
modules = set(sys.modules)
cpu, wall = time.process_time(), time.perf_counter()
exec(code, {{}})
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
new = sorted(set(sys.modules) - modules)
print(json.dumps({{"wall": wall, "cpu": cpu, "modules": new}}), flush=True)
os._exit(0)
"""


def main() -> int:
    """Print the table."""
    environment = ready()
    codes = {"nothing": "pass", POPCON.name: POPCON.arm, PEER.name: PEER.arm}
    places = {"bare": (_BARE, codes), "kernel": (_KERNEL, {**codes, "popcon": startup_text()})}
    rows = []
    strangers = set()
    with Receiver() as receiver, tempfile.TemporaryDirectory() as folder:
        environ = {**receiver.environ(), "IPYTHONDIR": folder, "JUPYTER_RUNTIME_DIR": folder}
        for place, (before, arms) in places.items():
            walls: dict[str, list[float]] = {side: [] for side in arms}
            cpus: dict[str, list[float]] = {side: [] for side in arms}
            loaded: dict[str, list[str]] = {}
            for _ in range(RUNS + 1):
                for side, code in arms.items():
                    whole = before.format(folder=folder) + _ARM.format(code=code)
                    result = run(environment.python, whole, environ)
                    walls[side].append(result["wall"] * 1e3)
                    cpus[side].append(result["cpu"] * 1e3)
                    loaded[side] = result["modules"]
            for side in (POPCON.name, PEER.name):
                wall, cpu = median(walls[side][1:]), median(cpus[side][1:])
                ratio = median(walls[PEER.name][1:]) / wall
                rows.append((place, side, f"{wall:.3f}", f"{cpu:.3f}", f"{ratio:.0f}x",
                             str(len(loaded[side]))))  # fmt: skip
            own = [name for name in loaded[POPCON.name] if name.partition(".")[0] == "popcon"]
            strangers |= set(loaded[POPCON.name]) - set(own)
    print(f"arming: {environment.described()}; medians of {RUNS}")
    print(table(("where", "reporter", "wall ms", "CPU ms", "faster", "modules loaded"), rows))
    print(f"modules that popcon loads besides its own: {', '.join(sorted(strangers)) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
