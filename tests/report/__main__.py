"""In: nothing. Out: docs/pictures/popcon-report.png, the report of the made-up university as Chromium shows it.

`python -m tests.report` from the repository's root; `--page FILE` writes the page, too.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from popcon.insight.report.facts import facts
from popcon.insight.report.page import page
from tests.report.browser import CHROMIUM, Tab, in_tab
from tests.report.memory import last, university

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "popcon-report.png"
WIDTH = 860


def main(arguments: list[str]) -> int:
    """Draw the picture; return the exit status."""
    parser = argparse.ArgumentParser(prog="report", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--page", type=Path, metavar="FILE", help="keep the page here")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--media", choices=("screen", "print"), default="screen")
    parser.add_argument("--width", type=int, default=WIDTH, metavar="PIXELS")
    parser.add_argument("--output", type=Path, default=PICTURE, metavar="FILE")
    asked = parser.parse_args(arguments)
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        print(f"there is no {CHROMIUM[0]}: install it", file=sys.stderr)
        return 1
    period = last(30)
    text = page(
        facts(university(), period, period.end),
        "Which Python libraries are used at Uplands University",
        "research-computing@uplands.example",
    )
    with tempfile.TemporaryDirectory() as folder:
        file = asked.page or Path(folder) / "report.html"
        file.write_text(text, "utf-8")

        async def look(tab: Tab) -> bytes:
            await tab.open(file.resolve().as_uri(), asked.width, asked.theme, asked.media)
            return await tab.picture()

        asked.output.write_bytes(in_tab(program, look))
    print(asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
