"""In: the catalogue. Out: Prometheus' recording rules: what each counter rose by, in whole UTC days and today.

`increase()` isn't used. It extrapolates to the edges of its range, can't see a counter that is born
at 1, and loses what rose between the last sample of one range and the first of the next: exactly
where counts are published in steps. So a day is a sum of steps that leave nothing between them.
Numbers are exact, and the same in other engines, whose `increase()` counts otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

from popcon.catalog import METRICS, Metric

#: When an exporter began that counts from nothing, not from its file. Recorded, so that the others
#: needn't read when every process began that this Prometheus knows of.
STARTED = "popcon:started:timestamp_seconds"
#: The midnight at which the day ends that `increase_today` is about.
ENDS = "popcon:today_ends:timestamp_seconds"
_OURS = "popcon_exporter_counting_since_timestamp_seconds"
_PROCESS = "process_start_time_seconds"
_LINES = "statsd_exporter_lines_total"

#: Keeps today apart where it is added to whole days.
TODAY = {"day": "today"}
#: A day's steps. Before Prometheus 3, a range of a whole day has the midnight that it begins at, too.
_STEPS = "[1439m:5m]"
#: Which day it is, since 1970. Midnight itself is the end of a day, as in Prometheus' ranges.
_DAY = "scalar(ceil(vector(time() / 86400)))"


class Recording(NamedTuple):
    """One recording rule; `labels` are added to every series."""

    record: str
    expr: str
    labels: dict[str, str]


def recorded(metric: Metric, operation: str) -> str:
    """Return the name that a recording of a metric has: level, metric, operation.

    >>> from popcon.catalog import LIBRARY_DIRECT
    >>> recorded(LIBRARY_DIRECT, "increase1d")
    'namespace_library:python_popcon_library_direct:increase1d'
    """
    name = metric.name[: -len("_total")] if metric.name.endswith("_total") else metric.name
    return f"{'_'.join(('namespace', *metric.labels))}:{name}:{operation}"


def recordings() -> dict[str, tuple[str, tuple[Recording, ...]]]:
    """Return group → how often it is evaluated → its rules, in the order that they need each other.

    Days that are over are recorded each hour: who looks at a year reads all of it.
    """
    # A file that is older than the process: it begins one within the minute in which it starts.
    resumed = f"on (job, instance) {_OURS} < {_PROCESS} - 60"
    started = (
        "max by (job, instance) (\n"
        f"  {_PROCESS} and on (job, instance) {_LINES}\n  unless {resumed}\n)"
    )
    held = [metric for metric in METRICS if metric.held]
    today = [Recording(recorded(one, "increase_today"), _today(one), TODAY) for one in held]
    return {
        "popcon-started": ("1m", (Recording(STARTED, started, {}),)),
        "popcon-today": ("5m", (*today, Recording(ENDS, f"vector(86400 * {_DAY})", {}))),
        "popcon-days": ("1h", tuple(rule for metric in held for rule in _days(metric))),
    }


def _days(metric: Metric) -> list[Recording]:
    """Return the last whole day, and the last seven of them."""
    steps = f"sum_over_time((\n{_indented(_step(metric))}\n){_STEPS})"
    return [
        # A subquery in steps of a day has one point: the last midnight.
        Recording(
            recorded(metric, "increase1d"), f"last_over_time((\n{_indented(steps)}\n)[1d:1d])", {}
        ),
        Recording(recorded(metric, "increase1w"), f"sum_over_time({whole_days(metric, '7d')})", {}),
    ]


def whole_days(metric: Metric, range: str, matchers: str = "") -> str:
    """Return a subquery of the days that ended within a range, each at the midnight at which it ended.

    A day is what is recorded after it; not a whole day later, as at midnight sharp the next one is
    recorded. Until then it is what was recorded of it last as today.
    """
    chosen = f"{{{matchers}}}" if matchers else ""
    day = f"last_over_time({recorded(metric, 'increase1d')}{chosen}[23h] offset -23h)"
    today = f"last_over_time({recorded(metric, 'increase_today')}{chosen}[1h])"
    return f"(sum without (day) ({day}) or sum without (day) ({today}))[{range}:1d]"


def _today(metric: Metric) -> str:
    """Return what was added since midnight: a day's steps, less those that are yesterday's.

    No range can begin at midnight. But of two numbered days, one after the other, the sum of steps
    and the sum of steps times their day's number tell how much is the later one's.
    """
    steps = _indented(_step(metric))
    return (
        f"sum_over_time((\n{steps} * {_DAY}\n){_STEPS})\n"
        f"- ({_DAY} - 1) * sum_over_time((\n{steps}\n){_STEPS})"
    )


def _step(metric: Metric) -> str:
    """Return by how much counters rose within five minutes; of six cases the first that holds.

    Its exporter has an older file again: nothing. It was there in the five minutes before, and has not
    fallen: the difference. Its exporter goes on with the same file: the difference, and nothing where
    it fell, as that is an older copy. It fell or was not there, but its exporter was, or has begun to
    count since: all of it. It was not looked at for up to a day: the difference; or, where it was not
    there before that either, all of it.
    """
    name = metric.name
    # A range sees the last value before a scrape that failed, which otherwise would be nobody's.
    now = f"last_over_time({name}[5m])"
    file = f"last_over_time({_OURS}[5m])"
    older_file = f"{file} < last_over_time({_OURS}[1d] offset 5m)"
    # All day, as what was known may be of a file before that.
    same_file = f"{file} <= min_over_time({_OURS}[1d] offset 5m)"
    # Two minutes later: a new exporter's first value may be there before it is recorded as new.
    started = f"{STARTED} offset -2m"
    # Where a target gets another label, nothing of it was there before, and nothing is born.
    renamed = f"last_over_time({_LINES}[5m]) unless last_over_time({_LINES}[1d] offset 5m)"
    return (
        f"sum by ({', '.join(('namespace', *metric.labels))}) (\n"
        f"  0 * {now} and on (job, instance) ({older_file})\n"
        "  or\n"
        f"  {now} - last_over_time({name}[5m] offset 5m) >= 0\n"
        "  or\n"
        f"  clamp_min({now} - last_over_time({name}[1d] offset 5m), 0) and on (job, instance) ({same_file})\n"
        "  or\n"
        f"  {now} and on (job, instance) (\n"
        f"    last_over_time({_LINES}[5m] offset 5m) unless on (job, instance) ({renamed})\n"
        "    or\n"
        f"    ({started} unless {started} == last_over_time({STARTED}[1d] offset 5m)) > time() - 86400\n"
        "  )\n"
        "  or\n"
        f"  {now} - last_over_time({name}[1d] offset 5m) >= 0\n"
        "  or\n"
        f"  {now} and on (job, instance) (\n"
        f"    last_over_time({_LINES}[1d] offset 5m) unless on (job, instance) ({renamed})\n"
        "  )\n"
        ")"
    )


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
