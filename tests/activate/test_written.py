"""Files that popcon writes: known again, all or none, and gone without a trace."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from popcon import __version__
from popcon.activate import written
from popcon.errors import FileError
from tests.activate.conftest import tree


def _ours(text: str = "print()\n") -> Callable[[Path], object]:
    return lambda file: written.write({file: text})


def _edited(file: Path) -> None:
    written.write({file: "print()\n"})
    file.write_text(file.read_text() + "print('and this')\n")


def _older(file: Path) -> None:
    checksum = written._checksum("pass\n", "0")
    file.write_text(f"# Written by popcon 0.0.1, checksum {checksum}, folders made: 0\npass\n")


#: What is at the path → its state, and the version that wrote it.
STATES: list[tuple[str, Callable[[Path], object], str, str]] = [
    ("nothing", lambda file: None, "absent", ""),
    ("ours", _ours(), "active", __version__),
    ("ours, empty", _ours(""), "active", __version__),
    ("ours, of another version", _older, "active", "0.0.1"),
    ("ours, edited", _edited, "edited", ""),
    (
        "our first line, cut off",
        lambda file: file.write_text("# Written by popcon 1"),
        "edited",
        "",
    ),
    ("somebody's", lambda file: file.write_text("print()\n"), "not ours", ""),
    (
        "somebody's that calls popcon",
        lambda file: file.write_text("import popcon; popcon.setup_reporter()\n"),
        "by hand",
        "",
    ),
    ("somebody's, no text", lambda file: file.write_bytes(b"\xff\x00"), "not ours", ""),
    ("an empty file", lambda file: file.write_text(""), "not ours", ""),
    ("a link to nowhere", lambda file: file.symlink_to("nowhere"), "not ours", ""),
    ("a folder", lambda file: file.mkdir(), "unreadable: Is a directory", ""),
]


@pytest.mark.parametrize(
    ("make", "state", "version"), [row[1:] for row in STATES], ids=[row[0] for row in STATES]
)
def test_states(tmp_path: Path, make: Callable[[Path], object], state: str, version: str) -> None:
    """What is at a path is told apart; only ours is replaced or removed, the rest is named."""
    file = tmp_path / "file.py"
    make(file)
    found = written.look(file)
    before = tree(tmp_path)

    assert (state, version) == (found.state, found.version)
    if state in ("active", "absent"):
        written.write({file: "new\n"})
        assert written.look(file).text == "new\n"
        assert written.remove([file]) == [file]
        assert tree(tmp_path) == {}
        return
    for verb in (written.would_write, written.write):
        with pytest.raises(FileError) as caught:
            verb({tmp_path / "other": "", file: "new\n"})
        assert str(caught.value).startswith(f"'{file}' ")
    for undo in (written.would_remove, written.remove):
        with pytest.raises(FileError, match=f"^'{file}' "):
            undo([file])
    assert before == tree(tmp_path)


@pytest.mark.parametrize(
    ("make", "to_write", "to_remove"),
    [
        ("by hand", "leave it, or remove it yourself", "by hand: remove it yourself"),
        ("edited", "move it, then try again", "popcon wrote it: remove it yourself"),
        ("not ours", "move it, then try again", "not popcon's, and does not activate it: move it"),
        ("unreadable: Is a directory", "move it, then try again", "move it, then try again"),
    ],
)
def test_what_to_do(tmp_path: Path, make: str, to_write: str, to_remove: str) -> None:
    """Each refusal says what a person can do about such a file."""
    file = tmp_path / "file.py"
    next(row[1] for row in STATES if row[2] == make)(file)

    with pytest.raises(FileError, match=to_write):
        written.write({file: "new\n"})
    with pytest.raises(FileError, match=to_remove):
        written.remove([file])


def test_twice_is_once(tmp_path: Path) -> None:
    """A file that holds the text already is not touched, whatever folders were made for it."""
    texts = {tmp_path / "a" / "b" / "file": "text\n"}
    first = written.write(texts)
    before = [file.stat().st_mtime_ns for file in texts]

    assert first == list(texts)
    assert written.write(texts) == []
    assert before == [file.stat().st_mtime_ns for file in texts]


@pytest.mark.parametrize("folders", [(), ("a",), ("a", "a/b")])
def test_folders_that_were_made_go_too(tmp_path: Path, folders: tuple[str, ...]) -> None:
    """Removing takes away the folders that writing made, and leaves those that were there."""
    for folder in folders:
        (tmp_path / folder).mkdir()
    before = tree(tmp_path)
    files = [tmp_path / "a" / "b" / name for name in ("one", "two")]
    written.write(dict.fromkeys(files, "1\n"))
    written.write(dict.fromkeys(files, "2\n"))  # what made them is still known

    assert written.remove(files) == files
    assert before == tree(tmp_path)


def test_a_folder_that_somebody_uses_stays(tmp_path: Path) -> None:
    """A folder that was made, and holds somebody else's file by now, is left."""
    file = tmp_path / "a" / "b" / "file"
    written.write({file: ""})
    (tmp_path / "a" / "other").write_text("")
    written.remove([file])

    assert set(tree(tmp_path)) == {"a", "a/other"}


def test_all_or_none(tmp_path: Path) -> None:
    """Where the last of several files can't be written, the others are as they were before."""
    there, fresh = tmp_path / "there", tmp_path / "new" / "fresh"
    written.write({there: "old\n"})
    before = tree(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))  # as on a disk that is full
    try:
        with pytest.raises(FileError, match="File too large"):
            written.write({there: "new\n", fresh: "new\n", tmp_path / "last": "x" * 20_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert before == tree(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    """Where nobody may write, asking what would be done is refused as doing it is."""
    tmp_path.chmod(0o555)
    for verb in (written.would_write, written.write):
        with pytest.raises(FileError, match="no permission"):
            verb({tmp_path / "file": ""})
    tmp_path.chmod(0o755)


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    """A file in place of a folder is named, by both verbs."""
    (tmp_path / "etc").write_text("")
    for verb in (written.would_write, written.write):
        with pytest.raises(FileError, match=f"'{tmp_path / 'etc'}' is not a folder"):
            verb({tmp_path / "etc" / "file": ""})
