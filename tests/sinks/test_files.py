"""The file sinks: formats, names, and files that are whole or not there."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pickle
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from popcon.report import Report
from popcon.sinks import open_sink
from popcon.sinks.files import FileSink, write_new
from tests.conftest import ROOT, clean_environ, interpreters, run_python

FIRST = Report(("numpy", "pandas"), True, (("numpy", "2.4.6"), ("pandas", "3.0")), ("pandas",))
SECOND = Report(("yaml-1",), False, checks=("gpu",))
TEXT = """\
# popcon report 1 prefix=p
p.library_direct.pandas:1|c
p.library_used.numpy:1|c
p.library_used.pandas:1|c
p.library_version.numpy.2.4.6:1|c
p.library_version.pandas.3.0:1|c
p.reports:1|c
p.check.gpu:1|c
p.library_used.yaml-1:1|c
"""
WHOLE = {
    "format": "popcon-report 1",
    "prefix": "p",
    "reports": 1,
    "libraries": ["numpy", "pandas", "yaml-1"],
    "versions": {"numpy": "2.4.6", "pandas": "3.0"},
    "direct": ["pandas"],
    "checks": ["gpu"],
}
INCREMENTS = [
    {
        "first": True,
        "libraries": ["numpy", "pandas"],
        "versions": {"numpy": "2.4.6", "pandas": "3.0"},
        "direct": ["pandas"],
    },
    {"libraries": ["yaml-1"], "checks": ["gpu"]},
]


def told(url: str, *reports: Report) -> FileSink:
    """Return a sink that was sent these reports."""
    sink = open_sink(url, "p")
    assert isinstance(sink, FileSink)
    for report in reports:
        sink.send(report, final=False)
    return sink


def plain(file: Path) -> str:
    """Return a text file's content without its id."""
    text, count = re.subn(
        r"\A(# popcon report 1 prefix=\S+) id=[0-9a-f]{32}\n", r"\1\n", file.read_text()
    )
    assert count == 1
    return text


def names(folder: Path) -> list[str]:
    """Return all names in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def test_text(tmp_path: Path) -> None:
    """A text file is statsd lines behind a line that names the format."""
    told(f"file:{tmp_path}/a", FIRST, SECOND)

    assert plain(tmp_path / "a") == TEXT


def test_json(tmp_path: Path) -> None:
    """A JSON file is one object, whose first key names the format."""
    told(f"json:{tmp_path}/a", FIRST, SECOND)
    text = (tmp_path / "a").read_text()

    assert json.loads(text) == WHOLE
    assert list(json.loads(text)) == list(WHOLE)
    assert text.endswith("}\n")


def test_json_lines(tmp_path: Path) -> None:
    """JSON lines are an object that names the format, and one for each report, without empty keys."""
    told(f"jsonl:{tmp_path}/a", FIRST, SECOND)
    head, *increments = map(json.loads, (tmp_path / "a").read_text().splitlines())

    assert re.fullmatch("[0-9a-f]{32}", head.pop("id"))
    assert head == {"format": "popcon-reports 1", "prefix": "p"}
    assert increments == INCREMENTS


def test_pickle(tmp_path: Path) -> None:
    """A pickle is the same object as the JSON one, by protocol 2."""
    told(f"pickle:{tmp_path}/a", FIRST, SECOND)
    content = (tmp_path / "a").read_bytes()

    assert pickle.loads(content) == WHOLE
    assert content[:2] == b"\x80\x02"


@pytest.mark.parametrize(
    ("scheme", "ending"),
    [("file", "txt"), ("json", "json"), ("jsonl", "jsonl"), ("pickle", "pickle")],
)
def test_a_folder_gets_a_new_file(tmp_path: Path, scheme: str, ending: str) -> None:
    """In a folder each process has a file of its own, with a random name; the folder is made."""
    told(f"{scheme}:{tmp_path}/new/", FIRST, SECOND)
    told(f"{scheme}:{tmp_path}/new", FIRST)
    found = names(tmp_path / "new")

    assert len(found) == 2
    assert all(re.fullmatch(rf"popcon-[0-9a-f]{{32}}\.{ending}", name) for name in found)


def test_a_files_id_is_in_its_name(tmp_path: Path) -> None:
    """The id of JSON lines is the one of the file's name."""
    told(f"jsonl:{tmp_path}", FIRST)
    (file,) = tmp_path.iterdir()

    assert json.loads(file.read_text().splitlines()[0])["id"] in file.name


def test_folders_above_are_not_made(tmp_path: Path) -> None:
    """Where a disk isn't mounted, nothing is made in its place; once it is there, nothing is lost."""
    sink = open_sink(f"file:{tmp_path}/missing/reports/", "p")
    with pytest.raises(FileNotFoundError):
        sink.send(FIRST, final=False)
    assert names(tmp_path) == []
    (tmp_path / "missing").mkdir()
    sink.retry()

    (file,) = (tmp_path / "missing" / "reports").iterdir()
    assert plain(file).splitlines() == TEXT.splitlines()[:7]


def test_a_files_text_only_grows(tmp_path: Path) -> None:
    """Each report's text begins with the one before, so that a reader can go on where it was."""
    for scheme in ("file", "jsonl"):
        sink = told(f"{scheme}:{tmp_path}/{scheme}", FIRST)
        before = (tmp_path / scheme).read_text()
        sink.send(SECOND, final=True)

        assert (tmp_path / scheme).read_text().startswith(before)


def test_an_older_file_is_left_alone(tmp_path: Path) -> None:
    """A file that somebody else wrote stays, and whoever has a name keeps it."""
    told(f"file:{tmp_path}/a", FIRST)
    late = open_sink(f"file:{tmp_path}/a", "q")
    for report in (FIRST, SECOND):
        with pytest.raises(FileExistsError):
            late.send(report, final=False)

    assert plain(tmp_path / "a").splitlines() == TEXT.splitlines()[:7]
    assert names(tmp_path) == ["a"]


def test_an_older_file_goes_where_one_says_so(tmp_path: Path) -> None:
    """`?overwrite=1` replaces an older file with the first report, and only a file."""
    (tmp_path / "a").write_text("old")
    (tmp_path / "folder").mkdir()
    told(f"file:{tmp_path}/a?overwrite=1", FIRST, SECOND)

    assert plain(tmp_path / "a") == TEXT
    with pytest.raises(FileExistsError):
        write_new(str(tmp_path / "folder"), b"", overwrite=True)
    with pytest.raises(FileExistsError):
        write_new("/dev/null", b"", overwrite=True)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_name_that_another_process_took(tmp_path: Path) -> None:
    """Where somebody overwrote our file, it is theirs from then on."""
    sink = told(f"file:{tmp_path}/a", FIRST)
    told(f"file:{tmp_path}/a?overwrite=1", SECOND)
    theirs = (tmp_path / "a").read_text()
    with pytest.raises(FileExistsError):
        sink.send(SECOND, final=False)

    assert (tmp_path / "a").read_text() == theirs
    assert names(tmp_path) == ["a"]


def test_a_file_that_was_taken_away(tmp_path: Path) -> None:
    """Who moves a file away has all that was told by then; the next one tells the rest."""
    sink = told(f"jsonl:{tmp_path}/", FIRST)
    (file,) = tmp_path.iterdir()
    taken = file.rename(tmp_path / "taken")
    sink.send(SECOND, final=False)
    sink.send(Report(("z",), False), final=True)
    (new,) = (path for path in tmp_path.iterdir() if path != taken)
    head, *increments = map(json.loads, new.read_text().splitlines())

    assert new.name == f"popcon-{head['id']}.jsonl" != file.name
    assert increments == [INCREMENTS[1], {"libraries": ["z"]}]


def test_a_forked_child_has_a_file_of_its_own(tmp_path: Path) -> None:
    """In a folder a child begins a file; a file that is named stays the parent's."""
    (tmp_path / "folder").mkdir()
    inside, named = told(f"file:{tmp_path}/folder/", FIRST), told(f"file:{tmp_path}/a", FIRST)
    (parents,) = (tmp_path / "folder").iterdir()
    for sink in (inside, named):
        sink.forget()
        sink.send(SECOND, final=True)
    (childs,) = (path for path in (tmp_path / "folder").iterdir() if path != parents)

    assert plain(childs).splitlines() == [TEXT.splitlines()[0], *TEXT.splitlines()[7:]]
    for file in (parents, tmp_path / "a"):
        assert plain(file).splitlines() == TEXT.splitlines()[:7]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_as_readable_as_the_umask_says(tmp_path: Path, mask: int) -> None:
    """A file is as readable as any that the person makes."""
    before = os.umask(mask)
    try:
        told(f"file:{tmp_path}/a", FIRST, SECOND)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask


def test_a_file_that_grows_too_big_is_not_there(tmp_path: Path) -> None:
    """Where the system stops a write half-way, nothing new is there, and the old one stays whole."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    write_new(str(tmp_path / "old"), b"old")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        for name in ("new", "old"):
            with pytest.raises(OSError, match="File too large") as caught:
                write_new(str(tmp_path / name), b"x" * 1001, overwrite=True)
            assert caught.value.errno == errno.EFBIG
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "old"


def test_a_full_disk_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """On a full disk the last file stays, no draft is left, and all is told when there is room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "popcon", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a disk")
    try:
        sink = told(f"file:{disk}/a", FIRST)
        with open(disk / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 4096)
        with pytest.raises(OSError, match="No space left"):
            sink.send(SECOND, final=False)
        left = names(disk), plain(disk / "a").splitlines()
        (disk / "filler").unlink()
        sink.retry()
        after = plain(disk / "a")
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert left == (["a", "filler"], TEXT.splitlines()[:7])
    assert after == TEXT


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no links can be made, as on FAT, a free name is still taken by one, and a draft leaves."""

    def refuse(*paths: str) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    told(f"file:{tmp_path}/a", FIRST, SECOND)
    with pytest.raises(FileExistsError):
        write_new(str(tmp_path / "a"), b"")

    assert plain(tmp_path / "a") == TEXT
    assert names(tmp_path) == ["a"]


def test_of_many_processes_one_wins_a_name(tmp_path: Path) -> None:
    """Of many that write to one name at once, one does, and the file is its own, whole."""
    code = (
        "import sys; from popcon.sinks.files import write_new\n"
        "sys.stdin.readline()\n"
        f"try: write_new({str(tmp_path / 'a')!r}, sys.argv[1].encode() * 100_000)\n"
        "except FileExistsError: print('late')"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean_environ(),
            text=True,
        )
        for number in range(8)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in started]

    (winner,) = (number for number, text in enumerate(said) if text == "")
    assert (tmp_path / "a").read_text() == str(winner) * 100_000
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("python", interpreters(few=True))
@pytest.mark.parametrize("scheme", ["file", "json", "jsonl", "pickle"])
def test_a_script(tmp_path: Path, python: str, scheme: str) -> None:
    """A script's file tells what it used, and nothing of it is shown."""
    done = run_python(
        python,
        "import popcon; popcon.setup_reporter()\n"
        "import os; os.chdir('/')\nif os.fork() == 0: import csv; raise SystemExit\n"
        "os.wait()",
        POPCON_SINK=f"{scheme}:{tmp_path}/ file:{tmp_path}/text",
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(names(tmp_path)) == 2
    assert plain(tmp_path / "text") == (
        "# popcon report 1 prefix=python_popcon\npython_popcon.reports:1|c\n"
    )


def test_children_that_count(tmp_path: Path) -> None:
    """With `POPCON_CHILDREN=each` each process has a file in a folder, and one has a named file."""
    run_python(
        sys.executable,
        "import popcon, os; popcon.setup_reporter(); import yaml\n"
        "if os.fork() == 0: import statsd; raise SystemExit\n"
        "os.wait()",
        POPCON_SINK=f"file:{tmp_path}/new/ file:{tmp_path}/text",
        POPCON_CHILDREN="each",
    )
    accounts = sorted(plain(path) for path in (tmp_path / "new").iterdir())

    assert [account.splitlines()[1:] for account in accounts] == [
        [f"python_popcon.library_used.{library}:1|c", "python_popcon.reports:1|c"]
        for library in ("pyyaml", "statsd")
    ]
    assert plain(tmp_path / "text") == accounts[0]


def test_a_kill_leaves_the_last_whole_file(tmp_path: Path) -> None:
    """Killed at any moment, a process leaves a file that is one of those that it wrote."""
    code = (
        "from popcon.sinks import open_sink; from popcon.report import Report\n"
        f"sink = open_sink('file:{tmp_path}/a', 'p')\n"
        "for number in range(100_000):\n"
        "    sink.send(Report((f'library-{number % 300}' + 'x' * 100,), False), final=False)\n"
        "    if number == 20: print('going', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=clean_environ(), text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "going\n"
    seen = [(tmp_path / "a").read_text() for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)

    for text in (*seen, (tmp_path / "a").read_text()):
        lines = text.split("\n")
        assert re.fullmatch("# popcon report 1 prefix=p id=[0-9a-f]{32}", lines[0])
        assert lines[-1] == ""
        assert all(line.endswith(":1|c") for line in lines[1:-1])
        assert len(lines) >= 22


@pytest.mark.parametrize(
    ("scheme", "module"), [("jsonl", "json"), ("json", "json"), ("pickle", "pickle")]
)
def test_a_script_of_that_name_runs_once(tmp_path: Path, scheme: str, module: str) -> None:
    """A person's `json.py` is not imported for popcon's own needs."""
    script = tmp_path / f"{module}.py"
    script.write_text("import popcon; popcon.setup_reporter(); print('ran')")
    environ = clean_environ(POPCON_SINK=f"{scheme}:{tmp_path}/told", PYTHONPATH=str(ROOT))
    done = subprocess.run(
        [sys.executable, script], env=environ, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("ran\n", "")
    assert (tmp_path / "told").exists()


def test_an_end_waits_for_a_thread_that_writes(tmp_path: Path) -> None:
    """Where a thread of ours is just writing as the process ends, the last report is written too."""
    sink = told(f"file:{tmp_path}/a", FIRST)
    sink._lock.acquire()
    sink.send(SECOND, final=True)
    threading.Timer(0.05, sink._lock.release).start()
    sink.end(20)

    assert plain(tmp_path / "a") == TEXT
