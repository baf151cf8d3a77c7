"""In: a fault. Out: how a program that arms popcon fared with it, as its user sees it.

Each run has an environment of its own, made of a few files: an interpreter (`pyvenv.cfg` and a
link), popcon (a link), and a library that the program imports, so that a row can break any of it.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import socket
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from popcon import __version__
from popcon.activate.ipython import startup_text
from tests.conftest import ROOT, Collector, clean_environ

REPORTS = "python_popcon.reports:1|c"
USED = "python_popcon.library_used.guest-lib:1|c"
ALL = (USED, REPORTS)

#: Where an object lies, in what a repr says of it.
_ADDRESS = re.compile(r"\b(0x)?[0-9a-f]{12}\b")
#: A hang is what takes longer; nothing here takes a second.
PATIENCE = 20
LINE = "The user's own line.\n"

_ARM = "witness.arming(globals())\n{}\nwitness.armed()"
#: The ways to arm: a call, the startup file's text, run as IPython runs it, and sitecustomize.
CALL = _ARM.format("__import__('popcon').setup_reporter()")
STARTUP = _ARM.format(f"exec(compile({startup_text()!r}, '000-popcon.py', 'exec'), globals())")
SITECUSTOMIZE = "# sitecustomize has armed"

_PROGRAM = """\
import sys; {first}
import witness
{before}
{arm}
{after}
{body}
print("The user's own line.", flush=True)
{last}
{ending}
"""
_SITECUSTOMIZE = """\
import sys, witness
witness.arming(vars(sys.modules["__main__"]))
import popcon
popcon.setup_reporter()
witness.armed()
"""


class Place(NamedTuple):
    """Where a row's program runs: its environment, working directory, home and temporary folder."""

    root: Path
    env: Path
    site: Path
    work: Path
    home: Path
    cache_tag: str

    @property
    def guest(self) -> Path:
        """The metadata folder of the library that the program imports."""
        return self.site / "Guest_Lib-1.0.dist-info"

    def library(self, name: str, record: str | None = None) -> Path:
        """Install a library with one package, and return its metadata folder."""
        package = self.site / name.replace("-", "_").lower()
        package.mkdir()
        (package / "__init__.py").write_text("")
        folder = self.site / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "RECORD").write_text(
            f"{package.name}/__init__.py,,\n{folder.name}/METADATA,,\n{folder.name}/RECORD,,\n"
            if record is None
            else record
        )
        return folder


class Fault(NamedTuple):
    """What is broken, and what must come of it.

    The program is `first`, the witness, `before`, `arm`, `after`, `body`, its line, `last`,
    `ending`. `wrapper` is a command that starts it; where that is refused, the row is skipped.
    In the environment `{sink}` is the collector's URL, and None takes a variable away. `arrives`
    are lines that must come; those of `may` can come too, others not. `says` is what
    POPCON_DEBUG=1 shows of the fault. `alike`: output and status are those of the same program
    without popcon, standard error read through `reads`; else they are LINE, nothing and `status`.
    """

    name: str
    environ: dict[str, str | None] = {}  # noqa: RUF012 - nobody writes to it
    options: tuple[str, ...] = ()
    wrapper: tuple[str, ...] = ()
    files: Callable[[Place], object] = lambda place: None
    first: str = ""
    before: str = ""
    arm: str = CALL
    after: str = ""
    body: str = "import guest_lib"
    last: str = ""
    ending: str = "sys.exit(7)"
    status: int = 7
    stdout: str = LINE
    alike: bool = False
    reads: Callable[[str], object] = str
    arrives: tuple[str, ...] = ALL
    may: tuple[str, ...] = ()
    reached: bool = True
    says: str = ""
    ipython: bool = False


class Outcome(NamedTuple):
    """What the user and the collector saw; `refused` says why there was nothing to see."""

    status: int = 0
    stdout: str = ""
    stderr: str = ""
    witness: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    refused: str = ""


class Interpreter(NamedTuple):
    """What a row's environment needs to know of a Python."""

    path: Path
    version: str
    cache_tag: str


@functools.cache
def look_at(python: str) -> Interpreter:
    """Return a Python's own executable, behind links and environments, and its names."""
    code = (
        "import os, sys; print(os.path.realpath(sys.executable), "
        "'%d.%d' % sys.version_info[:2], sys.implementation.cache_tag, sep='\\n')"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    path, version, cache_tag = done.stdout.splitlines()
    return Interpreter(Path(path), version, cache_tag)


def settle(root: Path, python: str) -> Place:
    """Make a row's environment and folders below `root`."""
    interpreter = look_at(python)
    env = root / "env"
    site = env / "lib" / f"python{interpreter.version}" / "site-packages"
    place = Place(root, env, site, root / "work", root / "home", interpreter.cache_tag)
    for folder in (site, env / "bin", place.work, place.home, root / "tmp"):
        folder.mkdir(parents=True)
    (env / "pyvenv.cfg").write_text(
        f"home = {interpreter.path.parent}\ninclude-system-site-packages = false\n"
    )
    (env / "bin" / "python").symlink_to(interpreter.path)
    (site / "popcon").symlink_to(ROOT / "popcon")
    popcon = site / f"popcon-{__version__}.dist-info"
    popcon.mkdir()
    (popcon / "RECORD").write_text("popcon/__init__.py,,\n")
    (site / "witness.py").symlink_to(Path(__file__).with_name("witness.py"))
    place.library("Guest-Lib")
    return place


def run(
    fault: Fault, python: str, folder: Path, *, armed: bool = True, debug: bool = False
) -> Outcome:
    """Run a fault's program below `folder`; not `armed`, popcon has no part in it.

    `debug` sets POPCON_DEBUG.
    """
    extra = {"POPCON_DEBUG": "1"} if debug else {}
    root = Path(tempfile.mkdtemp(dir=folder))
    collector = Collector(socket.AF_INET, "127.0.0.1")
    pipe = os.pipe()
    try:
        place = settle(root, python)
        if fault.arm is SITECUSTOMIZE and armed:
            (place.site / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        fault.files(place)
        return _run(fault, place, collector, pipe, armed, extra)
    finally:
        collector.close()
        for end in pipe:
            os.close(end)
        shutil.rmtree(root, ignore_errors=True)


def _run(
    fault: Fault,
    place: Place,
    collector: Collector,
    pipe: tuple[int, int],
    armed: bool,
    extra: dict[str, str],
) -> Outcome:
    ear, told = pipe
    environ: dict[str, str | None] = {
        **{k: v for k, v in clean_environ().items() if not k.startswith(("PYTHON", "LC_"))},
        "HOME": str(place.home),
        "TMPDIR": str(place.root / "tmp"),
        "LC_ALL": "C.UTF-8",
        "PLACE": str(place.root),
        "WITNESS": str(told),
        "POPCON_SINK": "{sink}",
        "IPYTHONDIR": str(place.home / ".ipython"),
        **fault.environ,
        **extra,
    }
    env = {
        name: value.replace("{sink}", collector.url)
        for name, value in environ.items()
        if value is not None
    }
    refused = _try(fault.wrapper, env)
    if refused:
        return Outcome(refused=refused)
    parts = fault._asdict()
    if not armed:  # the lines keep their numbers
        parts["arm"] = "\n" * fault.arm.count("\n")
    done = subprocess.run(
        [
            *fault.wrapper,
            str(place.env / "bin" / "python"),
            *fault.options,
            "-c",
            _PROGRAM.format(**parts),
        ],
        env=env,
        cwd=place.work,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        pass_fds=(told,),
        check=False,
    )
    # What was sent on loopback is there when `sendto` returns; there is nothing to wait for.
    lines = tuple(collector.lines())
    os.write(told, b"\n")  # so that reading never waits
    witness = os.read(ear, 65_536).decode().splitlines()
    # A namespace has a loopback of its own: there the program listens itself (`witness.listen`).
    heard = tuple(line[6:] for line in witness if line.startswith("heard "))
    return Outcome(
        done.returncode,
        _ADDRESS.sub("0x", done.stdout),
        _ADDRESS.sub("0x", done.stderr),
        tuple(line for line in witness if line and not line.startswith("heard ")),
        lines + heard,
    )


def _try(wrapper: tuple[str, ...], env: dict[str, str]) -> str:
    """Return why a wrapper can't start a program here, or an empty text."""
    if not wrapper:
        return ""
    try:
        done = subprocess.run(
            [*wrapper, "true"], env=env, capture_output=True, text=True, timeout=PATIENCE
        )
    except OSError as error:
        return f"{wrapper[0]}: {error.strerror}"
    if done.returncode:
        last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        return f"{wrapper[0]}: {last}"
    return ""


#: Where this Python's own libraries are, IPython among them.
PURELIB = sysconfig.get_paths()["purelib"]
#: A shell, to prepare something and then become the program.
SHELL = ("sh", "-ec")
