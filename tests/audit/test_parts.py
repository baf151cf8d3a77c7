"""The attack's parts, on data that can be checked by hand."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from popcon.audit import bits
from popcon.audit.claims import Claim, Judged, Sureness, read_back
from popcon.audit.known import Known
from popcon.audit.published import Move
from popcon.audit.recognise import repeated
from popcon.audit.seen import Seen
from popcon.audit.split import split


def test_planes_count() -> None:
    """Sums, differences and comparisons are those of plain counts."""
    chance = random.Random(1)
    for _ in range(50):
        one, other = (
            Counter({n: chance.randrange(1, 20) for n in chance.sample(range(90), 30)})
            for _ in range(2)
        )
        planes = bits.added(bits.planes_of(one.items()), bits.planes_of(other.items()))
        total = one + other
        assert planes == bits.planes_of(sorted(total.items()))
        for number in (1, 2, 7, 40):
            more, equal = bits.compared(planes, number)
            assert set(bits.members(more)) == {n for n in total if total[n] > number}
            assert set(bits.members(equal)) == {n for n in total if total[n] == number}
        assert list(bits.members(bits.of(total))) == sorted(total)
        some = bits.of(list(total)[:10])
        less = total - Counter(list(total)[:10])
        left = bits.without(planes, some)
        assert bits.support(left) == bits.of(less)
        assert bits.size(bits.support(left)) == len(less)


def counted(*sets: int) -> bits.Planes:
    """Return the counts of processes with these sets."""
    return bits.planes_of(Counter(n for one in sets for n in bits.members(one)).items())


def test_a_split_finds_known_sets_and_one_unknown() -> None:
    """Of four sets in one interval, three known ones are found, and so the fourth."""
    chance = random.Random(2)
    sets = [bits.of(chance.sample(range(100), 20)) for _ in range(40)]
    known = Known(Counter(sets[:30]))
    there = [*sets[:3], sets[35]]
    found = split(counted(*there), 4, known)
    assert sorted(part.bits for part in found) == sorted(there)
    assert all(part.odds > 2 for part in found)
    # With two unknown ones it can't be sure of either.
    two = split(counted(*sets[:2], sets[35], sets[36]), 4, known)
    assert not {part.bits for part in two if part.odds > 2} & {sets[35], sets[36]}


def test_a_split_of_what_may_be_two_ways_is_not_sure() -> None:
    """Where {a, b} + {c} and {a} + {b, c} add up to the same, neither is claimed with confidence."""
    known = Known({0b011: 5, 0b100: 5, 0b001: 5, 0b110: 5})
    assert all(abs(part.odds) < 0.1 for part in split(counted(0b011, 0b100), 2, known))


def test_a_split_that_takes_too_long_is_not_sure() -> None:
    """Twelve sets of which hundreds are known use the budget up: nothing they claim is sure."""
    chance = random.Random(4)
    sets = [bits.of(chance.sample(range(40), 10)) for _ in range(600)]
    assert all(part.odds <= 0.5 for part in split(counted(*sets[:12]), 12, Known(Counter(sets))))
    few = split(counted(*sets[:2]), 2, Known(Counter(sets)))
    assert sorted(part.bits for part in few) == sorted(sets[:2])


def test_what_rose_in_a_while_is_what_its_moves_had() -> None:
    """All that rose from a move on, for so many seconds, is the union over these moves."""
    chance = random.Random(5)
    times = sorted(chance.sample(range(0, 60_000, 15), 400))
    moves = [Move(time, 0, counted(1 << number % 300)) for number, time in enumerate(times)]
    seen = Seen(moves)
    for at in range(0, 400, 7):
        for seconds in (0, 600, 20_000):
            later = [n % 300 for n, one in enumerate(times) if 0 <= one - times[at] <= seconds]
            assert seen.rose(at, seconds) == bits.of(later)
        assert seen.at(times[at]) == at


def test_the_same_again() -> None:
    """Ten reports of one set are ten times this set; of no common set nothing is said."""
    assert [one.bits for one in repeated(Move(0, 10, counted(*[0b1011] * 10)))] == [0b1011] * 10
    assert repeated(Move(0, 4, counted(0b0001, 0b0010, 0b0100, 0b1000))) == []
    assert repeated(Move(0, 10, counted(*[0b1011] * 10), rare=1)) == []


def judged(rows: list[tuple[str, float, bool]]) -> Judged:
    """Return claims at time 0."""
    return Judged(
        [
            (Claim(0, n, kind, score), right, False, False)
            for n, (kind, score, right) in enumerate(rows)
        ],
        100,
        0,
    )


def test_sureness_is_learnt_elsewhere() -> None:
    """A claim is made where its kind and score were right often enough on the other hubs, not here."""
    good = [("good", 5.0, True)] * 50
    bad = [("bad", 5.0, number % 2 == 0) for number in range(50)]
    hub, other = judged(good + bad), judged([("good", 5.0, False)] * 50)
    found = read_back([hub, judged(good + bad)])
    # Fifty surely right ones leave room for a few that are not.
    assert (found.processes, found.right >= 100, found.precision > 0.85) == (200, True, True)
    assert read_back([other, hub]).right == 0
    assert read_back([hub]).made == 0


def test_ties_are_as_sure_as_all_of_them_together() -> None:
    """Where half of the claims with the highest score were right, no claim with it is sure."""
    sure = Sureness(
        [judged([("kind", score, right) for score in (1.0, 9.0) for right in (True, False)] * 50)]
    )
    assert 0.45 < sure(Claim(0.0, 1, "kind", 9.0)) < 0.5


@pytest.mark.parametrize(("number", "surest"), [(1, 0.5), (9, 0.9), (99, 0.99)])
def test_few_right_claims_prove_little(number: int, surest: float) -> None:
    """However right they were, claims seen so often are taken as right that often at most."""
    sure = Sureness([judged([("kind", 1.0, True)] * number)])
    assert sure(Claim(0, 1, "kind", 2.0)) == pytest.approx(surest)
    assert sure(Claim(0, 1, "kind", 0.0)) == 0.0
    assert sure(Claim(0, 1, "other", 2.0)) == 0.0
