"""In: requirements.txt. Out: an environment like a hub's image, with both reporters in it.

`python -m benchmarks.environment` prints its interpreter. The libraries are installed once; popcon
is built from this checkout and installed as a wheel each time, as a person would have it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
TOOLS = ROOT / ".peers" / "bench-uv"
UV = "uv==0.13.9"


class Environment:
    """A Python environment in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = str(folder / "bin" / "python")

    @cached_property
    def site(self) -> Path:
        """The folder that its libraries are in."""
        code = "import json, sysconfig; print(json.dumps(sysconfig.get_path('purelib')))"
        done = subprocess.run([self.python, "-c", code], capture_output=True, check=True)
        return Path(json.loads(done.stdout))

    @property
    def distributions(self) -> int:
        """How many distributions are installed in it."""
        return len(list(self.site.glob("*.dist-info")))

    def described(self) -> str:
        """Return what a table says of it."""
        version = sys.version.split()[0]
        return f"Python {version}, an environment of {self.distributions} distributions"


def ready() -> Environment:
    """Return the environment, installed and with this checkout's popcon in it."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    environment = Environment(ROOT / ".peers" / f"bench-{wanted}")
    stamp = environment.folder / "installed"
    if not stamp.is_file():
        print("installing the environment of the benchmarks (about 3 GB, minutes)", flush=True)
        venv.create(environment.folder, clear=True, symlinks=True)
        _install(environment, "--requirement", str(REQUIREMENTS), "--compile-bytecode")
        stamp.touch()
    _install(environment, "--reinstall", "--no-deps", str(ROOT))
    package = environment.site / "popcon"
    subprocess.run([environment.python, "-m", "compileall", "-q", str(package)], check=True)
    return environment


def _install(environment: Environment, *what: str) -> None:
    uv = TOOLS / "bin" / "uv"
    if not uv.is_file():
        venv.create(TOOLS, with_pip=True, clear=True, symlinks=True)
        pip = [str(TOOLS / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", UV], check=True)
    install = [str(uv), "pip", "install", "--quiet", "--python", environment.python]
    subprocess.run([*install, *what], check=True)


if __name__ == "__main__":
    print(ready().python)
