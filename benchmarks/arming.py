"""In: nothing. Out: what arming and reporting cost, ours and popularity-contest's, in one run.

Each figure is taken inside a fresh child process, the two in turn; medians are printed, and the ratio.
The environment is one of its own with the packages of `popcon[demo]` and popularity-contest 0.4.1.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / ".peers" / "bench"
RUNS = 15

_ARM = "import time; start = time.perf_counter(); {arm}; print(time.perf_counter() - start)"
_REPORT = (
    "import sys, time; before = set(sys.modules); {arm}\n"
    "import requests, yaml, rich.table, jupyter_client\n"
    "start = time.perf_counter(); {report}; print(time.perf_counter() - start)\n"
    "import atexit; atexit._clear()"
)
_POPCON = {
    "arm": "import popcon; popcon.setup_reporter(sink='statsd://127.0.0.1:9')",
    "report": "from popcon import reporter; reporter._armed.report(final=True)",
}
_PEER = {
    "arm": "from popularity_contest import reporter; reporter.setup_reporter()",
    "report": "reporter.report_popularity(before)",
}


def main() -> int:
    """Print the table."""
    python = _environment()
    count = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    )
    print(f"{RUNS} runs each, in an environment of {len(count.stdout.splitlines())} distributions, Python "
          f"{sys.version.split()[0]}; medians in milliseconds")  # fmt: skip
    print(f"{'':36} {'popcon':>9} {'popularity-contest':>19} {'ratio':>7}")
    for title, template in (
        ("import and set up, bare interpreter", _ARM),
        ("report, four imports, warm cache", _REPORT),
    ):
        ours, theirs = _measure(python, template)
        print(f"{title:36} {ours * 1e3:9.2f} {theirs * 1e3:19.2f} {theirs / ours:6.0f}x")
    return 0


def _measure(python: str, template: str) -> tuple[float, float]:
    ours, theirs = [], []
    for _ in range(RUNS + 1):
        ours.append(_seconds(python, template.format(**_POPCON)))
        theirs.append(_seconds(python, template.format(**_PEER)))
    return statistics.median(ours[1:]), statistics.median(theirs[1:])  # the first run warms up


def _seconds(python: str, code: str) -> float:
    # Away from the checkout, so that the installed, compiled package is measured.
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    return float(done.stdout)


def _environment() -> str:
    python = ENVIRONMENT / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if not (ENVIRONMENT / "installed").is_file():
        print("creating the environment", flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        subprocess.run(
            [*pip, *constraints, f"{ROOT}[demo]", "popularity-contest==0.4.1"], check=True
        )
        (ENVIRONMENT / "installed").touch()
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(ROOT)], check=True)
    return str(python)


if __name__ == "__main__":
    sys.exit(main())
