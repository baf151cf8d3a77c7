"""In: nothing. Out: the system calls of one report, and its time where each stat and open is slow.

strace counts between two calls that mark the report. In a second run it holds up each stat and open
by 100 microseconds, as a distant NFS does, and costs time itself.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.environment import ready
from benchmarks.indexed import states
from benchmarks.measure import PEER, POPCON, WORKLOADS, Receiver, reporting, run, table

_MARK = "/popcon-benchmark-mark"
STATS = ("stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat2", "readlink")
OPENS = ("open", "openat")
_SLOW = "stat,lstat,newfstatat,statx,open,openat"


def main() -> int:
    """Print the table, or one line where there is no strace."""
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "-o", "/dev/null", "true"]).returncode:
        print("system calls: skipped, there is no strace here, or it may not trace")
        return 0
    environment = ready()
    sides = [(f"popcon, {state.name}", POPCON, state) for state in states(environment)]
    sides.append((PEER.name, PEER, sides[0][2]))
    rows = []
    with Receiver() as receiver, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "calls"
        mark = f"_mark = os.path.exists({_MARK!r})"
        count = [strace, "-f", "-o", str(log)]
        slow = [*count, "--seccomp-bpf", "-e", f"trace={_SLOW}",
                "-e", f"inject={_SLOW}:delay_enter=100"]  # fmt: skip
        for workload, imports in WORKLOADS.items():
            for title, side, state in sides:
                state.enter()
                code = reporting(side, imports, (mark, mark))
                environ = receiver.environ()
                run(environment.python, code, environ)  # so that nothing is done for the first time
                run(environment.python, code, environ, count)
                calls = _calls(log)
                total = sum(calls.values())
                stats, opens = (sum(calls[name] for name in names) for names in (STATS, OPENS))
                slowed = run(environment.python, reporting(side, imports), environ, slow)["wall"]
                rows.append((workload, title, f"{total:,}", f"{stats:,}", f"{opens:,}",
                             f"{slowed * 1e3:,.1f}"))  # fmt: skip
                receiver.take()
    print(f"system calls of one report: {environment.described()}; one run each")
    heads = ("used", "reporter", "calls", "stat", "open", "ms with 100 µs in each stat and open")
    print(table(heads, rows))
    return 0


def _calls(log: Path) -> Counter[str]:
    """Return how often each system call was made between the marks."""
    lines = log.read_text(errors="replace").splitlines()
    first, last = (number for number, line in enumerate(lines) if _MARK in line)
    names = (line.split(None, 1)[1].partition("(") for line in lines[first + 1 : last])
    return Counter(name for name, bracket, _ in names if bracket and name.isidentifier())


if __name__ == "__main__":
    sys.exit(main())
