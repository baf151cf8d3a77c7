from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from popcon.cli import main

METRICS = """\
# TYPE python_popcon_reports counter
python_popcon_reports{namespace="hub1"} 40
# TYPE python_popcon_library_used counter
python_popcon_library_used{library="numpy",namespace="hub1"} 30
python_popcon_library_used{library="spacy",namespace="hub1"} 0
python_popcon_library_used{library="_other",namespace="hub1"} 7
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1780000000
"""


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    file = tmp_path / "metrics.txt"
    file.write_text(METRICS)
    return file


def test_a_saved_page_makes_a_report_without_days(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has no days has no trends, and the page says that; everything else is there."""
    output = tmp_path / "deep" / "report.html"
    status = main(["report", "--metrics", str(saved), "-o", str(output), "--title", "A & B"])
    assert status == 0
    assert capsys.readouterr().out.startswith(f"wrote {output} (")
    text = output.read_text("utf-8")
    assert "<h1>A &amp; B</h1>" in text
    assert "The source of this page has no days" in text
    assert "spacy" in text
    assert "7\N{NO-BREAK SPACE}processes (18%)" in text.replace("7\N{NO-BREAK SPACE}Processes", "7\N{NO-BREAK SPACE}processes")  # fmt: skip


def test_a_dash_prints_the_page(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-o -` is for a pipe: the page, and nothing else."""
    assert main(["report", "--metrics", str(saved), "-o", "-"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("<!doctype html>")
    assert out.rstrip().endswith("</html>")


def test_a_page_is_utf_8_as_it_says(saved: Path, tmp_path: Path) -> None:
    """Where standard output has another encoding, or a title came in one, the page is UTF-8 all the same."""
    command = [sys.executable, "-m", "popcon", "report", "--metrics", str(saved), "--title"]
    environ = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    printed = subprocess.run([*command, "Zürich", "-o", "-"], env=environ, capture_output=True)
    text = printed.stdout.decode("utf-8")
    assert "Days are UTC’s;" in text
    assert "<h1>Zürich</h1>" in text
    file = tmp_path / "page.html"
    subprocess.run(
        [*map(os.fsencode, command), b"a\xffb", b"-o", os.fsencode(file)], env=environ, check=True
    )
    assert "<title>a\\udcffb" in file.read_text("utf-8")


def test_where_it_cannot_be_written_it_says_so(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the place of a folder is status 3, and one line."""
    assert main(["report", "--metrics", str(saved), "-o", f"{saved}/report.html"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("popcon: error: ")
    assert error.count("\n") == 1


def test_what_is_no_file_stays_what_it_is(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe, as /dev/stdout is one, gets the page and stays a pipe; behind a link, the file is written."""
    pipe, file, link = (tmp_path / name for name in ("pipe", "page.html", "link.html"))
    os.mkfifo(pipe)
    link.symlink_to(file)
    found: list[bytes] = []
    reader = Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert main(["report", "--metrics", str(saved), "-o", str(pipe)]) == 0
    assert pipe.is_fifo()
    reader.join(60)
    assert found[0].rstrip().endswith(b"</html>")
    assert capsys.readouterr().out == ""
    assert main(["report", "--metrics", str(saved), "-o", str(link)]) == 0
    assert link.is_symlink()
    assert file.read_bytes() == found[0]


def test_without_a_source_it_asks_for_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server and no page: status 2."""
    monkeypatch.delenv("POPCON_PROMETHEUS", raising=False)
    assert main(["report"]) == 2
    assert "--prometheus URL" in capsys.readouterr().err
