"""In: the truth, a range and the chosen hubs. Out: what each of the dashboards' panels has to answer.

Written from what the panels' descriptions say, without their queries.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from popcon.catalog import (
    LIBRARY_DIRECT,
    LIBRARY_USED,
    LIBRARY_VERSION,
    OTHER,
    RARE,
    REPORTS,
)
from popcon.well_known import FOR_USERS, PATTERN
from tests.dashboards.counts import Key, counts, day_of
from tests.dashboards.exporters import DAY, at
from tests.dashboards.look import Labels, Look, reported

#: Labels → number: one answer.
Numbers = dict["frozenset[tuple[str, str]]", float]


def libraries(look: Look) -> dict[str, list[Numbers]]:
    """Return what the panels of Libraries answer, one after the other."""
    reports = sum(look.added(REPORTS).values())
    used = look.libraries()
    positive = {key: number for key, number in used.items() if number}
    other = look.added(LIBRARY_USED, "library").get((OTHER,), 0)
    most: dict[Labels, int] = dict(Counter(positive).most_common(20))
    observed = look.observed().values()
    return {
        "Processes that reported": [_one(reports if look.added(REPORTS) else None)],
        "Libraries used": [_one(len(positive) or None)],
        "Used what the image lacks": [_one(other / reports if reports else None)],
        "Whole days observed": [_one(max(observed) if observed else None)],
        "Most used": [_by(most, "library")],
        "Share of processes": [
            _by(positive, "library"),
            _by({key: number / reports for key, number in positive.items()}, "library"),
        ],
        "New": [_by(_new(look), "library")],
        "Gone": [_by(_gone(look), "library")],
        "Rising and falling": [_by(one, "library") for one in _shares(look)],
        **_details(look),
    }


def _new(look: Look) -> dict[Labels, int]:
    enough = 0.9 * look.seconds / DAY
    known = {hub for hub, days in look.before.observed().items() if days >= enough}
    here = look._replace(hubs=tuple(known)).libraries()
    before = look.before.libraries(today=False)
    return {key: number for key, number in here.items() if number and not before.get(key)}


def _gone(look: Look) -> dict[Labels, int]:
    enough = 0.9 * look.seconds / DAY
    reports = look.added(REPORTS, "namespace")
    known = {hub for hub, days in look.observed().items() if days >= enough and reports[(hub,)]}
    before = look.before._replace(hubs=tuple(known)).libraries(today=False)
    here = look.libraries()
    return {key: number for key, number in before.items() if number and not here.get(key)}


def _shares(look: Look) -> tuple[dict[Labels, float], dict[Labels, float]]:
    """Return shares now and before in hubs that reported in both, of what 20 processes used."""
    now = look.added(REPORTS, "namespace")
    before = look.before.added(REPORTS, "namespace", today=False)
    both = tuple(hub for hub in look.hubs if now.get((hub,)) and before.get((hub,)))
    one, other = look._replace(hubs=both), look.before._replace(hubs=both)
    here, there = one.libraries(), other.libraries(today=False)
    enough = {key for found in (here, there) for key, number in found.items() if number >= 20}

    def shares(found: Mapping[Labels, int], reports: Mapping[Labels, int]) -> dict[Labels, float]:
        total = sum(reports[(hub,)] for hub in both)
        return {key: 100 * found.get(key, 0) / total for key in enough}

    return shares(here, now), shares(there, before)


def _details(look: Look) -> dict[str, list[Numbers]]:
    """Return versions of the libraries that are chosen at first, and direct imports."""
    versions = {
        key: number
        for key, number in look.added(LIBRARY_VERSION, "library", "version").items()
        if number and key[0] in ("matplotlib", "numpy", "pandas", "scikit-learn", "scipy")
    }
    totals: Counter[str] = Counter()
    for (library, _), number in versions.items():
        totals[library] += number
    shares = {key: number / totals[key[0]] for key, number in versions.items()}
    counting = {key[0] for key in look.added(LIBRARY_DIRECT, "namespace")}
    whole = {
        key: number
        for key, number in look._replace(hubs=tuple(counting)).libraries().items()
        if number
    }
    direct = look.added(LIBRARY_DIRECT, "library")
    return {
        "Versions": [_by(one, "library", "version") for one in (versions, shares)],
        "Direct or dependency": [
            _by(whole, "library"),
            _by({key: direct.get(key, 0) / whole[key] for key in whole}, "library"),
        ],
    }


def unused(look: Look) -> dict[str, list[Numbers]]:
    """Return what the panels of Unused answer; rare is below ten."""
    used, installed = look.libraries(), look.installed()
    parts = {
        (library, part): size
        for library, known in installed.items()
        for part, size in known.items()
        if FOR_USERS not in known
    }
    for (name,), number in used.items():
        if name not in installed and re.fullmatch(PATTERN, name):
            parts[name, "known by its name"] = number
    infrastructure = {library for library, _ in parts}
    users = {key: number for key, number in used.items() if key[0] not in infrastructure}
    never: dict[Labels, int] = {key: 0 for key, number in users.items() if not number}
    sizes: dict[Labels, int] = {
        (library,): max(known.values()) for library, known in installed.items()
    }
    days = _by(_days_of_libraries(look), "library")
    observed = look.observed().values()
    size = sum(sizes.get(key, 0) for key in never)
    return {
        "Enough to judge?": [_one(min(observed) if observed else None)],
        "Whole days, at least": [_one(min(observed) if observed else None)],
        "Libraries for users": [_one(len(users) or None)],
        "Never used": [_by(never, "library"), _by(sizes, "library"), days],
        "Libraries never used": [_one(len(never) if never or sizes else None)],
        "Space of never used": [_one(size if sizes else None)],
        "Rarely used": [
            _by({key: number for key, number in users.items() if 0 < number < 10}, "library"),
            _by(sizes, "library"),
            days,
        ],
        "Infrastructure": [
            _by(parts, "library", "part"),
            _by(sizes, "library"),
            _by(used, "library"),
        ],
    }


def _days_of_libraries(look: Look) -> dict[Labels, int]:
    """Return the whole days on which a library was counted, in the hub with the fewest."""
    found: dict[Labels, int] = {}
    for key, days in counts().added.items():
        hub, *rest = key.labels
        number = sum(day in days for day in look.days())
        if key.metric == LIBRARY_USED.name and hub in look.hubs and number:
            library = (rest[0],)
            if library[0] not in (OTHER, RARE):
                found[library] = min(number, found.get(library, number))
    return found


def hubs(look: Look) -> dict[str, list[Numbers]]:
    """Return what the panels of Hubs answer. Hubs are remembered that were there before the range."""
    reports = look.added(REPORTS, "namespace")
    known: dict[Labels, int] = {
        (hub,): 0 for hub in look.hubs if any(at(day + 1) <= look.moment for day in reported(hub))
    }
    week: dict[Labels, int] = {
        (hub,): number
        for hub in look.hubs
        for number in [_in_a_week(hub, look.moment)]
        if number is not None
    }
    week = {**known, **week}
    observed = look.observed()
    used = Counter((hub,) for (hub, _), number in look.libraries("namespace").items() if number)
    days = {(hub,): number for hub, number in observed.items()}
    whole = look.added(REPORTS, "namespace", today=False)
    return {
        "Hubs that report": [_one(len(+Counter(reports)) or None)],
        "Silent for a week": [_one(list(week.values()).count(0) if week else None)],
        "Whole days observed": [_one(max(observed.values()) if observed else None)],
        "Coverage": [
            _by({**known, **reports}, "namespace"),
            _by(used, "namespace"),
            _by({key: whole[key] / days[key] for key in days}, "namespace"),
            _by(days, "namespace"),
            _by(_last_reports(look), "namespace"),
            _by(week, "namespace"),
        ],
    }


def _in_a_week(hub: str, moment: float) -> int | None:
    """Return a hub's processes of seven whole days and today; None where it was not there."""
    return Look(moment, 7 * DAY, (hub,)).added(REPORTS, "namespace").get((hub,))


def _last_reports(look: Look) -> dict[Labels, float]:
    """Return when each hub's reports rose last, in milliseconds: to five minutes, or to the day."""
    found: dict[Labels, float] = {}
    for hub in look.hubs:
        key = Key(REPORTS.name, (hub,))
        # Rules are evaluated after the step, and looked at in steps.
        rises = counts().risen[key].times if key in counts().risen else []
        shown = [time // -300 * -300 + 300 for time in rises]
        times = [time for time in shown if time <= look.moment]
        if times and times[-1] > look.moment - 2 * DAY:
            found[(hub,)] = 1000 * times[-1]
        elif times:
            found[(hub,)] = 1000 * at(day_of(times[-1]) + 1)
    return found


def _one(number: float | None) -> Numbers:
    return {} if number is None else {frozenset(): number}


def _by(numbers: Mapping[Any, float], *names: str) -> Numbers:
    return {frozenset(zip(names, key)): number for key, number in numbers.items()}
