"""In: a range that ends at a moment, and hubs. Out: what truly was added in it, as dashboards count: in whole UTC days."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from popcon.catalog import LIBRARY_USED, OTHER, RARE, REPORTS, Metric
from tests.dashboards import site
from tests.dashboards.counts import Key, counts, day_of
from tests.dashboards.exporters import DAY, FIRST
from tests.dashboards.recorded import PHASE, STEP
from tests.dashboards.shown import OF_LATE

Labels = tuple[str, ...]
_EVERYONE = tuple(hub.name for hub in site.HUBS)


class Look(NamedTuple):
    """What a person looks at: a range that ends at a moment, and hubs."""

    moment: float
    seconds: int
    hubs: tuple[str, ...] = _EVERYONE

    @property
    def before(self) -> Look:
        """Return the range before; of its last day only whole days count."""
        return self._replace(moment=self.moment - self.seconds)

    def days(self) -> list[int]:
        """Return the whole days that ended in the range."""
        first = int((self.moment - self.seconds - FIRST) // DAY)
        return list(range(first, int((self.moment - FIRST) // DAY)))

    def added(self, metric: Metric, *by: str, today: bool = True) -> dict[Labels, int]:
        """Return what was added in the range, by labels; nothing for what was not there."""
        names = ("namespace", *metric.labels)
        found: dict[Labels, int] = {}
        for key, days in counts().added.items():
            if key.metric != metric.name or key.labels[0] not in self.hubs:
                continue
            numbers = [days[day] for day in self.days() if day in days]
            if today and day_of(self.moment) in days:
                # What was recorded last, at most five minutes ago.
                numbers.append(
                    counts().since_midnight(key, (self.moment - PHASE) // STEP * STEP + PHASE)
                )
            if numbers:
                labels = tuple(key.labels[names.index(name)] for name in by)
                found[labels] = found.get(labels, 0) + sum(numbers)
        return found

    def observed(self) -> dict[str, int]:
        """Return the days of the range on which each hub's reports were watched."""
        days = {hub: sum(day in reported(hub) for day in self.days()) for hub in self.hubs}
        return {hub: number for hub, number in days.items() if number}

    def libraries(self, *by: str, today: bool = True) -> dict[Labels, int]:
        """Return the processes that used what is a library, by labels of which that is the last."""
        found = self.added(LIBRARY_USED, *by, "library", today=today)
        return {key: number for key, number in found.items() if key[-1] not in (OTHER, RARE)}

    def installed(self) -> dict[str, dict[str, int]]:
        """Return library → part → size that inventories gave of the chosen hubs' images."""
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for hub in site.HUBS:
            for library in site.installed(hub):
                # Exporters show sizes of late only, and of a hub that is silent too.
                if hub.name in self.hubs and self.moment > OF_LATE:
                    found[library.name][library.part] = library.size
        return found


def reported(hub: str) -> Counter[int]:
    """Return day → how many processes reported from a hub."""
    return counts().added.get(Key(REPORTS.name, (hub,)), Counter())
