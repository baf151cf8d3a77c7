"""`popcon index` and `popcon explain`: what they write, what they say, what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environ
from tests.libraries.cases import CASES, Site

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An environment with two libraries."""
    site = Site(tmp_path, f"image/lib/python{VERSION}/site-packages")
    site.add("six-1.16.0", "six.py").add("PyYAML-6.0", "yaml/__init__.py")
    return tmp_path / "image"


def popcon(*arguments: str, path: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command and return how it ended; `path` comes first on `sys.path`."""
    command = [sys.executable, "-m", "popcon", *arguments]
    environ = clean_environ(PYTHONPATH=f"{path}:{ROOT}", **environ)
    return subprocess.run(
        command, capture_output=True, text=True, env=environ, timeout=60, check=False
    )


def test_index(image: Path) -> None:
    """`popcon index` says file, libraries, rows and size; with --dry-run it writes nothing."""
    file = image / "share" / "popcon" / f"index-cpython-{VERSION.replace('.', '')}"
    dry = popcon("index", "--prefix", str(image), "--dry-run")
    assert not file.exists()
    done = popcon("index", "--prefix", str(image))

    size = file.stat().st_size
    assert done.stdout == f"wrote {file}: 2 libraries, 2 rows, {size} bytes\n", done.stderr
    assert dry.stdout == done.stdout.replace("wrote", "would write")


def test_enable_writes_it_and_disable_removes_it(image: Path) -> None:
    """`popcon enable` writes the index, `status` knows of it, `disable` leaves nothing."""
    enabled = popcon("enable", "ipython", "--prefix", str(image))
    status = popcon("status", "--prefix", str(image))
    disabled = popcon("disable", "ipython", "--prefix", str(image))

    assert f"index: {image}/share/popcon/index-" in enabled.stdout
    assert "index: fresh" in status.stdout
    assert "index: none" in popcon("status", "--prefix", str(image)).stdout
    assert disabled.returncode == 0
    assert not list((image / "share").rglob("index-*"))


def test_enable_without_an_index(image: Path) -> None:
    """Where the index can't be written enabling succeeds all the same, with a line of warning."""
    (image / "share").write_text("")
    enabled = popcon("enable", "ipython", "--prefix", str(image))

    assert enabled.returncode == 0
    assert enabled.stderr.startswith("popcon: warning: no index: can't write '")
    assert len(enabled.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "quoted"),
    [
        (("explain", "no_such_module"), 2, "'no_such_module'"),
        (("explain", "json", "json.nothing"), 2, "'json.nothing'"),
        (("explain", "a..b"), 2, "'a..b'"),
        (("index", "--prefix", "/no/such"), 3, "'/no/such'"),
        (("index", "--prefix", "/dev"), 3, "'/dev'"),
    ],
)
def test_refusals(arguments: tuple[str, ...], status: int, quoted: str) -> None:
    """What isn't found is refused in one line, before anything is printed."""
    done = popcon(*arguments)

    assert (done.returncode, done.stdout) == (status, "")
    assert quoted in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("json.decoder", "nothing: it is part of Python"),
        ("sys", "nothing: it has no file"),
        ("popcon.reporter", "nothing: popcon doesn't count itself"),
        ("own", "nothing: the file is in no site directory: it is somebody's own"),
        ("pytest", "pytest "),
        ("_pytest.main", "pytest "),
    ],
)
def test_explain(tmp_path: Path, module: str, expected: str) -> None:
    """Each module's library is said, or why it has none; nothing is imported for it."""
    (tmp_path / "own.py").write_text("raise SystemExit")
    done = popcon("explain", module, path=tmp_path)

    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[-1]
    assert line.startswith("  counted as")
    assert expected in line


@pytest.mark.parametrize(
    ("name", "environ", "expected"),
    [
        ("from_a_repository", {}, "_other: secret was installed from a repository"),
        ("from_a_repository", {"POPCON_SCOPE": "all"}, "secret: the file was installed by it"),
        ("egg_link", {}, "_other: the file belongs to an editable install"),
        ("egg_link", {"POPCON_SCOPE": "all"}, "secret: the file belongs to an editable install"),
        (
            "egg_link",
            {"POPCON_SCOPE": "all", "POPCON_DENY": "s*"},
            "_other: this editable install is not to be named (POPCON_ALLOW, POPCON_DENY)",
        ),
        (
            "from_a_repository",
            {"POPCON_SCOPE": "all", "POPCON_ALLOW": "other"},
            "_other: secret is not to be named (POPCON_ALLOW, POPCON_DENY)",
        ),
    ],
)
def test_explain_by_the_settings(
    tmp_path: Path, name: str, environ: dict[str, str], expected: str
) -> None:
    """What is counted goes by the scope and the globs that are set."""
    case = next(case for case in CASES if case.name == name)
    path = ":".join(map(str, case.build(tmp_path)))
    done = popcon("explain", "secret", path=Path(path), **environ)

    assert done.stdout.splitlines()[-1].split(None, 2)[2].startswith(expected), done.stdout


@pytest.mark.parametrize(
    ("name", "module", "link", "library"),
    [
        ("namespace_shared_by_three", "google.cloud.storage", "RECORD", "google-cloud-storage"),
        ("installed_files_list", "oldie", "RECORD", "old-style"),
        ("egg_folder", "eggy.inner", "egg", "eggy-dist"),
        ("debian_egg_info", "apt", "top_level.txt", "python-apt"),
        ("conda_without_distribution", "scipp.core", "conda-meta", "scipp"),
        ("nothing_but_its_name", "some_tool", "own name", "some-tool"),
        ("dotted_names_without_lists", "lazr.uri", "top_level.txt", "lazr-uri"),
    ],
)
def test_each_link_says_how_it_knows(
    tmp_path: Path, name: str, module: str, link: str, library: str
) -> None:
    """The first link of the chain that speaks for a library is the one that is believed."""
    case = next(case for case in CASES if case.name == name)
    path = case.build(tmp_path)[0]
    done = popcon("explain", "--json", module, path=path)
    (answer,) = json.loads(done.stdout)

    assert answer["library"] == library
    says = next(step for step in answer["chain"] if step["library"])
    assert (says["link"], says["library"]) == (link, library)
    assert answer["index"] == "there is none"
