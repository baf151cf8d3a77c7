"""In: reports and uses by hub and day. Out: a source that has them in memory, and one of the made-up university."""

from __future__ import annotations

from collections.abc import Iterable

from popcon.catalog import OTHER, REPORTS, Metric
from popcon.insight.usage import DAY, Counts, Observed, Period
from tests.dashboards import site

#: The first midnight of the university's history: Wednesday, 10 June 2026.
BEGIN = 20_614 * DAY


class Memory:
    """Counts by hub, library and midnight; a hub is there on the days on which it has reports, or 0."""

    words = "a made-up store"

    def __init__(
        self,
        reports: dict[str, dict[float, int]],
        uses: dict[tuple[str, str], dict[float, int]],
        sizes: dict[tuple[str, str, str], int] | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        self.reports = reports
        self.uses = uses
        self._sizes = sizes or {}
        self._notes = list(notes)

    def counts(self, metric: Metric, period: Period, libraries: Iterable[str] = ()) -> Counts:
        """Return sums of what is there by day."""
        found = self.by_day(metric, period, libraries)
        return {key: sum(days.values()) for key, days in found.items()}

    def by_day(
        self, metric: Metric, period: Period, libraries: Iterable[str] = ()
    ) -> dict[tuple[str, ...], dict[float, int]]:
        """Return what is there within the period."""
        wanted = set(libraries)
        rows: dict[tuple[str, ...], dict[float, int]] = (
            {(hub,): days for hub, days in self.reports.items()}
            if metric is REPORTS
            else {key: days for key, days in self.uses.items() if not wanted or key[1] in wanted}
        )
        within = {
            key: {day: n for day, n in days.items() if period.begin <= day < period.end}
            for key, days in rows.items()
        }
        return {key: days for key, days in within.items() if days}

    def observed(self, period: Period) -> dict[str, Observed]:
        """Return what the reports by day say."""
        found = {}
        for hub, days in self.reports.items():
            within = [day for day in days if period.begin <= day < period.end]
            rose = [day for day, number in days.items() if number and day < period.end]
            found[hub] = Observed(
                min(days),
                max(rose) + DAY / 2 if rose else None,
                sum(1 for day in within if day + DAY <= period.end),
                sum(days[day] for day in within),
            )
        return found

    def sizes(self, period: Period) -> dict[tuple[str, str, str], int]:
        """Return the sizes, at any time."""
        return self._sizes

    def notes(self, period: Period) -> list[str]:
        """Return what was given."""
        return self._notes


def university() -> Memory:
    """Return the made-up university's whole history."""
    reports: dict[str, dict[float, int]] = {}
    uses: dict[tuple[str, str], dict[float, int]] = {}
    sizes = {}
    for hub in site.HUBS:
        for number in range(hub.since, site.DAYS):
            day = float(BEGIN + number * DAY)
            if number > hub.until + 25:
                break
            count = site.processes(hub, number)
            reports.setdefault(hub.name, {})[day] = count
            for library, times in site.used(hub, number):
                if library.name == "marimo" and number < library.since:
                    continue  # installed with the image in which it came
                uses.setdefault((hub.name, library.name), {})[day] = times
                sizes[hub.name, library.name, library.part] = library.size
            uses.setdefault((hub.name, OTHER), {})[day] = int(count * site.OTHER_SHARE)
    return Memory(
        reports,
        uses,
        sizes,
        [
            "datahub: counts become visible once 10 processes have reported and 15 minutes have passed."
        ],
    )


def last(days: int) -> Period:
    """Return the last days of the university's history, all of them over."""
    end = BEGIN + site.DAYS * DAY
    return Period(float(end - days * DAY), float(end))
