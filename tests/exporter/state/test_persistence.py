"""In: sources that change, and a disk that fails now and then. Out: what the next start restores."""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from popcon.exporter.state.persistence import Persistence
from popcon.exporter.state.store import Store
from tests.conftest import clean_environ


class Counters:
    """Counters by name that remember which of them changed."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.values: dict[str, Any] = {}
        self.changed: set[str] = set()

    def add(self, name: str, value: float) -> None:
        self.values[name] = self.values.get(name, 0) + value
        self.changed.add(name)

    def remove(self, name: str) -> None:
        del self.values[name]
        self.changed.add(name)

    def changes(self) -> dict[str, Any | None]:
        found = {name: self.values.get(name) for name in self.changed}
        self.changed.clear()
        return found

    def unsaved(self, changes: Mapping[str, Any | None]) -> None:
        self.changed.update(changes)

    def restore(self, items: Iterable[tuple[str, Any]]) -> None:
        self.values.update(items)


class Broken(Counters):
    """A source with a fault of its own."""

    def changes(self) -> dict[str, Any | None]:
        raise ZeroDivisionError("a fault")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that may go away."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """An open store."""
    with Store(folder / "counts") as made:
        yield made


def restored(store: Store, kinds: Iterable[str] = ("a",)) -> list[dict[str, Any]]:
    """What sources get at the next start."""
    store.close()
    store.open()
    sources = [Counters(kind) for kind in kinds]
    Persistence(store, sources, threading.Lock()).restore()
    return [source.values for source in sources]


def test_what_changed_is_saved_together(store: Store) -> None:
    """All sources are saved in one write, and each gets its own back."""
    one, two = Counters("one"), Counters("two")
    kept = Persistence(store, [one, two], threading.Lock(), clock=lambda: 1234.5)
    one.add("x", 1)
    one.add("y", 2)
    two.add("x", 3)

    assert kept.save()
    one.add("x", 1)
    one.remove("y")
    assert kept.save()

    assert (kept.writes, kept.errors, kept.last_success) == (2, 0, 1234.5)
    assert kept.size == store.size > 0
    assert restored(store, ["one", "two"]) == [{"x": 2}, {"x": 3}]


def test_nothing_new_is_no_write(store: Store) -> None:
    """Where nothing changed nothing is written, and everything is known to be saved."""
    now = iter([10.0, 20.0])
    kept = Persistence(store, [Counters("a")], threading.Lock(), clock=lambda: next(now))

    assert (kept.last_success, kept.save(), kept.save()) == (0, True, True)
    assert (kept.writes, kept.last_success) == (0, 20.0)


def test_the_lock_is_not_held_while_writing(folder: Path) -> None:
    """A slow disk doesn't hold up the counting: the lock is for asking alone."""
    lock = threading.Lock()
    seen = []

    class Watched(Store):
        def save(self, changes: Mapping[tuple[str, str], Any | None]) -> None:
            seen.append(lock.locked())
            super().save(changes)

    class Asked(Counters):
        def changes(self) -> dict[str, Any | None]:
            seen.append(lock.locked())
            return super().changes()

    with Watched(folder / "counts") as store:
        assert Persistence(store, [Asked("a")], lock).save()

    assert seen == [True, False]


def test_a_failed_write_is_made_up_for(
    folder: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """While the disk is away each failure is counted and one is logged; then nothing is missing."""
    caplog.set_level(logging.WARNING)
    source = Counters("a")
    kept = Persistence(store, [source], threading.Lock())
    source.add("x", 1)
    source.add("gone", 1)
    assert kept.save()
    before = kept.last_success
    shutil.rmtree(folder)
    source.remove("gone")
    for _ in range(3):
        source.add("x", 1)
        assert not kept.save()
    source.add("y", 1)
    assert (kept.writes, kept.errors, kept.last_success) == (1, 3, before)
    folder.mkdir()
    assert kept.save()

    assert (kept.writes, kept.errors) == (2, 3)
    assert [record.getMessage() for record in caplog.records] == [
        "counts are not saved, a restart would lose them: "
        f"can't write '{folder}/counts': No such file or directory",
        "counts are saved again, after 3 failed writes",
    ]
    assert not any(record.exc_info for record in caplog.records)
    assert restored(store) == [{"x": 4, "y": 1}]


def test_a_fault_of_a_source_loses_nothing_of_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours is counted as a failed write, with its traceback in the log once."""
    good, broken = Counters("a"), Broken("b")
    kept = Persistence(store, [good, broken], threading.Lock())
    good.add("x", 1)

    assert [kept.save(), kept.save()] == [False, False]
    assert (kept.errors, len(caplog.records)) == (2, 1)
    assert "ZeroDivisionError" in caplog.text
    assert good.changed == {"x"}


def test_a_value_that_cannot_be_saved(store: Store) -> None:
    """What no JSON can tell fails before anything is written, and the store can be used on."""
    source = Counters("a")
    kept = Persistence(store, [source], threading.Lock())
    source.add("x", 1)
    source.values["y"], source.changed = object(), {"x", "y"}
    assert not kept.save()
    source.values["y"] = "\udcff"
    source.values["\udcff"], source.changed = 1, {"x", "y", "\udcff"}  # no UTF-8
    assert not kept.save()
    source.changed.discard("\udcff")

    assert kept.save()
    assert restored(store) == [{"x": 1, "y": "\udcff"}]


COUNT = """
import sys, threading
from popcon.exporter.state.persistence import Persistence
from popcon.exporter.state.store import Store
from tests.exporter.state.test_persistence import Counters
store = Store(sys.argv[1])
store.open()
sources = [Counters("one"), Counters("two")]
kept = Persistence(store, sources, threading.Lock())
kept.restore()
while True:
    for source in sources:
        source.add("n", 1)
    assert kept.save()
    print(sources[0].values["n"], flush=True)
"""


def test_counts_go_on_after_kills(folder: Path) -> None:
    """Over many kills and starts, no acknowledged count is lost, and the sources stay in step."""
    last = 0
    for turn in range(8):
        command = [sys.executable, "-c", COUNT, str(folder / "counts")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environ())
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(1 + turn * 5)]
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().split()]
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        # One more than was said may have been saved before the signal came.
        assert said[0] in (last + 1, last + 2)
        assert said == list(range(said[0], said[-1] + 1))
        last = said[-1]
    with Store(folder / "counts") as store:
        one, two = restored(store, ["one", "two"])
    assert one == two
    assert one["n"] in (last, last + 1)
