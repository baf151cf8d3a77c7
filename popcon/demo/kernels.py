"""In: what each of some notebooks runs. Out: they have run, in real IPython kernels, and are gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from popcon import switched_off
from popcon.activate import ipython, written
from popcon.config import why_off, without_popcon
from popcon.errors import PopconError

#: Seconds that a kernel may take to start, and a cell to run.
PATIENCE = 120


class KernelError(PopconError):
    """A kernel did not start, or a cell raised."""


@contextmanager
def reporting_profile(sink: str, labels: str) -> Iterator[dict[str, str]]:
    """Yield the environment of a kernel that reports, from a profile that is gone afterwards.

    Nothing that the person's own environment says about popcon gets through, opt-outs included:
    the demo was asked for by name, and sends to this machine alone. A file that says no can't be
    kept out: it is a `PopconError`.
    """
    with tempfile.TemporaryDirectory(prefix="popcon-demo-") as folder:
        written.write(ipython.texts(Path(folder) / "profile_default" / "startup"))
        ours = {"IPYTHONDIR": folder, "POPCON_SINK": sink, "POPCON_LABELS": labels}
        environ = {**without_popcon(os.environ), **ours}
        off = switched_off(environ)
        if off:
            raise PopconError(f"no kernel would report: {why_off(off)}")
        yield environ


@contextmanager
def kernel(environ: dict[str, str], python: str = sys.executable) -> Iterator[KernelSession]:
    """Yield a running kernel of an interpreter; it is shut down at the end, whatever happens."""
    manager = KernelManager()
    # The manager looks for an installed kernel spec; ours is this interpreter, installed or not.
    manager._kernel_spec = KernelSpec(
        argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python",
        language="python",
    )
    manager.start_kernel(env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=PATIENCE)
            yield KernelSession(manager, client)
        except RuntimeError as error:
            raise KernelError(f"a kernel did not start: {error}") from None
        finally:
            client.stop_channels()
    finally:
        manager.shutdown_kernel()


class KernelSession:
    """A kernel that runs cells."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self._manager = manager
        self.client = client

    def kill(self) -> None:
        """End the kernel by SIGKILL, as running out of memory does."""
        self._manager.signal_kernel(signal.SIGKILL)

    def run(self, code: str, *, may_raise: bool = False) -> None:
        """Run a cell and wait for its end; `KernelError` if it raised and may not."""
        reply = self.client.execute_interactive(
            code, timeout=PATIENCE, output_hook=lambda message: None
        )["content"]
        if reply["status"] != "ok" and not may_raise:
            raise KernelError(f"a cell raised {reply.get('ename')}: {reply.get('evalue')!r}")
