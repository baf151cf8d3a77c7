"""Modules to libraries, on site directories made of metadata folders."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
import types
from pathlib import Path

import pytest

from popcon.libraries import Libraries, own_sources, split_site
from popcon.metadata import normalise
from popcon.site_directory import SiteDirectory


class Site:
    """A site directory with distributions in it, below an environment's root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "lib" / "python3" / "site-packages"
        self.folder.mkdir(parents=True)

    def add(
        self, name: str, *files: str, record: bool = True, kind: str = "dist-info", **extra: str
    ) -> None:
        """Install a distribution with these files; `extra` are metadata files by name."""
        info = self.folder / f"{name}.{kind}"
        info.mkdir()
        rows = [
            *files,
            f"{info.name}/METADATA",
            *(f"{info.name}/{file.replace('__', '.')}" for file in extra),
            "../../../bin/tool",
            "__pycache__/x.cpython-311.pyc",
        ]
        if record:
            (info / "RECORD").write_text("".join(f"{row},sha256=abc_-,12\n" for row in rows))
        for file, text in extra.items():
            (info / file.replace("__", ".")).write_text(text)

    def module(self, path: str) -> types.ModuleType:
        """Return a module that was loaded from a file here."""
        made = types.ModuleType("made")
        made.__file__ = str(self.folder / path)
        return made


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The image's site directory."""
    return Site(tmp_path / "image")


def used(site: Site, *paths: str) -> set[str]:
    """Return the libraries of modules loaded from these files."""
    modules = {f"m{number}": site.module(path) for number, path in enumerate(paths)}
    return set(Libraries([str(site.root)], []).used_by(list(modules), modules)[0])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("yaml/__init__.py", {"pyyaml"}),
        ("yaml/loader.py", {"pyyaml"}),
        ("six.py", {"six"}),
        ("_cffi_backend.cpython-311-x86_64-linux-gnu.so", {"cffi"}),
        ("google/cloud/storage/__init__.py", {"google-cloud-storage"}),
        ("google/cloud/bigquery/client.py", {"google-cloud-bigquery"}),
        ("google/api/http_pb2.py", {"googleapis-common-protos"}),
        ("zope/interface/__init__.py", {"zope-interface"}),
        ("zope/interface/adapter.py", {"zope-interface"}),
        ("ruamel/yaml/main.py", {"ruamel-yaml"}),
        ("mpl_toolkits/mplot3d/axes3d.py", {"matplotlib"}),
        ("setuptools/_vendor/packaging/version.py", {"setuptools"}),
        ("local_module.py", set()),
        ("tests/mine.py", set()),
    ],
)
def test_file_to_library(site: Site, path: str, expected: set[str]) -> None:
    """A module belongs to the distribution that installed its file, not to all owners of a name."""
    site.add("PyYAML-6.0", "yaml/__init__.py", "yaml/loader.py")
    site.add("six-1.16.0", "six.py")
    site.add("cffi-2.0.0", "_cffi_backend.cpython-311-x86_64-linux-gnu.so", "cffi/__init__.py")
    site.add("google_cloud_storage-2.0", "google/cloud/storage/__init__.py")
    site.add(
        "google_cloud_bigquery-3.0",
        "google/cloud/bigquery/__init__.py",
        "google/cloud/bigquery/client.py",
    )
    site.add("googleapis_common_protos-1.6", "google/api/http_pb2.py")
    site.add("zope.interface-5.0", "zope/interface/__init__.py", "zope/interface/adapter.py")
    site.add("zope.event-5.0", "zope/event/__init__.py")
    site.add("ruamel.yaml-0.18", "ruamel/yaml/main.py")
    site.add("matplotlib-3.9", "matplotlib/__init__.py", "mpl_toolkits/mplot3d/axes3d.py")
    site.add("basemap-1.4", "mpl_toolkits/basemap/__init__.py")
    site.add("setuptools-80.0", "setuptools/__init__.py", "setuptools/_vendor/packaging/version.py")
    site.add("packaging-25.0", "packaging/__init__.py")
    site.add("sloppy-1.0", "tests/__init__.py")
    site.add("sloppier-1.0", "tests/test_it.py")

    assert expected == used(site, path)


def test_one_broken_distribution_costs_only_itself(site: Site) -> None:
    """An empty metadata folder, one with an unreadable RECORD and rubbish in one do no harm."""
    (site.folder / "husk-1.0.dist-info").mkdir()
    (site.folder / "torn-1.0.dist-info" / "RECORD").mkdir(parents=True)
    (site.folder / "noise-1.0.dist-info").mkdir()
    (site.folder / "noise-1.0.dist-info" / "RECORD").write_bytes(b"\xff\xfe\x00,,\n\n,\n")
    site.add("six-1.16.0", "six.py")

    assert {"six"} == used(site, "six.py")


def test_a_leftover_does_not_hide_the_real_one(site: Site) -> None:
    """An empty metadata folder of an older version beside the real one does no harm."""
    (site.folder / "scikit_learn-0.24.dist-info").mkdir()
    site.add("scikit_learn-1.5", "sklearn/__init__.py")

    assert used(site, "sklearn/__init__.py") == {"scikit-learn"}


def test_distributions_without_record(site: Site) -> None:
    """Without RECORD the listed top-level names count, or else the name itself."""
    site.add("lazr.uri-1.0", record=False, kind="egg-info")
    site.add("lazr.restfulclient-1.0", record=False, kind="egg-info", top_level__txt="lazr\n")
    site.add("python_apt-2.6", record=False, kind="egg-info", top_level__txt="apt\napt_pkg\n")
    site.add("Pillow-5.0", record=False, kind="egg-info", top_level__txt="PIL\n")
    site.add("some_tool-5.0-py3.9", record=False, kind="egg-info")

    assert used(site, "PIL/Image.py", "some_tool/__init__.py") == {"pillow", "some-tool"}
    assert used(site, "apt_pkg.cpython-311-x86_64-linux-gnu.so") == {"python-apt"}
    assert used(site, "lazr/uri/_uri.py") == {"lazr-uri"}


def test_own_code_reads_other(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Editable and repository installs, and a person's own site directory, fold into _other."""
    site.add("public-1.0", "public/__init__.py")
    site.add(
        "secret_vcs-1.0", "secret_vcs/__init__.py", direct_url__json='{"vcs_info": {"vcs": "git"}}'
    )
    site.add(
        "secret_dev-1.0",
        "secret_dev/__init__.py",
        direct_url__json='{"dir_info": {"editable": true}}',
    )
    local = '{"dir_info": {}, "url": "file:///src/x"}'
    site.add("conda_built-1.0", "conda_built.py", direct_url__json=local, INSTALLER="conda\n")
    site.add("secret_local-1.0", "secret_local.py", direct_url__json=local, INSTALLER="pip\n")
    home = Site(tmp_path / "home")
    home.add("public-2.0", "public/__init__.py")
    home.add("private_idea-0.1", "private_idea/__init__.py")
    monkeypatch.setattr(sys, "path", [str(home.folder), str(site.folder)])
    modules = {
        "a": site.module("secret_vcs/__init__.py"),
        "b": site.module("secret_dev/__init__.py"),
        "c": site.module("conda_built.py"),
        "d": home.module("public/__init__.py"),
        "e": home.module("private_idea/__init__.py"),
        "f": site.module("secret_local.py"),
    }
    libraries = Libraries([str(site.root)], [])

    assert "_other" in libraries.used_by(["a"], modules)[0]
    assert "_other" in libraries.used_by(["b"], modules)[0]
    assert "conda-built" in libraries.used_by(["c"], modules)[0]
    assert "public" in libraries.used_by(["d"], modules)[0]
    assert "_other" in libraries.used_by(["e"], modules)[0]
    assert "_other" in libraries.used_by(["f"], modules)[0]


def test_an_editable_install_reads_other(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of an editable install, which stay in its project, count in _other; others don't."""
    project = tmp_path / "my project"
    site.add(
        "secret-0.1",
        "__editable__.secret-0.1.pth",
        direct_url__json=f'{{"url": "{project.as_uri()}", "dir_info": {{"editable": true}}}}',
    )
    monkeypatch.setattr(sys, "path", [str(site.folder)])
    modules = {}
    for name, folder in (("a", project / "src"), ("b", tmp_path / "my project 2")):
        modules[name] = types.ModuleType(name)
        modules[name].__file__ = str(folder / "secret" / "__init__.py")
    libraries = Libraries([str(site.root)], [])

    assert libraries.used_by(["a"], modules)[0] == {"_other": ""}
    assert libraries.used_by(["b", "os"], {**modules, "os": os})[0] == {}


def test_a_home_inside_the_image_is_a_persons_own(site: Site) -> None:
    """A person's site directory below the image's root is not the image's."""
    home = Site(site.root / "home" / "alice" / ".local")
    home.add("private_idea-0.1", "private_idea/__init__.py")
    site.add("public-1.0", "public/__init__.py")
    modules = {"a": home.module("private_idea/__init__.py"), "b": site.module("public/__init__.py")}
    libraries = Libraries([str(site.root)], [str(site.root / "home" / "alice")])

    assert libraries.used_by(["a"], modules)[0] == {"_other": ""}
    assert libraries.used_by(["b"], modules)[0] == {"public": "1.0"}


def test_an_image_reached_by_a_link(site: Site, tmp_path: Path) -> None:
    """The image is the image by whichever path its files are loaded."""
    site.add("public-1.0", "public/__init__.py")
    (tmp_path / "link").symlink_to(site.root)
    linked = types.ModuleType("linked")
    linked.__file__ = str(
        tmp_path / "link" / site.folder.relative_to(site.root) / "public/__init__.py"
    )
    modules = {"a": linked, "b": site.module("public/__init__.py")}

    assert Libraries([str(site.root)], []).used_by(["a"], modules)[0] == {"public": "1.0"}
    assert Libraries([str(tmp_path / "link")], []).used_by(["b"], modules)[0] == {"public": "1.0"}


@pytest.mark.parametrize("has_popcon", [False, True])
def test_whose_environment_it_is(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_popcon: bool
) -> None:
    """An environment on top of the image is an image itself only if popcon is installed in it."""
    own = Site(tmp_path / "own")
    if has_popcon:
        own.add("popcon-0.1.0", "popcon/__init__.py")
    monkeypatch.setattr(sys, "prefix", str(own.root))
    monkeypatch.setattr(sys, "base_prefix", str(site.root))
    monkeypatch.setattr(sys, "path", [str(own.folder), str(site.folder)])
    own.add("idea-1.0", "idea.py")
    site.add("base-1.0", "base.py")
    modules = {"idea": own.module("idea.py"), "base": site.module("base.py")}
    found, _ = Libraries(homes=[]).used_by(modules, modules)

    assert set(found) == {"base", "idea" if has_popcon else "_other"}


def test_odd_modules_are_left_alone() -> None:
    """What people put into sys.modules is not asked for attributes, and has no library."""

    class Loud:
        def __getattr__(self, name: str) -> object:
            raise SystemExit("asked")

    modules = {"a": None, "b": Loud(), "c": 3, "d": types.ModuleType("d"), "e": sys}

    assert Libraries(["/nowhere"], []).used_by([*modules, "gone"], modules) == ({}, set())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PyYAML", "pyyaml"),
        ("ruamel.yaml", "ruamel-yaml"),
        ("a__b..c-_d", "a-b-c-d"),
        ("a|b", ""),
        ("a:1|c\nx", ""),
        ("naïve", ""),
        ("", ""),
    ],
)
def test_normalise(name: str, expected: str) -> None:
    """Names are as PEP 503 writes them; what could break a statsd line is no name."""
    assert expected == normalise(name)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/opt/lib/python3/site-packages/a/b.py", ("/opt/lib/python3/site-packages", "a/b.py")),
        ("/usr/lib/python3/dist-packages/a.py", ("/usr/lib/python3/dist-packages", "a.py")),
        ("/o/site-packages/x/site-packages/a.py", ("/o/site-packages", "x/site-packages/a.py")),
        ("/home/me/notebooks/utils.py", ("", "")),
    ],
)
def test_split_site(path: str, expected: tuple[str, str]) -> None:
    """A file's site directory is the outermost one."""
    assert expected == split_site(path)


def test_owners_stay_few(site: Site) -> None:
    """What is kept of a site directory is a name for each top, not a row for each file."""
    site.add("big-1.0", *(f"big/sub{number}/mod.py" for number in range(500)))

    assert SiteDirectory(str(site.folder)).rows() == {"big": "big"}


def test_claimants(site: Site) -> None:
    """Everybody who installs a module of a name is found."""
    site.add("popcon-0.1.0", "popcon/__init__.py")
    site.add("python_popcon-3.0.3", "popcon.py")
    site.add("other-1.0", "other.py")

    assert sorted(SiteDirectory(str(site.folder)).claimants("popcon")) == [
        "popcon",
        "python-popcon",
    ]


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("made-2.4.6.dist-info", "2.4.6"),
        ("made-1!2.0+cu121.dist-info", "1!2.0+cu121"),
        ("made-1:2|c.dist-info", ""),
        ("made-0.1-py3.9.egg-info", "0.1"),
        ("made.egg-info", ""),
    ],
)
def test_version(site: Site, name: str, version: str) -> None:
    """A version is what the metadata folder's name says, or empty if it could break a statsd line."""
    stem, _, kind = name.rpartition(".")
    site.add(stem, "made.py", record=kind == "dist-info", kind=kind)
    modules = {"made": site.module("made.py")}

    assert Libraries([str(site.root)], []).used_by(modules, modules)[0] == {"made": version}


def test_two_versions_are_none(site: Site) -> None:
    """Where two metadata folders of one library list files, its version isn't known."""
    site.add("made-1.0", "made.py")
    site.add("made-2.0", "made.py")
    modules = {"made": site.module("made.py")}

    assert Libraries([str(site.root)], []).used_by(modules, modules)[0] == {"made": ""}


def test_a_running_import_waits(site: Site) -> None:
    """A module whose import is running, and all below it, are to be asked for again later."""
    site.add("slow-1.0", "slow/__init__.py", "slow/part.py")
    modules = {"slow": site.module("slow/__init__.py"), "slow.part": site.module("slow/part.py")}
    spec = types.SimpleNamespace(_initializing=True)
    modules["slow"].__spec__ = spec  # type: ignore[assignment]
    libraries = Libraries([str(site.root)], [])

    assert libraries.used_by(modules, modules) == ({}, {"slow", "slow.part"})
    spec._initializing = False
    assert libraries.used_by(modules, modules) == ({"slow": "1.0"}, set())


def test_a_failed_import_does_not_count(site: Site) -> None:
    """Submodules that a failed import left behind don't count, in a namespace neither."""
    site.add("bad-1.0", "bad/__init__.py", "bad/part.py", "ns/bad/__init__.py", "ns/bad/part.py")
    site.add("good-1.0", "ns/good.py")
    modules: dict[str, object] = {
        "bad.part": site.module("bad/part.py"),
        "ns": types.ModuleType("ns"),
        "ns.bad.part": site.module("ns/bad/part.py"),
        "ns.good": site.module("ns/good.py"),
    }
    modules["ns"].__path__ = []  # type: ignore[attr-defined]

    assert Libraries([str(site.root)], []).used_by(modules, modules) == ({"good": "1.0"}, set())


def test_a_lazy_module_waits_until_it_is_loaded(site: Site) -> None:
    """A module of LazyLoader's is not loaded by looking at it, and counts once it is."""
    site.add("idle-1.0", "idle.py")
    (site.folder / "idle.py").write_text("loaded = True\n")
    spec = importlib.util.spec_from_file_location(
        "idle",
        site.folder / "idle.py",
        loader=importlib.util.LazyLoader(
            importlib.machinery.SourceFileLoader("idle", str(site.folder / "idle.py"))
        ),
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    modules = {"importlib.util": importlib.util, "idle": module}
    libraries = Libraries([str(site.root)], [])

    assert libraries.used_by(["idle"], modules) == ({}, {"idle"})
    assert "loaded" not in object.__getattribute__(module, "__dict__")
    assert module.loaded
    assert libraries.used_by(["idle"], modules) == ({"idle": "1.0"}, set())


def test_a_lazy_import_waits(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that PEP 810 has only noted waits; any other that is gone is dropped."""
    monkeypatch.setattr(sys, "lazy_modules", {"later", "elsewhere"}, raising=False)

    assert Libraries([str(site.root)], []).used_by(["later", "gone"], {}) == ({}, {"later"})


def test_what_is_installed_meanwhile_counts(site: Site) -> None:
    """A library that a kernel's user installs while it runs is known in the next report."""
    site.add("old-1.0", "old.py")
    modules = {"old": site.module("old.py"), "new": site.module("new.py")}
    libraries = Libraries([str(site.root)], [])
    assert libraries.used_by(["old"], modules)[0] == {"old": "1.0"}
    site.add("new-1.0", "new.py")
    os.utime(site.folder, ns=(1, 1))

    assert libraries.used_by(["new"], modules)[0] == {"new": "1.0"}


def test_a_new_part_of_what_was_there(site: Site) -> None:
    """Only a new submodule counts, for its own owner, where its package was loaded before."""
    site.add("matplotlib-3.9", "mpl/__init__.py")
    site.add("basemap-1.4", "mpl/basemap/__init__.py")
    modules = {
        "mpl": site.module("mpl/__init__.py"),
        "mpl.basemap": site.module("mpl/basemap/__init__.py"),
    }

    assert used(site, "mpl/basemap/__init__.py") == {"basemap"}
    assert Libraries([str(site.root)], []).used_by(["mpl.basemap"], modules)[0] == {
        "basemap": "1.4"
    }


def test_own_sources(site: Site, tmp_path: Path) -> None:
    """The user's own files are those that are neither installed, nor Python's, nor popcon's."""
    own = types.ModuleType("own")
    own.__file__ = str(tmp_path / "own.py")
    compiled = types.ModuleType("compiled")
    compiled.__file__ = str(tmp_path / "compiled.so")
    modules = {
        "own": own, "again": own, "compiled": compiled, "os": os, "sys": sys,
        "six": site.module("six.py"), "popcon.guard": sys.modules["popcon.libraries"],
    }  # fmt: skip

    assert own_sources([*modules, "gone"], modules) == [str(tmp_path / "own.py")]
