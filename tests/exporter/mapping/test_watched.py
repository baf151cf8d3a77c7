"""A watched file: every way in which one changes, and what is no change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from popcon.errors import FileError
from popcon.exporter.mapping.watched import MAX_BYTES, WatchedFile


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that says `old`."""
    made = tmp_path / "mapping.yaml"
    made.write_bytes(b"old")
    return made


def polls(watched: WatchedFile, number: int = 3) -> list[bytes | None]:
    """Return what so many polls in a row hand out."""
    return [watched.poll() for _ in range(number)]


def in_place(file: Path) -> None:
    """Write the same number of bytes and put the clock back: what `stat` shows doesn't change."""
    before = file.stat()
    file.write_bytes(b"new")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def renamed(file: Path) -> None:
    """Replace the file by another, as editors and `popcon.files.write_whole` do."""
    draft = file.with_suffix(".draft")
    draft.write_bytes(b"new")
    draft.replace(file)


def removed_and_written(file: Path) -> None:
    """Remove the file, then write it."""
    file.unlink()
    file.write_bytes(b"new")


@pytest.mark.parametrize("change", [in_place, renamed, removed_and_written])
def test_a_change_is_handed_out_once(file: Path, change: Callable[[Path], None]) -> None:
    """However a file changes, the second poll that sees the new content hands it out, once."""
    watched = WatchedFile(file)
    assert watched.read() == b"old"
    assert polls(watched) == [None, None, None]
    change(file)

    assert polls(watched, 4) == [None, b"new", None, None]


def test_a_config_map_is_swapped(tmp_path: Path) -> None:
    """A ConfigMap's file changes when the link beside it, `..data`, is swapped to another folder."""

    def publish(folder: str, content: bytes) -> None:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mapping.yaml").write_bytes(content)
        (tmp_path / "..data_tmp").symlink_to(folder)
        (tmp_path / "..data_tmp").replace(tmp_path / "..data")

    publish("..2026_01", b"old")
    (tmp_path / "mapping.yaml").symlink_to("..data/mapping.yaml")
    watched = WatchedFile(tmp_path / "mapping.yaml")
    assert watched.read() == b"old"
    publish("..2026_02", b"new")
    (tmp_path / "..2026_01" / "mapping.yaml").unlink()
    (tmp_path / "..2026_01").rmdir()

    assert polls(watched) == [None, b"new", None]


def test_a_file_that_is_being_written_is_left_alone(file: Path) -> None:
    """Content that differs from poll to poll is not handed out until it stands still."""
    watched = WatchedFile(file)
    watched.read()
    handed = []
    for length in range(4):
        file.write_bytes(b"longer"[: length + 1])
        handed.append(watched.poll())

    assert handed == [None] * 4
    assert watched.poll() == b"long"


def test_a_missing_file_is_no_change(file: Path) -> None:
    """While a file is gone nothing is handed out, and it is known; the same content is no change."""
    watched = WatchedFile(file)
    watched.read()
    file.unlink()
    assert polls(watched) == [None, None, None]
    assert (watched.missing, watched.problem) == (
        True,
        f"can't read '{file}': No such file or directory",
    )
    file.write_bytes(b"old")

    assert polls(watched) == [None, None, None]
    assert (watched.missing, watched.problem) == (False, "")


def test_back_to_what_it_was(file: Path) -> None:
    """A change that is taken back is a change too: who refused the new content gets the old one."""
    watched = WatchedFile(file)
    watched.read()
    file.write_bytes(b"wrong")
    assert polls(watched, 2) == [None, b"wrong"]
    file.write_bytes(b"old")

    assert polls(watched, 2) == [None, b"old"]


def test_what_was_read_on_demand_is_not_handed_out_again(file: Path) -> None:
    """After `read` a poll hands out only what differs from it; without it, whatever is there."""
    watched = WatchedFile(file)
    assert polls(watched) == [None, b"old", None]
    file.write_bytes(b"new")
    assert watched.poll() is None
    assert watched.read() == b"new"

    assert polls(watched) == [None, None, None]


def test_what_could_not_be_read_is_handed_out_when_it_is_back(file: Path) -> None:
    """Who asked for a file while it was gone gets it once it is back, were it what it was."""
    watched = WatchedFile(file)
    watched.read()
    file.unlink()
    with pytest.raises(FileError):
        watched.read()
    assert watched.poll() is None
    file.write_bytes(b"old")

    assert polls(watched) == [None, b"old", None]


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    """A folder, a pipe without a writer, a path with a NUL: each is refused, the path in quotes."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none", f"{tmp_path}/\0"):
        watched = WatchedFile(path)
        with pytest.raises(FileError, match="can't read '") as caught:
            watched.read()
        assert f"'{path}'" in str(caught.value)
        assert polls(watched) == [None, None, None]
        assert watched.missing


def test_a_huge_file_is_not_held(file: Path) -> None:
    """A file over the bound is refused, however large it is."""
    os.truncate(file, MAX_BYTES)
    assert len(WatchedFile(file).read()) == MAX_BYTES
    os.truncate(file, 2**40)

    with pytest.raises(FileError, match=f"more than {MAX_BYTES} bytes"):
        WatchedFile(file).read()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc to count descriptors in")
def test_no_descriptor_is_left_open(tmp_path: Path, file: Path) -> None:
    """Whatever is looked at, a thousand looks leave no descriptor open."""
    before = len(os.listdir("/proc/self/fd"))
    for path in (file, tmp_path, tmp_path / "none"):
        polls(WatchedFile(path), 1000)

    assert len(os.listdir("/proc/self/fd")) == before
