"""The sink that shows what is counted."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from popcon.errors import UsageError
from popcon.report import Report
from popcon.sinks.printed import PrintSink, parse
from tests.conftest import clean_environ, interpreters, run_python

EACH_PYTHON = pytest.mark.parametrize("python", interpreters(few=True))
SHOWN = "popcon: reports\n"


@pytest.mark.parametrize(
    ("url", "expected"),
    [("print:", "stdout"), ("print:stdout", "stdout"), ("print:stderr", "stderr")],
)
def test_url(url: str, expected: str) -> None:
    """Standard output, unless the URL says standard error."""
    assert parse(url) == expected


def test_a_url_that_is_refused() -> None:
    """There is no third stream."""
    with pytest.raises(UsageError, match="'print:file'"):
        parse("print:file")


def test_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each name that is counted, as on the wire, without prefix and site labels."""
    monkeypatch.setattr("sys.stdout", io.StringIO())
    sink = PrintSink("print:", "python_popcon.namespace.a")
    sink.send(Report(("a",), True, (("a", "1.2"),), ("a",), ("gpu",)), final=False)

    assert isinstance(sys.stdout, io.StringIO)
    assert sys.stdout.getvalue() == (
        "popcon: check.gpu\n"
        "popcon: library_direct.a\n"
        "popcon: library_used.a\n"
        "popcon: library_version.a.1.2\n"
        "popcon: reports\n"
    )


@EACH_PYTHON
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_in_order(python: str, stream: str) -> None:
    """The lines come where a print would come, behind what was printed before."""
    done = run_python(
        python,
        f"import sys; print('before', file=sys.{stream})\n"
        f"import popcon; popcon.setup_reporter(sink='print:{stream}')\n"
        "sys.exit(7)",
    )

    assert done.returncode == 7
    assert {"stdout": done.stdout, "stderr": done.stderr} == {
        "stdout": "",
        "stderr": "",
        stream: f"before\n{SHOWN}",
    }


@EACH_PYTHON
@pytest.mark.parametrize(
    "broken",
    [
        "sys.stdout = None",
        "sys.stdout.close()",
        "os.close(1)",
        "sys.stdout = type('Own', (), {'flush': str})()",
        "ear, one = os.pipe(); os.dup2(one, 1); os.close(one); os.close(ear)",
        "os.dup2(os.open('/dev/full', os.O_WRONLY), 1)",
    ],
)
def test_a_stream_that_is_broken(python: str, broken: str) -> None:
    """Where nothing can be shown, the exit status is still the program's own."""
    done = run_python(
        python,
        f"import os, sys, popcon; popcon.setup_reporter(sink='print:')\n{broken}\nsys.exit(7)",
    )

    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_a_stream_of_the_programs_own() -> None:
    """A stream that a program put in place of standard output gets the lines."""
    done = run_python(
        sys.executable,
        "import atexit, io, sys; shown = sys.stdout = io.StringIO()\n"
        "atexit.register(lambda: sys.__stdout__.write(shown.getvalue().upper()))\n"
        "import popcon; popcon.setup_reporter(sink='print:')",
    )

    assert done.stdout == SHOWN.upper()


def test_the_encoding_is_the_streams() -> None:
    """What the stream's encoding lacks is shown by its code."""
    code = "import popcon; popcon.setup_reporter(sink='print:')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environ(PYTHONIOENCODING="utf-16-le"),
        capture_output=True,
        check=True,
    )

    assert done.stdout.decode("utf-16-le") == SHOWN
