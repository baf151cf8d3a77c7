"""Real kernels, and an exporter with a publication policy: who is company, and who isn't."""

from __future__ import annotations

import time
from pathlib import Path

import requests

from popcon.demo.kernels import kernel
from tests.conftest import clean_environ, eventually
from tests.e2e.servers import Running, exporter

POLICY = ("--privacy=standard", "--privacy.min-processes=3", "--privacy.interval=0s")


def _shown(running: Running) -> dict[str, str]:
    """Return what /metrics shows of hub1: sample → value."""
    lines = requests.get(f"{running.url}/metrics", timeout=10).text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if 'namespace="hub1"' in line)


def test_three_kernels_that_used_something(hub_python: str, tmp_path: Path) -> None:
    """An empty kernel hides nobody; the third that used something brings all, at once."""
    admin = "--web.admin-address="
    with exporter("popcon", flags=(*POLICY, admin)) as running:
        environ = clean_environ(
            POPCON_SINK=running.sink, POPCON_LABELS="namespace=hub1", IPYTHONDIR=str(tmp_path)
        )
        del environ["PYTHONPATH"]
        for cell in ("import jinja2", "1 + 1", "1 + 1", "import zope.interface"):
            with kernel(environ, hub_python) as session:
                session.run(cell)
        time.sleep(3)  # a tick and more: what was to be shown would be
        assert _shown(running) == {}
        with kernel(environ, hub_python) as session:
            session.run("import jinja2")
        used = {"jinja2": 2, "markupsafe": 2, "zope-interface": 1}
        expected = {
            f'python_popcon_library_used{{library="{name}",namespace="hub1"}}': str(count)
            for name, count in used.items()
        }
        expected['python_popcon_reports{namespace="hub1"}'] = "5"
        assert eventually(lambda: _shown(running))
        assert _shown(running) == expected
