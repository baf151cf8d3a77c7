"""In: nothing. Out: what popcon's hooks add to a cell that imports nothing new.

The same cell runs with and without the hooks in turn, in one process and one IPython shell, so that
what slows the machine down slows both. popularity-contest has no hooks: it looks at exit alone.
"""

from __future__ import annotations

import sys
import tempfile

from benchmarks.environment import ready
from benchmarks.measure import POPCON, Receiver, run, table

RUNS = 4000

_LONG = "\n".join(f"value_{number} = {number} + 1" for number in range(100))
CELLS = {
    "`x = 1`": "x = 1",
    "100 assignments": _LONG,
    "`import numpy`, loaded already": "import numpy",
}

_CHILD = """
import gc, json, statistics, sys, time
from IPython.core.interactiveshell import InteractiveShell
class Shell(InteractiveShell):
    kernel = object()  # as ipykernel's shell has
shell = Shell.instance()
import numpy
def hooks():
    return {{name: list(calls) for name, calls in shell.events.callbacks.items()}}, list(
        shell.ast_transformers)
def put(hooks):
    for name, calls in hooks[0].items():
        shell.events.callbacks[name][:] = calls
    shell.ast_transformers[:] = hooks[1]
without = hooks()
{arm}
shell.run_cell("import numpy", store_history=False)  # the first cell opens the reporter
armed = hooks()
results = {{}}
for title, cell in {cells!r}.items():
    taken = {{"without": [], "armed": []}}
    for number in range({runs} + 100):
        pair = [("without", without), ("armed", armed)]
        for name, state in pair if number % 2 else pair[::-1]:
            put(state)
            start = time.perf_counter()
            shell.run_cell(cell, store_history=False)
            taken[name].append(time.perf_counter() - start)
    results[title] = [
        statistics.median(taken["without"][100:]),
        statistics.median(taken["armed"][100:]),
        statistics.median([
            after - before for before, after in zip(taken["without"], taken["armed"])][100:]),
    ]
print(json.dumps(results))
"""


def main() -> int:
    """Print the table."""
    environment = ready()
    with Receiver() as receiver, tempfile.TemporaryDirectory() as folder:
        code = _CHILD.format(arm=POPCON.arm, cells=CELLS, runs=RUNS)
        environ = {**receiver.environ(), "IPYTHONDIR": folder}
        results = run(environment.python, code, environ)
    rows = [
        (title, *(f"{seconds * 1e6:.1f}" for seconds in seconds), f"{seconds[1] / seconds[0]:.3f}")
        for title, seconds in results.items()
    ]
    print(f"a cell: {environment.described()}; medians of {RUNS} pairs, in microseconds")
    print(table(("cell", "without", "with popcon", "difference", "ratio"), rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
