"""What comes, or has stopped coming, and what is recorded of it: rows for `test_rules.py`."""

from __future__ import annotations

from tests.render.alert_case import Case, named

CANARY = named("python_popcon_canary_total", 'id="job"')
TEST_COUNTS = {"job": "popcon-metrics", "id": "job"}
HUB = 'namespace="hub1"'
FAILED = (
    'prometheus_rule_evaluation_failures_total{job="p",rule_group="popcon-rules.yaml;popcon-days"}'
)
TODAY = f'namespace:python_popcon_reports:increase_today{{{HUB},day="today"}}'


def recorded(week: str, today: str = "0x204", none: bool = False) -> dict[str, str]:
    """Return what is recorded of a hub's reports: the last seven days, and today."""
    hub = "" if none else HUB
    return {
        f"namespace:python_popcon_reports:increase1w{{{hub}}}": week,
        f'namespace:python_popcon_reports:increase_today{{{hub}{"," if hub else ""}day="today"}}': today,
        "popcon:today_ends:timestamp_seconds": "1x204",
    }


def canary(values: str, id: str = "job") -> dict[str, str]:
    """Return canaries that come every quarter of an hour, and their exporter, three days long."""
    return {
        named("statsd_exporter_lines_total"): "1x864",
        named("python_popcon_canary_total", f'id="{id}"'): values,
    }


ARRIVING: dict[str, list[Case]] = {
    "PopconCanaryMissing": [
        Case("they come", canary("0+1x864"), "70h", [], "5m"),
        Case("they came", canary("0+1x600 600x264"), "60h", [TEST_COUNTS], "5m"),
        Case("the series is gone too", canary("0+1x600 _x264"), "60h", [TEST_COUNTS], "5m"),
        Case("they never came", {named("statsd_exporter_lines_total"): "1x864"}, "60h", [], "5m"),
        Case("not for two hours", canary("0+1x600 600x264"), "52h", [], "5m"),
        Case("doctor was run for a while", canary("0+90x100 9000x764", "doctor"), "15h", [], "5m"),
        Case("helm test was", canary("0+9x100 900x764", "helm-test"), "15h", [], "5m"),
        Case("now and then", canary("0x100 1x200 2x200 3x364"), "60h", [], "5m"),
        Case(
            "another pod goes on from 0, where the last one left a moment ago",
            {
                **canary("0+1x600 _x264"),
                named(
                    "python_popcon_canary_total", 'id="job"', of='job="popcon-metrics",instance="b"'
                ): ("_x618 1x246"),
            },
            "53h30m",
            [],
            "5m",
        ),
        Case(
            "the exporter does not answer: that is another alert",
            {**canary("0+1x600 _x264"), named("statsd_exporter_lines_total"): "1x600 _x264"},
            "60h",
            [],
            "5m",
        ),
        Case(
            "statsd_exporter was away for five hours, and the next is due within the hour",
            {
                named("statsd_exporter_lines_total"): "1x600 _x60 0x204",
                CANARY: f"{' '.join(f'{hour}x11' for hour in range(50))} _x68 1x11 2x11",
            },
            "55h30m",
            [],
            "5m",
        ),
        Case("switched off long ago", canary("0+1x200 200x664"), "60h", [], "5m"),
    ],
    "PopconNamespaceSilent": [
        Case(
            "silent for a week",
            {**recorded("700x24 60x140 0x40")},
            "200h",
            [{"namespace": "hub1"}],
            "1h",
        ),
        Case(
            "without a namespace",
            recorded("700x24 60x140 0x40", none=True),
            "200h",
            [{}],
            "1h",
        ),
        Case(
            "the series is gone too, long after an exporter without a file was restarted",
            recorded("700x24 60x140 _x40"),
            "200h",
            [{"namespace": "hub1"}],
            "1h",
        ),
        Case("published today", recorded("700x24 60x140 0x40", "0x195 5x10"), "200h", [], "1h"),
        Case("published within the week", recorded("700x24 60x140 5x40"), "200h", [], "1h"),
        Case("a small hub that seldom reports", recorded("20x164 0x40"), "200h", [], "1h"),
        Case("rules are new", recorded("_x160 0x40"), "200h", [], "1h"),
        Case(
            "nothing is recorded any more",
            dict.fromkeys(recorded("0x1"), "60x165"),
            "200h",
            [],
            "1h",
        ),
    ],
    "PopconDaysMissing": [
        Case(
            "they can't be evaluated",
            {FAILED: "0+1x120"},
            "100m",
            [{"rule_group": "popcon-rules.yaml;popcon-days"}],
        ),
        Case("they could not, for a while", {FAILED: "0+1x30 30x180"}, "200m", []),
        Case(
            "another's rules can't",
            {FAILED.replace("popcon-days", "others"): "0+1x120"},
            "100m",
            [],
        ),
        Case("there are none", {named("python_popcon_reports", HUB): "1x120"}, "100m", [{}]),
        Case(
            "they are there",
            {named("python_popcon_reports", HUB): "1x120", TODAY: "1 _x4 " * 24},
            "100m",
            [],
        ),
        Case("no reports yet", {named("up"): "1x120"}, "100m", []),
        Case(
            "reports have just begun",
            {named("python_popcon_reports", HUB): "_x60 1x60"},
            "70m",
            [],
        ),
    ],
}
