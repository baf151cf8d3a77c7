"""In: what exporters and Prometheus show of themselves. Out: the dashboard Pipeline: do counts arrive, and what holds them up.

It is for either exporter. What only popcon's own says, a panel without data explains.
"""

from __future__ import annotations

from typing import Any

from popcon.render import exporter_queries as queries
from popcon.render.dashboards import variables
from popcon.render.dashboards.board import board
from popcon.render.dashboards.exporter_inside import (
    NO_EXPORTER,
    ONLY_POPCON,
    WORD,
    inside,
    scraped,
)
from popcon.render.dashboards.looks import NO_RULES, STEPPED, TIMELINE, alarming, words
from popcon.render.dashboards.panels import Panel, Row, Target, override
from popcon.render.dashboards.parts import number
from popcon.render.dashboards.shapes import lines, table

_TARGET = (("instance", "Instance"), ("job", "Job"))
_INSTANCES = f'{{__name__=~"{queries.OURS}"}}'


def pipeline() -> dict[str, Any]:
    """Return the dashboard."""
    return board(
        "popcon-pipeline",
        "Pipeline",
        "Whether counts arrive: exporters, what is lost, refused or held back, and Prometheus' rules.",
        (
            Row("Is it up?", _up()),
            Row("What comes in", _arriving()),
            Row("What is not counted", _refused()),
            Row("What is held back, and why", _held()),
            Row("Series, rules, file, relay", inside()),
            Row("Prometheus", scraped()),
        ),
        (
            variables.values_of("job", "Job", _INSTANCES, "job"),
            variables.values_of(
                "instance", "Instance", f'{_INSTANCES[:-1]},job=~"$job"}}', "instance"
            ),
        ),
        timezone="browser",
        since="now-24h",
    )


def _up() -> tuple[Panel, ...]:
    return (
        number(
            "Exporters that don't answer",
            "Of the chosen targets, those that Prometheus can't scrape now. What kernels send to them "
            "meanwhile is lost.",
            queries.silent_targets(),
            4,
            height=7,
            missing=NO_EXPORTER,
            defaults=alarming(),
        ),
        number(
            "Datagrams lost",
            "Datagrams that were dropped in the range: by the kernel, because they came faster than they were read "
            "(only popcon's exporter can tell), or by statsd_exporter's own queue.",
            queries.lost(),
            4,
            height=7,
            missing=NO_EXPORTER,
            defaults={**alarming(), "decimals": 0},
        ),
        _exporters(),
        _alerts(),
        _last_canary(),
    )


def _exporters() -> Panel:
    return table(
        "Exporters",
        "Whether each one answers, what it is, and since when it counts: popcon's exporter goes on with the "
        "counts of its file, statsd_exporter begins at 0 when it is started.",
        (queries.answers(), queries.versions(), queries.counting_since()),
        16,
        7,
        (
            *_TARGET,
            ("Value #A", "Answers"),
            ("program", "Program"),
            ("version", "Version"),
            ("Value #C", "Counts since"),
        ),
        missing=NO_EXPORTER,
        overrides=(
            override(
                "Answers",
                mappings=words({"1": ("yes", "green"), "0": ("no", "red")}),
                **WORD,
            ),
            override("Counts since", unit="dateTimeFromNow"),
        ),
        hidden=("Time", "Value #B"),
    )


def _alerts() -> Panel:
    return table(
        "Alerts",
        "Alerts of popcon's rules that are pending or fire, whichever hub or exporter is chosen. Each has a "
        "page that says what to do.",
        (queries.alerts(),),
        16,
        7,
        (
            ("alertname", "Alert"),
            ("alertstate", "State"),
            ("severity", "Severity"),
            ("instance", "Instance"),
            ("namespace", "Hub"),
            ("Value", "Since"),
        ),
        missing="None fires, or this Prometheus has not popcon's rules.",
        overrides=(
            override("Since", unit="dateTimeFromNow"),
            override(
                "State",
                mappings=words({"firing": ("fires", "red"), "pending": ("pending", "orange")}),
                **WORD,
            ),
        ),
        sort="Alert",
    )


def _last_canary() -> Panel:
    return table(
        "Last canary",
        "When each test count came last within the range, to five minutes.",
        (queries.last_canary(),),
        8,
        7,
        (("id", "Canary"), ("namespace", "Hub"), ("Value", "Last")),
        missing="None came in the range: canary.enabled of the chart, or --canary-interval, sends some.",
        overrides=(override("Last", unit="dateTimeFromNow"),),
        sort="Canary",
    )


def _arriving() -> tuple[Panel, ...]:
    second = queries.a_second
    return (
        lines(
            "Datagrams and lines",
            "What comes in a second. A process sends its libraries in few datagrams of many lines.",
            (
                ("lines", second("statsd_exporter_lines_total")),
                ("datagrams, UDP", second("statsd_exporter_udp_packets_total")),
                ("datagrams, Unix socket", second("statsd_exporter_unixgram_packets_total")),
                ("connections, TCP", second("statsd_exporter_tcp_connections_total")),
            ),
            8,
            unit="cps",
            missing=NO_EXPORTER,
        ),
        lines(
            "Lost on the way in",
            "What is dropped in a second before it is read as lines. 0 is what you want. What the kernel drops, "
            "and who is turned away, only popcon's exporter can tell.",
            (
                ("dropped by the kernel", second("popcon_exporter_kernel_drops_total")),
                (
                    "dropped by statsd_exporter's queue",
                    second("statsd_exporter_udp_packet_drops_total"),
                ),
                ("TCP: errors", second("statsd_exporter_tcp_connection_errors_total")),
                ("TCP: too long", second("statsd_exporter_tcp_too_long_lines_total")),
                ("TCP: turned away", second("popcon_exporter_tcp_connections_turned_away_total")),
            ),
            8,
            unit="cps",
            missing=NO_EXPORTER,
        ),
        lines(
            "Canaries of an hour",
            "Test counts that came within an hour, by id and hub, beside those that exporters sent to themselves. "
            "They are never held back: where they stop, nothing else arrives either.",
            (
                ("{{id}} {{namespace}}", queries.canaries()),
                ("sent by the exporter itself", queries.canaries_sent()),
            ),
            8,
            unit="short",
            missing="None came: canary.enabled of the chart, or --canary-interval, sends some.",
        ),
    )


def _refused() -> tuple[Panel, ...]:
    occurred = queries.occurred
    return (
        _counted(
            "Lines refused",
            "How often a line was refused in the range, by reason. Any kernel can send anything; many refusals "
            "are a sender with a mistake, or somebody who tries.",
            occurred(
                "statsd_exporter_sample_errors_total",
                "statsd_exporter_events_error_total",
                by=("reason",),
            ),
            (("reason", "Reason"), ("Value", "Lines")),
        ),
        lines(
            "Lines without a rule",
            "Lines in a second that the mapping doesn't know: its last rule drops them, or there is no rule at all "
            "(not with the rules that popcon renders). Kernels may have site labels that the mapping has no rules for.",
            (
                (
                    "dropped by a rule",
                    queries.a_second("statsd_exporter_events_actions_total", more='action="drop"'),
                ),
                ("no rule", queries.a_second("statsd_exporter_events_unmapped_total")),
            ),
            6,
            unit="cps",
            missing=NO_EXPORTER,
        ),
        _counted(
            "Names taken",
            "Names that came as a second type, which is not counted. With popcon's rules that can't be.",
            occurred("statsd_exporter_events_conflict_total", by=("metric_name", "type")),
            (("metric_name", "Name"), ("type", "As"), ("Value", "Lines")),
            override("As", custom__width=80),
            override("Lines", custom__width=70),
        ),
        _counted(
            "Kept out by bounds",
            "Measurements of the range that popcon's exporter had no place for: new names wait outside, old ones go "
            "on. Raise --limits where what is installed is more, or look for who makes up names.",
            occurred("popcon_exporter_overflow_total", by=("bound",)),
            (("bound", "Bound"), ("Value", "Measurements")),
            missing="None that is known: only popcon's exporter has bounds.",
        ),
    )


def _counted(
    title: str,
    description: str,
    expr: str,
    named: tuple[tuple[str, str], ...],
    *overrides: dict[str, Any],
    missing: str = "None.",
) -> Panel:
    """Return a table of how often something occurred; its number is the last column."""
    number = named[-1][1]
    return table(
        title,
        description,
        (expr,),
        6,
        8,
        named,
        missing=missing,
        overrides=(*overrides, override(number, decimals=0)),
        sort=number,
        descending=True,
    )


def _held() -> tuple[Panel, ...]:
    holding = "popcon_exporter_privacy_holding"
    return (
        Panel(
            "timeseries",
            "Counts are held back",
            "Whether something waits, and for what; how much is not said, because that would undo the policy. Both "
            "at once is usual: hubs wait each for themselves. Canaries and the exporter's own numbers never wait.",
            tuple(
                Target(f"max ({queries.chosen(holding, more)})", legend, over_time=True)
                for legend, more in (
                    ("until enough processes have reported", 'reason="processes"'),
                    ("until enough time is over", 'reason="interval"'),
                )
            ),
            12,
            8,
            unit="bool_yes_no",
            missing=f"{ONLY_POPCON} statsd_exporter shows all at once.",
            options=TIMELINE,
            defaults={**STEPPED, "max": 1, "decimals": 0},
        ),
        Panel(
            "timeseries",
            "Reports of today that are visible",
            "Processes of the UTC day so far, by hub: it rises in the steps in which counts are published, and "
            "begins at 0 at midnight.",
            (Target(queries.published_today(), legend="{{namespace}}", over_time=True),),
            12,
            8,
            unit="short",
            missing=NO_RULES,
            options=TIMELINE,
            defaults=STEPPED,
            interval="5m",
        ),
        table(
            "Publication policy",
            "When counts become visible: after so many processes and so much time, and only names that so many "
            "processes used.",
            (
                f"group by (instance, policy, min_processes, interval_seconds, min_library_processes) "
                f"({queries.chosen('popcon_exporter_privacy_info')})",
            ),
            24,
            5,
            (
                ("instance", "Instance"),
                ("policy", "Policy"),
                ("min_processes", "Processes"),
                ("interval_seconds", "At least"),
                ("min_library_processes", "Processes a name"),
            ),
            missing=f"{ONLY_POPCON} statsd_exporter shows all at once.",
            overrides=(override("At least", unit="s"),),
            hidden=("Time", "Value"),
        ),
    )
