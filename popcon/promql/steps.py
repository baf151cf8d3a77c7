"""In: a metric, a width. Out: PromQL for how much its counters rose in one step of that width, and when steps may be wide.

Recordings add up steps of five minutes. Of raw series, a step may be as wide as nothing begins, ends
or moves in it: then both ends tell what all the short ones would.
"""

from __future__ import annotations

from popcon.catalog import Metric
from popcon.promql.exporter_names import COUNTING_SINCE, LINES, PROCESS_STARTED

#: When an exporter began that counts from nothing, not from its file. Recorded, so that the others
#: needn't read when every process began that this Prometheus knows of.
STARTED = "popcon:started:timestamp_seconds"
#: A step as recordings have it, in seconds.
STEP = 300


def began(targets: str = "") -> str:
    """Return when exporters began that count from nothing; `targets` are matchers."""
    process, since, lines = (
        _of(name, targets) for name in (PROCESS_STARTED, COUNTING_SINCE, LINES)
    )
    # A file that is older than the process: it begins one within the minute in which it starts.
    resumed = f"on (job, instance) {since} < {process} - 60"
    return (
        "max by (job, instance) (\n"
        f"  {process} and on (job, instance) {lines}\n  unless {resumed}\n)"
    )


def step(
    metric: Metric,
    width: str = "5m",
    matchers: str = "",
    targets: str = "",
    *,
    is_recorded: bool = True,
) -> str:
    """Return by how much counters rose within five minutes; of six cases the first that holds.

    Its exporter has an older file again: nothing. It was there in the five minutes before, and has not
    fallen: the difference. Its exporter goes on with the same file: the difference, and nothing where
    it fell, as that is an older copy. It fell or was not there, but its exporter was, or has begun to
    count since: all of it. It was not looked at for up to a day: the difference; or, where it was not
    there before that either, all of it.

    `matchers` choose counters, `targets` exporters. Where `STARTED` isn't recorded, it is worked out.
    """
    name, own_since, own_lines = (
        _of(metric.name, matchers),
        _of(COUNTING_SINCE, targets),
        _of(LINES, targets),
    )
    # A range sees the last value before a scrape that failed, which otherwise would be nobody's.
    now = f"last_over_time({name}[5m])"
    file = f"last_over_time({own_since}[5m])"
    older_file = f"{file} < last_over_time({own_since}[1d] offset {width})"
    # All day, as what was known may be of a file before that.
    same_file = f"{file} <= min_over_time({own_since}[1d] offset {width})"
    beginnings, every = (STARTED, "") if is_recorded else (f"({began(targets)})", ":1m")
    # Two minutes later: a new exporter's first value may be there before it is recorded as new. A range,
    # as by then it may have ended again, or gone on with its file.
    started = f"last_over_time({beginnings}[7m{every}] offset -2m)"
    before = f"last_over_time({beginnings}[1d{every}] offset {width})"
    # Where a target gets another label, nothing of it was there before, and nothing is born.
    renamed = (
        f"last_over_time({own_lines}[5m]) unless last_over_time({own_lines}[1d] offset {width})"
    )
    return (
        f"sum by ({_by(metric)}) (\n"
        f"  0 * {now} and on (job, instance) ({older_file})\n"
        "  or\n"
        f"  {now} - last_over_time({name}[5m] offset {width}) >= 0\n"
        "  or\n"
        f"  clamp_min({now} - last_over_time({name}[1d] offset {width}), 0) and on (job, instance) ({same_file})\n"
        "  or\n"
        f"  {now} and on (job, instance) (\n"
        f"    last_over_time({own_lines}[5m] offset {width}) unless on (job, instance) ({renamed})\n"
        "    or\n"
        f"    ({started} unless {started} == {before}) > time() - 86400\n"
        "  )\n"
        "  or\n"
        f"  {now} - last_over_time({name}[1d] offset {width}) >= 0\n"
        "  or\n"
        f"  {now} and on (job, instance) (\n"
        f"    last_over_time({own_lines}[1d] offset {width}) unless on (job, instance) ({renamed})\n"
        "  )\n"
        ")"
    )


def quiet_step(metric: Metric, width: str, matchers: str = "", targets: str = "") -> str:
    """Return the same, where no exporter began, ended or moved in the step, nor in the day before it.

    Then two of the cases are left, and nothing that is a day long has to be read.
    """
    name = _of(metric.name, matchers)
    now = f"last_over_time({name}[5m])"
    lines = f"last_over_time({_of(LINES, targets)}[5m] offset {width})"
    return (
        f"sum by ({_by(metric)}) (\n"
        f"  {now} - last_over_time({name}[5m] offset {width}) >= 0\n"
        "  or\n"
        f"  {now} and on (job, instance) {lines}\n"
        ")"
    )


def changed(targets: str = "") -> str:
    """Return how many exporters began, ended or moved within five minutes; nothing where none did."""
    lines, process, since = (
        f"last_over_time({_of(name, targets)}[5m]"
        for name in (LINES, PROCESS_STARTED, COUNTING_SINCE)
    )
    before = " offset 5m)"
    return (
        "count(\n"
        f"  ({lines}) unless {lines}{before})\n"
        "  or\n"
        f"  ({lines}{before} unless {lines}))\n"
        "  or\n"
        f"  ({lines}) < {lines}{before})\n"
        "  or\n"
        f"  (({process}) unless {process}) == {process}{before}) and on (job, instance) {lines}))\n"
        "  or\n"
        f"  ({since}) unless {since}) == {since}{before})\n"
        ")"
    )


def _by(metric: Metric) -> str:
    return ", ".join(("namespace", *metric.labels))


def _of(name: str, matchers: str) -> str:
    return f"{name}{{{matchers}}}" if matchers else name
