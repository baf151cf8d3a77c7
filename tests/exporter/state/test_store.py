"""In: changes, saved to a real file. Out: what the next process reads, and what is refused."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from popcon.errors import FileError
from popcon.exporter.state.store import APPLICATION, LOG, Store
from tests.conftest import clean_environ
from tests.exporter.state.stores import child, held, opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a store may be."""
    return tmp_path / "counts"


@pytest.mark.parametrize(
    ("saves", "expected"),
    [
        ([], {}),
        ([{"a": 1.5}], {"a": 1.5}),
        ([{"a": 1}, {"b": 2}], {"a": 1, "b": 2}),
        ([{"a": 1}, {"a": 2}], {"a": 2}),
        ([{"a": 1, "b": 2}, {"a": None}], {"b": 2}),
        ([{"a": None}], {}),
        ([{"a": None}, {}, {"a": 0}], {"a": 0}),
        ([{"a": ["x", {"y": None}], "b": False}], {"a": ["x", {"y": None}], "b": False}),
        ([{"": "", "\0": "\0", "a\nb": "ü\U0001f40d\ud800"}], {"": "", "\0": "\0", "a\nb": "ü\U0001f40d\ud800"}),
        ([{"a": math.inf, "b": -math.inf, "c": 1e308}], {"a": math.inf, "b": -math.inf, "c": 1e308}),
        ([{"k" * 5000: "v" * 50_000}], {"k" * 5000: "v" * 50_000}),
    ],
)  # fmt: skip
def test_what_was_saved_is_loaded(
    file: Path, saves: list[dict[str, object]], expected: dict[str, object]
) -> None:
    """The next process reads what the last save of each key said."""
    with opened(file) as store:
        for changes in saves:
            store.save({("k", key): value for key, value in changes.items()})
        assert dict(store.load("k")) == expected

    assert held(file) == expected


def test_nan_is_a_value(file: Path) -> None:
    """A gauge that was set to NaN is NaN again."""
    with opened(file) as store:
        store.save({("k", "a"): math.nan})

    (value,) = held(file).values()
    assert isinstance(value, float)
    assert math.isnan(value)


def test_kinds_are_apart(file: Path) -> None:
    """A key belongs to its kind."""
    with opened(file) as store:
        store.save({("one", "a"): 1, ("two", "a"): 2, ("three", "a"): 3})
        store.save({("two", "a"): None})

    assert [held(file, kind) for kind in ("one", "two", "three")] == [{"a": 1}, {}, {"a": 3}]


def test_nobody_else_may_read(file: Path) -> None:
    """The files are their owner's alone, whatever the umask, and one is left after a clean end."""
    before = os.umask(0)
    try:
        with opened(file) as store:
            store.save({("k", "a"): 1})
            modes = {one.name: one.stat().st_mode & 0o777 for one in file.parent.iterdir()}
    finally:
        os.umask(before)

    assert modes == {"counts": 0o600, "counts-wal": 0o600}
    assert [one.name for one in file.parent.iterdir()] == ["counts"]


@pytest.mark.parametrize("other", ["counts", "symbolic", "hard", "./folder/../counts"])
def test_a_second_one_is_refused(file: Path, other: str) -> None:
    """The same file, whatever it is called, is refused, and its owner goes on."""
    with opened(file) as store:
        (file.parent / "folder").mkdir()
        (file.parent / "symbolic").symlink_to(file)
        os.link(file, file.parent / "hard")
        path = f"{file.parent}/{other}"
        for _ in range(2):
            with pytest.raises(FileError) as caught:
                Store(path).open(patience=0)
            store.save({("k", "a"): 1})
    assert str(caught.value) == f"'{path}' is in use: another exporter keeps its counts there"
    assert held(file) == {"a": 1}


HOLD = """
import sys, time
from popcon.exporter.state.store import Store
store = Store(sys.argv[1])
store.open()
store.save({("k", "a"): 1})
print("saved", flush=True)
time.sleep(600)
"""


def test_the_lock_dies_with_its_process(file: Path) -> None:
    """Another process has the file until it is killed, then the next one has it, with all in it."""
    with child(HOLD, file) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "saved\n"
        with pytest.raises(FileError, match="in use"):
            Store(file).open(patience=0.1)
        process.kill()
        process.wait()
        assert held(file) == {"a": 1}


RACE = """
import sys
from popcon.errors import FileError
from popcon.exporter.state.store import Store
store = Store(sys.argv[1])
sys.stdin.readline()
try:
    store.open(patience=1)
except FileError as error:
    assert "in use" in str(error), error
    print("refused", flush=True)
else:
    print("has it", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("new", [True, False], ids=["a new file", "a file that was there"])
def test_one_of_many_gets_it(file: Path, new: bool) -> None:
    """Of exporters that start in the same moment exactly one gets the file."""
    if not new:
        with opened(file) as store:
            store.save({("k", "a"): 1})
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environ(),
        )
        for _ in range(6)
    ]
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.stdout.readline() for racer in racers if racer.stdout]
    for racer in racers:
        racer.communicate("end\n")

    assert sorted(said) == ["has it\n"] + ["refused\n"] * 5
    assert [racer.returncode for racer in racers] == [0] * 6


def _text(file: Path) -> None:
    file.write_text("these are somebody's notes\n" * 100)


def _foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE history (line)")


def _foreign_log(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE history (line)")


def _later(file: Path) -> None:
    _ours(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 7")


def _ours(file: Path) -> None:
    with opened(file) as store:
        store.save({("k", str(key)): key for key in range(1000)})


def _cut(file: Path) -> None:
    _ours(file)
    os.truncate(file, file.stat().st_size // 2)


def _scratched(file: Path) -> None:
    _ours(file)
    with file.open("r+b") as stream:
        stream.seek(2048)
        stream.write(b"\xff" * 4096)


def _emptied(file: Path) -> None:
    Path(f"{file}-wal").write_bytes(b"what was saved")
    file.touch()


def _removed(file: Path) -> None:
    Path(f"{file}-wal").write_bytes(b"what was saved")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_text, "can't keep counts in '{}': file is not a database"),
        (_foreign, "'{}' is another program's SQLite file"),
        (_foreign_log, "'{}' is another program's SQLite file"),
        (_later, "'{}' is of format 7; this popcon knows 1"),
        (_cut, "can't keep counts in '{}': database disk image is malformed"),
        (_scratched, "'{}' is damaged: "),
        (_emptied, "'{}' is damaged: it is missing or empty, its log is not"),
        (_removed, "'{}' is damaged: it is missing or empty, its log is not"),
        (Path.mkdir, "can't keep counts in '{}': it is not a file"),
    ],
)
def test_refused(file: Path, make: Callable[[Path], None], said: str) -> None:
    """What is damaged or isn't ours is refused in a line, with the path, and left as it was."""
    make(file)
    before = file.read_bytes() if file.is_file() else b""
    for _ in range(2):
        with pytest.raises(FileError) as caught:
            held(file)
        message = str(caught.value)
        assert message.startswith(said.replace("{}", str(file)))
        assert "\n" not in message
    assert (file.read_bytes() if file.is_file() else b"") == before


def test_a_value_that_is_none_of_ours(file: Path) -> None:
    """A value that isn't JSON is damage: it isn't skipped."""
    _ours(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE entries SET value = '{' WHERE key = '5'")
        connection.commit()

    with pytest.raises(FileError, match=r"counts' is damaged: Expecting property name"):
        held(file)


def test_a_missing_folder(tmp_path: Path) -> None:
    """A folder that isn't there is refused, and not made."""
    with pytest.raises(FileError, match=r"nowhere/counts': No such file or directory"):
        Store(tmp_path / "nowhere" / "counts").open()

    assert not list(tmp_path.iterdir())


@contextmanager
def nobody() -> Iterator[None]:
    """Go on as a user without rights; root may write everywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "said"),
    [
        (0o555, 0o666, "its folder can't be written to"),
        (0o777, 0o444, "it can't be written to"),
        (0o777, 0o000, "it can't be written to"),
        (0o777, 0o222, "unable to open database file"),
    ],
)
def test_without_rights(folder_mode: int, file_mode: int, said: str) -> None:
    """What can't be written is refused at the start, not at the first save."""
    with tempfile.TemporaryDirectory() as made:  # pytest's own are closed to others
        folder = Path(made)
        file = folder / "counts"
        _ours(file)
        file.chmod(file_mode)
        folder.chmod(folder_mode)
        with nobody(), pytest.raises(FileError) as caught:
            Store(file).open(patience=0)
        folder.chmod(0o700)

    assert str(caught.value) == f"can't keep counts in '{file}': {said}"


def test_its_size_is_bounded(file: Path) -> None:
    """What is deleted makes room for what comes, and the log is begun anew."""
    sizes = []
    with opened(file) as store:
        for turn in range(12):
            names = [f"{turn}-{number}-{'x' * 500}" for number in range(2000)]
            store.save({("k", name): 1.0 for name in names})
            store.save({("k", name): None for name in names})
            sizes.append(store.size)

        assert not dict(store.load("k"))
        assert max(sizes[3:]) <= max(sizes[:3])
        assert Path(f"{file}-wal").stat().st_size <= LOG + 2_000_000


def test_the_file_says_whose_it_is(file: Path) -> None:
    """`file` and any SQLite tool can tell what it is."""
    _ours(file)

    assert file.read_bytes()[:16] == b"SQLite format 3\0"
    assert int.from_bytes(file.read_bytes()[68:72], "big") == APPLICATION


def test_first_second_cut(file: Path) -> None:
    """A file that was made and not begun, in either of two ways, is begun."""
    file.touch()
    with closing(sqlite3.connect(file.parent / "bare")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")

    assert held(file) == held(file.parent / "bare") == {}
