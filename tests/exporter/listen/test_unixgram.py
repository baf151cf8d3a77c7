"""A Unix datagram socket: its file, who may send, and whose it is at the end."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from popcon.errors import FileError, UsageError
from popcon.exporter.listen.unixgram import bind_unixgram


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(("mode", "bits"), [("755", 0o755), ("0622", 0o622), ("7", 0o007)])
def test_the_mode_is_as_asked_whatever_the_umask(
    tmp_path: Path, umask: int, mode: str, bits: int
) -> None:
    """Who may send is what the flag says, and a datagram arrives."""
    path = tmp_path / "s"
    before = os.umask(umask)
    try:
        made = bind_unixgram(str(path), mode)
    finally:
        os.umask(before)
    with made, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        found = path.stat().st_mode
        assert stat.S_ISSOCK(found)
        assert stat.S_IMODE(found) == bits
        path.chmod(0o777)
        sender.sendto(b"x:1|c\ny:1|c", str(path))
        assert made.recv(100) == b"x:1|c\ny:1|c"


def test_its_file_goes_with_it(tmp_path: Path) -> None:
    """A closed socket leaves no file, so that the next start finds the path free."""
    path = tmp_path / "s"
    for _ in range(2):
        bind_unixgram(str(path)).close()
        assert not path.exists()


def test_somebody_elses_file_stays(tmp_path: Path) -> None:
    """What took the place of the socket's file meanwhile is not removed."""
    path = tmp_path / "s"
    first = bind_unixgram(str(path))
    path.rename(tmp_path / "moved")
    with bind_unixgram(str(path)):
        first.close()
        assert path.is_socket()
    assert [file.name for file in tmp_path.iterdir()] == ["moved"]


@pytest.mark.parametrize("there", ["file", "folder", "link", "socket", "stream"])
def test_what_is_there_is_refused(tmp_path: Path, there: str) -> None:
    """Whatever is at the path already stays as it is, and the refusal quotes the path."""
    path = tmp_path / "s"
    if there == "file":
        path.write_text("somebody's")
    elif there == "folder":
        path.mkdir()
    elif there == "link":
        path.symlink_to(tmp_path / "nowhere")
    kind = socket.SOCK_STREAM if there == "stream" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_UNIX, kind) as somebodys:
        if not os.path.lexists(path):
            somebodys.bind(str(path))
        before = path.lstat()
        with pytest.raises(FileError) as refusal:
            bind_unixgram(str(path))

        assert f"'{path}' is there already" in str(refusal.value)
        assert path.lstat() == before


def test_what_a_killed_exporter_left_is_replaced(tmp_path: Path) -> None:
    """A socket that nobody listens on any more doesn't keep the next exporter from starting."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
        killed.bind(str(path))
    with bind_unixgram(str(path)) as channel:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"a:1|c", str(path))
        assert channel.recv(100) == b"a:1|c"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing/s", "No such file or directory"),
        ("s" * 200, "AF_UNIX path too long"),
        ("a\0b", "null"),
    ],
)
def test_a_path_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, reason: str
) -> None:
    """A path that can't become a socket is refused in one line, and leaves nothing."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError) as refusal:
        bind_unixgram(path)

    assert f"--statsd.listen-unixgram: can't make the socket {path!r}: " in str(refusal.value)
    assert reason in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["", "8", "rw", "0o755", "1777", "7777", "-1", "\u0667", "755\n"])
def test_a_mode_that_is_none(tmp_path: Path, mode: str) -> None:
    """What isn't octal permissions is refused in quotes, before there is a socket."""
    with pytest.raises(UsageError) as refusal:
        bind_unixgram(str(tmp_path / "s"), mode)

    assert repr(mode) in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_an_abstract_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that begins with @ is a socket without a file, and taken names are refused."""
    monkeypatch.chdir(tmp_path)
    name = f"popcon-test-{os.getpid()}"
    with (
        bind_unixgram(f"@{name}") as made,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        sender.sendto(b"x:1|c", f"\0{name}")
        assert made.recv(100) == b"x:1|c"
        with pytest.raises(FileError, match=f"'@{name}': Address already in use"):
            bind_unixgram(f"@{name}")
    assert list(tmp_path.iterdir()) == []
