"""In: names of metrics that exporters show of themselves. Out: PromQL over the exporters that are chosen.

Every selector has the chosen jobs and instances, so that another statsd_exporter in the same
Prometheus is left out.
"""

from __future__ import annotations

from popcon.catalog import CANARY, REPORTS
from popcon.promql.days import total
from popcon.promql.exporter_names import BUILD, COUNTING_SINCE, NAMED, PROCESS_STARTED, SHOWN
from popcon.promql.recordings import recorded
from popcon.render.hub_queries import named
from popcon.render.queries import RANGE

RATE = "$__rate_interval"
#: The names of what only popcon's exporters show.
OURS = "|".join(SHOWN)

_CHOSEN = 'job=~"$job",instance=~"$instance"'
_HUB = 'namespace=~"$hub"'
#: popcon's groups of rules, behind the name of their file.
_GROUPS = 'rule_group=~".*;popcon-[a-z]+"'
_TARGET = ("job", "instance")


def chosen(name: str, more: str = "") -> str:
    """Return the series of a metric from the chosen exporters.

    >>> chosen("up", 'code="200"')
    'up{job=~"$job",instance=~"$instance",code="200"}'
    """
    return f"{name}{{{_CHOSEN}{',' if more else ''}{more}}}"


def by_target(name: str, more: str = "") -> str:
    """Return a gauge by job and instance alone, for a table's row."""
    return f"max by (job, instance) ({chosen(name, more)})"


def a_second(name: str, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how fast a counter rises."""
    return f"{total(by)} (rate({chosen(name, more)}[{RATE}]))"


def rose(name: str, by: tuple[str, ...] = (), more: str = "") -> str:
    """Return how much a counter rose in the range; not for those that are born at their first count."""
    return f"{total(by)} (increase({chosen(name, more)}[{RANGE}]))"


def occurred(*names: str, by: tuple[str, ...]) -> str:
    """Return how often things occurred in the range, where a series may be born with the first of them.

    `increase()` can't see that one. A series was born where its exporter was there when the range
    began, without it, or is younger than that.
    """
    return f"{total(by)} ({' or '.join(_with_births(name) for name in names)}) > 0"


def rose_from_birth(name: str, by: tuple[str, ...], more: str) -> str:
    """Return how much a counter rose in the range, those included that are born at their first count."""
    return f"{total(by)} ({_with_births(name, more)})"


def _with_births(name: str, more: str = "") -> str:
    series = chosen(name, more)
    started = f"{chosen(PROCESS_STARTED)} > time() - $__range_s"
    # `up` twice: where a target gets another label, nothing of it was there before.
    up = chosen("up")
    known = f"({up} and {up} offset {RANGE} == 1 or {started})"
    born = f"({series} unless {series} offset {RANGE} and on (job, instance) {known})"
    return f"{born} or increase({series}[{RANGE}])"


def lost() -> str:
    """Return how many datagrams were dropped in the range: by the kernel, by an exporter's own queue."""
    kernel = rose("popcon_exporter_kernel_drops_total")
    return f"({kernel} or vector(0)) + {rose('statsd_exporter_udp_packet_drops_total')}"


def silent_targets() -> str:
    """Return how many of the targets don't answer."""
    return f"count({answers()} == 0) or 0 * count({answers()})"


def answers() -> str:
    """Return whether each target answers; those too that never did, if their job is popcon's by its name."""
    return f"max by (job, instance) ({chosen('up')} or {NAMED} == 0)"


def versions() -> str:
    """Return each exporter's version, and which program it is."""
    own = f'label_replace({chosen(BUILD)}, "program", "popcon exporter", "", "")'
    real = f'label_replace({chosen("statsd_exporter_build_info")}, "program", "statsd_exporter", "", "")'
    return f"group by (job, instance, program, version) ({own} or on (job, instance) {real})"


def counting_since() -> str:
    """Return when each exporter's counts began, in milliseconds; statsd_exporter's begin with its start."""
    own = by_target(COUNTING_SINCE)
    started = by_target(PROCESS_STARTED)
    return f"1000 * ({own} or {started} and {by_target('statsd_exporter_build_info')})"


def series() -> str:
    """Return the series that popcon's exporter holds."""
    return f"sum by (instance) ({chosen('popcon_exporter_series')})"


def series_of_the_other() -> str:
    """Return the series that statsd_exporter holds; it has no bound on them."""
    counted = f"sum by (job, instance) ({chosen('statsd_exporter_metrics_total')})"
    return f"sum by (instance) ({counted} unless on (job, instance) {chosen('popcon_exporter_series')})"


def canaries() -> str:
    """Return the canaries of an hour, by id and hub, those born in it included where a second one came."""
    return f"sum by (namespace, id) (increase({chosen(CANARY.name, _HUB)}[1h]))"


def canaries_sent() -> str:
    """Return the canaries of an hour that exporters sent to themselves."""
    return f"sum (increase({chosen('popcon_exporter_canaries_sent_total')}[1h]))"


def last_canary() -> str:
    """Return when each canary's count rose last, in milliseconds: to five minutes.

    A first one counts where the exporter was there before. Replicas are summed, so that an exporter
    that goes on with its file under another address doesn't look as if one had come.
    """
    count = chosen(CANARY.name, _HUB)
    now, before = (f"sum by (namespace, id) ({count}{at})" for at in ("", " offset 5m"))
    watched = f"({count} and on (job, instance) {chosen('up')} offset 5m == 1)"
    born = f"(sum by (namespace, id) {watched} unless {before})"
    return f"1000 * max by (namespace, id) (max_over_time((({now} > {before} or {born}) * 0 + time())[{RANGE}:5m]))"


def published_today() -> str:
    """Return the processes of the present UTC day that are visible, by hub."""
    today = f"last_over_time({recorded(REPORTS, 'increase_today')}{{{_HUB}}}[1h])"
    return named(f"sum by (namespace) ({today})")


def alerts() -> str:
    """Return popcon's alerts that are pending or fire, and since when, in milliseconds."""
    alert = 'alertname=~"Popcon.*"'
    since = f"ALERTS{{{alert}}} * ignoring (alertstate) group_left () ALERTS_FOR_STATE{{{alert}}}"
    return f"1000 * min by (alertname, alertstate, severity, instance, namespace) ({since})"


def of_rules(name: str, function: str = "") -> str:
    """Return what Prometheus says of popcon's groups of rules: a gauge, or `increase` of a counter."""
    asked = f"{name}{{{_GROUPS}}}"
    value = f"{function}({asked}[{RANGE}])" if function else asked
    by_group = f'label_replace({value}, "group", "$1", "rule_group", ".*;(.*)")'
    return f"max by (group) ({by_group})"
