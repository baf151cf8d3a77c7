"""In: a store whose process is killed, whose disk is full, whose files go. Out: nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from popcon.errors import FileError
from popcon.exporter.state.store import Store, StoreError
from tests.conftest import clean_environ, run_python
from tests.exporter.state.stores import child, held, opened, taken


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a store may be."""
    return tmp_path / "counts"


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A folder in memory, where the system has one: thousands of files are synchronized there."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def test_a_log_cut_at_every_byte(quick_folder: Path) -> None:
    """However much of the log reached the disk, the file opens and shows what some save left."""
    file = quick_folder / "counts"
    states: list[dict[str, object]] = [{}, {"a": 1, "b": 1}, {"b": 2, "c": 2}]
    held(file)
    with opened(file) as store:
        store.save({("k", "a"): 1, ("k", "b"): 1})
        store.save({("k", "a"): None, ("k", "b"): 2, ("k", "c"): 2})
        copy = taken(file, quick_folder / "copy")
    content, log = copy.read_bytes(), Path(f"{copy}-wal").read_bytes()

    seen = []
    for length in range(len(log) + 1):
        copy.write_bytes(content)
        Path(f"{copy}-wal").write_bytes(log[:length])
        seen.append(states.index(held(copy)))
    assert seen == sorted(seen)
    assert (set(seen), seen[-1]) == ({0, 1, 2}, 2)


WRITE = """
import sys
from popcon.exporter.state.store import Store
store = Store(sys.argv[1])
store.open()
number = dict(store.load("k")).get("0", [0])[0]
print(number, flush=True)
while True:
    number += 1
    # Of all sizes, so that the log is written back and begun anew again and again.
    padding = "x" * (number * 997 % 9973)
    changes = {("k", str(key)): [number, padding] for key in range(40)}
    store.save({**changes, ("gone", str(number - 1)): None, ("gone", str(number)): 1})
    print(number, flush=True)
"""


def test_killed_at_any_moment(file: Path) -> None:
    """After kill -9 every acknowledged save is there, and none by half."""
    moments = 0
    for turn in range(25):
        with child(WRITE, file) as process:
            assert process.stdout is not None
            # How far it gets until the signal reaches it is the machine's choice.
            acknowledged = [int(process.stdout.readline()) for _ in range(1 + turn * 3 % 40)]
            process.send_signal(signal.SIGKILL)
            acknowledged += [int(line) for line in process.stdout.read().split()]
            assert process.wait() == -signal.SIGKILL
        with opened(file) as store:
            numbers = {value[0] for _, value in store.load("k")}
            gone = [int(key) for key, _ in store.load("gone")]
        assert len(numbers) <= 1
        number = max(numbers, default=0)
        assert acknowledged[-1] <= number <= acknowledged[-1] + 1
        assert gone == [number] * bool(number)
        moments += len(acknowledged)
    assert moments > 100


LIMITED = """
import resource, sys
from popcon.exporter.state.store import Store, StoreError
store = Store(sys.argv[1])
store.open()
store.save({("k", "a"): 1})
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (store.size, unlimited[1]))
for _ in range(5):
    try:
        store.save({("k", str(key)): "x" * 1000 for key in range(100)})
    except StoreError as error:
        print(error)
assert dict(store.load("k")) == {"a": 1}
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
store.save({("k", "b"): 2})
assert dict(store.load("k")) == {"a": 1, "b": 2}
"""


def test_a_file_that_may_not_grow(file: Path) -> None:
    """A save that the system cuts short is refused whole, again and again, until there is room."""
    ended = run_python(sys.executable, f"import sys; sys.argv[1:] = [{str(file)!r}]" + LIMITED)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"can't write '{file}': disk I/O error\n" * 5
    assert held(file) == {"a": 1, "b": 2}


FULL = """
import pathlib, subprocess, sys
from popcon.exporter.state.store import Store, StoreError
folder = pathlib.Path(sys.argv[1])
mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", folder])
if mounted.returncode:
    sys.exit("can't mount here")
store = Store(folder / "counts")
store.open()
store.save({("k", "a"): 1})
for _ in range(3):
    try:
        store.save({("k", str(key)): "x" * 1000 for key in range(1000)})
    except StoreError as error:
        print(error)
store.save({("k", "b"): 2})  # what still fits
try:
    (folder / "other").write_bytes(b"x" * 10**6)
except OSError:
    pass
saved = 0
try:
    while True:
        store.save({("k", "c"): [saved + 1, "x" * 1000]})
        saved += 1
except StoreError as error:
    print(error)
assert dict(store.load("k"))["c"][0] == saved
(folder / "other").unlink()
store.save({("k", "a"): 3})
store.close()
store.open()
found = dict(store.load("k"))
assert (found["a"], found["b"], found["c"][0]) == (3, 2, saved), found
assert saved and len(found) == 3
"""


def test_a_full_disk(file: Path, tmp_path: Path) -> None:
    """A full disk refuses saves and breaks none that it took; with room they go on."""
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid():
        pytest.skip("only root can mount a small disk")
    ended = subprocess.run(
        [unshare, "--mount", sys.executable, "-c", FULL, str(tmp_path)],
        env=clean_environ(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "can't mount here" in ended.stderr or "unshare failed" in ended.stderr:
        pytest.skip("this root may not mount")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"can't write '{file}': database or disk is full\n" * 4


def test_a_removed_file_is_written_again(file: Path) -> None:
    """Where somebody removed the file, the next save puts it back, with all that it held."""
    with opened(file) as store:
        store.save({("k", str(key)): key for key in range(1000)})
        for name in ("counts", "counts-wal"):
            (file.parent / name).unlink()
        store.save({})
        store.save({("k", "new"): 1})
        with pytest.raises(FileError, match="in use"):
            Store(file).open(patience=0)
    assert held(file) == {**{str(key): key for key in range(1000)}, "new": 1}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["counts"]


def test_a_removed_folder_is_waited_for(tmp_path: Path) -> None:
    """Without its folder saves are refused; once it is back, nothing is missing."""
    file = tmp_path / "folder" / "counts"
    file.parent.mkdir()
    with opened(file) as store:
        store.save({("k", "a"): 1})
        shutil.rmtree(file.parent)
        for _ in range(2):
            with pytest.raises(StoreError, match="No such file or directory"):
                store.save({("k", "b"): 2})
        file.parent.mkdir()
        store.save({("k", "c"): 3})

    assert held(file) == {"a": 1, "c": 3}


def test_a_removed_log_loses_nothing(file: Path, tmp_path: Path) -> None:
    """What was only in a log that somebody removed is in the file after the next save."""
    with opened(file) as store:
        store.save({("k", "a"): 1})
        (file.parent / "counts-wal").unlink()
        store.save({("k", "b"): 2})

        assert held(taken(file, tmp_path / "copy")) == {"a": 1, "b": 2}


def test_a_replaced_file_is_left_alone(file: Path) -> None:
    """Another file under the same name is somebody's: nothing is written to it, and it is said."""
    with opened(file) as store:
        store.save({("k", "a"): 1})
        other = file.parent / "other"
        with opened(other) as second:
            second.save({("k", "theirs"): 1})
        other.replace(file)
        for _ in range(2):
            with pytest.raises(StoreError, match="removed or replaced"):
                store.save({("k", "b"): 2})

    assert held(file) == {"theirs": 1}
