"""The index of an environment: when it is believed, what reading it costs, how it is written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from popcon import index
from popcon.errors import FileError
from popcon.indexed import LARGEST, Indexed, index_file, is_fresh, read_index, read_to_end
from popcon.libraries import Libraries
from tests.conftest import clean_environ, run_python
from tests.libraries.cases import Site


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with two libraries, which this interpreter takes for its own."""
    image = tmp_path / "image"
    folder = f"image/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    Site(tmp_path, folder).add("six-1.16.0", "six.py").add("PyYAML-6.0", "yaml/__init__.py")
    monkeypatch.setattr(sys, "prefix", str(image))
    return image


def write(image: Path) -> Path:
    """Write the environment's one index and return its path."""
    (made,) = index.build(str(image))
    index.write(made)
    return Path(made.file)


def ask(image: Path) -> tuple[dict[str, str], bool]:
    """Return the libraries of two modules, and whether an index said so."""
    folder = next(image.glob("lib/python*/site-packages"))
    modules = {}
    for name, file in (("six", "six.py"), ("yaml", "yaml/__init__.py")):
        modules[name] = type(sys)(name)
        modules[name].__file__ = str(folder / file)
    libraries = Libraries([str(image)], [])
    found, _ = libraries.used_by(modules, modules)
    return found, isinstance(libraries._sites[str(folder)], Indexed)


BOTH = {"six": "1.16.0", "pyyaml": "6.0"}


def test_an_index_is_believed(image: Path) -> None:
    """A fresh index answers in place of the metadata; everybody may read it."""
    file = write(image)

    assert str(file) == index_file(str(image))
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert ask(image) == (BOTH, True)
    assert index.state(str(image)) == "fresh"


def _install(image: Path, file: Path) -> None:
    folder = next(image.glob("lib/python*/site-packages"))
    os.utime(folder, ns=(10**18 + 1, 10**18 + 1))


def _cut(image: Path, file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def _cut_a_row(image: Path, file: Path) -> None:
    file.write_text(file.read_text().replace("six.py\tsix\n", ""))


def _other_format(image: Path, file: Path) -> None:
    file.write_text(file.read_text().replace("popcon-index 2", "popcon-index 1"))


def _garbage(image: Path, file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 100)


def _empty(image: Path, file: Path) -> None:
    file.write_bytes(b"")


def _folder(image: Path, file: Path) -> None:
    file.unlink()
    file.mkdir()


def _fifo(image: Path, file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _gone(image: Path, file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    "spoil",
    [_install, _cut, _cut_a_row, _other_format, _garbage, _empty, _folder, _fifo, _gone],
)
def test_metadata_answers_instead(image: Path, spoil: Callable[[Path, Path], None]) -> None:
    """An index that is stale, damaged, of another format or gone is ignored."""
    spoil(image, write(image))

    assert ask(image) == (BOTH, False)


def test_of_a_file_without_end_little_is_read(tmp_path: Path) -> None:
    """What took an index's place, and goes on and on, costs a user's process some memory and no more."""
    file = tmp_path / "index"
    with file.open("wb") as hole:
        hole.truncate(20 * LARGEST)
    text = read_to_end(str(file))

    assert text is not None
    assert len(text) < 2 * LARGEST
    assert read_index(str(file)) == {}


def test_rubbish_never_reaches_a_statsd_line(image: Path) -> None:
    """A name or version in an index that could break a line is not said."""
    file = write(image)
    text = file.read_text().replace("six.py\tsix", "six.py\ta:1|c").replace("\t6.0", "\t6:0|c")
    file.write_text(text)

    assert ask(image) == ({"_other": "", "pyyaml": ""}, True)


def test_an_environment_that_moves(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index goes with its environment, wherever that is moved."""
    write(image)
    moved = image.rename(image.with_name("moved"))
    monkeypatch.setattr(sys, "prefix", str(moved))

    assert ask(moved) == (BOTH, True)


@pytest.mark.parametrize(
    ("then", "now", "fresh"),
    [
        (1_700_000_000_123_456_789, 1_700_000_000_123_456_789, True),
        (1_700_000_000_123_456_789, 1_700_000_000_000_000_000, True),
        (1_700_000_000_123_456_789, 1_700_000_000_123_456_788, False),
        (1_700_000_000_000_000_000, 1_700_000_000_123_456_789, False),
        (1_700_000_000_123_456_789, 1_700_000_001_000_000_000, False),
    ],
)
def test_is_fresh(then: int, now: int, fresh: bool) -> None:
    """A time of change that a container layer cut to whole seconds is still the same."""
    assert is_fresh(then, now) is fresh


def test_whole_seconds(image: Path) -> None:
    """An index is believed where the directory's time lost its fraction."""
    folder = next(image.glob("lib/python*/site-packages"))
    os.utime(folder, ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    write(image)
    os.utime(folder, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))

    assert ask(image) == (BOTH, True)


def test_concurrent_writers(image: Path) -> None:
    """Whatever several writers and a reader do at once, the reader sees no torn index."""
    file = write(image)
    code = (
        f"from popcon import index\n"
        f"for _ in range(50):\n    for made in index.build({str(image)!r}): index.write(made)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code], env=clean_environ()) for _ in range(4)
    ]
    while any(writer.poll() is None for writer in writers):
        assert ask(image) == (BOTH, True)

    assert [writer.returncode for writer in writers] == [0] * 4
    assert list(file.parent.iterdir()) == [file]


def test_what_can_not_be_written(image: Path, tmp_path: Path) -> None:
    """Where the file can't be written, or there is no site directory, that is a FileError."""
    (image / "share").write_text("")
    with pytest.raises(FileError, match=r"can't write '.*index-"):
        write(image)
    with pytest.raises(FileError, match="no site directory in"):
        index.build(str(tmp_path / "nowhere"))


def test_remove(image: Path) -> None:
    """Removing takes the index and its folder, and is content if there is none."""
    file = write(image)

    assert index.remove(str(image)) == [str(file)]
    assert not file.parent.exists()
    assert index.remove(str(image)) == []
    assert index.state(str(image)) == "absent"


_AUDITED = """
import sys
sys.prefix = {image!r}
sys.path.insert(0, {folder!r})
import six, yaml
from popcon.libraries import Libraries
seen, before = [], set(sys.modules)
sys.addaudithook(lambda event, arguments: seen.append((event, arguments[0])))
found, _ = Libraries([sys.prefix], ["/nowhere"]).used_by(["six", "yaml"], sys.modules)
looked = [(event, path) for event, path in seen if event in ("open", "os.listdir", "os.scandir")]
print(found == {expected!r}, looked, sorted(set(sys.modules) - before))
"""


def test_what_an_answer_costs(image: Path) -> None:
    """With an index an answer opens one file, lists no directory and imports nothing."""
    file = write(image)
    folder = next(image.glob("lib/python*/site-packages"))
    code = _AUDITED.format(image=str(image), folder=str(folder), expected=BOTH)
    done = run_python(sys.executable, code)

    assert done.stdout == f"True [('open', '{file}')] []\n", done.stderr


def test_what_an_answer_costs_without(image: Path) -> None:
    """Without an index, the modules that read metadata are popcon's own three."""
    folder = next(image.glob("lib/python*/site-packages"))
    code = _AUDITED.format(image=str(image), folder=str(folder), expected=BOTH)
    done = run_python(sys.executable, code)

    assert done.stdout.startswith("True ")
    assert done.stdout.endswith("['popcon.metadata', 'popcon.record', 'popcon.site_directory']\n")


def test_arming_imports_none_of_this() -> None:
    """Arming imports nothing of what a site directory is read with: that is for where no index is."""
    code = (
        "import sys, popcon; popcon.setup_reporter(sink='statsd://127.0.0.1:9')\n"
        "readers = {'popcon.' + name for name in ('index', 'site_directory', 'record', 'metadata')}\n"
        "print(readers & set(sys.modules))"
    )

    assert run_python(sys.executable, code).stdout == "set()\n"
