"""Three exporters behind one address: sums are right, and one that is restarted loses what nobody saw, or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.conftest import ROOT, clean_environ
from tests.e2e.replicas import HUBS, KERNELS, KINDS, LATE, PODS, SCRIPTS
from tests.e2e.service import wrapper

#: An import → the libraries that it uses.
_USES = {
    "yaml": ("pyyaml",),
    "jinja2": ("jinja2", "markupsafe"),
    "zope.interface": ("zope-interface",),
    "ruamel.yaml": ("ruamel-yaml",),
}


@pytest.fixture(scope="module")
def told(hub_python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the exporters of each kind and their Prometheus told of two days, in a network of their own."""
    command = wrapper([pod for kind in KINDS for pod in PODS[kind]])
    folder = str(tmp_path_factory.mktemp("replicas"))
    proxies = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
    done = subprocess.run(
        [*command, sys.executable, "-m", "tests.e2e.replicas", hub_python, folder],
        env=clean_environ(**proxies),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def truth(*numbers: int) -> Counter[str]:
    """Return what cells of these numbers did, and scripts beside them: hub and library, or hub and reports → processes."""
    done: Counter[str] = Counter()
    for hub, cells in KERNELS.values():
        known: set[str] = set()
        for number, cell in enumerate(cells):
            new = {one for name in _imports(cell) for one in _USES[name]} - known
            known |= new
            if number in numbers:
                done.update(f"{hub} {library}" for library in new)
        if 0 in numbers:
            done[f"{hub} reports"] += 1
    hub, code, count = SCRIPTS
    for _ in {0, 2}.intersection(numbers):
        done[f"{hub} reports"] += count
        done.update({f"{hub} {one}": count for name in _imports(code) for one in _USES[name]})
    return done


def days(told: dict[str, Any]) -> tuple[Counter[str], Counter[str]]:
    """Return what was done on each of the two days."""
    return (truth(0), truth(1, 2)) if told["away"] else (truth(0, 1), truth(2))


def _imports(cell: str) -> list[str]:
    return cell.removeprefix("import ").split(", ")


def counts(*pods: dict[str, Any]) -> Counter[str]:
    """Return the sum of what pods hold."""
    found: Counter[str] = Counter()
    for pod in pods:
        for hub in HUBS:
            found.update({f"{hub} {name}": n for name, n in pod[hub]["libraries"].items()})
            found[f"{hub} reports"] += pod[hub]["reports"]
    return +found


@pytest.mark.parametrize("kind", KINDS)
def test_one_address_leads_to_all(told: dict[str, Any], kind: str) -> None:
    """Each of the three got reports, and the one that was put back got some again."""
    pods, held = told[kind]["pods"], told[kind]["held"]
    begun = counts(held) if kind == "popcon" else Counter()

    assert all(counts(pod) for pod in pods)
    assert sum(counts(pods[2]).values()) > sum(begun.values())


def test_sum_of_ours(told: dict[str, Any]) -> None:
    """Three of popcon's exporters hold together what was done, and what came just before a restart: the file has it."""
    assert counts(*told["popcon"]["pods"]) == truth(0, 1, 2) + Counter([f"hub1 {LATE}"])


def test_sum_of_statsd_exporter(told: dict[str, Any]) -> None:
    """Three of statsd_exporter's hold together what was done, but for all that the restarted one held."""
    one = told["statsd_exporter"]

    assert counts(one["held"])[f"hub1 {LATE}"] == 1
    assert counts(*one["pods"], one["held"]) == truth(0, 1, 2) + Counter([f"hub1 {LATE}"])


def test_recorded(told: dict[str, Any]) -> None:
    """What is recorded of three of ours is what was done on each day, to the last process, over a restart."""
    found = [+Counter(day) for day in told["popcon"]["days"]]

    gaps = told["popcon"]["gaps"]

    assert found[0] + found[1] == truth(0, 1, 2) + Counter([f"hub1 {LATE}"]), gaps
    assert tuple(without_late(day) for day in found) == days(told), gaps


def test_recorded_of_statsd_exporter(told: dict[str, Any]) -> None:
    """What was scraped before statsd_exporter was restarted stays in the days; what came since is lost, and that alone."""
    found = [+Counter(day) for day in told["statsd_exporter"]["days"]]

    assert sum(day[f"hub1 {LATE}"] for day in found) == told["statsd_exporter"]["seen_late"]
    assert tuple(without_late(day) for day in found) == days(told)


def without_late(day: Counter[str]) -> Counter[str]:
    """Return a day without what came just before the restart, which may be about midnight."""
    return Counter({name: number for name, number in day.items() if name != f"hub1 {LATE}"})
