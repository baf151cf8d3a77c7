"""When increments become visible: one group at a time, whole, and never too few processes."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timezone

import pytest

from popcon.catalog import PREFIX
from popcon.errors import FileError
from popcon.exporter.privacy.batch import Cell
from popcon.exporter.privacy.own import read_own
from popcon.exporter.privacy.policy import OFF, STANDARD, STRICT, Policy, chosen
from popcon.exporter.privacy.publication import MAX_TEXT, Publication, Seen

HUB1 = "namespace.hub1"
NOON = datetime(2026, 3, 2, 12, tzinfo=timezone.utc).timestamp()
MIDNIGHT = datetime(2026, 3, 3, tzinfo=timezone.utc).timestamp()
DAY = 86_400.0


def cell_of(publication: Publication, text: str) -> Cell:
    """The cell of a name, given without the prefix."""
    own = read_own(f"{PREFIX}.{text}")
    assert own is not None
    cell = publication.cell(f"{PREFIX}.{text}", own)
    assert cell is not None
    return cell


def report(publication: Publication, *used: str, group: str = HUB1, processes: int = 1) -> None:
    """So many processes report for the first time, each used this: `library_used.numpy`."""
    start = f"{group}." if group else ""
    for text in (*used, "reports"):
        assert cell_of(publication, f"{start}{text}").take(1.0, processes) is None
    publication.processes(group, processes if used else 0)


def visible(publication: Publication, now: float) -> dict[str, float]:
    """What becomes visible, by name without the prefix."""
    found = publication.due(now)
    assert len({name for name, _ in found}) == len(found)
    return {name[len(PREFIX) + 1 :]: amount for name, amount in found}


def restarted(publication: Publication) -> Publication:
    """What a new exporter makes of what this one saved, through JSON, in the order of the keys."""
    saved = json.loads(json.dumps(publication.changes()))
    again = Publication(publication.policy)
    again.restore(sorted((key, value) for key, value in saved.items() if value is not None))
    return again


def test_a_batch_is_visible_in_one_step() -> None:
    """Ten processes and fifteen minutes: then all families of the group move together."""
    publication = Publication(STANDARD)
    report(publication, "library_used.numpy", "check.mpi", processes=9)
    assert visible(publication, NOON) == {}
    assert visible(publication, NOON + 5000) == {}
    report(publication, "library_used.numpy", "library_version.numpy.2.4.6")
    assert visible(publication, NOON + 5001) == {
        f"{HUB1}.library_used.numpy": 10,
        f"{HUB1}.library_version.numpy.2.4.6": 1,
        f"{HUB1}.check.mpi": 9,
        f"{HUB1}.reports": 10,
    }
    assert visible(publication, NOON + 9000) == {}


def test_the_count_alone_is_not_enough() -> None:
    """A thousand reports, forged ones maybe, wait for the interval: since the first of them, then
    since the last step.
    """
    publication = Publication(STANDARD)
    report(publication, "library_used.numpy", processes=1000)
    assert visible(publication, NOON) == visible(publication, NOON + 899) == {}
    assert visible(publication, NOON + 900)[f"{HUB1}.reports"] == 1000
    report(publication, "library_used.numpy", processes=10)
    assert visible(publication, NOON + 1799) == {}
    assert visible(publication, NOON + 1800)[f"{HUB1}.reports"] == 10
    # Who comes long after the last step waits for nobody but the other nine.
    assert visible(publication, NOON + 9000) == {}
    report(publication, "library_used.numpy", processes=10)
    assert visible(publication, NOON + 9001)[f"{HUB1}.reports"] == 10


def test_a_process_is_counted_in_the_batch_of_its_first_report() -> None:
    """What it uses later waits for ten others."""
    publication = Publication(STANDARD)
    report(publication, "library_used.numpy", processes=10)
    visible(publication, NOON)
    assert visible(publication, NOON + 900)
    cell_of(publication, f"{HUB1}.library_used.pandas").take(1.0, 10)
    assert visible(publication, NOON + 5000) == {}
    report(publication, "library_used.numpy", processes=10)
    assert visible(publication, NOON + 5001)[f"{HUB1}.library_used.pandas"] == 10


def test_groups_wait_each_for_itself() -> None:
    """One namespace's processes never make another's visible, nor those without a namespace."""
    publication = Publication(STANDARD)
    for group in ("", HUB1, "namespace.hub2", f"{HUB1}.course.x"):
        report(publication, "library_used.numpy", group=group, processes=9)
    assert visible(publication, NOON) == {}
    report(publication, "library_used.numpy", group="namespace.hub2")
    assert visible(publication, NOON + 900) == {
        "namespace.hub2.library_used.numpy": 10,
        "namespace.hub2.reports": 10,
    }
    report(publication, "library_used.numpy", group="")
    assert visible(publication, NOON + 901) == {"library_used.numpy": 10, "reports": 10}


@pytest.mark.parametrize(
    ("what", "seen", "processes"),
    [
        ("empty processes", Seen(10, 0, 0.0), 0),
        ("popularity-contest, all used numpy", Seen(10, 0, 10.0), 10),
        ("popularity-contest, some used numpy", Seen(10, 0, 4.0), 4),
        ("popularity-contest, and later imports of others", Seen(3, 0, 40.0), 3),
        ("combined ones are counted by themselves", Seen(10, 10, 10.0), 0),
        ("both kinds", Seen(10, 6, 8.0), 2),
        ("both kinds, the lonely ones empty", Seen(10, 6, 6.0), 0),
        ("no reports, but cells of known processes", Seen(0, 0, 7.0), 0),
        ("a datagram with two reports", Seen(2, 5, 9.0), 0),
        ("any kernel can send any number", Seen(10, 0, float("inf")), 10),
    ],
)
def test_processes_whose_report_came_alone(what: str, seen: Seen, processes: int) -> None:
    """As many count as must have used something; empty processes don't."""
    publication = Publication(STANDARD)
    report(publication)
    publication.fold_end({HUB1: seen, "namespace.never_seen": seen})
    (standing,) = publication.standing(NOON)
    assert standing.processes == processes


def test_once_a_day() -> None:
    """A strict group moves at the first look after midnight, or not at all that day."""
    publication = Publication(STRICT)
    report(publication, "library_used.numpy", processes=20)
    report(publication, "library_used.numpy", processes=19, group="namespace.hub2")
    assert visible(publication, NOON) == visible(publication, MIDNIGHT - 1) == {}
    assert visible(publication, MIDNIGHT) == {
        f"{HUB1}.library_used.numpy": 20,
        f"{HUB1}.reports": 20,
    }
    report(publication, "library_used.numpy", group="namespace.hub2")
    assert visible(publication, MIDNIGHT + 1) == visible(publication, MIDNIGHT + DAY - 1) == {}
    assert visible(publication, MIDNIGHT + DAY + 7200) == {  # it was switched off at midnight
        "namespace.hub2.library_used.numpy": 20,
        "namespace.hub2.reports": 20,
    }


def test_midnight_is_the_policys_own() -> None:
    """Where the site says so it is that of its time zone."""
    publication = Publication(chosen("strict", timezone="America/Los_Angeles"))
    report(publication, "library_used.numpy", processes=20)
    assert visible(publication, NOON) == visible(publication, MIDNIGHT) == {}
    assert visible(publication, MIDNIGHT + 8 * 3600 - 1) == {}
    assert visible(publication, MIDNIGHT + 8 * 3600)[f"{HUB1}.reports"] == 20


def test_a_clock_that_is_set_back() -> None:
    """Nothing comes sooner, and nothing waits for a time that was never right."""
    publication = Publication(STANDARD)
    report(publication, "library_used.numpy", processes=10)
    visible(publication, NOON + 1000 * DAY)
    assert visible(publication, NOON + 1000 * DAY + 900)
    report(publication, "library_used.numpy", processes=10)
    assert visible(publication, NOON) == visible(publication, NOON + 899) == {}
    assert visible(publication, NOON + 900)[f"{HUB1}.reports"] == 10

    daily = Publication(STRICT)
    report(daily, "library_used.numpy", processes=20)
    assert visible(daily, NOON) == {}
    assert visible(daily, MIDNIGHT)
    report(daily, "library_used.numpy", processes=20)
    assert visible(daily, MIDNIGHT - 1) == visible(daily, MIDNIGHT) == {}  # not twice a day
    assert visible(daily, NOON - 100 * DAY) == {}
    assert visible(daily, MIDNIGHT - 100 * DAY)[f"{HUB1}.reports"] == 20


def test_off_holds_nothing() -> None:
    """What an earlier policy held is visible at once, and what comes is at the next look."""
    publication = Publication(STANDARD)
    report(publication, "library_used.numpy")
    off = Publication(OFF)
    off.restore(item for item in publication.changes().items() if item[1] is not None)
    assert visible(off, NOON)[f"{HUB1}.library_used.numpy"] == 1
    report(off, "library_used.numpy")
    assert visible(off, NOON + 1)[f"{HUB1}.library_used.numpy"] == 1


K3 = dataclasses.replace(STANDARD, min_processes=1, interval=0.0, min_library_processes=3)


def test_the_rare_are_not_named() -> None:
    """Below the threshold a name counts as `_rare`; it crosses in a step, whole, and nothing that
    was counted as rare is taken back.
    """
    publication = Publication(K3)
    report(publication, "library_used.numpy", "library_used.secret", "library_used._other")
    report(publication, "library_used.numpy", "check.mpi", "library_direct.numpy")
    report(publication, "library_used.numpy", "library_used.other-secret")
    assert visible(publication, NOON) == {
        f"{HUB1}.library_used.numpy": 3,
        f"{HUB1}.library_used._rare": 2,
        f"{HUB1}.library_used._other": 1,
        f"{HUB1}.library_direct._rare": 1,
        f"{HUB1}.check._rare": 1,
        f"{HUB1}.reports": 3,
    }
    report(publication, "library_used.secret")
    assert visible(publication, NOON)[f"{HUB1}.library_used._rare"] == 1
    report(publication, "library_used.secret", processes=2)
    assert visible(publication, NOON)[f"{HUB1}.library_used.secret"] == 2
    report(publication, "library_used.secret")
    assert visible(publication, NOON)[f"{HUB1}.library_used.secret"] == 1


def test_a_name_stays_a_name() -> None:
    """A threshold that a site raises later hides nothing that was named; one that it lowers names
    what it lets through from the next step on.
    """
    publication = Publication(K3)
    report(publication, "library_used.numpy", "check.mpi", processes=3)
    report(publication, "library_used.pandas")
    visible(publication, NOON)
    saved = publication.changes()
    for k, shown in ((100, "_rare"), (2, "pandas")):
        changed = Publication(dataclasses.replace(K3, min_library_processes=k))
        changed.restore(saved.items())
        report(changed, "library_used.numpy", "library_used.pandas")
        assert visible(changed, NOON) == {
            f"{HUB1}.library_used.numpy": 1,
            f"{HUB1}.library_used.{shown}": 1,
            f"{HUB1}.reports": 1,
        }


def test_a_threshold_is_each_groups_own() -> None:
    """A library that is named in one namespace is still rare in the next."""
    publication = Publication(K3)
    report(publication, "library_used.numpy", processes=3)
    report(publication, "library_used.numpy", processes=2, group="namespace.hub2")
    assert visible(publication, NOON) == {
        f"{HUB1}.library_used.numpy": 3,
        f"{HUB1}.reports": 3,
        "namespace.hub2.library_used._rare": 2,
        "namespace.hub2.reports": 2,
    }


@pytest.mark.parametrize(
    ("libraries", "versions", "shown"),
    [
        (2, 2, "_rare._rare"),
        (3, 2, "numpy._rare"),
        (3, 3, "numpy.1.0.1"),
        (2, 3, "_rare._rare"),  # forged: a version is used wherever its library is
        (0, 3, "_rare._rare"),
    ],
)
def test_versions_cross_by_library_and_version(libraries: int, versions: int, shown: str) -> None:
    """The library is named if it is named itself, the version if both together are enough."""
    publication = Publication(K3)
    report(publication, "check.any", processes=3)
    cell_of(publication, f"{HUB1}.library_version.numpy.1.0.1").take(1.0, versions)
    cell_of(publication, f"{HUB1}.library_used.numpy").take(1.0, libraries)
    assert visible(publication, NOON)[f"{HUB1}.library_version.{shown}"] == versions


def test_a_version_of_what_is_not_of_the_image_has_a_bucket_already() -> None:
    """`_other` is never renamed; its version still is."""
    publication = Publication(K3)
    report(publication, "library_version._other.1.0")
    assert f"{HUB1}.library_version._other._rare" in visible(publication, NOON)


def test_an_address_counts_once_a_batch() -> None:
    """One pod's thirty processes are one; and no address is ever written."""
    policy = dataclasses.replace(STANDARD, by_address=True)
    publication = Publication(policy)
    report(publication, "library_used.numpy", processes=100)
    publication.fold_end({HUB1: Seen(100, 0, 100.0)})
    assert publication.standing(NOON)[0].processes == 0
    publication.processes_from(HUB1, [f"10.0.0.{host % 9}" for host in range(100)])
    publication.processes_from("namespace.never_seen", ["10.0.0.1"])
    visible(publication, NOON)
    assert publication.standing(NOON)[0].processes == 9
    assert visible(publication, NOON + 900) == {}
    again = restarted(publication)
    assert again.standing(NOON)[0].processes == 0  # without addresses nobody knows who is new
    publication.processes_from(HUB1, ["10.0.1.0"])
    assert visible(publication, NOON + 901)[f"{HUB1}.reports"] == 100
    report(publication, "library_used.numpy")
    publication.processes_from(HUB1, ["10.0.0.1", "10.0.0.1"])
    assert publication.standing(NOON)[0].processes == 1
    publication.processes_from(HUB1, [f"fd00::{host:x}" for host in range(1000)])
    assert publication.standing(NOON)[0].processes == 10
    assert "10.0.0" not in json.dumps(publication.changes())


def test_processes_of_an_earlier_policy_have_no_addresses() -> None:
    """Whoever begins to count by address begins at nothing."""
    publication = Publication(STANDARD)
    report(publication, "library_used.numpy", processes=9)
    by_address = Publication(dataclasses.replace(STANDARD, by_address=True))
    by_address.restore(item for item in publication.changes().items() if item[1] is not None)
    assert [standing.processes for standing in by_address.standing(NOON)] == [0]


def test_why_something_is_held() -> None:
    """The metrics get reasons without numbers, the admin gets the numbers."""
    publication = Publication(STANDARD)
    assert publication.holding(NOON) == set()
    assert publication.standing(NOON) == []
    report(publication, "library_used.numpy", processes=4)
    visible(publication, NOON)
    assert publication.holding(NOON + 1) == {"processes", "interval"}
    assert publication.standing(NOON + 1) == [({"namespace": "hub1"}, 4, 10, NOON, NOON + 900)]
    assert publication.holding(NOON + 900) == {"processes"}
    assert publication.standing(NOON + 900) == [({"namespace": "hub1"}, 4, 10, NOON, None)]
    report(publication, "library_used.numpy", processes=6)
    assert visible(publication, NOON + 901)
    assert publication.holding(NOON + 901) == set()
    report(publication, "library_used.numpy", processes=10)
    assert publication.holding(NOON + 902) == {"interval"}

    daily = Publication(STRICT)
    report(daily, "library_used.numpy", processes=20)
    report(daily, "library_used.numpy", group="")
    visible(daily, NOON)
    assert daily.holding(NOON) == {"processes", "interval"}
    assert daily.standing(NOON) == [
        ({}, 1, 20, NOON, MIDNIGHT),
        ({"namespace": "hub1"}, 20, 20, NOON, MIDNIGHT),
    ]


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("-inf"), float("nan"), 1e308])
def test_a_cell_stays_finite_and_never_sinks(value: float) -> None:
    """No kernel can undo what others sent."""
    publication = Publication(K3)
    report(publication, "library_used.numpy", processes=5)
    cell = cell_of(publication, f"{HUB1}.library_used.numpy")
    assert cell.take(value, 2) == "not_a_finite_number"
    assert cell.take(0.0, 5) is None
    assert visible(publication, NOON)[f"{HUB1}.library_used.numpy"] == 5


def test_a_cell_stays_valid_until_it_is_gone() -> None:
    """Whoever keeps cells need not ask for each line; a name that a batch didn't have is let go."""
    publication = Publication(dataclasses.replace(K3, min_library_processes=1))
    report(publication, "library_used.numpy", "library_used.once")
    numpy, once = (
        cell_of(publication, f"{HUB1}.library_used.{name}") for name in ("numpy", "once")
    )
    assert visible(publication, NOON)
    report(publication, "library_used.numpy")
    assert visible(publication, NOON)[f"{HUB1}.library_used.numpy"] == 1
    assert (numpy.gone, once.gone) == (False, True)
    assert cell_of(publication, f"{HUB1}.library_used.numpy") is numpy
    assert cell_of(publication, f"{HUB1}.library_used.once") is not once


def test_memory_has_bounds() -> None:
    """Names in all and in a group, groups and the length of a name; known names go on counting."""
    publication = Publication(K3, max_held=20, max_names=10, max_groups=3)
    for _ in range(2):  # the second time they have had a step, and don't give way to others
        for group in ("a.x", "b.x", "c.x"):
            report(publication, "library_used.numpy", group=group, processes=3)
        visible(publication, NOON)
    for group in ("a.x", "b.x", "c.x"):
        report(publication, "library_used.numpy", group=group)

    def has_room(text: str) -> bool:
        own = read_own(f"{PREFIX}.{text}")
        assert own is not None
        return publication.cell(f"{PREFIX}.{text}", own) is not None

    assert not has_room("d.x.reports")
    publication.processes("d.x", 5)
    assert not has_room("a.x.library_used." + "n" * MAX_TEXT)
    assert [has_room(f"a.x.library_used.n{number}") for number in range(9)] == [True] * 8 + [False]
    assert [has_room(f"b.x.library_used.n{number}") for number in range(9)] == [True] * 6 + [
        False
    ] * 3
    assert has_room("a.x.library_used.numpy")
    assert not has_room("c.x.library_used.new")
    # A step forgets the names that never came, and makes room.
    assert visible(publication, NOON)
    assert has_room("c.x.library_used.new")


def test_a_flood_of_names_is_forgotten() -> None:
    """Where memory is short, a name that stayed below the threshold begins again at nothing; one
    that reached it stays named.
    """
    publication = Publication(K3, max_names=100)
    report(publication, "library_used.numpy", processes=3)
    report(publication, *(f"library_used.forged{number}" for number in range(98)))
    assert visible(publication, NOON)[f"{HUB1}.library_used._rare"] == 98
    report(publication, "library_used.forged0")
    visible(publication, NOON)
    report(publication, *(f"library_used.other{number}" for number in range(50)))
    assert visible(publication, NOON)[f"{HUB1}.library_used._rare"] == 50
    report(publication, "library_used.numpy", "library_used.forged0", processes=2)
    shown = visible(publication, NOON)
    assert shown[f"{HUB1}.library_used.numpy"] == 2
    assert shown[f"{HUB1}.library_used._rare"] == 2


def test_idle_groups_make_room_for_others() -> None:
    """Where there are too many, a group that waits for nothing and names nothing by a threshold is
    forgotten, also in what is saved.
    """
    policy = dataclasses.replace(K3, min_processes=2)
    publication = Publication(policy, max_groups=4)
    report(publication, "library_used.numpy", group="a.waits")
    report(publication, "library_used.numpy", group="b.names", processes=3)
    report(publication, "library_used.numpy", group="c.idle", processes=2)
    assert publication.changes()
    assert visible(publication, NOON)
    assert "group:c.idle" in publication.changes()
    report(publication, "library_used.numpy", group="d.waits")
    own = read_own(f"{PREFIX}.e.x.reports")
    assert own is not None
    assert publication.cell(f"{PREFIX}.e.x.reports", own) is not None
    assert publication.evicted == 0
    changes = publication.changes()
    assert changes["group:c.idle"] is None
    assert changes["name:python_popcon.c.idle.library_used.numpy"] is None
    report(publication, "library_used.numpy", group="b.names", processes=2)
    assert visible(publication, NOON) == {"b.names.library_used.numpy": 2, "b.names.reports": 2}


def test_made_up_groups_give_way() -> None:
    """Names and groups that some kernel makes up don't keep new libraries of real groups out."""
    policy = dataclasses.replace(STANDARD, min_processes=2, interval=0.0)
    publication = Publication(policy, max_held=64, max_groups=16)
    report(publication, "library_used.numpy", processes=2)
    assert visible(publication, NOON)
    for number in range(200):
        text = f"made.up{number}.library_used"
        for name in ("a", "b", "c", "d", "e"):
            cell_of(publication, f"{text}.{name}").take(1.0, 1)
    assert publication.evicted > 800
    assert len(publication.standing(NOON)) <= 16
    report(publication, *(f"library_used.new{number}" for number in range(20)), processes=2)
    shown = visible(publication, NOON)
    assert len(shown) == 21
    assert restarted(publication).standing(NOON) == publication.standing(NOON)


@pytest.mark.parametrize("policy", [STANDARD, STRICT, K3], ids=["standard", "strict", "k3"])
def test_a_restart_changes_nothing(policy: Policy) -> None:
    """Nothing is flushed at the end, and what waited goes on waiting as if nothing had been."""
    publication = Publication(policy)
    for days in range(4):
        now = NOON + days * DAY
        for hours in range(24):
            report(publication, "library_used.numpy", f"library_used.n{hours}", processes=2)
            again = restarted(publication)
            assert again.standing(now) == publication.standing(now)
            assert visible(again, now + hours * 3600) == visible(publication, now + hours * 3600)
            assert again.standing(now) == publication.standing(now)
            publication = again


def test_a_restart_knows_since_when_something_waits() -> None:
    """The interval of a first batch runs on, also where only known processes have sent so far."""
    publication = Publication(STANDARD)
    cell_of(publication, f"{HUB1}.library_used.numpy").take(1.0, 1)
    saved = publication.changes()
    visible(publication, NOON)
    saved.update(publication.changes())
    again = Publication(STANDARD)
    again.restore(item for item in saved.items() if item[1] is not None)
    report(again, "library_used.numpy", processes=10)
    assert visible(again, NOON + 899) == {}
    assert visible(again, NOON + 900)[f"{HUB1}.library_used.numpy"] == 11


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("day", "monday"),
        ("day", None),
        ("group:a.x", 5),
        ("group:a.x", {"processes": 5}),
        ("name:python_popcon.reports", [1.0, 2.0]),
        ("name:python_popcon.reports", ["x", 2.0, True]),
        ("name:python_popcon.reports", 7),
        ("colour", "red"),
    ],
)
def test_what_cannot_be_restored_is_refused(key: str, value: object) -> None:
    """One line says which key it is."""
    with pytest.raises(FileError) as error:
        Publication(STANDARD).restore([(key, value)])
    assert str(error.value) == f"not what is held back, in the saved state: '{key}'"


def test_a_strangers_names_are_not_restored() -> None:
    """With another prefix the old names are nobody's."""
    publication = Publication(STANDARD)
    report(publication, "library_used.numpy")
    other = Publication(STANDARD, prefix="elsewhere")
    other.restore(item for item in publication.changes().items() if item[1] is not None)
    assert other.standing(NOON) == []
