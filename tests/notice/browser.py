"""In: an HTML file. Out: what headless Chromium makes of it: sheets of paper, console, whom it asks."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.conftest import clean_environ
from tests.peers.found import system_program

#: What a request in Chromium's log is about where the browser itself asks, and no page does.
_OF_THE_BROWSER = "not an origin"


class Printed(NamedTuple):
    """A page that Chromium printed: its sheets, what it said on the console, the URLs that it asked for."""

    sheets: int
    console: list[str]
    asked: list[str]


def printed(file: Path) -> Printed:
    """Print a page to a PDF beside it; no host can be reached meanwhile."""
    pdf, log = file.with_suffix(".pdf"), file.with_suffix(".net.json")
    done = subprocess.run(
        [
            str(system_program("chromium")),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={file.with_suffix('.profile')}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            f"--log-net-log={log}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={pdf}",
            file.as_uri(),
        ],
        env=clean_environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = [line for line in done.stderr.splitlines() if ":CONSOLE:" in line]
    events = json.loads(log.read_text("utf-8"))["events"]
    said = [event.get("params", {}) for event in events]
    asked = {
        one["url"]: None
        for one in said
        if "url" in one and one.get("initiator", _OF_THE_BROWSER) != _OF_THE_BROWSER
    }
    sheets = len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes()))
    return Printed(sheets, console, list(asked))
