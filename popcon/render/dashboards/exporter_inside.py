"""In: what exporters and Prometheus show of themselves. Out: panels on what exporters hold, and on how Prometheus takes it."""

from __future__ import annotations

from popcon.render import exporter_queries as queries
from popcon.render.dashboards.looks import COLOURED_TEXT, NEUTRAL, alarming, words
from popcon.render.dashboards.panels import Panel, override
from popcon.render.dashboards.shapes import lines, table

#: What a panel without data says, which for one of the exporters is as it should be.
ONLY_POPCON = "Only popcon's exporter says this."
NO_EXPORTER = "No exporter of popcon's was there in this range."
#: A cell that is no number but a word, in the word's colour.
WORD = {**NEUTRAL, "custom__cellOptions": COLOURED_TEXT}


def inside() -> tuple[Panel, ...]:
    """Return what exporters hold: series, rules, a file, a relay."""
    second = queries.a_second
    return (
        lines(
            "Series held",
            "What each exporter holds in memory. popcon's has bounds; statsd_exporter has none, so set a "
            "sample_limit where it is scraped.",
            (
                ("{{instance}}", queries.series()),
                ("{{instance}}, statsd_exporter", queries.series_of_the_other()),
            ),
            12,
            unit="short",
            missing=NO_EXPORTER,
        ),
        _mapping(),
        _file(),
        lines(
            "Relayed",
            "What goes on to another exporter, in a second, by target. A relay has no publication policy.",
            (
                (
                    "packets to {{target}}",
                    second("statsd_exporter_relay_packets_total", ("target",)),
                ),
                (
                    "too long for {{target}}",
                    second("statsd_exporter_relay_long_lines_total", ("target",)),
                ),
                ("errors, {{target}}", second("popcon_exporter_relay_errors_total", ("target",))),
            ),
            12,
            unit="cps",
            missing="Nothing is relayed.",
        ),
    )


def _mapping() -> Panel:
    return table(
        "Mapping",
        "The rules that each exporter runs with. Where the last reading failed, it goes on with older ones; "
        "how that stands now, only popcon's exporter says.",
        (
            queries.by_target("statsd_exporter_loaded_mappings"),
            queries.by_target("popcon_exporter_config_last_reload_successful"),
            "1000 * "
            + queries.by_target("popcon_exporter_config_last_reload_success_timestamp_seconds"),
            queries.rose_from_birth(
                "statsd_exporter_config_reloads_total", ("job", "instance"), 'outcome="failure"'
            ),
        ),
        12,
        8,
        (
            ("instance", "Instance"),
            ("Value #A", "Rules"),
            ("Value #B", "Last reading"),
            ("Value #C", "Read"),
            ("Value #D", "Failures"),
        ),
        missing=NO_EXPORTER,
        overrides=(
            override(
                "Last reading",
                mappings=words({"1": ("good", "green"), "0": ("failed", "red")}),
                **WORD,
            ),
            override("Read", unit="dateTimeFromNow"),
            override("Failures", decimals=0),
        ),
        hidden=("Time", "job"),
    )


def _file() -> Panel:
    written = "popcon_exporter_persistence_last_success_timestamp_seconds"
    return table(
        "File of counts",
        "The file from which counts survive a restart: when it was last written, its size, and how often writing "
        "succeeded and failed in the range.",
        (
            f"1000 * {queries.by_target(written)} > 0",
            queries.by_target("popcon_exporter_persistence_size_bytes"),
            queries.rose("popcon_exporter_persistence_writes_total", ("job", "instance")),
            queries.rose("popcon_exporter_persistence_errors_total", ("job", "instance")),
        ),
        12,
        8,
        (
            ("instance", "Instance"),
            ("Value #A", "Written"),
            ("Value #B", "Size"),
            ("Value #C", "Writes"),
            ("Value #D", "Errors"),
        ),
        missing=f"{ONLY_POPCON} It has a file with --persistence.file.",
        overrides=(
            override("Written", unit="dateTimeFromNow"),
            override("Size", unit="bytes"),
            override("Writes", decimals=0),
            override(
                "Errors",
                decimals=0,
                custom__cellOptions=COLOURED_TEXT,
                **alarming(),
            ),
        ),
        hidden=("Time", "job"),
    )


def scraped() -> tuple[Panel, ...]:
    """Return what Prometheus says of scraping them, and of popcon's rules."""
    return (
        lines(
            "Time that a scrape takes",
            "How long Prometheus waits for each exporter's page.",
            (("{{instance}}", f"max by (instance) ({queries.chosen('scrape_duration_seconds')})"),),
            8,
            unit="s",
            missing=NO_EXPORTER,
        ),
        lines(
            "Samples of a scrape",
            "How many numbers a page has, and how many Prometheus takes from it, where it has a limit "
            "and says so (extra-scrape-metrics). A page with more is not taken at all.",
            (
                ("{{instance}}", f"max by (instance) ({queries.chosen('scrape_samples_scraped')})"),
                ("limit", f"min ({queries.chosen('scrape_sample_limit')} > 0)"),
            ),
            8,
            unit="short",
            missing=NO_EXPORTER,
        ),
        lines(
            "Size of a page",
            "How many bytes each exporter's page has.",
            (("{{instance}}", f"max by (instance) ({queries.chosen('scrape_body_size_bytes')})"),),
            8,
            unit="bytes",
            missing="Prometheus says this with extra-scrape-metrics.",
        ),
        table(
            "popcon's rules",
            "The groups of rules that the dashboards and alerts need: how long the last evaluation took, how often one "
            "is due, and how many rules failed and evaluations were missed in the range.",
            (
                queries.of_rules("prometheus_rule_group_last_duration_seconds"),
                queries.of_rules("prometheus_rule_group_interval_seconds"),
                queries.of_rules("prometheus_rule_evaluation_failures_total", "increase"),
                queries.of_rules("prometheus_rule_group_iterations_missed_total", "increase"),
            ),
            24,
            7,
            (
                ("group", "Group"),
                ("Value #A", "Took"),
                ("Value #B", "Every"),
                ("Value #C", "Failed"),
                ("Value #D", "Missed"),
            ),
            missing="No data: this Prometheus doesn't scrape itself, or has not popcon's rules.",
            overrides=(
                override("Took", unit="s"),
                override("Every", unit="s"),
                override("Failed", decimals=0, custom__cellOptions=COLOURED_TEXT, **alarming()),
                override("Missed", decimals=0),
            ),
            sort="Group",
        ),
    )
