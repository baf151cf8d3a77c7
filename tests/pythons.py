"""In: the Pythons that this machine has. Out: the whole test suite in each, in an environment of its own.

The environments are made once and kept in .peers, until pyproject.toml or constraints.txt changes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, VERSIONS, find_python


def main(arguments: list[str]) -> int:
    """Run pytest with these arguments in each Python; return 1 if any of them failed."""
    failed = []
    for version in VERSIONS:
        python = find_python(version)
        if python is None:
            print(f"no Python {version} on this machine", flush=True)
            continue
        own = prepare(version, python)
        print(f"Python {version}", flush=True)
        environ = {**os.environ, "POPCON_PYTHONS": "running"}
        if subprocess.run([own, "-m", "pytest", *arguments], cwd=ROOT, env=environ).returncode:
            failed.append(version)
    if failed:
        print(f"failed on Python {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def prepare(version: str, python: str) -> Path:
    """Return the interpreter of that version's environment, which is made where it isn't there."""
    folder = ROOT / ".peers" / f"python-{version}"
    own = folder / "bin" / "python"
    stamp = folder / "installed"
    constraints = ROOT / "constraints.txt"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + constraints.read_bytes())
    if not stamp.is_file() or stamp.read_text() != wanted.hexdigest():
        print(f"installing popcon and the test tools for Python {version}", flush=True)
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        install = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        what = ["--constraint", str(constraints), "--editable", f"{ROOT}[test]"]
        subprocess.run([own, *install, *what], check=True)
        stamp.write_text(wanted.hexdigest())
    return own


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
