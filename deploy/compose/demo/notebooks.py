"""In: POPCON_SINK, POPCON_LABELS, DEMO_PAUSE. Out: small notebooks run in real IPython kernels, until it is ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping

from popcon.config import parse_statsd_url, read
from popcon.demo.kernels import kernel, reporting_profile
from popcon.errors import NetworkError, PopconError, UsageError

#: Libraries that are used by many, by few, and not at all; the last notebook uses none.
NOTEBOOKS = (
    ("import requests", "import yaml\nyaml.safe_load('a: 1')"),
    ("import yaml", "from rich.table import Table"),
    ("import jinja2\njinja2.Template('{{ a }}').render(a=1)", "import yaml"),
    ("import joblib",),
    ("sum(range(10))",),
)


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Run the notebooks round after round; return the exit status."""
    # Both are how Compose stops us: a kernel that runs is shut down first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        seconds = pause(environ)
        sink = read(environ).sinks[0]
        reach(sink)
        with reporting_profile(sink, environ.get("POPCON_LABELS", "")) as kernels:
            while True:
                run_round(kernels, seconds)
    except KeyboardInterrupt:
        return 0
    except PopconError as error:
        print(f"demo: error: {error}", file=sys.stderr, flush=True)
        return error.status


def pause(environ: Mapping[str, str]) -> float:
    """Return the seconds between two kernels. Raises `UsageError`."""
    text = environ.get("DEMO_PAUSE", "15")
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"DEMO_PAUSE is not a number of seconds: {text!r}")
    return float(text)


def reach(sink: str) -> None:
    """Raise `NetworkError` where no exporter has the sink's name: UDP itself would stay silent."""
    host, port = parse_statsd_url(sink)
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise NetworkError(
            f"no address for {host!r} ({error.strerror or error}): is an exporter running? "
            "COMPOSE_PROFILES in .env has to name go or python"
        ) from None


def run_round(kernels: dict[str, str], seconds: float) -> None:
    """Run each notebook once, after zeros for all that is installed.

    A zero says "installed, and never used"; a statsd_exporter that was restarted has forgotten it.
    """
    subprocess.run(
        [sys.executable, "-m", "popcon", "inventory", "--send"], env=kernels, check=False
    )
    for cells in NOTEBOOKS:
        lines = "\n".join(cells).splitlines()
        print("kernel: starting", *(f"  In: {line}" for line in lines), sep="\n", flush=True)
        with kernel(kernels) as session:
            for cell in cells:
                session.run(cell)
        time.sleep(seconds)


if __name__ == "__main__":
    sys.exit(main())
