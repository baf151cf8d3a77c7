"""`popcon watch`: what it writes and removes, what it says, what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from popcon.watch_list import describe, parse
from tests.conftest import clean_environ, interpreters

LIST = """\
[[check]]
name = "root"
any = ["ROOT.std"]
[[check]]
name = "gpu"
all = ["torch", "torch.cuda"]
"""

if sys.version_info < (3, 11):
    pytest.importorskip("tomli")


def popcon(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "popcon", "watch", *map(str, arguments)],
        env=clean_environ(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An environment's folder, beside a list that is right and one that is wrong."""
    (tmp_path / "right.toml").write_text(LIST)
    (tmp_path / "wrong.toml").write_text(LIST + 'submodules = ["a b"]\n')
    folder = tmp_path / "image"
    folder.mkdir()
    return folder


def test_written_and_removed(image: Path) -> None:
    """A list is written, written over, described and removed; nothing of it is left."""
    source, file = image.parent / "right.toml", image / "share" / "popcon" / "watch-list"
    dry = popcon(source, "--prefix", image, "--dry-run")
    none = describe(str(image))
    assert os.listdir(image) == []
    for _ in range(2):
        done = popcon(source, "--prefix", image)
        assert (done.stdout, done.stderr) == (f"wrote {file}: 2 checks: gpu, root\n", "")

    assert dry.stdout == done.stdout.replace("wrote", "would write")
    assert none == f"watch list: none, 'popcon watch FILE.toml' makes one ({file})"
    assert describe(str(image)) == f"watch list: 2 checks: gpu, root ({file})"
    assert len(parse(file.read_text(), str(file))) == 2
    assert file.stat().st_mode & 0o777 == 0o644

    dry = popcon("--remove", "--prefix", image, "--dry-run")
    assert file.exists()
    done = popcon("--remove", "--prefix", image)
    again = popcon("--remove", "--prefix", image)
    assert dry.stdout == f"would remove {file}\n"
    assert done.stdout == f"removed {file}\n"
    assert again.stdout == f"nothing to do: no {file}\n"
    assert os.listdir(image / "share") == []
    assert (dry.returncode, done.returncode, again.returncode) == (0, 0, 0)


@pytest.mark.parametrize("python", interpreters())
def test_without_tomli(image: Path, python: str) -> None:
    """Before Python 3.11 the command needs a package, and says which; later ones need none."""
    done = subprocess.run(
        [python, "-S", "-m", "popcon", "watch", image.parent / "right.toml", "--prefix", image],
        env=clean_environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        assert done.stdout.endswith(": 2 checks: gpu, root\n")
    else:
        assert done.returncode == 5
        assert "'tomli': pip install 'popcon[cli]'" in done.stderr
        assert os.listdir(image) == []


def test_the_index_stays(image: Path) -> None:
    """Beside the index a list comes and goes alone."""
    index = image / "share" / "popcon" / "index-cpython-311"
    index.parent.mkdir(parents=True)
    index.write_text("")
    popcon(image.parent / "right.toml", "--prefix", image)
    popcon("--remove", "--prefix", image)

    assert os.listdir(index.parent) == [index.name]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "'--remove' has to be given"),
        (("{}/right.toml", "--remove"), 2, "'--remove' has to be given"),
        (("{}/none.toml",), 3, "can't read '{}/none.toml': No such file"),
        (("{}",), 3, "can't read '{}': Is a directory"),
        (("{}/wrong.toml",), 3, "{}/wrong.toml:7: 'submodules' beside 'all'"),
        (("{}/right.toml", "--prefix", "{}/none"), 3, "'{}/none'"),
        (("--remove", "--prefix", "{}/none"), 3, "'{}/none'"),
        (("{}/right.toml", "--prefix", "{}/right.toml"), 3, "'{}/right.toml'"),
    ],
)
def test_refusals(image: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    """What can't be done is refused in one line, and nothing is written."""
    folder = str(image.parent)
    done = popcon(*[part.format(folder) for part in ("--prefix", str(image), *arguments)])

    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert said.format(folder) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert os.listdir(image) == []


@pytest.mark.parametrize("verb", ["{}/right.toml", "--remove"])
@pytest.mark.parametrize("way", ["file", "folder", "link"])
def test_what_is_not_ours_stays(image: Path, verb: str, way: str) -> None:
    """Something else of that name is neither written over nor removed, and is named."""
    file = image / "share" / "popcon" / "watch-list"
    file.parent.mkdir(parents=True)
    if way == "file":
        file.write_text("mine")
    elif way == "folder":
        file.mkdir()
    else:
        file.symlink_to("nowhere")
    done = popcon(verb.format(image.parent), "--prefix", image)

    assert (done.returncode, done.stdout) == (3, "")
    assert f"'{file}' is in the way" in done.stderr
    assert os.path.lexists(file)
    assert way != "file" or file.read_text() == "mine"
