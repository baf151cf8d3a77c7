"""A real JupyterHub: users' kernels end in each of the ways that a hub knows, and nothing is lost.

In the same walks popularity-contest 0.4.1, which reports at exit alone, delivered the sets of 2 of 2
users when kernels were shut down by hand, of 0 of 2 when the hub stopped the servers, and of 0 of 2
after SIGKILL.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
import requests

from tests.e2e.hub import Hub, jupyterhub
from tests.e2e.notebooks import Kernel
from tests.e2e.servers import Counted, Running, counted

_UNLOADED = """\
import sys
for name in [name for name in sys.modules if name.split(".")[0] == "jinja2"]:
    del sys.modules[name]
import jinja2
"""
#: What each user's kernel runs. Libraries come again: in another cell, after they were unloaded.
CELLS = {
    "ada": ("import yaml", "import jinja2, yaml", "from jinja2 import Template", _UNLOADED),
    "ben": ("import ruamel.yaml", "1 + 1", "def f(): import jinja2", "f()"),
}
#: Of which libraries that is; markupsafe is brought by jinja2.
USED = {
    "ada": ("jinja2", "markupsafe", "pyyaml"),
    "ben": ("jinja2", "markupsafe", "ruamel-yaml"),
}
#: Cells for later, of libraries that none of those above names.
MEANWHILE, MEANWHILE_USED = "import zope.interface, jinja2", "zope-interface"
LATER, LATER_USED = "import attr, zope.interface", "attrs"
NAMESPACE = "hub1"


@pytest.fixture(scope="module")
def hub(hub_python: str, wall: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that has the users, and tells their kernels where to send, and as which hub."""
    environ = {"POPCON_SINK": wall.sink, "POPCON_LABELS": f"namespace={NAMESPACE}"}
    with jupyterhub(hub_python, environ, tmp_path_factory.mktemp("hub")) as running:
        running.add_users(*CELLS)
        yield running


@pytest.fixture
def count(wall: Running) -> Callable[[], Counted]:
    """What has been counted since the test began; then no kernel of another test runs any more."""
    before = counted(wall, NAMESPACE)
    return lambda: counted(wall, NAMESPACE).since(before)


@pytest.fixture
def kernels(hub: Hub, count: object) -> Iterator[list[Kernel]]:
    """A kernel for each user, which has run the user's cells."""
    hub.start_servers(*CELLS)
    with ExitStack() as stack:
        found = []
        for user in CELLS:
            found.append(hub.server(user).kernel())
            stack.callback(found[-1].close)
        run_cells(found)
        yield found
        for kernel in found:
            with suppress(requests.RequestException):  # it is gone, or its server is
                kernel.shut_down()


def run_cells(kernels: list[Kernel]) -> None:
    """Run each user's cells; users see nothing of popcon among their output."""
    for kernel, cells in zip(kernels, CELLS.values()):
        for cell in cells:
            assert kernel.run(cell) == ("", "", "ok")


def whole(processes: int = 1, *later: str) -> Counted:
    """Return what is counted when each user's set is whole, and counted once a process."""
    used = Counter(library for libraries in USED.values() for library in libraries)
    times = {library: count * processes for library, count in used.items()}
    return Counted({**times, **dict.fromkeys(later, len(CELLS))}, len(CELLS) * processes)


def test_users_see_nothing(kernels: list[Kernel], hub: Hub) -> None:
    """Users find no name of popcon's in their namespace, and no kernel ends with a complaint."""
    for kernel in kernels:
        shown = kernel.run("print([name for name in globals() if 'popcon' in name.lower()])")
        assert shown == ("[]\n", "", "ok")
        kernel.shut_down()

    assert "Exception ignored" not in hub.log()


def test_kernels_are_shut_down(kernels: list[Kernel], count: Callable[[], Counted]) -> None:
    """Kernels that users shut down by the API are counted whole, once."""
    for kernel in kernels:
        kernel.shut_down()

    assert whole() == count()


def test_kernels_are_killed(kernels: list[Kernel], count: Callable[[], Counted]) -> None:
    """Kernels that end by SIGKILL, as when memory runs out, are counted whole, once."""
    for kernel in kernels:
        os.kill(kernel.pid, signal.SIGKILL)

    assert whole() == count()


def test_kernels_are_restarted(kernels: list[Kernel], count: Callable[[], Counted]) -> None:
    """A kernel that its user restarts is two processes, each counted whole, once."""
    for kernel in kernels:
        before = kernel.pid
        kernel.restart()
        assert kernel.pid != before
    run_cells(kernels)

    assert whole(2) == count()


def test_hub_is_restarted(hub: Hub, kernels: list[Kernel], count: Callable[[], Counted]) -> None:
    """Kernels outlive a restart of the hub: they count what is new during it and after, nothing twice."""
    hub.stop()
    try:
        assert [kernel.run("import jinja2").status for kernel in kernels] == ["ok", "ok"]
        assert [kernel.run(MEANWHILE).status for kernel in kernels] == ["ok", "ok"]
        assert whole(1, MEANWHILE_USED) == count()
    finally:
        hub.start()
    assert [kernel.run(LATER).status for kernel in kernels] == ["ok", "ok"]
    for kernel in kernels:
        kernel.shut_down()

    assert whole(1, MEANWHILE_USED, LATER_USED) == count()


def test_servers_are_stopped(hub: Hub, kernels: list[Kernel], count: Callable[[], Counted]) -> None:
    """Kernels whose servers the hub stops by its API, as the culler does, are counted whole, once."""
    hub.stop_servers(*CELLS)

    assert whole() == count()
