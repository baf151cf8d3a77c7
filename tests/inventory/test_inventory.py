"""`popcon inventory`: what is installed, by the names that are counted, and each file once."""

from __future__ import annotations

import json
import os
import site as python_site
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from popcon import index
from popcon.inventory.disk import Disk, files_of, in_order
from popcon.inventory.environment import inventory
from popcon.site_directory import SiteDirectory
from tests.conftest import ROOT, clean_environ
from tests.libraries.cases import CASES, Site
from tests.load.conftest import popcon

#: The last is a hard link to the one before it.
TWO = ("two/__init__.py", "two/more.py", "two/same.py")
URLS = {
    "repository": {"url": "https://u:secret@git.example/x", "vcs_info": {"vcs": "git"}},
    "local file": {"url": "file:///home/ada/x.whl", "archive_info": {}},
    "address": {"url": "https://example.org/x.whl", "archive_info": {}},
    "editable": {"url": "file:///home/ada/x", "dir_info": {"editable": True}},
}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An environment with a library of each origin, and files that libraries share."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    site = Site(tmp_path, f"image/lib/python{version}/site-packages")
    site.add("Two.Parts-1.0", *TWO, INSTALLER="pip\n")
    site.add("uno-2.0", "two/more.py", "uno.py", INSTALLER="conda\n")
    for file, size in zip(TWO, (1000, 500)):
        site.file(file, "a" * size)
    site.file("two/__pycache__/more.cpython-311.pyc", "c" * 200)
    (site.folder / TWO[2]).unlink()
    os.link(site.folder / TWO[1], site.folder / TWO[2])
    for origin, said in URLS.items():
        name = origin.replace(" ", "_")
        extra = {"direct_url__json": json.dumps(said), "INSTALLER": "pip\n"}
        site.add(f"from_{name}-3.0", f"{name}.py", **extra)
    site.add("nobody_knows-4.0", "nobody_knows.py")
    site.add("evil-5.0", record="../../../../outside,,\n/etc/passwd,,\nevil.py,,\n")
    (tmp_path / "outside").write_text("x" * 100_000)
    return tmp_path / "image"


def asked(*arguments: str | Path, **environ: str) -> dict[str, dict[str, Any]]:
    """Return what `--json` says: library → its row."""
    done = popcon("inventory", "--json", *arguments, **environ)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["format"] == "popcon-inventory 1"
    assert answer["bytes"] == sum(row["bytes"] for row in answer["libraries"])
    return {row["library"]: row for row in answer["libraries"]}


def test_rows(image: Path) -> None:
    """Names are PEP 503's; origins are what installers wrote; no address or folder is told."""
    found = asked("--prefix", image)
    told = {name: (row["version"], row["origin"], row["counted_as"]) for name, row in found.items()}

    assert told == {
        "two-parts": ("1.0", "package index", "two-parts"),
        "uno": ("2.0", "conda", "uno"),
        "from-repository": ("3.0", "repository", "_other"),
        "from-local-file": ("3.0", "local file", "_other"),
        "from-address": ("3.0", "address", "_other"),
        "from-editable": ("3.0", "editable", "_other"),
        "nobody-knows": ("4.0", "unknown", "nobody-knows"),
        "evil": ("5.0", "unknown", "evil"),
    }
    assert not any(word in json.dumps(found) for word in ("secret", "git.example", "/home/ada"))


def test_sizes(image: Path) -> None:
    """A file counts once, for the library that comes first; nothing outside counts at all."""
    found = asked("--prefix", image)
    info = next(image.glob("lib/python*/site-packages/Two.Parts-1.0.dist-info"))
    metadata = sum(file.stat().st_size for file in info.iterdir() if file.name == "RECORD")

    assert found["two-parts"]["bytes"] == 1000 + 500 + 200 + metadata
    assert found["uno"]["shared"] == {"two-parts": 700}
    assert found["two-parts"]["shared"] == {}
    assert found["evil"]["bytes"] < 200


def test_table(image: Path) -> None:
    """The table is sorted by size, and ends with totals."""
    lines = popcon("inventory", "--prefix", image).stdout.splitlines()

    assert lines[0].split() == ["library", "version", "size", "from", "infrastructure"]
    assert lines[1].split()[:4] == ["two-parts", "1.0", "1.9", "kB"]
    assert lines[-1].startswith("8 libraries, ")
    assert lines[-1].endswith("; 5 names that can be counted")


@pytest.mark.parametrize("case", [case.name for case in CASES if not case.name.startswith("zip")])
def test_names_agree_with_the_resolver(tmp_path: Path, case: str) -> None:
    """Whatever metadata there is, an inventory has the libraries that the index has."""
    next(each for each in CASES if each.name == case).build(tmp_path)
    prefix = str(tmp_path / "image")
    (made,) = index.build(prefix)
    listed = inventory(prefix)

    assert len(listed) == made.libraries
    for row in listed:
        assert f"\n{row.name}\t" in made.text


def test_owners_agree_with_the_resolver() -> None:
    """In this environment each file counts for the library that its module counts for."""
    base = next(each for each in sys.path if each.endswith("site-packages"))
    site = SiteDirectory(base, exact=True)
    owners: dict[str, str] = {}
    for library in in_order(site):
        for path in files_of(site, library):
            if path.endswith(".py") and path.startswith(base + "/"):
                owners.setdefault(path[len(base) + 1 :], library)
    assert len(owners) > 1000
    differing = {path for path, library in owners.items() if site.find(path)[0] != library}
    assert not differing


def test_a_library_without_a_list_of_files(tmp_path: Path) -> None:
    """Where only names are known, a package's folder is its size; a namespace isn't counted twice."""
    site = Site(tmp_path)
    site.file("shared/listed.py", "a" * 100)
    site.file("shared/other.py", "b" * 10)
    site.add("named-1.0", record=None, kind="egg-info", top_level__txt="shared\n")
    site.add("zlisted-1.0", "shared/listed.py", record="shared/listed.py,,\n")
    site.file("shared/listed.py", "a" * 100)
    found = SiteDirectory(str(site.folder), exact=True)
    disk = Disk()
    sizes = {library: disk.measure(found, library) for library in in_order(found)}

    assert sizes["zlisted"] == (100, {})
    assert sizes["named"] == (10 + len("shared\n"), {"zlisted": 100})


def test_somebodys_own(tmp_path: Path) -> None:
    """What lies in a user's site directory is in the list, and reads `_other` unless the image has it."""
    folder = python_site.getusersitepackages().removeprefix(f"{python_site.getuserbase()}/")
    site = Site(tmp_path, f"home/{folder}")
    site.add("ada_private-1.0", "ada_private.py", INSTALLER="pip\n")
    site.add("pytest-0.1", "pytest.py", INSTALLER="pip\n")
    own = {"PYTHONUSERBASE": str(tmp_path / "home"), "PYTHONPATH": f"{site.folder}:{ROOT}"}
    found = asked(**own)
    command = [sys.executable, "-m", "popcon", "inventory", "--send", "--dry-run"]
    lines = subprocess.run(
        command, env=clean_environ(**own), capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert found["ada-private"]["counted_as"] == "_other"
    assert found["ada-private"]["origin"] == "user site"
    assert not any("ada_" in line or "ada-" in line for line in lines)
    assert "python_popcon.library_used._other:0|c" in lines
    assert "python_popcon.library_used.pytest:0|c" in lines
    assert "python_popcon.library_used.popcon:0|c" not in lines
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("arguments", "environ", "status", "quoted"),
    [
        (["--prefix", "/no/such"], {}, 3, "'/no/such'"),
        (["--prefix", "/dev"], {}, 3, "'/dev'"),
        (["--send", "--rate", "0"], {}, 2, "'0'"),
        (["--rate", "10"], {}, 2, "'--rate'"),
        (["--to", "statsd://127.0.0.1:1"], {}, 2, "'--to'"),
        (["--json", "--dry-run"], {}, 2, "'--dry-run'"),
        (["--send", "--rate", "nan"], {}, 2, "'nan'"),
        (["--send", "--to", "http://x"], {}, 2, "'http://x'"),
        (["--send", "--to", "statsd://nowhere.invalid"], {}, 4, "'nowhere.invalid'"),
        (["--send", "--to", "statsd+tcp://127.0.0.1:1"], {}, 4, "127.0.0.1 port 1"),
        (["--send"], {"POPCON_DISABLED": "1"}, 2, "POPCON_DISABLED is set"),
        (["--send"], {"POPCON_LABELS": "x"}, 2, "'x'"),
    ],
)
def test_refusals(arguments: list[str], environ: dict[str, str], status: int, quoted: str) -> None:
    """What can't be done is refused, the value in quotes, and nothing is printed."""
    done = popcon("inventory", *arguments, **environ)

    assert (done.returncode, done.stdout) == (status, "")
    assert quoted in done.stderr.splitlines()[-1]
