"""Files: metadata that is broken, disks that are full or can't be read, homes that are not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ROOT
from tests.manners.fault import ALL, REPORTS, SHELL, STARTUP, USED, Fault, Place

_MOUNTS = ("unshare", "--mount", *(() if os.getuid() == 0 else ("--map-root-user",)), *SHELL)
#: Root reads everything, unless it gives up the right to.
_NO_ROOT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.getuid() == 0 else ()
_OTHER = "python_popcon.library_used._other:1|c"
_BROKEN = "python_popcon.library_used.broken:1|c"


def mounted(script: str) -> tuple[str, ...]:
    """Return a wrapper: a namespace of mounts, set up by this script."""
    return (*_MOUNTS, f'{script}\nexec "$@"', "sh")


FULL = """
for name in work home tmp; do
    mount -t tmpfs -o size=4k popcon "$PLACE/$name"
    head -c 9000 /dev/zero > "$PLACE/$name/full" 2> /dev/null || true
done
cd "$PLACE/work"
"""
READ_ONLY = 'mount --bind "$PLACE" "$PLACE"\nmount -o remount,ro,bind "$PLACE"\ncd "$PLACE/work"'
_WRITE = "try: open('x', 'wb').write(b'x' * 9000)\nexcept OSError as error: print(error.errno)"


def _broken(
    name: str, break_it: Callable[[Path], object], *, wrapper: tuple[str, ...] = ()
) -> Fault:
    """Return a row with one more library, broken: it may be lost, the others are not."""

    def files(place: Place) -> None:
        break_it(place.library("broken"))

    return Fault(
        name,
        files=files,
        wrapper=wrapper,
        body="import broken, guest_lib",
        may=(_BROKEN, _OTHER),
    )


def _write(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Replace a file by what `make` makes at its path."""

    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return change


def _file_instead(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("x")


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 50_000_000)


def _odd_names(place: Place) -> None:
    """Metadata folders with names that are no names."""
    site = os.fsencode(place.site)
    for name in (
        b"-1.0.dist-info",
        b".dist-info",
        b"-.dist-info",
        b".egg-info",
        b"\xff\xfe-1.dist-info",
        b"caf\xe9-1.0.dist-info",
        b"a\nb-1.0.dist-info",
        b" -1.0.dist-info",
        b"..-1.0.egg-info",
    ):
        os.mkdir(site + b"/" + name)
        with open(site + b"/" + name + b"/RECORD", "wb") as record:
            record.write(b"\xff/\xfe.py,,\n,,\n")


def _linked_circle(place: Place) -> None:
    for number in range(3):
        (place.site / f"circle{number}-1.0.dist-info").symlink_to(
            place.site / f"circle{(number + 1) % 3}-1.0.dist-info"
        )
    (place.site / "dangling-1.0.dist-info").symlink_to(place.site / "nowhere")
    (place.site / "itself-1.0.dist-info").symlink_to(place.site)


def _without_popcon(place: Place) -> None:
    (place.site / "popcon").unlink()


def _half_popcon(*missing: str, **written: str) -> Callable[[Place], object]:
    """Install a copy of popcon in which some files are missing, or say something else."""

    def files(place: Place) -> None:
        _without_popcon(place)
        shutil.copytree(
            ROOT / "popcon", place.site / "popcon", ignore=shutil.ignore_patterns("__pycache__")
        )
        for name in missing:
            path = place.site / "popcon" / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, text in written.items():
            (place.site / "popcon" / f"{name}.py").write_text(text)

    return files


def _empty_popcon(place: Place) -> None:
    _without_popcon(place)
    (place.site / "popcon").mkdir()


def _own_files(place: Place) -> None:
    for name in (
        "popcon",
        "config",
        "catalog",
        "guard",
        "report",
        "reporter",
        "libraries",
        "sinks",
        "statsd",
        "errors",
    ):
        (place.work / f"{name}.py").write_text("print('the file of the user was run')\n")


def _startup(name: str, files: Callable[[Place], object], *, reached: bool = True) -> Fault:
    """Return a row where popcon itself is broken: the startup file's text is all that is left."""
    return Fault(name, files=files, arm=STARTUP, arrives=(), reached=reached)


def _index(place: Place) -> Path:
    folder = place.env / "share" / "popcon"
    folder.mkdir(parents=True)
    return folder / f"index-{place.cache_tag}"


def _bad_index(
    name: str, make: Callable[[Path], object], *, wrapper: tuple[str, ...] = ()
) -> Fault:
    return Fault(f"index that is {name}", files=lambda place: make(_index(place)), wrapper=wrapper)


def _bad_watch_list(
    name: str, make: Callable[[Path], object], *, wrapper: tuple[str, ...] = (), says: str = ""
) -> Fault:
    return Fault(
        f"watch list that is {name}",
        files=lambda place: make(_index(place).with_name("watch-list")),
        wrapper=wrapper,
        says=says,
    )


def _unreadable(path: Path) -> None:
    path.write_text("")
    path.chmod(0)


FAULTS = [
    # Metadata of a library
    _broken("RECORD of garbage", _write("RECORD", bytes(range(256)) * 40)),
    _broken(
        "RECORD of text that is no table", _write("RECORD", b'"""\n,,,\n"a,b\n../../x\n/etc\n')
    ),
    _broken("RECORD that is empty", _write("RECORD", b"")),
    _broken("RECORD in UTF-16", _write("RECORD", "broken/__init__.py,,\n".encode("utf-16"))),
    _broken("RECORD that is a folder", _instead("RECORD", lambda path: path.mkdir())),
    _broken("RECORD of 50 MB", _instead("RECORD", _sparse)),
    _broken("RECORD that is a pipe", _instead("RECORD", os.mkfifo)),
    _broken("RECORD that dangles", _instead("RECORD", lambda path: path.symlink_to("nowhere"))),
    _broken(
        "RECORD that is a link to itself",
        _instead("RECORD", lambda path: path.symlink_to("RECORD")),
    ),
    _broken("RECORD that can't be read", _instead("RECORD", _unreadable), wrapper=_NO_ROOT),
    _broken("metadata folder that can't be read", lambda folder: folder.chmod(0), wrapper=_NO_ROOT),
    _broken("metadata folder that is empty", _empty),
    _broken("metadata folder that is gone", shutil.rmtree),
    _broken("metadata folder that is a file", _file_instead),
    _broken(
        "direct_url.json of garbage", _write("direct_url.json", b'{"url": "file:\xff", "editable":')
    ),
    _broken(
        "direct_url.json that is a folder", _instead("direct_url.json", lambda path: path.mkdir())
    ),
    _broken("entry_points and METADATA of bytes", _write("METADATA", b"\xff\x00Name\xfe: \n")),
    Fault("metadata with odd names", files=_odd_names),
    Fault("metadata folders that are links in a circle", files=_linked_circle),
    Fault(
        "two metadata folders for one library",
        files=lambda place: shutil.copytree(place.guest, place.site / "guest_lib-2.0.dist-info"),
    ),
    Fault(
        "site directory that can't be listed",
        options=("-B",),  # a folder that was written to is listed anew
        before="import os; os.chmod(os.path.dirname(witness.__file__), 0o311)",
        wrapper=_NO_ROOT,
        # Nothing can be known of what is in it.
        arrives=(REPORTS,),
        may=(USED, _OTHER),
        last="try: os.listdir(os.path.dirname(guest_lib.__path__[0]))\n"
        "except OSError as error: print(error.errno)",
        stdout="The user's own line.\n13\n",
    ),
    # The index
    _bad_index("garbage", lambda path: path.write_bytes(bytes(range(256)) * 40)),
    _bad_index("empty", lambda path: path.touch()),
    _bad_index("a folder", lambda path: path.mkdir()),
    _bad_index("unreadable", _unreadable, wrapper=_NO_ROOT),
    _bad_index("a pipe", os.mkfifo),
    _bad_index("a link to itself", lambda path: path.symlink_to(path.name)),
    _bad_index("of 50 MB", _sparse),
    # The watch list
    _bad_watch_list(
        "garbage", lambda path: path.write_bytes(bytes(range(256)) * 40), says="is damaged"
    ),
    _bad_watch_list("empty", lambda path: path.touch(), says="is damaged"),
    _bad_watch_list("a folder", lambda path: path.mkdir()),
    _bad_watch_list("unreadable", _unreadable, wrapper=_NO_ROOT),
    _bad_watch_list("a pipe", os.mkfifo, says="is damaged"),
    _bad_watch_list("a link to itself", lambda path: path.symlink_to(path.name)),
    _bad_watch_list("of 50 MB", _sparse, says="is damaged"),
    # Disks
    Fault(
        "disk that is full",
        wrapper=mounted(FULL),
        last=_WRITE,
        stdout="The user's own line.\n28\n",
    ),
    Fault(
        "disk that is read-only",
        wrapper=mounted(READ_ONLY),
        last=_WRITE,
        stdout="The user's own line.\n30\n",
    ),
    Fault("no temporary folder", {"TMPDIR": "/nowhere"}),
    Fault(
        "working directory that is deleted",
        first="import os; os.rmdir(os.getcwd()); del os",
    ),
    Fault(
        "working directory that is deleted, and the startup file",
        first="import os; os.rmdir(os.getcwd()); del os",
        arm=STARTUP,
    ),
    Fault(
        "working directory that is deleted later",
        last="import os; os.rmdir(os.getcwd())",
    ),
    Fault("files of the user's named as popcon's", files=_own_files, arm=STARTUP),
    # Homes
    Fault("no HOME", {"HOME": None}),
    Fault("HOME that is empty", {"HOME": ""}),
    Fault("HOME that does not exist", {"HOME": "/nowhere/at/all"}),
    Fault("HOME that is the root", {"HOME": "/"}),
    Fault("HOME that is a file", {"HOME": "/etc/passwd"}),
    Fault("HOME that is relative", {"HOME": "work"}),
    Fault("HOME of bytes", {"HOME": "/\udcff\udcfe"}),
    Fault("HOME of 100 kB", {"HOME": "/" + "h" * 100_000}),
    Fault(
        "no HOME, and a user that has no name",
        {"HOME": None},
        wrapper=(
            "setpriv",
            "--reuid=54321",
            "--clear-groups",
            "--inh-caps=+dac_override,+dac_read_search",
            "--ambient-caps=+dac_override,+dac_read_search",
        ),
    ),
    # popcon itself
    _startup("popcon that is not installed", _without_popcon, reached=False),
    _startup("popcon that is an empty folder", _empty_popcon, reached=False),
    _startup("popcon without its reporter", _half_popcon("reporter.py")),
    _startup("popcon without its settings", _half_popcon("config.py")),
    _startup("popcon without its sinks", _half_popcon("sinks")),
    _startup("popcon with a syntax error", _half_popcon(__init__="def (:\n"), reached=False),
    _startup("popcon whose reporter has a syntax error", _half_popcon(reporter="def (:\n")),
    _startup("popcon of null bytes", _half_popcon(__init__="\0\0\0"), reached=False),
    _startup("popcon that raises", _half_popcon(__init__="1 / 0"), reached=False),
    _startup("popcon that exits", _half_popcon(__init__="raise SystemExit(3)"), reached=False),
    Fault(
        "popcon whose resolver is missing",
        files=_half_popcon("libraries.py"),
        arrives=(),
        may=ALL,
        says="popcon: ModuleNotFoundError: No module named 'popcon.libraries'",
    ),
    Fault(
        "popcon that is removed while the program runs",
        files=_half_popcon(),
        last="import shutil, popcon; shutil.rmtree(popcon.__path__[0])",
        arrives=(),
        may=ALL,
    ),
]
