"""An environment's watch list: which checks hold, in functions, in scripts and in a real kernel."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import sysconfig
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from popcon.activate.ipython import FILE_NAME, startup_text
from popcon.demo.kernels import kernel
from popcon.errors import FileError
from popcon.indexed import watch_list_file
from popcon.watch_list import WatchList, describe, parse, render
from tests.conftest import Collector, clean_environ, interpreters
from tests.manners.fault import Place, settle

if TYPE_CHECKING:
    from popcon.watch_list import Entry

FEW = pytest.mark.parametrize("python", interpreters(few=True))
ENTRIES: list[Entry] = [
    ("std", "any", ("ROOT.std", "ROOT.more")),
    ("gpu", "all", ("torch", "torch.cuda")),
    ("in-a-kernel", "all", ("ipykernel", "torch")),
    ("parts", "submodules", ("sklearn", "skimage")),
    ("web", "any", ("tornado",)),
    ("twice", "any", ("one",)),
    ("twice", "any", ("two",)),
]
#: What the process loads by itself, and what is not there.
KERNELS = ("ipykernel", "tornado", "tornado.web", "sklearn.base")

#: (modules that come and are the user's, names that cells import, other modules that come)
Step = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([((), (), ())], [()]),
        ([(("numpy",), ("nothing",), ())], [()]),
        ([(("ROOT", "ROOT.std"), (), ())], [("std",)]),
        ([(("ROOT.std",), (), ()), (("ROOT.more",), (), ())], [("std",), ()]),
        ([(("ROOT",), (), ()), (("ROOT.more",), (), ())], [(), ("std",)]),
        ([(("torch",), (), ()), (("torch.cuda",), (), ())], [("in-a-kernel",), ("gpu",)]),
        ([(("torch", "torch.cuda"), (), ())], [("gpu", "in-a-kernel")]),
        # one of them has to be the user's, the others may be anybody's
        ([((), (), ("torch", "torch.cuda"))], [()]),
        ([((), (), ("torch",)), (("torch.cuda",), (), ())], [(), ("gpu",)]),
        ([(("torch",), (), ()), ((), (), ("torch.cuda",))], [("in-a-kernel",), ("gpu",)]),
        # below a module, not itself
        ([(("sklearn", "sklearnex", "sklearnex.x"), (), ())], [()]),
        ([(("skimage.io.collection",), (), ())], [("parts",)]),
        # what the kernel has loaded counts when a cell imports it by name
        ([((), ("tornado", "tornado.gen"), ())], [("web",)]),
        ([((), ("sklearn", "sklearn.base"), ())], [("parts",)]),
        # once in a process's life, whichever of one name it is
        ([(("one",), (), ()), (("two",), ("one",), ())], [("twice",), ()]),
        ([(("one", "two"), (), ())], [("twice",)]),
    ],
)
def test_hits(steps: list[Step], expected: list[tuple[str, ...]]) -> None:
    """A check holds where its modules are loaded, and the user brought or named one of them."""
    modules: dict[str, object] = {name: types.ModuleType(name) for name in KERNELS}
    watch_list = WatchList(ENTRIES)
    found = []
    for users, named, others in steps:
        modules.update((name, types.ModuleType(name)) for name in users + others)
        found.append(watch_list.hits(users, named, modules))

    assert found == expected


def test_what_is_not_loaded_yet() -> None:
    """A module whose import is running, or fails, or is put off, waits; somebody's object counts."""
    spec = importlib.util.spec_from_file_location("one", "/no/one.py")
    assert spec is not None
    running: Any = types.ModuleType("one")
    running.__spec__, spec._initializing = spec, True  # type: ignore[attr-defined]
    lazy: object = vars(importlib.util)["_LazyModule"]("tornado")
    modules: dict[str, object] = {
        "one": running,
        "tornado": lazy,
        "importlib.util": importlib.util,
        "two": None,
    }
    watch_list = WatchList(ENTRIES)

    assert watch_list.hits(["one", "two", "tornado"], (), modules) == ()
    del modules["one"]
    assert watch_list.hits((), (), modules) == ()
    modules["one"] = types.ModuleType("one")
    modules["tornado"] = object()
    assert watch_list.hits((), (), modules) == ("twice", "web")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "end\n",
        "popcon-watch-list 1\nend",
        "popcon-watch-list 2\nany a b\nend\n",
        "popcon-watch-list 1\nany a b\n",
        "popcon-watch-list 1\nany a\nend\n",
        "popcon-watch-list 1\nany  b\nend\n",
        "popcon-watch-list 1\nnever a b\nend\n",
        "popcon-watch-list 1\n\nend\n",
        "\0" * 100,
    ],
)
def test_a_damaged_file(text: str) -> None:
    """A file that isn't whole, or of another version, is of no use, and named."""
    with pytest.raises(FileError, match=r"'/x/watch-list' is damaged"):
        parse(text, "/x/watch-list")


def _environment(root: Path, python: str) -> Place:
    """An environment whose kernels load this one's libraries, and that has `apples` and `pears`."""
    place = settle(root, python)
    (place.site / "more.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for name in ("apples", "pears"):
        place.library(name)
        (place.site / name / "core.py").write_text("")
    return place


def _watch(prefix: Path, entries: list[Entry]) -> Path:
    file = Path(watch_list_file(str(prefix)))
    file.parent.mkdir(parents=True)
    file.write_text(render(entries))
    return file


FRUIT: list[Entry] = [
    ("fruit", "any", ("apples", "pears")),
    ("core", "submodules", ("apples",)),
    ("salad", "all", ("apples", "pears", "os")),
    ("system", "any", ("os",)),
    ("program", "all", ("ipykernel", "apples")),
]


def _run(place: Place, program: str, url: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program that imports the libraries of the place alone."""
    (place.site / "more.pth").unlink(missing_ok=True)
    return subprocess.run(
        [str(place.env / "bin" / "python"), "-c", program],
        env={**clean_environ(POPCON_SINK=url, **environ), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


ARM = "import popcon; popcon.setup_reporter()\n"


@FEW
@pytest.mark.parametrize(
    ("program", "environ", "expected"),
    [
        ("import json", {}, []),
        ("import apples", {}, ["fruit"]),
        ("import pears, apples.core", {}, ["core", "fruit", "salad"]),
        ("try: import apples.never\nexcept ImportError: pass", {}, ["fruit"]),
        ("import os, apples; os.fork() or __import__('pears')", {}, ["fruit"]),
        (
            "import os, apples\nif os.fork() == 0: import pears, apples.core\nelse: os.wait()",
            {"POPCON_CHILDREN": "each"},
            ["core", "fruit", "fruit", "salad"],
        ),
        ("import apples", {"SLURM_PROCID": "1"}, None),
        ("import apples", {"DO_NOT_TRACK": "1"}, None),
    ],
)
def test_in_scripts(
    tmp_path: Path,
    collector: Collector,
    python: str,
    program: str,
    environ: dict[str, str],
    expected: list[str] | None,
) -> None:
    """A script's checks arrive with its libraries, in one datagram, each once a process."""
    place = _environment(tmp_path, python)
    _watch(place.env, FRUIT)
    done = _run(place, ARM + program, collector.url, **environ)
    datagrams = [datagram.decode().split("\n") for datagram in collector.datagrams(wait=0.5)]
    found = [line for lines in datagrams for line in lines if ".check." in line]

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert len(datagrams) == (0 if expected is None else 2 if "POPCON_CHILDREN" in environ else 1)
    assert sorted(found) == [f"python_popcon.check.{name}:1|c" for name in expected or ()]


@FEW
def test_a_check_is_said_once(tmp_path: Path, collector: Collector, python: str) -> None:
    """Over several reports, and with a name that several checks have, a name is said once."""
    place = _environment(tmp_path, python)
    _watch(place.env, [*FRUIT, ("fruit", "any", ("json",))])
    report = "popcon._armed.reporter.report_all(final=False)\n"
    done = _run(
        place,
        f"{ARM}import apples\n{report}{report}import pears, json\n{report}import apples.core",
        collector.url,
    )

    assert done.stderr == ""
    assert [line for line in collector.lines(wait=5) if ".check." in line] == [
        "python_popcon.check.fruit:1|c",
        "python_popcon.check.salad:1|c",
        "python_popcon.check.core:1|c",
    ]


@pytest.mark.parametrize("own", [False, True])
def test_an_environment_on_top_of_the_images(
    tmp_path: Path, collector: Collector, own: bool
) -> None:
    """Where the environment has no list, that of the Python below it is gone by."""
    place = _environment(tmp_path / "place", sys.executable)
    _watch(tmp_path, [("below", "any", ("apples",))])
    if own:
        _watch(place.env, [("own", "any", ("apples",))])
    below = f"import sys; sys.base_prefix = {str(tmp_path)!r}\n"
    _run(place, f"{below}{ARM}import apples", collector.url)

    assert _checks(collector) == ["own" if own else "below"]


#: Says which watch lists are opened, and what is loaded, while popcon is armed and afterwards.
OPENED = """\
import json, os, sys
opened = []
def hear(event, args):
    if event == "open" and str(args[0]).endswith("watch-list"):
        opened.append(os.path.dirname(str(args[0])))
sys.addaudithook(hear)
import popcon; popcon.setup_reporter()
while_arming = list(opened)
report = popcon._armed.reporter.report_all
report(final=False); import apples; report(final=False); import pears; report(final=False)
report(final=True)
print(json.dumps([while_arming, opened, "popcon.watch_list" in sys.modules]))
"""


@FEW
@pytest.mark.parametrize("there", [False, True])
def test_a_list_is_opened_once(
    tmp_path: Path, collector: Collector, python: str, there: bool
) -> None:
    """A process opens a list once, never while it is armed; without one nothing more is loaded."""
    place = _environment(tmp_path, python)
    if there:
        _watch(place.env, FRUIT)
    done = _run(place, OPENED, collector.url)
    while_arming, opened, loaded = json.loads(done.stdout)

    # Where the environment has none, the Python below it may have one.
    assert (while_arming, len(opened), loaded) == ([], 1 if there else 2, there)
    assert opened[0] == str(place.env / "share" / "popcon")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\0" * 50, b"popcon-watch-list 1\nany a\nend\n", b"end\n"]
)
def test_a_damaged_list_costs_nothing(tmp_path: Path, collector: Collector, content: bytes) -> None:
    """A damaged list is ignored, and the libraries are counted; POPCON_DEBUG shows it once."""
    place = _environment(tmp_path, sys.executable)
    file = _watch(place.env, FRUIT)
    file.write_bytes(content)
    program = ARM + "import apples\npopcon._armed.reporter.report_all(final=False)\nimport json"
    done = _run(place, program, collector.url)
    debug = _run(place, program, collector.url, POPCON_DEBUG="1")

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert debug.stderr == f"popcon: FileError: '{file}' is damaged, and ignored\n"
    expected = ["python_popcon.library_used.apples:1|c", "python_popcon.reports:1|c"]
    assert collector.lines(wait=5) == expected * 2
    assert describe(str(place.env)) == f"watch list: '{file}' is damaged, and ignored"


def test_in_a_kernel(tmp_path: Path, collector: Collector) -> None:
    """In a kernel a check is about the cells: what the kernel loads holds when a cell imports it."""
    place = _environment(tmp_path / "place", sys.executable)
    _watch(place.env, [*FRUIT, ("web", "any", ("tornado",)), ("event", "submodules", ("tornado",))])
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / FILE_NAME).write_text(startup_text())
    environ = {
        **clean_environ(POPCON_SINK=collector.url, IPYTHONDIR=str(tmp_path)),
        "PYTHONPATH": "",
    }
    found = []
    with kernel(environ, str(place.env / "bin" / "python")) as session:
        for cell in (
            "import sys, json",
            "import apples",
            "1",
            "import pears, apples.core",
            "import os",
        ):
            session.run(cell)
            found.append(_checks(collector))
        session.run("from tornado import ioloop; import tornado")
        found.append(_checks(collector))

    assert found == [
        [],
        ["fruit", "program"],
        [],
        ["core", "salad"],
        ["system"],
        ["event", "web"],
    ]
    assert _checks(collector) == []


def _checks(collector: Collector) -> list[str]:
    start = "python_popcon.check."
    lines = [line for line in collector.lines(wait=0.3) if line.startswith(start)]
    return [line[len(start) :].partition(":")[0] for line in lines]
