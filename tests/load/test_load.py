"""`popcon load` against a real statsd_exporter: each report once, whatever happens on the way."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environ
from tests.e2e.servers import Running
from tests.load.conftest import Job, jobs, popcon, sums


def total(done: list[Job]) -> Counter[str]:
    """Return what all of these jobs are in Prometheus."""
    return sum((job.expected() for job in done), Counter())


def test_a_thousand_nodes(tmp_path: Path, tcp_exporter: Running) -> None:
    """The files of 1,000 nodes are exact sums at /metrics, also after the command was run again."""
    done = jobs(1000, "nodes")
    for job in done:
        job.write(tmp_path)
    command = ("load", tmp_path, "--to", tcp_exporter.sink)
    dry = popcon(*command, "--dry-run")
    assert not list(tmp_path.glob("popcon-ledger*"))
    first = popcon(*command)
    loaded = sums(tcp_exporter, "nodes")
    again = popcon(*command)

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == dry.stdout.replace("would send", "sent")
    assert first.stdout.startswith(
        f"sent {sum(total(done).values())} counts of 1000 reports, as 121 names"
    )
    assert loaded == total(done)
    assert again.stdout.startswith("sent 0 counts of 0 reports")
    assert first.stdout.endswith("; 1000 of 1000 files had something new\n")
    assert again.stdout.endswith("; 0 of 1000 files had something new\n")
    assert sums(tcp_exporter, "nodes") == loaded


def test_files_that_have_grown(tmp_path: Path, tcp_exporter: Running) -> None:
    """What a file says besides, the next time, counts; what it said before doesn't."""
    done = jobs(20, "grown")
    command = ("load", tmp_path, "--to", tcp_exporter.sink)
    for increments in (1, None):
        for job in done:
            job.write(tmp_path, increments=increments)
        assert popcon(*command).returncode == 0
        expected = sum((job.expected(increments) for job in done), Counter[str]())
        assert sums(tcp_exporter, "grown") == expected


def test_a_file_is_its_id(tmp_path: Path, tcp_exporter: Running) -> None:
    """Under another path, or twice, a file counts once, where the ledger is the same."""
    done = jobs(6, "moved")
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        for job in done:
            job.write(tmp_path / folder)
    to = ("--to", tcp_exporter.sink, "--ledger", tmp_path / "ledger")
    popcon("load", tmp_path / "a", tmp_path / "b", *to)
    popcon("load", *sorted((tmp_path / "c").iterdir()), *to)

    assert sums(tcp_exporter, "moved") == total(done)


def test_two_at_once(tmp_path: Path, tcp_exporter: Running) -> None:
    """Several loads of the same files at the same time count each report once."""
    done = jobs(200, "at_once")
    for job in done:
        job.write(tmp_path)
    command = [sys.executable, "-m", "popcon", "load", str(tmp_path), "--to", tcp_exporter.sink]
    running = [
        subprocess.Popen(
            command, env=clean_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    ended = [process.communicate(timeout=120) for process in running]

    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert sum(out.startswith("sent 0 ") for out, _ in ended) == 3
    assert sums(tcp_exporter, "at_once") == total(done)


def killed_at(line: int, folder: Path, to: str) -> subprocess.CompletedProcess[str]:
    """Run a load that is killed before so many lines of its code have run; 0 for never."""
    command = [
        sys.executable,
        "-m",
        "tests.load.killing",
        str(line),
        "load",
        str(folder),
        "--to",
        to,
    ]
    return subprocess.run(
        command, env=clean_environ(), cwd=ROOT, capture_output=True, text=True, check=False
    )


def write_some(folder: Path, namespace: str, wide: int) -> list[Job]:
    """Write a few files, each with so many libraries of its own."""
    folder.mkdir()
    done = jobs(4, namespace)
    for number, job in enumerate(done):
        names = [f"{'wide' * 10}-{number}-{each}" for each in range(wide)]
        job.increments = [{"libraries": names[:3]}, {"libraries": names[3:]}]
        job.write(folder)
    return done


def lines_of(tmp_path: Path, to: str, wide: int) -> list[str]:
    """Return the lines of code of a load that nobody kills."""
    write_some(tmp_path / "probe", "probe", wide)
    return killed_at(0, tmp_path / "probe", to).stderr.split()


def survive(line: int, folder: Path, to: str, wide: int) -> tuple[list[Job], str]:
    """Kill a load at a line, and run it again; return what was to be loaded, and what was said."""
    done = write_some(folder, folder.name, wide)
    killed = killed_at(line, folder, to)
    assert killed.returncode == -9, killed.stderr
    again = popcon("load", folder, "--to", to)
    assert again.returncode == 0, again.stderr
    return done, again.stderr


def test_killed_anywhere(tmp_path: Path, tcp_exporter: Running) -> None:
    """A load of several batches that is killed and run again gives exact sums."""
    lines = lines_of(tmp_path, tcp_exporter.sink, 250)
    assert sum(line.startswith("intend:") for line in lines) > 6  # several for each batch
    chance = random.Random(5)
    for line in (1, *sorted(chance.sample(range(2, len(lines)), 8)), len(lines)):
        folder = tmp_path / f"anywhere{line}"
        done, _ = survive(line, folder, tcp_exporter.sink, 250)
        assert sums(tcp_exporter, folder.name) == total(done), lines[line - 1]


def test_killed_while_a_batch_is_sent(tmp_path: Path, tcp_exporter: Running) -> None:
    """Nothing is counted twice, at whatever line it is killed, and only one step loses the batch.

    That step is between the ledger's word that the bytes leave now and their leaving.
    """
    lines = lines_of(tmp_path, tcp_exporter.sink, 5)
    start = max(n for n, line in enumerate(lines) if line.startswith("sending:"))
    found = {
        line: survive(start + n + 1, tmp_path / f"sent{n}", tcp_exporter.sink, 5)
        for n, line in enumerate(lines[start:])
        if line not in lines[start : start + n]
    }
    lost = []
    for line, (done, said) in found.items():
        arrived = sums(tcp_exporter, done[0].prefix.rpartition(".")[2])
        if arrived != total(done):
            assert not arrived, line
            assert said.startswith("popcon: warning: an earlier run ended while it sent a batch")
            lost.append(line.partition(":")[0])
    assert set(lost) <= {"_append", "_deliver", "send"}
    assert lost[-1] == "send"


def test_an_exporter_that_is_gone(tmp_path: Path, tcp_exporter: Running) -> None:
    """Where nobody listens nothing is taken as sent; status 4, and the next run sends it all."""
    done = jobs(3, "gone")
    for job in done:
        job.write(tmp_path)
    for where in ("127.0.0.1:1", "nowhere.invalid:1"):
        gone = popcon("load", tmp_path, "--to", f"statsd+tcp://{where}")
        assert gone.returncode == 4
        assert where.partition(":")[0] in gone.stderr
        assert not list(tmp_path.glob("popcon-ledger*"))
    popcon("load", tmp_path, "--to", tcp_exporter.sink)
    assert sums(tcp_exporter, "gone") == total(done)


def test_an_exporter_that_hangs_up(tmp_path: Path) -> None:
    """What may have arrived is taken as sent, and said so; status 4."""
    for job in jobs(3, "hung_up"):
        job.write(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset() -> None:
            channel, _ = server.accept()
            channel.recv(10)  # the rest is never read: closing then resets the connection
            channel.close()

        thread = threading.Thread(target=reset)
        thread.start()
        to = f"statsd+tcp://127.0.0.1:{server.getsockname()[1]}"
        hung_up = popcon("load", tmp_path, "--to", to)
        thread.join()
    again = popcon("load", tmp_path, "--to", to, "--dry-run")

    assert hung_up.returncode == 4
    assert "counts of 3 files, which are taken as sent: " in hung_up.stderr
    assert again.stdout.startswith("would send 0 counts")


def test_the_rest_is_loaded(tmp_path: Path, tcp_exporter: Running) -> None:
    """What is refused is named and costs only itself; status 3."""
    done = jobs(5, "rest")
    for job in done:
        job.write(tmp_path)
    names = [f"popcon-{letter * 32}" for letter in "abcd"]
    (tmp_path / f"{names[0]}.txt").write_text("GET / HTTP/1.1\n")
    (tmp_path / f"{names[1]}.jsonl").write_bytes(b"\0" * ((1 << 20) + 1))
    (tmp_path / f"{names[2]}.txt").symlink_to("/etc/passwd")
    bad = "".join(f"python_popcon.namespace.rest.reports:{n}|c\n" for n in range(2, 100))
    head = "# popcon report 1 prefix=python_popcon.namespace.rest\n"
    (tmp_path / f"{names[3]}.txt").write_text(head + bad)
    (tmp_path / "notes.txt").write_text("not ours, and not looked at")
    loaded = popcon("load", tmp_path, "--to", tcp_exporter.sink)

    assert loaded.returncode == 3
    assert sums(tcp_exporter, "rest") == total(done)
    refused = loaded.stderr.splitlines()
    assert len(refused) == 3 + 5 + 2
    assert "'GET / HTTP/1.1'" in refused[0]
    assert f"'{tmp_path}/{names[3]}.txt', line 2: " in loaded.stderr
    assert refused[-2].endswith(": 93 more")
    assert refused[-1] == "popcon: error: 101 refusals in 4 files; all else is loaded"


def test_one_refusal(tmp_path: Path) -> None:
    """A file of a format that isn't loaded is refused by its name, in words for one."""
    (tmp_path / "a.json").write_text('{\n "format": "popcon-report 1"\n}\n')
    refused = popcon("load", tmp_path / "a.json", "--dry-run").stderr.splitlines()

    assert refused == [
        f"popcon: refused: '{tmp_path}/a.json': files of json: and pickle: aren't loaded, only those "
        "of file: and jsonl:",
        "popcon: error: 1 refusal in 1 file; all else would be loaded",
    ]


def test_a_folder_that_is_still_empty(tmp_path: Path) -> None:
    """Where no job has written anything that is said, nothing is connected or written; status 0."""
    for more in ((), ("--dry-run",), ("--ledger", tmp_path / "other")):
        done = popcon("load", tmp_path, "--to", "statsd+tcp://nowhere.invalid:1", *more)

        assert (done.returncode, done.stdout, done.stderr) == (
            0,
            f"no report files in '{tmp_path}'\n",
            "",
        )
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "environ", "status", "quoted"),
    [
        (["/no/such"], {}, 3, "'/no/such'"),
        (["."], {"DO_NOT_TRACK": "1"}, 2, "DO_NOT_TRACK is set"),
        ([".", "--to", "statsd://h:9125"], {}, 2, "'statsd://h:9125'"),
        ([".", "--to", "statsd+tcp://h:x"], {}, 2, "'x' (from statsd+tcp://h:x)"),
        ([".", "--to", "statsd+tcp://"], {}, 2, "'statsd+tcp://'"),
        ([".", "--to", "http://h"], {}, 2, "'http://h'"),
        ([".", "tests"], {}, 2, "--ledger"),
        (["."], {"POPCON_SINK": "statsd://a statsd://b"}, 2, "'statsd://a statsd://b'"),
        ([".", "--ledger", "/no/such/ledger"], {}, 3, "'/no/such/ledger'"),
        ([".", "--ledger", "pyproject.toml"], {}, 3, "'pyproject.toml', line 1"),
    ],
)
def test_refusals(
    arguments: list[str],
    environ: dict[str, str],
    status: int,
    quoted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What can't be done is refused in one line, before anything is sent or written."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    jobs(1, "refused")[0].write(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = popcon("load", *arguments, **environ)

    assert (done.returncode, done.stdout) == (status, "")
    assert quoted in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "popcon-ledger.jsonl").exists()


def test_a_second_ledger(tmp_path: Path) -> None:
    """Reports with a ledger beside them aren't loaded by another one: they would count again."""
    jobs(1, "second")[0].write(tmp_path)
    command = ("load", tmp_path, "--ledger", tmp_path / "other", "--dry-run")
    file = tmp_path / "popcon-ledger.jsonl"
    for told in ("", "{}\n", "somebody's\n"):
        file.write_text(told)
        assert popcon(*command).returncode == 0
    file.unlink()
    os.mkfifo(file)
    assert popcon(*command).returncode == 0
    file.unlink()
    file.write_text('{"format":"popcon-ledger 1"}\n')
    done = popcon(*command)

    assert done.returncode == 2
    assert f"'{file}'" in done.stderr
