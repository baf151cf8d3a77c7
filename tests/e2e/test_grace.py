"""A pod's end: SIGTERM, and SIGKILL one second later, as JupyterHub's KubeSpawner deletes pods.

popularity-contest 0.4.1, which reports at exit alone, delivered 1 of 1, 0 of 4 and 0 of 8 kernels.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from os import kill
from pathlib import Path

import pytest
import requests

from tests.conftest import eventually
from tests.e2e.hub import home_environ, kill_all
from tests.e2e.notebooks import PATIENCE, Server
from tests.e2e.servers import Running, counted, free_port

GRACE = 1.0
CELLS = ("import jinja2", "import yaml, zope.interface")
USED = ("jinja2", "markupsafe", "pyyaml", "zope-interface")


@contextmanager
def pod(
    python: str, folder: Path, sink: str, namespace: str
) -> Iterator[tuple[subprocess.Popen[bytes], Server]]:
    """A Jupyter server, which is process 1 of its pod."""
    port, token = free_port(), secrets.token_hex(16)
    environ = home_environ(folder, POPCON_SINK=sink, POPCON_LABELS=f"namespace={namespace}")
    command = [
        *(python, "-m", "jupyter_server", "--allow-root", "--no-browser"),
        *(f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"),
    ]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        server = Server(f"http://127.0.0.1:{port}", token)

        def answers() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            with suppress(requests.RequestException):
                return bool(server.ask("GET", "status"))
            return False

        assert eventually(answers, PATIENCE), (folder / "log").read_text()
        yield process, server
    finally:
        process.kill()
        process.wait()
        kill_all(folder)


@pytest.mark.parametrize("kernels", [1, 4, 8])
def test_all_reports_arrive(hub_python: str, wall: Running, tmp_path: Path, kernels: int) -> None:
    """However many kernels a pod has, each has reported its set, once, when the pod is gone."""
    namespace = f"pod{kernels}"
    with pod(hub_python, tmp_path, wall.sink, namespace) as (process, server), ExitStack() as stack:
        running = [server.kernel() for _ in range(kernels)]
        for kernel in running:
            stack.callback(kernel.close)
            assert [kernel.run(cell).status for cell in CELLS] == ["ok"] * len(CELLS)
        process.terminate()
        time.sleep(GRACE)
        for pid in (process.pid, *(kernel.pid for kernel in running)):
            with suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)

    assert (dict.fromkeys(USED, kernels), kernels) == counted(wall, namespace)
