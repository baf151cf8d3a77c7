"""A guest's manners: whatever is broken, the user sees what they would see without popcon."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import interpreters
from tests.manners.fault import Fault, Outcome, run
from tests.manners.faults import (
    endings,
    files,
    kernels,
    modules,
    network,
    process,
    settings,
    sinks,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the faults are made by POSIX means")

FAULTS = [
    fault
    for group in (network, settings, files, process, modules, endings, kernels, sinks)
    for fault in group.FAULTS
]
#: Each fault on each Python; those in IPython where IPython is, beside pytest.
ROWS = [
    pytest.param(fault, *python.values, id=f"{python.id}-{fault.name}", marks=python.marks)
    for python in interpreters(few=True)
    for fault in FAULTS
    if not fault.ipython or python.values == (sys.executable,)
]
#: Those that POPCON_DEBUG has something to say about, on one Python.
TELLING = [pytest.param(fault, sys.executable, id=fault.name) for fault in FAULTS if fault.says]

Outcomes = dict[str, "Future[Outcome]"]


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcomes]:
    """Start all programs that were asked for, a few at a time: test → what will have come of it."""
    folder = tmp_path_factory.mktemp("manners")
    pool = ThreadPoolExecutor((os.cpu_count() or 1) + 2)
    started = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and "outcomes" in item.fixturenames:
            row: dict[str, Any] = item.callspec.params
            debug = item.originalname == "test_debug"
            started[item.nodeid] = pool.submit(
                run, row["fault"], row["python"], folder, debug=debug
            )
    yield started
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(("fault", "python"), ROWS)
def test_manners(
    fault: Fault,
    python: str,
    outcomes: Outcomes,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Output, exit status and surroundings are the user's own, and what can arrive arrives."""
    seen = outcomes[request.node.nodeid].result()
    if seen.refused:
        pytest.skip(seen.refused)
    if fault.alike:
        theirs = run(fault, python, tmp_path_factory.getbasetemp(), armed=False)
    else:
        theirs = Outcome(fault.status, fault.stdout)

    assert fault.reads(seen.stderr) == fault.reads(theirs.stderr)
    assert (seen.status, seen.stdout) == (theirs.status, theirs.stdout)
    assert seen.witness == (("reached" if fault.reached else "not reached"),)
    assert sorted(set(seen.lines)) == sorted(seen.lines)
    assert set(fault.arrives) <= set(seen.lines) <= {*fault.arrives, *fault.may}


@pytest.mark.parametrize(("fault", "python"), TELLING)
def test_debug(
    fault: Fault, python: str, outcomes: Outcomes, request: pytest.FixtureRequest
) -> None:
    """POPCON_DEBUG=1 shows what was swallowed, in one line on standard error, and changes nothing."""
    seen = outcomes[request.node.nodeid].result()
    if seen.refused:
        pytest.skip(seen.refused)

    shown = seen.stderr.splitlines()
    assert [line for line in shown if line.startswith("popcon: ") and fault.says in line] == shown
    assert (len(set(shown)), seen.status, seen.stdout) == (1, fault.status, fault.stdout)


def test_the_table_is_whole() -> None:
    """There are at least sixty faults, each under a name of its own."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 60
