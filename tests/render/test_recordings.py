"""The recordings, evaluated by the real promtool: what each day counted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from popcon.catalog import LIBRARY_USED, METRICS, REPORTS
from popcon.promql.recordings import ENDS, recorded, recordings
from popcon.promql.steps import STARTED
from popcon.render.queries import added
from tests.peers.found import program
from tests.render.recording_cases import DAY, LEAD, OLD, STEPS, Case, Exporter
from tests.render.recording_histories import (
    DAYS,
    History,
    random_exporter,
    restless_exporter,
    three,
)
from tests.render.recording_targets import AGAIN

CASES = [*STEPS, *AGAIN]
RULES = {rule.record: rule for _, rules in recordings().values() for rule in rules}


@pytest.mark.parametrize("scrape_fails", [False, True])
def test_what_a_day_counted(tmp_path: Path, scrape_fails: bool) -> None:
    """A day counts births, rises and restarts, each once, whatever Prometheus saw of it."""
    asked = [
        question(RULES[recorded(LIBRARY_USED, operation)].expr, minute, expected)
        for case in CASES
        for operation, minute, expected in answers(case)
    ]
    rows = iter(asked)
    tests = [
        {
            "name": case.what,
            "interval": "1m",
            "input_series": given(case.exporters, scrape_fails=scrape_fails),
            "promql_expr_test": [next(rows) for _ in answers(case)],
        }
        for case in CASES
    ]
    checked = promtool(tmp_path, [STARTED], tests)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def given(exporters: Iterable[Exporter], *, scrape_fails: bool = False) -> list[dict[str, str]]:
    """Return the series that promtool is given."""
    return [
        {"series": series, "values": values}
        for exporter in exporters
        for series, values in exporter.series(scrape_fails=scrape_fails).items()
    ]


def answers(case: Case) -> list[tuple[str, int, Mapping[str, int]]]:
    """Return operation, minute and expected samples; a day is asked for soon after it."""
    days = [("increase1d", (day + 1) * DAY + 7, said) for day, said in case.days.items()]
    return [*days, *(("increase_today", minute, said) for minute, said in case.today.items())]


def question(expr: str, minute: int, expected: Mapping[str, float]) -> dict[str, object]:
    """Return what promtool asks at a minute, and has to be told."""
    return {
        "expr": expr,
        "eval_time": f"{LEAD + minute}m",
        "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
    }


def promtool(
    folder: Path, names: Iterable[str], tests: Sequence[Mapping[str, object]], every: str = "1m"
) -> subprocess.CompletedProcess[str]:
    """Run promtool's rule tests with some of the recordings."""
    wanted = set(names)
    groups = [
        {
            "name": group,
            "interval": interval,
            "rules": [
                {"record": rule.record, "expr": rule.expr, "labels": rule.labels}
                for rule in rules
                if rule.record in wanted
            ],
        }
        for group, (interval, rules) in recordings().items()
    ]
    (folder / "rules.json").write_text(json.dumps({"groups": groups}))  # JSON is YAML
    whole = {"rule_files": ["rules.json"], "evaluation_interval": every, "tests": tests}
    (folder / "test.json").write_text(json.dumps(whole))
    command = [str(program("promtool")), "test", "rules", str(folder / "test.json")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_days_of_every_metric(tmp_path: Path) -> None:
    """Each counter is recorded by namespace and its own labels, and no gauge is."""
    counters = [metric for metric in METRICS if metric.held]
    tests = []
    for metric in counters:
        values = ",".join(f'{label}="x"' for label in metric.labels)
        series = f'{metric.name}{{namespace="h",course="c"{"," if values else ""}{values}}}'
        expected = f'{{namespace="h"{"," if values else ""}{values}}}'
        exporter = Exporter({series: ((600, 1), (DAY, 3))}, OLD)
        asked = question(RULES[recorded(metric, "increase1d")].expr, 2 * DAY, {expected: 0})
        first = question(RULES[recorded(metric, "increase1d")].expr, DAY, {expected: 2})
        tests.append(
            {
                "interval": "1m",
                "input_series": given([exporter]),
                "promql_expr_test": [first, asked],
            }
        )
    checked = promtool(tmp_path, [STARTED], tests)

    assert counters
    assert {record.split(":")[1] for record in RULES if record.startswith("namespace")} == {
        recorded(metric, "").split(":")[1] for metric in counters
    }
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("made", [random_exporter, restless_exporter])
def test_a_random_history(
    tmp_path: Path, made: Callable[[Random, str], History], seed: int
) -> None:
    """Three days of births, rises, restarts and gaps count what a simple model counts."""
    histories = three(made, seed)
    series = [one for history in histories for one in history.series()]
    expr = RULES[recorded(LIBRARY_USED, "increase1d")].expr
    expected = [total(history.days[day] for history in histories) for day in range(DAYS)]
    asked = [question(expr, (day + 1) * DAY + 7, said) for day, said in enumerate(expected)]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": asked}
    checked = promtool(tmp_path, [STARTED], [test])

    assert sum(value for day in expected for value in day.values()) > 100
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_week(tmp_path: Path) -> None:
    """A week is the sum of its last seven whole days, of those that are there."""
    name = recorded(REPORTS, "increase1d")
    expr = RULES[recorded(REPORTS, "increase1w")].expr
    # Recorded every hour. Days 0 to 9 counted 1, 2, 4 and so on; the fifth was not recorded.
    days = ["_x24" if day == 5 else f"{2**day}x23" for day in range(10)]
    series = [{"series": f'{name}{{namespace="h"}}', "values": f"_x{24 + 1} {' '.join(days)}"}]
    week = sum(2**day for day in range(2, 9) if day != 5)
    asked = [
        {**question(expr, 0, {'{namespace="h"}': week}), "eval_time": "9d23h"},
        {**question(expr, 0, {'{namespace="h"}': week - 4 + 2**9}), "eval_time": "10d"},
        {**question(expr, 0, {}), "eval_time": "30d"},
    ]
    checked = promtool(
        tmp_path, [], [{"interval": "1h", "input_series": series, "promql_expr_test": asked}]
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_when_today_ends(tmp_path: Path) -> None:
    """Midnight is the end of a day; what comes after it, by however little, is the next one's."""
    ends = {"86399s": 86400, "86400s": 86400, "86400001ms": 2 * 86400, "100000s": 2 * 86400}
    asked = [
        {**question(RULES[ENDS].expr, 0, {"{}": end}), "eval_time": at} for at, end in ends.items()
    ]
    checked = promtool(tmp_path, [], [{"interval": "1m", "promql_expr_test": asked}])

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_all_that_a_dashboard_reads(tmp_path: Path) -> None:
    """Recorded by Prometheus itself, three days and a half come back as they were counted."""
    series = f'{REPORTS.name}{{namespace="h"}}'
    exporter = Exporter({series: ((600, 1), (DAY, 3), (DAY, 10), (DAY, 11))}, OLD)
    names = [recorded(REPORTS, operation) for operation in ("increase1d", "increase_today")]
    query = added(REPORTS).replace("$__range", "2d").replace("$hub", ".*")
    asked = [
        question(query, minute, {"{}": value})
        for minute, value in ((DAY, 2), (DAY + 700, 9), (2 * DAY + 1, 9), (2 * DAY + 700, 10))
    ]
    test = {"interval": "1m", "input_series": given([exporter]), "promql_expr_test": asked}
    checked = promtool(tmp_path, [STARTED, ENDS, *names], [test], "5m")

    assert checked.returncode == 0, checked.stdout + checked.stderr


def total(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums by labels."""
    found: dict[str, int] = {}
    for part in parts:
        for labels, value in part.items():
            found[labels] = found.get(labels, 0) + value
    return found
