"""In: the dashboards of grafana/, a Prometheus. Out: a PNG of each, drawn by Grafana's own panels in Chromium.

`python -m tests.preview` from the repository's root; `make preview` does that. What is wrong with a
panel is a line on the standard error and status 1: an error in the page, a panel without data that
doesn't say what that means, a legend or a column that nobody named, what Grafana doesn't know.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.dashboards.asking import AskError, ask, range_of
from tests.dashboards.choosing import shown
from tests.peers import node
from tests.peers.found import PEERS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DASHBOARDS = ROOT / "grafana"
PACKAGES = PEERS / "preview"
PAGE_PIXELS = 1584
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_SPANS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def main(arguments: list[str]) -> int:
    """Draw the dashboards; return the exit status."""
    asked = _parser().parse_args(arguments)
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        print(f"there is no {CHROMIUM[0]}: install it", file=sys.stderr)
        return 1
    boards = _boards(asked.dashboards)
    wanted = [board for board in boards if board["uid"] in asked.board or not asked.board]
    if len(wanted) < len(asked.board) or not boards:
        print(f"not all of them are in {asked.dashboards}", file=sys.stderr)
        return 1
    target = PACKAGES.resolve()
    try:
        program = node.packages(HERE, target)
    except OSError as reason:
        print(f"Grafana's panels can't be had: {reason}", file=sys.stderr)
        return 1
    # Modules are looked for from where a script lies.
    for script in ("build.mjs", "draw.mjs"):
        shutil.copyfile(HERE / script, target / script)
    subprocess.run([program, "build.mjs", target, HERE / "page"], cwd=target, check=True)
    asked.output.mkdir(parents=True, exist_ok=True)
    try:
        with _server(asked) as (url, at):
            jobs = [_job(url, at, board, boards, asked) for board in wanted]
    except (AskError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(jobs, file)
        file.flush()
        drawn = subprocess.run(
            [program, "draw.mjs", file.name, target, chromium],
            cwd=target,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    for line in drawn.stdout.splitlines():
        print(line, file=sys.stderr)
    for job in jobs:
        print(job["picture"])
    return 1 if drawn.returncode or drawn.stdout else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="preview", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("board", nargs="*", help="uid of a dashboard; without one, all of them")
    parser.add_argument("--url", help="a Prometheus; without one, some months of a made-up site")
    parser.add_argument("--at", type=float, help="Unix time that is now, with --url")
    parser.add_argument("--set", action="append", default=[], metavar="VARIABLE=VALUE")
    parser.add_argument("--dashboards", type=Path, default=DASHBOARDS, metavar="FOLDER")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "pictures", metavar="FOLDER")
    return parser


def _boards(folder: Path) -> list[dict[str, Any]]:
    """Return all dashboards of a folder."""
    return [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))]


@contextmanager
def _server(asked: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Yield the URL to ask and the time that is now there."""
    if asked.url:
        yield asked.url, asked.at or time.time()
        return
    from tests.dashboards.history import serve

    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as (url, at):
        yield url, at


def _job(
    url: str,
    at: float,
    board: dict[str, Any],
    boards: list[dict[str, Any]],
    asked: argparse.Namespace,
) -> dict[str, Any]:
    """Return what the page gets for one dashboard, and where its picture goes."""
    span = range_of(board)
    known = {variable["name"] for variable in board["templating"]["list"]}
    given = dict(one.split("=", 1) for one in asked.set)
    chosen = {name: value.split(",") for name, value in given.items() if name in known}
    others = [other["title"] for other in boards if other["uid"] != board["uid"]]
    return {
        "picture": str((asked.output / f"{board['uid']}.png").resolve()),
        "preview": {
            "board": board,
            "answers": ask(url, board, at, span, chosen),
            "variables": {name: {"text": text} for name, text in shown(board, chosen).items()},
            "linked": others if board.get("links") else [],
            "range": _last(span),
            "from": (at - span) * 1000,
            "to": at * 1000,
            "mode": asked.theme,
            "width": PAGE_PIXELS,
        },
    }


def _last(span: int) -> str:
    """Return a range as Grafana's time picker names it."""
    seconds, unit = next(each for each in _SPANS if span % each[0] == 0)
    number = span // seconds
    return f"Last {number} {unit}s" if number > 1 else f"Last {unit}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
