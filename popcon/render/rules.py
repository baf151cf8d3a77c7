"""In: the catalogue. Out: Prometheus' rule file for either exporter: recordings, and alerts.

What each alert is for is in docs/alerts.md.
"""

from __future__ import annotations

from typing import NamedTuple

from popcon.catalog import CANARY, PREFIX, REPORTS
from popcon.promql.exporter_names import (
    COUNTING_SINCE,
    LINES,
    MAPPINGS,
    NAMED,
    PROCESS_STARTED,
    RELOADED,
    SHOWN,
)
from popcon.promql.recordings import ENDS, Recording, recorded, recordings
from popcon.render.yaml_text import entry

_HEAD = """\
# Rendered by `popcon render`; edits are lost.
# What was used, by days, for the dashboards: docs/dashboards.md. Alerts: docs/alerts.md.
"""

#: What popcon's targets show.
_SHOWN = (*SHOWN, NAMED)
#: The targets that are popcon's now.
_OURS = f"on (job, instance) ({' or '.join(_SHOWN)})"
#: Those that were popcon's within days: long enough to be seen, and over once it was meant so.
_KNOWN = "group by (job, instance) (\n  {}\n)".format(
    "\n  or ".join(f"present_over_time({name}[3d])" for name in _SHOWN)
)

#: Canaries that come by themselves: people run doctor, and Helm its test, when they like.
_CANARY = f'{CANARY.name}{{id!~"doctor|helm-test"}}'

_WEEK = recorded(REPORTS, "increase1w")
_TODAY = recorded(REPORTS, "increase_today")
#: A group is named with its file in front.
_FAILURES = (
    'prometheus_rule_evaluation_failures_total{rule_group=~".*;popcon-(started|today|days)"}'
)

#: Where a runbook is: in a checkout.
RUNBOOKS = "docs/runbooks"


class Alert(NamedTuple):
    """One alert; `when` says its expression in words, `wait` how long it has to hold.

    `summary` and `description` are for whoever is told, and say what to do.
    """

    name: str
    when: str
    expr: str
    wait: str
    severity: str
    summary: str
    description: str


def risen(series: str) -> str:
    """Return how much counters rose in an hour, those included that were born in it at their value.

    `increase()` can't see those, and the Go exporter shows a reason when it first occurs. That a
    series was born is known where its exporter was seen an hour ago, under the same labels and
    without it, or is younger.
    """
    known = f"({LINES} and {LINES} offset 1h or {PROCESS_STARTED} > time() - 3600)"
    born = f"{series} unless {series} offset 1h and on (job, instance) {known}"
    return f"(\n  {born}\n  or increase({series}[1h])\n)"


def _lately(series: str, range: str) -> str:
    """Return the counters that moved within a range, or may have: they were not there before."""
    return f"increase({series}[{range}]) > 0 or ({series} > 0 unless {series} offset {range})"


_EXPORTER = (
    Alert(
        "PopconExporterDown",
        "an exporter that was there within three days doesn't answer, or its target is gone and no other took its place",
        # A job may have targets that are not popcon's. Where a pod is replaced, the old target goes.
        f"up == 0 and on (job, instance) {_KNOWN}\nor\n"
        f"group by (job) ({_KNOWN})\nunless on (job) (up and on (job, instance) {_KNOWN})\n"
        f"unless on (job) {LINES}",
        "15m",
        "critical",
        "No answer from popcon's exporter {{ if $labels.instance }}{{ $labels.instance }} {{ end }}"
        "(job {{ $labels.job }})",
        "Prometheus can't scrape it, or it is not there any more. What kernels send meanwhile is lost. "
        "Where Prometheus shows the target as down, its error says why; a page with more samples "
        "than the scrape's limit is an error too.",
    ),
    Alert(
        "PopconMappingReloadFailed",
        "changed mapping rules could not be read",
        f"{RELOADED} == 0\nor\n"
        + risen('statsd_exporter_config_reloads_total{outcome="failure"}')
        + f" > 0 and {_OURS} unless on (job, instance) {RELOADED}",
        "5m",
        "warning",
        "{{ $labels.instance }} could not read its mapping rules again",
        "It goes on with older rules than the file's. Its log names the line. statsd_exporter doesn't "
        "say when the file is right again: for it, this ends an hour after the last failure.",
    ),
    Alert(
        "PopconDatagramsDropped",
        "datagrams were dropped: by the kernel (popcon), by the exporter's own queue (statsd_exporter)",
        "increase(popcon_exporter_kernel_drops_total[1h]) > 0\nor\n"
        f"increase(statsd_exporter_udp_packet_drops_total[1h]) > 0 and {_OURS}",
        "5m",
        "warning",
        "{{ $labels.instance }} lost {{ $value | humanize }} datagrams within an hour",
        "They came faster than they were read, so processes are missing from the counts. Give the "
        "exporter more CPU, or a larger --statsd.read-buffer, for which the machine's "
        "net.core.rmem_max has to be as large. statsd_exporter only sees what its own queue drops.",
    ),
    Alert(
        "PopconLinesRefused",
        "more than 100 lines an hour were refused, and more than one in twenty",
        "sum by (job, instance) (\n"
        + risen("statsd_exporter_sample_errors_total")
        + "\nor\n"
        + risen("statsd_exporter_events_error_total")
        + f"\n) > 100\n> 0.05 * sum by (job, instance) (increase({LINES}[1h]))\nand {_OURS}",
        "15m",
        "warning",
        "{{ $labels.instance }} refused {{ $value | humanize }} lines within an hour",
        "That is more than one in twenty. Any kernel can send anything; but many refusals are a sender "
        "with a mistake, or somebody who tries. The label `reason` of "
        "statsd_exporter_sample_errors_total and statsd_exporter_events_error_total says what is wrong.",
    ),
    Alert(
        "PopconLinesWithoutRule",
        "more than 100 lines an hour had no rule, and more than half of all",
        "sum by (job, instance) (\n"
        + risen('statsd_exporter_events_actions_total{action="drop"}')
        + f"\n) > 100\n> 0.5 * sum by (job, instance) (increase({LINES}[1h]))\nand {_OURS}",
        "15m",
        "warning",
        "{{ $labels.instance }} dropped {{ $value | humanize }} lines that no rule knows within an hour",
        "That is more than half of what came. Either kernels have site labels (POPCON_LABELS) that the "
        "mapping has no rules for (popcon render mapping --labels, statsd.siteLabels in the chart), "
        "or something else sends to this port.",
    ),
    Alert(
        "PopconNameTaken",
        "one of popcon's names was sent as two types, and one is not counted",
        "sum by (job, instance, metric_name) (\n"
        + risen(f'statsd_exporter_events_conflict_total{{metric_name=~"{PREFIX}_.+"}}')
        + "\n) > 0",
        "5m",
        "critical",
        "{{ $labels.instance }} can't count {{ $labels.metric_name }}",
        "Something sent this name as another type first, and the exporter keeps it until it is "
        "restarted. popcon's own rules don't let that happen: look at the rules that it runs with.",
    ),
    Alert(
        "PopconSeriesOverflow",
        "a bound on series, names or memory keeps new ones out (popcon)",
        "increase(popcon_exporter_overflow_total[1h]) > 0",
        "5m",
        "warning",
        "{{ $labels.instance }} has reached its bound on {{ $labels.bound }}",
        "New names are kept out, and {{ $value | humanize }} measurements within an hour with them. "
        "Either somebody makes up names, or the bound (--limits) is too low for what is installed.",
    ),
    Alert(
        "PopconSavesFailing",
        "counts can't be written to the file (popcon)",
        "increase(popcon_exporter_persistence_errors_total[10m]) > 0",
        "10m",
        "critical",
        "{{ $labels.instance }} can't save its counts",
        "It goes on counting, and saves all of it once that works again; a restart before then loses "
        "it. Its log says why: most often the volume is full, or the file was replaced.",
    ),
    Alert(
        "PopconHonorLabelsMissing",
        "popcon's counts have a label `exported_namespace`",
        f'count by (job) ({REPORTS.name}{{exported_namespace!=""}}) > 0',
        "15m",
        "warning",
        "Prometheus overwrites the namespaces in popcon's counts (job {{ $labels.job }})",
        "Set honor_labels: true for this job (honorLabels in a ServiceMonitor or PodMonitor). Until "
        "then each hub's counts are under the exporter's namespace, and dashboards are wrong.",
    ),
    Alert(
        "PopconScrapedTwice",
        "one exporter is scraped as two targets: under two jobs, or (popcon) at two addresses",
        # No two begin to count in the same microsecond. Of statsd_exporter only the address is known.
        f'count_values("counting_since", {COUNTING_SINCE}) > 1\nor\n'
        f"count by (instance) (\n  {LINES} and {_OURS} unless on (job, instance) {COUNTING_SINCE}\n) > 1",
        "30m",
        "critical",
        "All of {{ if $labels.instance }}{{ $labels.instance }}{{ else }}an exporter's counts"
        "{{ end }} come {{ $value }} times",
        "Prometheus scrapes the same exporter as several targets, so each process counts several "
        "times. Leave one: a ServiceMonitor, a PodMonitor, the annotation prometheus.io/scrape, or a "
        "job of prometheus.yml.",
    ),
    Alert(
        "PopconMappingDiffers",
        "exporters of one job have different numbers of mapping rules",
        f'count by (job) (\n  count_values by (job) (\n    "rules", {MAPPINGS} and {_OURS}\n  )\n) > 1',
        "30m",
        "warning",
        "Exporters of the job {{ $labels.job }} count by different mapping rules",
        "One of them has an older file, or has not read it again: statsd_exporter only does when it "
        "is told to. What the older rules don't know is dropped there. Compare "
        "statsd_exporter_loaded_mappings of each, and restart those that are behind.",
    ),
)

#: Whether counts still come. `popcon exporter` publishes them in steps that may be days apart, so
#: their absence means nothing before a week is over; canaries are never held.
_ARRIVING = (
    Alert(
        "PopconCanaryMissing",
        "canaries came twelve times in a day or more often, and none for three hours, though the exporter answers",
        f"sum by (job, namespace, id) (increase({_CANARY}[1d] offset 3h)) >= 12\n"
        f"unless on (job, namespace, id) (\n  {_lately(_CANARY, '3h')}\n)\n"
        f"and on (job) {LINES} and on (job) {LINES} offset 3h",
        "15m",
        "critical",
        "Test counts don't arrive any more ({{ $labels.id }}, job {{ $labels.job }})",
        "They came every two hours or more often, and none has for three, though the exporter answers. "
        "So reports don't arrive either. For the chart's canary, read the log of its last job; it says "
        "where the way ends. Where it was switched off, this ends within a day.",
    ),
    Alert(
        "PopconNamespaceSilent",
        "a namespace with 50 reports or more in seven days has none in the next seven, nor today",
        f"sum by (namespace) (last_over_time({_WEEK}[2h] offset 7d)) >= 50\n"
        "unless on (namespace) (\n"
        f"  last_over_time({_WEEK}[2h]) > 0 or last_over_time({_TODAY}[1h]) > 0\n)\n"
        # Where nothing is recorded, nothing is known.
        f"and on () last_over_time({ENDS}[1h])",
        "1h",
        "info",
        "No reports from {{ if $labels.namespace }}{{ $labels.namespace }}"
        "{{ else }}senders without a namespace{{ end }} for a week",
        "In the week before there were {{ $value | humanize }}. Either nobody works there at present, "
        "or popcon is not active any more: run popcon doctor in a server of that hub.",
    ),
)

#: Whether the recordings are made that dashboards and the alert above read.
_RECORDED = (
    Alert(
        "PopconDaysMissing",
        "recording rules fail, or reports are there and no day is recorded",
        # The second for a Prometheus that doesn't scrape itself, and for other engines.
        f"sum by (rule_group) (increase({_FAILURES}[2h])) > 0\nor\n"
        f"count ({REPORTS.name} and {REPORTS.name} offset 1h) > 0\n"
        f"unless on () last_over_time({_TODAY}[1h])",
        "15m",
        "warning",
        "What was used is not recorded, and dashboards stay empty",
        "Prometheus can't evaluate popcon's recording rules, or doesn't have them. What its page of "
        "rules says is why. Once they are evaluated again, the last whole day is made good; days "
        "before that one stay empty.",
    ),
)

#: Group → how often it is looked at (Prometheus' own interval where nothing is said) → its alerts.
GROUPS: dict[str, tuple[str, tuple[Alert, ...]]] = {
    "popcon-exporter": ("", _EXPORTER),
    "popcon-arriving": ("5m", _ARRIVING),
    "popcon-recorded": ("5m", _RECORDED),
}


def rules_text(runbooks: str = RUNBOOKS) -> str:
    """Return the rule file's text: the recordings, and the alerts.

    `runbooks` is what stands before the name of an alert's runbook: an address, or a folder.
    """
    recorded = {
        name: (interval, [_recording(rule) for rule in rules])
        for name, (interval, rules) in recordings().items()
    }
    alerting = {
        name: (interval, [_alert(alert, runbooks) for alert in alerts])
        for name, (interval, alerts) in GROUPS.items()
    }
    groups = [
        {"name": name, **({"interval": interval} if interval else {}), "rules": rules}
        for name, (interval, rules) in {**recorded, **alerting}.items()
    ]
    return _HEAD + "\n".join(entry("groups", groups)) + "\n"


def _recording(rule: Recording) -> dict[str, object]:
    return {
        "record": rule.record,
        "expr": rule.expr,
        **({"labels": rule.labels} if rule.labels else {}),
    }


def _alert(alert: Alert, runbooks: str) -> dict[str, object]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.wait,
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": f"{runbooks.rstrip('/')}/{alert.name}.md",
        },
    }
