"""The run that the exporter is: what is shown of it, and what is left out where nobody knows."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from popcon.exporter.run_context import (
    MAX_VALUE,
    NAMES,
    RunContext,
    cpus,
    git_state,
    memory,
    register,
)
from tests.conftest import clean_environ

QUIET = clean_environ(
    GIT_CONFIG_GLOBAL=os.devnull,
    GIT_CONFIG_SYSTEM=os.devnull,
    GIT_AUTHOR_NAME="a",
    GIT_AUTHOR_EMAIL="a@example.org",
    GIT_COMMITTER_NAME="a",
    GIT_COMMITTER_EMAIL="a@example.org",
)


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, with nobody's settings, and return what it printed."""
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=QUIET, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A work tree with one commit."""
    if shutil.which("git") is None:
        pytest.skip("no git on this machine")
    folder = tmp_path / "tree"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "file").write_text("one\n")
    git(folder, "add", "file")
    git(folder, "commit", "--quiet", "-m", "one")
    return folder


def shown(collector: RunContext) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return name → (labels, value) of each sample."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in collector.collect():
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_this_run(repository: Path) -> None:
    """Python, machine, limits, start, commit and the named variables that are set: all as gauges."""
    environ = {**QUIET, "LISTED": "yes", "SECRET": "no"}
    found = shown(
        RunContext(["LISTED", "UNSET", "LISTED"], folder=repository, environ=environ, started=1.5e9)
    )

    assert found["popcon_run_info"] == [
        (
            {
                "python": platform.python_version(),
                "implementation": platform.python_implementation(),
                "platform": platform.system(),
                "machine": platform.machine(),
            },
            1,
        )
    ]
    assert found["popcon_run_start_time_seconds"] == [({}, 1.5e9)]
    assert found["popcon_run_environment_info"] == [({"name": "LISTED", "value": "yes"}, 1)]
    commit = git(repository, "rev-parse", "HEAD").strip()
    assert found["popcon_run_git_info"] == [({"commit": commit}, 1)]
    assert found["popcon_run_git_dirty"] == [({}, 0)]
    assert found["popcon_run_cpus"][0][1] > 0
    assert found["popcon_run_memory_bytes"][0][1] > 1e6


def test_the_names_are_known_beforehand(repository: Path) -> None:
    """Everything that can be shown is in the list of names that no kernel may send."""
    context = RunContext(["HOME"], folder=repository, environ={"HOME": "x", **QUIET})
    assert {family.name for family in context.collect()} == set(NAMES)


def test_a_registry_shows_it(tmp_path: Path) -> None:
    """Registered, it is on the page; what isn't known has no line there, not even a type."""
    registry = CollectorRegistry()
    register(registry, cwd=tmp_path)
    page = generate_latest(registry).decode()

    assert 'popcon_run_info{implementation="' in page
    assert "popcon_run_git" not in page
    assert "popcon_run_environment" not in page


def test_a_variable_may_hold_anything(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and a value without end, still make a page."""
    registry = CollectorRegistry()
    environ = {"ODD": '\udcff\n"', "LONG": "x" * 10_000}
    registry.register(RunContext(["ODD", "LONG"], folder=tmp_path, environ=environ))
    page = generate_latest(registry).decode()

    assert r'{name="ODD",value="\\udcff\n\""}' in page
    assert f'{{name="LONG",value="{"x" * MAX_VALUE}"}}' in page


def edited(folder: Path) -> None:
    (folder / "file").write_text("two\n")


def staged(folder: Path) -> None:
    edited(folder)
    git(folder, "add", "file")


def removed(folder: Path) -> None:
    (folder / "file").unlink()


def untracked(folder: Path) -> None:
    (folder / "other").write_text("")


def detached(folder: Path) -> None:
    git(folder, "checkout", "--quiet", "--detach")


@pytest.mark.parametrize(
    ("change", "dirty"),
    [(edited, True), (staged, True), (removed, True), (untracked, False), (detached, False)],
)
def test_dirty(repository: Path, change: Callable[[Path], None], dirty: bool) -> None:
    """A work tree is dirty where tracked files differ from the commit, as `git describe` says."""
    change(repository)

    assert git_state(repository, QUIET) == (git(repository, "rev-parse", "HEAD").strip(), dirty)


def test_nothing_is_written(repository: Path) -> None:
    """Looking leaves the repository as it is, its index too."""
    (repository / "file").write_text("one\n")
    before = (repository / ".git" / "index").read_bytes()
    git_state(repository, QUIET)

    assert (repository / ".git" / "index").read_bytes() == before


def test_another_repository_in_the_environment(repository: Path, tmp_path: Path) -> None:
    """What git itself leaves in the environment, in a hook say, doesn't name the repository."""
    environ = {**QUIET, "GIT_DIR": str(tmp_path / "none"), "GIT_INDEX_FILE": "/none"}

    assert git_state(repository, environ) == git_state(repository, QUIET) != None  # noqa: E711


def test_no_commit_is_known(repository: Path, tmp_path: Path) -> None:
    """No work tree, no folder, no commit yet, no git, a git that never answers: no commit."""
    (tmp_path / "new").mkdir()
    git(tmp_path / "new", "init", "--quiet")
    (tmp_path / "bin").mkdir()
    stuck = tmp_path / "bin" / "git"
    stuck.write_text("#!/bin/sh\nsleep 5\n")
    stuck.chmod(0o755)

    alone = {**QUIET, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    assert git_state(tmp_path, alone) is None
    assert git_state(tmp_path / "none", QUIET) is None
    assert git_state(tmp_path / "new", QUIET) is None
    assert git_state(repository, {**QUIET, "PATH": "/none"}) is None
    slow = {**QUIET, "PATH": f"{stuck.parent}:{QUIET['PATH']}"}
    assert git_state(repository, slow, seconds=0.2) is None


@pytest.mark.parametrize(
    ("groups", "files", "limits"),
    [
        ("0::/\n", {"cpu.max": "50000 100000", "memory.max": "1048576"}, (0.5, 2**20)),
        ("0::/\n", {"cpu.max": "max 100000", "memory.max": "max"}, None),
        ("0::/a/b\n", {"a/cpu.max": "10000 100000", "a/b/memory.max": "4096"}, (0.1, 4096)),
        ("0::/a\n", {"a/memory.max": "8192", "memory.max": "4096", "cpu.max": "1 4"}, (0.25, 4096)),
        (
            "4:memory:/x\n2:cpu,cpuacct:/\n",
            {
                "memory/memory.limit_in_bytes": "4096",
                "memory/x/memory.limit_in_bytes": "9223372036854771712",
                "cpu,cpuacct/cpu.cfs_quota_us": "25000",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            (0.25, 4096),
        ),
        (
            "2:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            None,
        ),
        ("", {"cpu.max": "10000 100000", "memory.max": "4096"}, (0.1, 4096)),
        ("0::/../..\n", {}, None),
        ("nonsense", {"cpu.max": "a b", "memory.max": ""}, None),
    ],
)
def test_the_smallest_limit(
    tmp_path: Path, groups: str, files: dict[str, str], limits: tuple[float, float] | None
) -> None:
    """CPUs and memory are what the control groups leave of the machine's, in version 1 and 2."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(groups)
    for name, content in files.items():
        file = tmp_path / "sys" / "fs" / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")
    machine = cpus(tmp_path / "none"), memory(tmp_path / "none")

    assert (cpus(tmp_path), memory(tmp_path)) == (limits or machine)
