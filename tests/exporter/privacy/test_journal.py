"""What has to be saved, where saving is late, fails, or never asked for."""

from __future__ import annotations

from popcon.exporter.privacy.journal import Journal, Record


class Number(Record):
    """A record with a value, None for one that needs no place in what is saved."""

    def __init__(self, journal: Journal, name: str, value: int | None) -> None:
        super().__init__(journal)
        self.name = name
        self.value = value

    def key(self) -> str:
        return self.name

    def record(self) -> int | None:
        return self.value

    def set(self, value: int | None) -> None:
        self.value = value
        self.change()


def test_changes_are_told_once() -> None:
    """The first call tells everything, later ones what changed, at its last value."""
    journal = Journal()
    a, b = Number(journal, "a", 1), Number(journal, "b", None)
    assert journal.changes([a, b]) == {"a": 1}
    assert journal.changes([a, b]) == {}
    a.set(2)
    a.set(3)
    b.set(5)
    assert journal.changes([a, b]) == {"a": 3, "b": 5}
    a.set(None)
    assert journal.changes([a, b]) == {"a": None}
    a.set(None)
    assert journal.changes([a, b]) == {}


def test_what_goes_is_deleted_if_it_was_saved() -> None:
    """A record that came and went between two calls was never there."""
    journal = Journal()
    a = Number(journal, "a", 1)
    journal.changes([a])
    b = Number(journal, "b", 1)
    for record in (a, b):
        record.change()
        record.go()
    assert journal.changes([]) == {"a": None}
    assert journal.changes([]) == {}


def test_what_was_not_saved_is_told_again() -> None:
    """Changes and deletions alike, at the values of then."""
    journal = Journal()
    a, b, c = (Number(journal, name, 1) for name in "abc")
    journal.changes([a, b, c])
    a.set(2)
    b.go()
    c.set(2)
    assert journal.changes([]) == {"a": 2, "b": None, "c": 2}
    c.set(3)
    journal.unsaved()
    assert journal.changes([]) == {"a": 2, "b": None, "c": 3}
    assert journal.changes([]) == {}


def test_things_go_on_while_a_saving_fails() -> None:
    """What went meanwhile is deleted where an earlier saving had it, else it never was there; and
    who came in the place of one that went stays.
    """
    journal = Journal()
    old, emptied = Number(journal, "old", 1), Number(journal, "emptied", 1)
    journal.changes([old, emptied])
    new = Number(journal, "new", 1)
    new.change()
    emptied.set(None)
    old.set(2)
    assert journal.changes([]) == {"new": 1, "emptied": None, "old": 2}
    for record in (old, emptied, new):
        record.go()
    successor = Number(journal, "old", 7)
    successor.change()
    journal.unsaved()
    assert journal.changes([]) == {"old": 7, "emptied": None}
    successor.go()
    assert journal.changes([]) == {"old": None}


def test_nobody_pays_for_what_nobody_asks() -> None:
    """Without a first call nothing is kept; neither is it while every saving fails."""
    journal = Journal()
    for number in range(1000):
        record = Number(journal, f"r{number}", 1)
        record.change()
        record.go()
    assert (journal.changed, journal.deleted) == ([], {})
    for number in range(1000):
        record = Number(journal, f"r{number}", 1)
        record.change()
        journal.changes([record])
        record.go()
        journal.unsaved()
    assert journal.changes([]) == {}
