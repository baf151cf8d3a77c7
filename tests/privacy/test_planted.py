"""Nothing of a person's own leaves: planted names, paths and secrets, and every datagram searched."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from popcon.demo.kernels import kernel
from tests.conftest import Collector
from tests.privacy.planted import IMPORTS, Planted, counted

EACH_DETAIL = pytest.mark.parametrize("details", ["", "version", "direct", "version,direct"])


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The environment of this module."""
    return Planted(tmp_path_factory.mktemp("planted"))


def expected(details: str) -> list[str]:
    """Return what leaves of `IMPORTS`: two libraries of the image, and one bucket for the rest."""
    found = ["library_used._other", "library_used.apples", "library_used.plums", "reports"]
    if "version" in details:  # of plums it is a person's own copy that is loaded
        found.append("library_version.apples.1.0")
    if "direct" in details:
        found += ["library_direct._other", "library_direct.apples", "library_direct.plums"]
    return sorted(found)


def run_script(planted: Planted, collector: Collector, **environ: str) -> tuple[list[bytes], int]:
    """Run the person's script, which ends by an error, and return what came of it, and its pid."""
    process = subprocess.Popen(
        [planted.python, "hush_job.py", "--password=hush-argument"],
        cwd=planted.work,
        env={**planted.environ, "POPCON_SINK": collector.url, **environ},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.communicate(timeout=60)[1].endswith("ZeroDivisionError: division by zero\n")
    return collector.datagrams(wait=5), process.pid


@EACH_DETAIL
def test_a_script(planted: Planted, collector: Collector, details: str) -> None:
    """Of a script only the image's libraries leave, by name; all else is `_other`, or nothing."""
    datagrams, pid = run_script(planted, collector, POPCON_DETAILS=details)

    assert planted.leaks(datagrams, pid) == []
    assert counted(datagrams) == expected(details)


@EACH_DETAIL
def test_a_kernel(planted: Planted, collector: Collector, details: str) -> None:
    """The same of a real kernel, of whatever its cells do: magics, errors, commands, completion."""
    environ = {**planted.environ, "POPCON_SINK": collector.url, "POPCON_DETAILS": details}
    with kernel(environ, planted.python) as session:
        session.run(f"%cd {planted.work}")
        session.run("import os; hush_pid = os.getpid(); print(hush_pid, file=open('pid', 'w'))")
        session.run("hush_own_function = lambda: 'hush'\n!echo hush $HUSH_TOKEN")
        session.client.complete("import hush_", reply=True, timeout=30)
        session.run(IMPORTS)
        session.run("raise ValueError('hush-error ' + os.environ['HUSH_TOKEN'])", may_raise=True)
        session.run("%run hush_script.py", may_raise=True)
        session.run("import hush_is_not_there", may_raise=True)
    datagrams = collector.datagrams(wait=5)
    pid = int((planted.work / "pid").read_text())

    assert planted.leaks(datagrams, pid) == []
    assert counted(datagrams) == expected(details)


def test_an_allow_list(planted: Planted, collector: Collector) -> None:
    """What an allow list doesn't match is `_other`, once, and has no version."""
    settings = {"POPCON_ALLOW": "appl?s", "POPCON_DETAILS": "version"}
    datagrams, pid = run_script(planted, collector, **settings)

    assert planted.leaks(datagrams, pid) == []
    assert counted(datagrams) == [
        "library_used._other",
        "library_used.apples",
        "library_version.apples.1.0",
        "reports",
    ]


def test_the_scope_all(planted: Planted, collector: Collector) -> None:
    """All that is installed is named then; own modules and folders aren't, nor what is denied."""
    settings = {"POPCON_SCOPE": "all", "POPCON_DETAILS": "version"}
    datagrams, _ = run_script(planted, collector, **settings)

    named = ["apples", "hush-editable", "hush-file", "hush-user", "hush-vcs", "plums"]
    versions = ["apples.1.0", "hush-user.2.0", "plums.9.9+hush"]
    assert counted(datagrams) == [
        "library_used._other",
        *(f"library_used.{library}" for library in named),
        *(f"library_version.{version}" for version in versions),
        "reports",
    ]


def test_the_search_finds(planted: Planted) -> None:
    """The search would find what is planted, and who is asked for by the system."""
    home = str(Path.home())
    for text in ("a.hush-user:1|c", f"a.b:1|c\n{planted.folder}:1|c", f"x {home}", "a.4711:1|c"):
        assert planted.leaks([text.encode()], 4711), text
    assert planted.leaks([b"python_popcon.library_used.apples:1|c"], 4711) == []
