"""In: this process and its working directory. Out: the run that it is, as gauges.

All of it is found out once, at the start: that is what runs, whatever happens to the folder later,
and a scrape costs nothing. What can't be found out is left out. No user, host or path is in it.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

#: Every name that may be shown, so that no kernel can send one where there is nothing to show.
NAMES = tuple(
    f"popcon_run_{name}"
    for name in (
        *("info", "cpus", "memory_bytes", "start_time_seconds"),
        *("git_info", "git_dirty", "environment_info"),
    )
)
#: Seconds that git may take. A large work tree on a slow disk must not hold up the start.
GIT_SECONDS = 2.0
#: Characters of a variable's value; a label is no place for more.
MAX_VALUE = 256


class RunContext(Collector):
    """The gauges, made once. `system` is where /proc and /sys are."""

    def __init__(
        self,
        variables: Iterable[str] = (),
        *,
        folder: str | os.PathLike[str] = ".",
        environ: Mapping[str, str] = os.environ,
        system: str | os.PathLike[str] = "/",
        started: float | None = None,
    ) -> None:
        self._families = [
            _gauge("info", "The run that this exporter is; always 1.", 1, **_machine()),
            _gauge("cpus", "CPUs that the run may use, a part of one by its limit.", cpus(system)),
            _gauge("memory_bytes", "Memory that the run may use.", memory(system)),
            _gauge(
                "start_time_seconds",
                "When the run began, in seconds since 1970.",
                time.time() if started is None else started,
            ),
            *_git_gauges(git_state(folder, environ)),
            _environment(variables, environ),
        ]

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have a sample."""
        yield from (family for family in self._families if family.samples)


def register(
    registry: CollectorRegistry,
    env_names: Iterable[str] = (),
    cwd: str | os.PathLike[str] = ".",
) -> None:
    """Show this run in a registry; of the environment only the variables that are named."""
    registry.register(RunContext(env_names, folder=cwd))


def cpus(system: str | os.PathLike[str] = "/") -> float | None:
    """How many CPUs this process may use: by its affinity, and by its control groups' quotas."""
    if hasattr(os, "sched_getaffinity"):
        found = [float(len(os.sched_getaffinity(0)))]
    else:
        found = [float(os.cpu_count() or 0)]
    for group in _groups(system):
        quota = _numbers(group / "cpu.max") or [
            *_numbers(group / "cpu.cfs_quota_us"),
            *_numbers(group / "cpu.cfs_period_us"),
        ]
        if len(quota) == 2 and min(quota) > 0:
            found.append(quota[0] / quota[1])
    return min(found) or None


def memory(system: str | os.PathLike[str] = "/") -> float | None:
    """How many bytes this process may use: the machine's, or its control groups' smallest limit."""
    found = []
    with suppress(AttributeError, OSError, ValueError):  # Windows; a name it doesn't know
        found.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    for group in _groups(system):
        for name in ("memory.max", "memory.limit_in_bytes"):
            found += _numbers(group / name)[:1]
    return min((size for size in found if size > 0), default=None)


def git_state(
    folder: str | os.PathLike[str],
    environ: Mapping[str, str] = os.environ,
    seconds: float = GIT_SECONDS,
) -> tuple[str, bool] | None:
    """The commit of a folder's work tree, and whether tracked files differ from it.

    None where there is no git, no work tree, no commit, or no answer in time.
    """
    # Where git runs this process, in a hook say, these name its repository and not the folder's.
    misleading = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    command = [
        *("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "status"),
        *("--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=dirty"),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={name: value for name, value in environ.items() if name not in misleading},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    lines = done.stdout.split(b"\n")
    commit = next((one[13:] for one in lines if one.startswith(b"# branch.oid ")), b"")
    if not commit.isalnum():
        return None  # "(initial)": nothing is committed yet
    return commit.decode("ascii"), any(one and not one.startswith(b"#") for one in lines)


def _machine() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.system(),
        "machine": platform.machine(),
    }


def _gauge(name: str, help: str, value: float | None, **labels: str) -> Metric:
    family = GaugeMetricFamily(f"popcon_run_{name}", help, labels=list(labels))
    if value is not None:
        family.add_metric([_text(text) for text in labels.values()], value)
    return family


def _git_gauges(state: tuple[str, bool] | None) -> list[Metric]:
    if state is None:
        return []
    commit, dirty = state
    return [
        _gauge("git_info", "The commit of the working directory; always 1.", 1, commit=commit),
        _gauge("git_dirty", "Whether files differ from that commit: 1 if they do.", float(dirty)),
    ]


def _environment(variables: Iterable[str], environ: Mapping[str, str]) -> Metric:
    family = GaugeMetricFamily(
        "popcon_run_environment_info",
        "An environment variable that was asked for; always 1.",
        labels=("name", "value"),
    )
    for name in dict.fromkeys(variables):
        if name in environ:
            family.add_metric((_text(name), _text(environ[name])), 1)
    return family


def _text(value: str) -> str:
    """A label's value: bytes that are no UTF-8 are spelled out, and it has an end."""
    return value.encode("utf-8", "backslashreplace").decode()[:MAX_VALUE]


def _groups(system: str | os.PathLike[str]) -> Iterator[Path]:
    """The folders in which this process's control groups, and those above them, keep their limits.

    In a container its own group is as a rule the root of what it sees.
    """
    mounted = Path(system, "sys/fs/cgroup")
    lines = _content(Path(system, "proc/self/cgroup")).splitlines() or ["0::/"]
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        base = mounted / controllers
        while True:
            yield base / path.strip("/")
            if not path.strip("/"):
                break
            path = os.path.dirname(path.rstrip("/"))


def _numbers(file: Path) -> list[float]:
    """The numbers in a file, none where there is no file or "max" in it."""
    words = _content(file).split()
    return [float(word) for word in words] if all(map(_is_number, words)) else []


def _is_number(word: str) -> bool:
    return word.removeprefix("-").isdecimal()


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""
