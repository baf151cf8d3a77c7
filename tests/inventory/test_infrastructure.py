"""What is infrastructure: who is a root, and whom only roots need."""

from __future__ import annotations

import re
import sys

import pytest

from popcon.inventory.environment import inventory
from popcon.inventory.infrastructure import Facts, infrastructure
from popcon.well_known import PARTS, PATTERN

LABEXTENSION = "../../../share/jupyter/labextensions/@a/b/package.json"
CONFIG = "../../../etc/jupyter/jupyter_server_config.d/a.json"


def needs(*names: str) -> Facts:
    return Facts(requires=names, files=("a/module.py",))


POPCON = needs(
    "rich; extra == 'cli'",
    "pyyaml; extra == 'exporter'",
    "google-re2; extra == 'exporter'",
    "jinja2; extra == 'report'",
    "popcon[cli]; extra == 'report'",
    "joblib; extra == 'test'",
)


@pytest.mark.parametrize(
    ("libraries", "expected"),
    [
        ({"numpy": needs()}, {}),
        ({"ipykernel": needs("comm"), "comm": needs()}, {"ipykernel": "kernel", "comm": "kernel"}),
        # What ipykernel has loaded before the first cell is never counted, though a user's library needs it.
        (
            {"ipykernel": needs("Comm>=0.1"), "comm": needs("a"), "a": needs(), "app": needs("comm")},
            {"ipykernel": "kernel", "comm": "kernel", "a": "kernel"},
        ),
        ({"jupyterlab": needs("Comm>=0.1"), "comm": needs(), "app": needs("comm")}, {"jupyterlab": "server"}),
        # Needed by a user's library, a root stays one, and what only it needs stays with it.
        (
            {"ipykernel": needs("comm"), "comm": needs(), "ipyparallel": needs("ipykernel")},
            {"ipykernel": "kernel", "comm": "kernel"},
        ),
        # Through several, and around in a circle.
        (
            {"notebook": needs("a"), "a": needs("b"), "b": needs("a", "notebook")},
            {"notebook": "server", "a": "server", "b": "server"},
        ),
        ({"notebook": needs("a"), "a": needs("b"), "b": needs(), "app": needs("b")}, {"notebook": "server", "a": "server"}),
        # Of several parts the first has it.
        (
            {"pip": needs("a"), "jupyterlab": needs("a"), "ipykernel": needs("a"), "a": needs()},
            {"pip": "tool", "jupyterlab": "server", "ipykernel": "kernel", "a": "kernel"},
        ),
        ({"popcon": needs("statsd"), "statsd": needs()}, {"popcon": "popcon", "statsd": "popcon"}),
        # Markers and extras.
        ({"pip": needs("a; python_version < '3'"), "a": needs()}, {"pip": "tool"}),
        ({"pip": needs("a; extra == 'x'"), "a": needs()}, {"pip": "tool"}),
        (
            {"pip": needs("a[x]"), "a": needs("b; extra == 'x'", "c; extra == 'y'"), "b": needs(), "c": needs()},
            {"pip": "tool", "a": "tool", "b": "tool"},
        ),
        ({"pip": needs("not a (requirement", "a"), "a": needs()}, {"pip": "tool", "a": "tool"}),
        ({"pip": needs("b; os_name ~= 'x'", "a"), "a": needs(), "b": needs()}, {"pip": "tool", "a": "tool"}),
        # popcon's extras, where they are installed.
        ({"popcon": POPCON, "rich": needs("pygments"), "pygments": needs()}, dict.fromkeys(("popcon", "rich", "pygments"), "popcon")),
        ({"popcon": POPCON, "rich": needs(), "app": needs("rich")}, {"popcon": "popcon"}),
        ({"popcon": POPCON, "pyyaml": needs()}, {"popcon": "popcon"}),
        ({"popcon": POPCON, "pyyaml": needs(), "google-re2": needs()}, dict.fromkeys(("popcon", "pyyaml", "google-re2"), "popcon")),
        ({"popcon": POPCON, "rich": needs(), "jinja2": needs()}, dict.fromkeys(("popcon", "rich", "jinja2"), "popcon")),
        ({"popcon": POPCON, "joblib": needs()}, {"popcon": "popcon"}),
        ({"pip": needs("missing")}, {"pip": "tool"}),
        # What is installed tells what it is.
        ({"a": Facts(files=(CONFIG, "a/module.py"))}, {"a": "server"}),
        ({"a": Facts(files=(LABEXTENSION, "a/module.py"))}, {"a": "server"}),
        ({"plotly": Facts(files=(LABEXTENSION, "plotly/module.py"))}, {}),
        ({"a": Facts(("ipywidgets",), files=(LABEXTENSION, "a/module.py"))}, {}),
        ({"a": Facts(("x; extra == 'ipywidgets'",), files=(LABEXTENSION,))}, {"a": "server"}),
        ({"a": Facts(groups=frozenset({"jupyterhub.spawners"}), files=("a/module.py",))}, {"a": "server"}),
        ({"a": Facts(files=("../../../share/jupyter/kernels/r/kernel.json", "a/module.py"))}, {"a": "kernel"}),
        ({"a": Facts(files=("../../../bin/a", "a-1.dist-info/RECORD"))}, {"a": "tool"}),
        ({"a": Facts(files=("../../../bin/a", "a/__init__.py", "a/_find_a.py"))}, {"a": "tool"}),
        ({"a": Facts(files=("../../../bin/a", "a/__init__.py", "a/api.py"))}, {}),
        # A script of Python code, and the module that it runs.
        ({"a": Facts(scripts=frozenset({"a"}), files=("../../../bin/a", "a/__init__.py"))}, {}),
    ],
)  # fmt: skip
def test_parts(libraries: dict[str, Facts], expected: dict[str, str]) -> None:
    """Infrastructure is what runs the notebooks, commands, and what only they need."""
    assert {name: part.name for name, part in infrastructure(libraries).items()} == expected


@pytest.mark.parametrize(
    ("libraries", "name", "why"),
    [
        ({"ipykernel": needs("comm"), "comm": needs()}, "comm", "needed by ipykernel"),
        ({"a": Facts(files=(CONFIG,))}, "a", "a server extension: etc/jupyter/jupyter_server_config.d/a.json"),
        ({"a": Facts(files=(LABEXTENSION,))}, "a", "a server extension: share/jupyter/labextensions/@a/b"),
        ({"a": Facts(files=("../../../bin/b",))}, "a", "a command without a module: b"),
    ],
)  # fmt: skip
def test_why(libraries: dict[str, Facts], name: str, why: str) -> None:
    """Each has a reason that a person can check."""
    assert infrastructure(libraries)[name].why == why


def test_another_python() -> None:
    """Markers are asked about the Python of the environment that is looked at."""
    libraries = {"pip": needs("a; python_version < '3.5'"), "a": needs()}
    assert "a" in infrastructure(libraries, {"python_version": "3.4"})


def test_well_known_names() -> None:
    """By name alone the kernel and all that it has loaded are known, and no library of an analyst's."""
    kernels = {row.name for row in inventory(sys.prefix) if row.part and row.part.name == PARTS[0]}

    assert {"ipykernel", "ipython", "traitlets", "pyzmq"} <= kernels
    assert [name for name in kernels if not re.fullmatch(PATTERN, name)] == []
    for name in ("numpy", "pandas", "requests", "jinja2", "ipywidgets", "statsmodels"):
        assert not re.fullmatch(PATTERN, name)
    assert re.fullmatch(r"[a-z0-9|.*-]+", PATTERN)  # as PromQL has it in quotes
