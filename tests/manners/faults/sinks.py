"""Sinks that can't be opened or written to: no error, no wait, and the sink beside them is served."""

from __future__ import annotations

import os

from tests.manners.fault import ALL, LINE, Fault, Place
from tests.manners.faults.files import FULL, READ_ONLY, mounted

_ACCOUNT = "\n".join(("# popcon report 1 prefix=python_popcon", *ALL))
_READ = "print(open('account').read(), end='')"


def _third_party(code: str, *, name: str, says: str) -> Fault:
    """Return a row where a package brings a sink that is broken."""

    def files(place: Place) -> None:
        metadata = place.library("theirs")
        (metadata / "entry_points.txt").write_text("[popcon.sinks]\ntheirs = theirs:Sink\n")
        (place.site / "theirs" / "__init__.py").write_text(code)

    return Fault(
        f"third party's sink {name}", {"POPCON_SINK": "theirs: {sink}"}, files=files, says=says
    )


FAULTS = [
    *(
        Fault(
            f"{scheme} on a disk that is full",
            {"POPCON_SINK": f"{scheme}:account {{sink}}"},
            wrapper=mounted(FULL),
            says="No space left on device",
        )
        for scheme in ("file", "json", "jsonl", "pickle")
    ),
    Fault(
        "file on a disk that is read-only",
        {"POPCON_SINK": "file:account {sink}"},
        wrapper=mounted(READ_ONLY),
        says="Read-only file system",
    ),
    Fault(
        "file that is there already",
        {"POPCON_SINK": "file:account {sink}"},
        files=lambda place: (place.work / "account").write_text("theirs\n"),
        last=f"import atexit; atexit.register(lambda: {_READ})",
        stdout=LINE + "theirs\n",
        says="popcon: FileExistsError: [Errno 17] File exists: '",
    ),
    Fault(
        "file whose name is a pipe's",
        {"POPCON_SINK": "file:account?overwrite=1 {sink}"},
        files=lambda place: os.mkfifo(place.work / "account"),
        says="popcon: FileExistsError: [Errno 17] File exists: '",
    ),
    Fault(
        "file whose directory is deleted at first",
        {"POPCON_SINK": "file:account {sink}"},
        first="import os; os.rmdir(os.getcwd()); del os",
        says="popcon: FileNotFoundError: ",
    ),
    Fault(
        "file whose directory is deleted later",
        {"POPCON_SINK": "file:account {sink}"},
        last="import os; os.rmdir(os.getcwd())",
        says="popcon: FileNotFoundError: ",
    ),
    Fault(
        "file whose program changes its directory",
        {"POPCON_SINK": "file:account {sink}"},
        before="import os; sys.path.append(os.getcwd())",
        last="os.chdir('/')",
    ),
    Fault(
        "statsd over TCP that nobody listens to",
        {"POPCON_SINK": "statsd+tcp://127.0.0.1:1 {sink}"},
        says="popcon: ConnectionRefusedError: ",
    ),
    _third_party("raise RuntimeError('theirs')", name="that can't be imported", says="theirs"),
    _third_party("", name="that is missing", says="popcon: AttributeError: "),
    _third_party(
        "def Sink(url, prefix): raise SystemExit(9)", name="that would exit", says="SystemExit: 9"
    ),
    _third_party(
        "def Sink(url, prefix): return None",
        name="that is None",
        says="popcon: TypeError: a sink without 'send'",
    ),
    Fault(
        "third party's sink that nobody has",
        {"POPCON_SINK": "theirs: {sink}"},
        arrives=(),
        says="popcon: UsageError: not a sink that popcon knows: 'theirs:'",
    ),
]
