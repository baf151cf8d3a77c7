"""In: hubs, reporters, policies and scrape intervals. Out: how much is read back of each, row by row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from popcon.audit.attack import CURIOUS, STRONG, Onlooker, attack
from popcon.audit.claims import PRECISION, Judged, Read, judged, measured, read_back
from popcon.audit.hub import Numbers, simulated
from popcon.audit.published import every, published
from popcon.audit.seen import Seen
from popcon.exporter.mapping.mapping import Mapping
from popcon.exporter.privacy.policy import Policy

#: Who looks.
ONLOOKERS: tuple[Onlooker, ...] = (CURIOUS, STRONG)
#: Hubs of a size that are simulated; each one's attacker learns on the others how sure he may be.
_FEW, _PEOPLE = 2, 100


class Case(NamedTuple):
    """What is attacked: hubs of a kind, whose processes report so, shown by a policy."""

    numbers: Numbers
    reporter: str
    policy: Policy


class Late(NamedTuple):
    """After how many seconds increments became visible: half of them, 95 % of them."""

    median: int
    most: int


class Row(NamedTuple):
    """What was read back by each onlooker who scrapes every `scrape` seconds, by name.

    `hidden` is how many processes never became visible within the days that were simulated.
    """

    case: Case
    scrape: int
    hubs: int
    read: dict[str, Read]
    late: Late
    hidden: int


def hubs_of(users: int) -> int:
    """Return how many hubs of a size are simulated: more small ones, of which each says little."""
    return max(_FEW, min(6, _PEOPLE // users))


def rows(
    case: Case,
    scrapes: Sequence[int],
    rules: Mapping,
    seed: int,
    *,
    hubs: int | None = None,
    precision: float = PRECISION,
) -> Iterator[Row]:
    """Yield a row for each scrape interval, in seconds, multiples of 15."""
    number = hubs or hubs_of(case.numbers.users)
    found: defaultdict[tuple[int, str], list[Judged]] = defaultdict(list)
    late: Counter[int] = Counter()
    hidden = 0
    for hub in range(number):
        hub_seed = seed * 1000 + hub
        installed, processes = simulated(case.numbers, case.reporter, hub_seed)
        shown = published(installed, processes, case.policy, rules)
        late += shown.late
        hidden += sum(seen is None for seen in shown.seen)
        before = [one.bits for one in processes if not measured(one.says[0].time)]
        for scrape in scrapes:
            looked = every(scrape, shown)
            seen = Seen(looked.moves)
            for who in ONLOOKERS:
                history = Counter(before if who.knows_history else ())
                claims = attack(seen, case.reporter, history)
                found[scrape, who.name].append(
                    judged(claims, processes, looked, installed.core, hub_seed)
                )
    for scrape in scrapes:
        read = {who.name: read_back(found[scrape, who.name], precision) for who in ONLOOKERS}
        yield Row(case, scrape, number, read, _late(late), hidden)


def _late(late: Counter[int]) -> Late:
    total = sum(late.values())
    return Late(_at(late, total * 0.5), _at(late, total * 0.95))


def _at(counts: Counter[int], place: float) -> int:
    so_far = 0
    for value in sorted(counts):
        so_far += counts[value]
        if so_far >= place:
            return value
    return 0
