"""In: nothing. Out: what the exit hook costs after imports, ours and popularity-contest's."""

from __future__ import annotations

import sys
from statistics import median
from typing import Any

from benchmarks.environment import ready
from benchmarks.indexed import states
from benchmarks.measure import (
    PEER,
    POPCON,
    WORKLOADS,
    Receiver,
    libraries_in,
    reporting,
    run,
    table,
)
from benchmarks.truth import Truth

RUNS = {"nothing": 15, "numpy, pandas": 11, "34 imports": 5}


def main() -> int:
    """Print the table."""
    environment = ready()
    truth = Truth(environment.site)
    sides = [(f"popcon, {state.name}", POPCON, state) for state in states(environment)]
    sides.append((PEER.name, PEER, sides[0][2]))
    rows = []
    with Receiver() as receiver:
        for workload, imports in WORKLOADS.items():
            taken: dict[str, list[dict[str, Any]]] = {title: [] for title, _, _ in sides}
            for _ in range(RUNS[workload] + 1):
                for title, side, state in sides:
                    state.enter()
                    code = reporting(side, imports)
                    result = run(environment.python, code, receiver.environ())
                    result["datagrams"] = receiver.take()
                    taken[title].append(result)
            for title, results in taken.items():
                rows.append(_row(workload, title, results[1:], taken[PEER.name][1:], truth))
    heads = ("used", "reporter", "wall ms", "CPU ms", "faster", "less CPU", "datagrams", "bytes")
    print(f"exit hook: {environment.described()}; medians of {', '.join(map(str, RUNS.values()))}")
    print(table((*heads, "libraries", "of"), rows))
    return 0


def _row(
    workload: str,
    title: str,
    results: list[dict[str, Any]],
    peers: list[dict[str, Any]],
    truth: Truth,
) -> list[str]:
    wall, cpu = (median(result[what] for result in results) * 1e3 for what in ("wall", "cpu"))
    peer_wall, peer_cpu = (median(one[what] for one in peers) * 1e3 for what in ("wall", "cpu"))
    last = results[-1]
    expected = truth.of(last["files"])
    found = libraries_in(last["datagrams"])
    sent = last["datagrams"]
    return [
        f"{workload} ({last['modules']} modules)",
        title,
        f"{wall:.2f}",
        f"{cpu:.2f}",
        f"{peer_wall / wall:.0f}x",
        f"{peer_cpu / cpu:.0f}x",
        str(len(sent)),
        str(sum(map(len, sent))),
        f"{len(found & expected)}"
        + (f" and {len(found - expected)} wrong" * bool(found - expected)),
        str(len(expected)),
    ]


if __name__ == "__main__":
    sys.exit(main())
