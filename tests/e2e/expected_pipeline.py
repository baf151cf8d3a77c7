"""In: what `story.py` tells. Out: what each panel of the dashboard Pipeline has to answer, of either kind of exporter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from popcon import __version__
from popcon.promql.recordings import recordings
from popcon.render.rules import GROUPS as ALERTS
from tests.dashboards import compressed
from tests.e2e.expected import DAY, NOTHING, Expected, Rows, number, zero

GROUPS = (*recordings(), *ALERTS)
HUBS = ("hub1", "hub2", "hub3")


def pipeline(kind: str, addresses: list[str], began: int) -> Expected:
    """Return what Pipeline shows; `addresses` are the exporters', the last one was restarted."""
    own = {"statsd_exporter": _of_statsd_exporter, "popcon": _of_popcon}[kind]
    targets = [f"{address} popcon" for address in addresses]
    flat, drawn = Rows(zero, ""), Rows(number, "")
    return {
        ("Exporters that don't answer", "A"): {"": 0},
        ("Datagrams lost", "A"): {"": 0},
        ("Exporters", "A"): dict.fromkeys(targets, 1),
        ("Exporters", "C"): Rows(_about(began), *targets),
        ("Datagrams and lines", "A"): drawn,
        ("Datagrams and lines", "B"): drawn,
        ("Datagrams and lines", "C"): flat,
        ("Datagrams and lines", "D"): flat,
        ("Lost on the way in", "B"): flat,
        ("Lost on the way in", "C"): flat,
        ("Lost on the way in", "D"): flat,
        ("Canaries of an hour", "A"): Rows(number, "job hub1"),
        ("Lines refused", "A"): {"malformed_value": pytest.approx(2, abs=0.1)},
        ("Lines without a rule", "A"): drawn,
        ("Lines without a rule", "B"): flat,
        ("Names taken", "A"): NOTHING,
        ("Kept out by bounds", "A"): NOTHING,
        ("Reports of today that are visible", "A"): Rows(number, *HUBS),
        ("Mapping", "A"): Rows(_several, *targets),
        ("Mapping", "D"): dict.fromkeys(targets, pytest.approx(1, abs=0.1)),
        ("Last canary", "A"): {
            "job hub1": pytest.approx(1000 * (began + 3.5 * DAY), abs=500 * DAY)
        },
        **{("Relayed", letter): NOTHING for letter in "ABC"},
        ("Time that a scrape takes", "A"): Rows(number, *addresses),
        ("Samples of a scrape", "A"): Rows(_several, *addresses),
        ("Samples of a scrape", "B"): NOTHING,
        ("Size of a page", "A"): NOTHING,
        ("popcon's rules", "A"): Rows(number, *GROUPS),
        ("popcon's rules", "B"): Rows(number, *GROUPS),
        # No rule has failed; on a slow machine an evaluation may have been missed.
        ("popcon's rules", "C"): dict.fromkeys(GROUPS, 0),
        ("popcon's rules", "D"): Rows(number, *GROUPS),
        **own(targets, addresses),
    }


def _of_statsd_exporter(targets: list[str], addresses: list[str]) -> Expected:
    """Return what is different with statsd_exporter: it knows less of itself."""
    return {
        ("Exporters", "B"): dict.fromkeys((f"{target} statsd_exporter" for target in targets), 1),
        # For it, a failed reading is over after an hour.
        ("Alerts", "A"): NOTHING,
        ("Lost on the way in", "A"): NOTHING,
        ("Lost on the way in", "E"): NOTHING,
        ("Canaries of an hour", "B"): NOTHING,
        ("Counts are held back", "A"): NOTHING,
        ("Counts are held back", "B"): NOTHING,
        ("Publication policy", "A"): NOTHING,
        ("Series held", "A"): NOTHING,
        ("Series held", "B"): Rows(_several, *addresses),
        ("Mapping", "B"): NOTHING,
        ("Mapping", "C"): NOTHING,
        **{("File of counts", letter): NOTHING for letter in "ABCD"},
    }


def _of_popcon(targets: list[str], addresses: list[str]) -> Expected:
    """Return what popcon's exporter alone says."""
    (target,), (address,) = targets, addresses
    flat = Rows(zero, "")
    return {
        ("Exporters", "B"): {f"{target} popcon exporter {__version__}": 1},
        ("Alerts", "A"): Rows(number, f"PopconMappingReloadFailed firing {address} warning"),
        ("Lost on the way in", "A"): flat,
        ("Lost on the way in", "E"): flat,
        ("Canaries of an hour", "B"): flat,
        ("Counts are held back", "A"): flat,
        ("Counts are held back", "B"): flat,
        ("Publication policy", "A"): {f"{address} 0 1 0 off": 1},
        ("Series held", "A"): Rows(_several, address),
        ("Series held", "B"): NOTHING,
        ("Mapping", "B"): {target: 0},
        ("Mapping", "C"): Rows(number, target),
        ("File of counts", "A"): Rows(number, target),
        ("File of counts", "B"): Rows(_several, target),
        ("File of counts", "C"): Rows(number, target),
        ("File of counts", "D"): {target: 0},
    }


def _several(value: float) -> bool:
    """Say whether it is more than one."""
    return value > 1


def _about(began: int) -> Callable[[float], bool]:
    def in_these_days(value: float) -> bool:
        return abs(value / 1000 - began) < 6 * compressed.DAY

    return in_these_days
