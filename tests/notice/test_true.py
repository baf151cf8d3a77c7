"""What the page says beside what popcon does: the lines of a real process, its network, and the ways out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from popcon.notice.collected import example
from popcon.notice.formats import as_text
from popcon.notice.sections import notice
from popcon.notice.spans import Code, Items
from tests.cli.test_cli import popcon
from tests.conftest import Collector, clean_environ
from tests.notice.settings import facts

_SCRIPT = """
import sys
asked = []
sys.addaudithook(lambda event, _: asked.append(event) if event == "socket.__new__" else None)
import atexit
atexit.register(lambda: print(bool(asked), file=sys.stderr))
import popcon
popcon.setup_reporter()
import yaml
"""


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"POPCON_DETAILS": "version"},
        {"POPCON_DETAILS": "direct", "POPCON_LABELS": "namespace=hub1"},
        {"POPCON_DETAILS": "version,direct", "POPCON_SCOPE": "all"},
        {"POPCON_DETAILS": "version,direct", "POPCON_DENY": "py*", "POPCON_LABELS": "course=x"},
        {"POPCON_DETAILS": "version,direct", "POPCON_ALLOW": "num*"},
    ],
)
def test_the_lines_are_those_of_a_process(environ: dict[str, str]) -> None:
    """The example on the page is what `popcon show yaml` prints, but for the version's number."""
    lines = popcon("show", "yaml", **environ).stdout.partition("\n\n")[2].splitlines()
    in_one = re.sub(r"(pyyaml\.)[0-9][^:]*", r"\g<1>6.0.2", "\n".join(lines))

    assert "\n".join(example(facts(environ))) == in_one


@pytest.mark.parametrize(
    "sink", ["print:", "print:stderr", "jsonl:{}/", "file:{}/a.txt", "statsd", "statsd+tcp"]
)
def test_what_leaves_the_machine(collector: Collector, tmp_path: Path, sink: str) -> None:
    """'Nothing leaves the machine' stands where a process opens no socket; what it wrote lies where it says."""
    sink = sink.format(tmp_path) if ":" in sink else f"{sink}://127.0.0.1:{collector.port}"
    environ = clean_environ(POPCON_SINK=sink, HOME=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=environ, capture_output=True, text=True, check=True
    )
    said = " ".join(as_text(notice(facts({"POPCON_SINK": sink}))).split())
    opened = done.stderr.splitlines()[-1] == "True"

    assert ("Nothing leaves the machine" in said) is not opened
    assert ("Printed on standard output" in said) is ("popcon: reports" in done.stdout)
    assert ("Printed on standard error" in said) is ("popcon: reports" in done.stderr)
    assert ("Written to" in said) is bool(list(tmp_path.iterdir()))


def commands() -> list[str]:
    """Return the shell commands that the page gives as ways out."""
    (section,) = (one for one in notice(facts({})).sections if one.heading == "Three ways out")
    entries = next(block.entries for block in section.blocks if isinstance(block, Items))
    codes = [span.text for entry in entries for span in entry if isinstance(span, Code)]
    return [code for code in codes if code.startswith(("mkdir ", "export "))]


@pytest.mark.parametrize("command", ["true", *commands()])
def test_each_way_out_is_one(collector: Collector, tmp_path: Path, command: str) -> None:
    """After each command of the page, typed as it stands, a process says nothing; without it, it does."""
    environ = clean_environ(POPCON_SINK=collector.url, HOME=str(tmp_path))
    environ.pop("XDG_CONFIG_HOME", None)
    run: list[Any] = ["sh", "-c", f'{command}; exec "$0" -c "$1"', sys.executable, _SCRIPT]
    subprocess.run(run, env=environ, check=True, capture_output=True)

    assert bool(collector.arrived()) is (command == "true")


def test_ways_out_are_three() -> None:
    """A file, and a variable by either of its names, are typed; the third way is a person."""
    assert [command.split()[0] for command in commands()] == ["mkdir", "export", "export"]
