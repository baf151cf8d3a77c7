"""The ledger: what it says after each way to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from popcon.errors import FileError
from popcon.load.ledger import Ledger, is_ledger
from tests.conftest import clean_environ

HEAD = '{"format":"popcon-ledger 1"}'
INTENT = '{"batch":1,"facts":{"a":["reports"]}}'
SENDING = '{"batch":1,"state":"sending"}'
DONE = '{"batch":1,"state":"done"}'
TAKEN = '{"batch":1,"state":"taken as sent"}'


def nobody() -> None:
    raise AssertionError("nobody else has the ledger")


@pytest.mark.parametrize(
    ("told", "counted", "doubtful"),
    [
        ("", {}, []),
        (HEAD[:9], {}, []),
        (f"{HEAD}\n", {}, []),
        (f"{HEAD}\n{INTENT}", {}, []),
        (f"{HEAD}\n{INTENT}\n", {}, []),
        (f"{HEAD}\n{INTENT}\n{SENDING}", {}, []),
        (f"{HEAD}\n{INTENT}\n{SENDING}\n", {"a": {"reports"}}, [1]),
        (f"{HEAD}\n{INTENT}\n{SENDING}\n{DONE[:5]}", {"a": {"reports"}}, [1]),
        (f"{HEAD}\n{INTENT}\n{SENDING}\n{DONE}\n", {"a": {"reports"}}, []),
        (f"{HEAD}\n{INTENT}\n{SENDING}\n{TAKEN}\n", {"a": {"reports"}}, []),
    ],
)
def test_what_counts(
    tmp_path: Path, told: str, counted: dict[str, set[str]], doubtful: list[int]
) -> None:
    """A batch counts from the word on that its bytes leave; a half line was never acted upon."""
    file = tmp_path / "ledger"
    file.write_text(told)
    with Ledger(str(file)).open(nobody) as ledger:
        assert (ledger.counted, ledger.doubtful) == (counted, doubtful)
        batch = ledger.intend({"b": ["library_used.numpy"]})
        ledger.sending(batch)
        ledger.done(batch, {"b": ["library_used.numpy"]})
    again = Ledger.look(str(file))

    assert again.counted == {**counted, "b": {"library_used.numpy"}}
    assert again.doubtful == []


@pytest.mark.parametrize(
    "told",
    [
        "x",
        "x\n",
        "{}\n",
        f"{INTENT}\n",
        f"{HEAD}\nx\n{INTENT}\n",
        f"{HEAD}\n{SENDING}\n",
        f"{HEAD}\n7\n",
    ],
)
def test_what_is_no_ledger(tmp_path: Path, told: str) -> None:
    """A ledger that can't be understood is refused and left as it is: without it all would count again."""
    file = tmp_path / "ledger"
    file.write_text(told)
    for opened in (Ledger.look, lambda name: Ledger(name).open(nobody)):
        with pytest.raises(FileError, match=f"'{file}', line "):
            opened(str(file))
    assert file.read_text() == told


@pytest.mark.parametrize(
    "make",
    [
        lambda file: file.symlink_to("target"),
        lambda file: file.symlink_to("/dev/null"),
        os.mkfifo,
        os.mkdir,
    ],
    ids=["link", "link to a device", "FIFO", "folder"],
)
def test_what_is_no_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """In a folder that others may write to, a link could lead to any file, and a FIFO holds up who opens it."""
    file = tmp_path / "ledger"
    make(file)
    with pytest.raises(FileError, match=f"ledger '{file}'"):
        Ledger(str(file)).open(nobody)
    with pytest.raises(FileError, match=f"ledger '{file}'"):
        Ledger.look(str(file))
    assert not is_ledger(str(file))
    assert os.listdir(tmp_path) == ["ledger"]


def test_one_that_was_not_needed(tmp_path: Path) -> None:
    """A ledger in which nothing was written is gone in the end, unless it was there before."""
    file = tmp_path / "ledger"
    with Ledger(str(file)).open(nobody):
        assert file.exists()
    assert not file.exists()
    file.touch()
    with Ledger(str(file)).open(nobody):
        pass
    assert file.read_bytes() == b""


def test_one_that_another_has(tmp_path: Path) -> None:
    """Whoever gives up waiting for a ledger leaves it where it is."""
    code = (
        "import os, sys; from popcon.load.ledger import Ledger\n"
        "os.path.lexists = lambda file: False  # as if both had begun at the same moment\n"
        "Ledger(sys.argv[1]).open(lambda: print('waits', flush=True))\n"
    )
    file = tmp_path / "ledger"
    with Ledger(str(file)).open(nobody) as ledger:
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(file)],
            env=clean_environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "waits\n"
        other.send_signal(signal.SIGINT)
        other.communicate(timeout=60)
        assert other.returncode != 0
        ledger.intend({"a": ["reports"]})

    assert is_ledger(str(file))


def test_one_that_is_taken_away_while_another_waits(tmp_path: Path) -> None:
    """Whoever waited for a ledger that was not needed after all makes one that others see."""
    code = (
        "import sys; from popcon.load.ledger import Ledger\n"
        "with Ledger(sys.argv[1]).open(lambda: print('waits', flush=True)) as ledger:\n"
        "    ledger.intend({'a': ['reports']})\n"
    )
    file = tmp_path / "ledger"
    with Ledger(str(file)).open(nobody):
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(file)],
            env=clean_environ(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "waits\n"
    other.communicate(timeout=60)

    assert other.returncode == 0
    assert is_ledger(str(file))
