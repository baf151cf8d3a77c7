"""An exporter that is restarted while kernels run: it counts on, from nothing, without their help."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from popcon.demo.kernels import kernel
from tests.conftest import clean_environ
from tests.e2e.servers import counted, exporter, free_port

KINDS = ("statsd_exporter", "popcon")


@pytest.mark.parametrize("kind", KINDS)
def test_later_cells_arrive(hub_python: str, tmp_path: Path, kind: str) -> None:
    """What cells import after an exporter's restart arrives, and what it knew before is not said again."""
    ports = free_port(socket.SOCK_DGRAM), free_port()
    environ = clean_environ(
        POPCON_SINK=f"statsd://127.0.0.1:{ports[0]}",
        POPCON_LABELS="namespace=hub1",
        IPYTHONDIR=str(tmp_path),
    )
    del environ["PYTHONPATH"]
    with kernel(environ, hub_python) as session:
        with exporter(kind, ports=ports) as running:
            session.run("import jinja2")
            assert counted(running, "hub1") == ({"jinja2": 1, "markupsafe": 1}, 1)
        session.run("import ruamel.yaml")  # nobody listens: the next one must not suffer for it
        with exporter(kind, ports=ports) as running:
            session.run("import zope.interface, jinja2")
            assert counted(running, "hub1") == ({"zope-interface": 1}, 0)
