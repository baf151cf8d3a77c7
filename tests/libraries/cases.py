"""Edge cases of naming libraries: each builds a small image, says what to import, and what that uses.

Nothing but the standard library is needed here, so that a benchmark, and every Python, can run them.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import NamedTuple

CASES: list[Case] = []


class Case(NamedTuple):
    """`build` makes an image below a folder and returns what comes first on `sys.path`.

    The image is the folder's `image`; `home` beside it is a person's. `expected` are the libraries.
    """

    name: str
    build: Callable[[Path], list[Path]]
    statement: str
    expected: set[str]


class Site:
    """A site directory that distributions can be put into."""

    def __init__(self, root: Path, name: str = "image/lib/python3/site-packages") -> None:
        self.folder = root / name
        self.folder.mkdir(parents=True, exist_ok=True)

    def file(self, path: str, text: str | bytes = "") -> None:
        """Write a file here."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)

    def add(
        self,
        name: str,
        *files: str,
        record: str | bytes | None = "",
        kind: str = "dist-info",
        **extra: str,
    ) -> Site:
        """Install a distribution; `record` None leaves RECORD out, a text replaces it."""
        info = f"{name}.{kind}"
        for file in files:
            self.file(file)
        (self.folder / info).mkdir(exist_ok=True)
        listed = sorted([*files, f"{info}/METADATA", f"{info}/RECORD", "../../../bin/tool"])
        if record is not None:
            rows = "".join(f"{row},sha256=abc_-,0\n" for row in listed)
            self.file(f"{info}/RECORD", record or rows)
        for file, text in extra.items():
            self.file(f"{info}/{file.replace('__', '.')}", text)
        return self


def case(statement: str, *expected: str) -> Callable[[Callable[[Path], object]], None]:
    """Enter a function as a case; what it returns comes first on the path, by default the image."""

    def enter(build: Callable[[Path], object]) -> None:
        def built(root: Path) -> list[Path]:
            image = Site(root).folder
            more = build(root)
            return [*more, image] if isinstance(more, list) else [image]

        CASES.append(Case(build.__name__, built, statement, set(expected)))

    return enter


def _rows(*paths: str, end: str = "\n") -> str:
    return "".join(f"{path},,{end}" for path in paths)


@case("import yaml", "pyyaml")
def another_name(root: Path) -> None:
    Site(root).add("PyYAML-6.0", "yaml/__init__.py", "yaml/loader.py")


@case("import six", "six")
def single_file(root: Path) -> None:
    Site(root).add("six-1.16.0", "six.py")


@case("import xxlimited", "limited")
def extension_module(root: Path) -> None:
    file = f"xxlimited{EXTENSION_SUFFIXES[0]}"
    Site(root).add("limited-1.0", file)
    _copy_extension(root, "xxlimited", file)


@case("import xxlimited", "limited")
def extension_module_by_top_level(root: Path) -> None:
    file = f"xxlimited{EXTENSION_SUFFIXES[0]}"
    Site(root).add("limited-1.0", file, record=None, kind="egg-info", top_level__txt="xxlimited\n")
    _copy_extension(root, "xxlimited", file)


def _copy_extension(root: Path, name: str, file: str) -> None:
    """Put one of Python's own extension modules into the image, or a module of source in its stead."""
    import importlib.util

    spec = importlib.util.find_spec(name)
    target = Site(root).folder / file
    if spec is not None and spec.origin and os.path.isfile(spec.origin):
        shutil.copy(spec.origin, target)
    else:
        Site(root).file(f"{name}.py")


@case("import google.cloud.storage", "google-cloud-storage")
def namespace_shared_by_three(root: Path) -> None:
    site = Site(root)
    site.add("google_cloud_storage-2.0", "google/cloud/storage/__init__.py")
    site.add("google_cloud_bigquery-3.0", "google/cloud/bigquery/__init__.py")
    site.add("protobuf-5.0", "google/protobuf/__init__.py")


@case("import google.api.http_pb2", "googleapis-common-protos")
def namespace_without_any_init(root: Path) -> None:
    site = Site(root)
    site.add("googleapis_common_protos-1.6", "google/api/http_pb2.py", "google/type/x_pb2.py")
    site.add("protobuf-5.0", "google/protobuf/__init__.py")


@case("import zope.interface.adapter", "zope-interface")
def namespace_of_dotted_names(root: Path) -> None:
    site = Site(root)
    site.add("zope.interface-5.0", "zope/interface/__init__.py", "zope/interface/adapter.py")
    site.add("zope.event-5.0", "zope/event/__init__.py")


@case("import mpl_toolkits.basemap", "matplotlib", "basemap")
def package_that_two_write_into(root: Path) -> None:
    site = Site(root)
    site.add("matplotlib-3.9", "mpl_toolkits/__init__.py", "mpl_toolkits/mplot3d/__init__.py")
    site.add("basemap-1.4", "mpl_toolkits/basemap/__init__.py")


@case("import mpl_toolkits.mplot3d", "matplotlib")
def namespace_that_a_list_of_names_shares(root: Path) -> None:
    site = Site(root)
    site.add(
        "matplotlib-3.9", "matplotlib/__init__.py", "mpl_toolkits/mplot3d/__init__.py",
        record=None, kind="egg-info", top_level__txt="matplotlib\nmpl_toolkits\n",
    )  # fmt: skip
    site.add("basemap-1.4", "mpl_toolkits/basemap/__init__.py")


@case("import ns.a, ns.b", "dist-a", "dist-b")
def namespace_over_two_site_directories(root: Path) -> list[Path]:
    Site(root).add("dist_a-1.0", "ns/a.py").add("other-1.0", "ns/c.py")
    second = Site(root, "image/lib/python3/dist-packages").add("dist_b-1.0", "ns/b.py")
    return [second.folder]


@case("import ns.b", "dist-a", "dist-b")
def pkgutil_namespace(root: Path) -> list[Path]:
    extend = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
    first = Site(root).add("dist_a-1.0", "ns/__init__.py")
    first.file("ns/__init__.py", extend)
    second = Site(root, "image/lib/python3/dist-packages").add("dist_b-1.0", "ns/b.py")
    second.file("ns/__init__.py", extend)
    return [first.folder, second.folder]


@case("import twice", "twice-first")
def first_on_the_path_wins(root: Path) -> list[Path]:
    first = Site(root, "image/lib/python3/dist-packages").add("twice_first-1.0", "twice.py")
    Site(root).add("twice_second-1.0", "twice.py")
    return [first.folder]


@case("import cv2", "opencv-python")
def two_install_the_same_files(root: Path) -> None:
    site = Site(root)
    site.add("opencv_python-4.0", "cv2/__init__.py", "cv2/data.py")
    site.add("opencv_python_headless-4.0", "cv2/__init__.py", "cv2/data.py")


@case("import tests.inner", "sloppier")
def a_top_that_several_claim(root: Path) -> None:
    site = Site(root)
    site.add("sloppy-1.0", "sloppy.py", "tests/outer.py")
    site.add("sloppier-1.0", "tests/inner.py")


@case("import tests")
def a_local_folder_of_an_installed_name(root: Path) -> list[Path]:
    Site(root).add("sloppy-1.0", "tests/__init__.py")
    (root / "work" / "tests").mkdir(parents=True)
    (root / "work" / "tests" / "__init__.py").write_text("")
    return [root / "work"]


@case("import loose")
def a_file_that_nobody_installed(root: Path) -> None:
    Site(root).add("six-1.16.0", "six.py").file("loose.py")


@case("import skl", "scikit-learn")
def a_husk_beside_the_real_one(root: Path) -> None:
    site = Site(root)
    (site.folder / "scikit_learn-0.24.dist-info").mkdir(parents=True)
    site.add("scikit_learn-1.5", "skl/__init__.py")


@case("import six", "six")
def broken_neighbours(root: Path) -> None:
    site = Site(root)
    (site.folder / "husk-1.0.dist-info").mkdir()
    (site.folder / "torn-1.0.dist-info" / "RECORD").mkdir(parents=True)
    site.add("noise-1.0", record=b'\xff\xfe\x00,,\n\n,\n/\n//\n"\n' + bytes(range(256)) * 40)
    site.add("many-1.0", record="\n".join(f"f{number}.txt,," for number in range(5000)))
    site.add("one_line-1.0", record="x" * 200_000)
    (site.folder / "-1.0.dist-info").mkdir()
    (site.folder / "RECORD").write_text("six.py,,\n")
    site.add("six-1.16.0", "six.py")


@case("import nometa", "nometa")
def no_metadata_file(root: Path) -> None:
    Site(root).add("nometa-1.0", "nometa/__init__.py")


@case("import some_tool", "some-tool")
def nothing_but_its_name(root: Path) -> None:
    Site(root).add("some_tool-5.0-py3.9", "some_tool/__init__.py", record=None, kind="egg-info")


@case("import apt", "python-apt")
def debian_egg_info(root: Path) -> list[Path]:
    site = Site(root, "image/lib/python3/dist-packages")
    site.add(
        "python_apt-2.6", "apt/__init__.py", record=None, kind="egg-info",
        top_level__txt="apt\napt_pkg\n",
    )  # fmt: skip
    return [site.folder]


@case("import flat_tool", "flat-tool")
def egg_info_is_a_file(root: Path) -> None:
    site = Site(root)
    site.file("flat_tool-1.0.egg-info", "Metadata-Version: 1.0\n")
    site.file("flat_tool.py")


@case("import lazr.uri", "lazr-uri")
def dotted_names_without_lists(root: Path) -> None:
    site = Site(root)
    for name, file in (("lazr.uri-1.0", "uri"), ("lazr.restfulclient-1.0", "restfulclient")):
        site.add(
            name, f"lazr/{file}/__init__.py", record=None, kind="egg-info", top_level__txt="lazr\n"
        )


@case("import oldie", "old-style")
def installed_files_list(root: Path) -> None:
    Site(root).add(
        "Old_Style-1.0-py3.9", "oldie/__init__.py", record=None, kind="egg-info",
        **{"installed-files.txt": "../oldie/__init__.py\nPKG-INFO\n../../../../bin/oldie\n"},
    )  # fmt: skip


@case("import eggy.inner", "eggy-dist")
def egg_folder(root: Path) -> list[Path]:
    site = Site(root)
    site.file("Eggy_Dist-1.0-py3.11.egg/eggy/__init__.py")
    site.file("Eggy_Dist-1.0-py3.11.egg/eggy/inner.py")
    site.file("Eggy_Dist-1.0-py3.11.egg/EGG-INFO/PKG-INFO")
    return [site.folder / "Eggy_Dist-1.0-py3.11.egg"]


@case("import zipped", "zippy")
def zipped_egg(root: Path) -> list[Path]:
    egg = Site(root).folder / "zippy-1.0-py3.11.egg"
    with zipfile.ZipFile(egg, "w") as archive:
        archive.writestr("zipped/__init__.py", "")
    return [egg]


@case("import zipped")
def a_zip_of_ones_own(root: Path) -> list[Path]:
    with zipfile.ZipFile(root / "own.zip", "w") as archive:
        archive.writestr("zipped.py", "")
    return [root / "own.zip"]


@case("import zipped", "bundler")
def a_zip_that_a_library_brings(root: Path) -> list[Path]:
    site = Site(root).add("bundler-1.0", "bundler.py", "bundle.zip")
    with zipfile.ZipFile(site.folder / "bundle.zip", "w") as archive:
        archive.writestr("zipped.py", "")
    return [site.folder / "bundle.zip"]


@case("import secret", "_other")
def egg_link(root: Path) -> list[Path]:
    project = Site(root, "project")
    project.file("secret.py")
    Site(root).file("secret.egg-link", f"{project.folder}\n.\n")
    return [project.folder]


@case("import secret", "_other")
def editable_by_a_path_file(root: Path) -> list[Path]:
    project = Site(root, "my project/src")
    project.file("secret/__init__.py")
    _editable(root, root / "my project")
    return [project.folder]


@case("import __editable___secret_finder as f; f.install(); import secret", "_other")
def editable_by_a_finder(root: Path) -> None:
    project = Site(root, "project")
    project.file("secret/__init__.py")
    _editable(root, root / "project", "__editable___secret_finder.py")
    Site(root).file(
        "__editable___secret_finder.py",
        "import sys\n"
        "from importlib.util import spec_from_file_location\n"
        "class Finder:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        file = {str(project.folder / 'secret' / '__init__.py')!r}\n"
        "        if name == 'secret':\n"
        "            return spec_from_file_location(name, file)\n"
        "def install():\n"
        "    sys.meta_path.append(Finder)\n",
    )


@case("import secret", "_other")
def editable_reached_by_a_link(root: Path) -> list[Path]:
    Site(root, "project").file("secret.py")
    (root / "link").symlink_to(root / "project")
    _editable(root, root / "project")
    return [root / "link"]


def _editable(root: Path, project: Path, *files: str) -> None:
    told = {"url": project.as_uri(), "dir_info": {"editable": True}}
    listed = _rows(*files, "__editable__.secret-0.1.pth", "secret-0.1.dist-info/direct_url.json")
    Site(root).add("secret-0.1", record=listed, direct_url__json=json.dumps(told))


@case("import secret", "_other")
def from_a_repository(root: Path) -> None:
    told = '{"url": "https://git.example.org/x", "vcs_info": {"vcs": "git"}}'
    Site(root).add("secret-1.0", "secret.py", direct_url__json=told)


@case("import secret", "_other")
def from_a_local_file(root: Path) -> None:
    told = '{"url": "file:///src/secret.whl", "archive_info": {}}'
    Site(root).add("secret-1.0", "secret.py", direct_url__json=told)


@case("import built", "conda-built")
def from_condas_local_file(root: Path) -> None:
    told = '{"url": "file:///feedstock/work", "dir_info": {}}'
    Site(root).add("conda_built-1.0", "built.py", direct_url__json=told, INSTALLER="conda\n")


@case("import scipp.core, torchlike", "scipp", "torch")
def conda_without_distribution(root: Path) -> None:
    site = Site(root)
    site.file("scipp/__init__.py")
    site.file("scipp/core.py")
    site.add("torch-2.0", "torchlike.py")
    meta = Site(root, "image/conda-meta")
    start = "lib/python3/site-packages"
    files = [f"{start}/scipp/__init__.py", f"{start}/scipp/core.py", "bin/scipp"]
    meta.file("scipp-23.1.0-py311_0.json", json.dumps({"name": "scipp", "files": files}))
    files = [f"{start}/torchlike.py"]
    meta.file("pytorch-2.0-cpu_0.json", json.dumps({"name": "pytorch", "files": files}))
    meta.file("history", "")


@case("import pip._vendor.requests", "pip")
def vendored_copy(root: Path) -> None:
    site = Site(root)
    site.add("pip-25.0", "pip/__init__.py", "pip/_vendor/__init__.py", "pip/_vendor/requests.py")
    site.add("requests-2.0", "requests/__init__.py")


@case("import inner", "outer")
def vendored_site_directory(root: Path) -> list[Path]:
    site = Site(root).add("outer-1.0", "outer/site-packages/inner.py")
    return [site.folder / "outer" / "site-packages"]


@case("import quoted", "quoted")
def quoted_rows(root: Path) -> None:
    site = Site(root)
    site.file("quoted/__init__.py")
    site.add("quoted-1.0", record='"quoted/a, ""b"".txt",,\n"quoted/__init__.py",,\n')


@case("import crlf.inner", "crlf")
def windows_newlines(root: Path) -> None:
    site = Site(root)
    site.file("crlf/__init__.py")
    site.file("crlf/inner.py")
    site.add("crlf-1.0", record=_rows("crlf/__init__.py", "crlf/inner.py", end="\r\n"))


@case("import mixed_b", "mixed")
def unsorted_record(root: Path) -> None:
    site = Site(root)
    site.file("mixed_b/__init__.py")
    others = [f"mixed_a/f{number}.py" for number in range(100)]
    listed = _rows(*others[:50], "mixed_b/__init__.py", *others[50:], "zz.py")
    site.add("mixed-1.0", record=listed)


@case("import shared.mine", "unsorted")
def unsorted_record_of_a_shared_top(root: Path) -> None:
    site = Site(root)
    site.file("shared/mine.py")
    others = [f"a/f{number}.py" for number in range(100)]
    site.add("unsorted-1.0", record=_rows(*others[:50], "shared/mine.py", *others[50:]))
    site.add("sorted-1.0", "shared/theirs.py")


@case("import dotted.inner", "dotted")
def rows_with_a_dot_in_front(root: Path) -> None:
    site = Site(root)
    site.file("dotted/__init__.py")
    site.file("dotted/inner.py")
    site.add("dotted-1.0", record=_rows("./dotted/__init__.py", "./dotted/inner.py"))


@case("import grün.blau", "farben")
def names_that_are_not_ascii(root: Path) -> None:
    site = Site(root).add("farben-1.0", "grün/__init__.py", "grün/blau.py")
    site.add("rot-1.0", "rot.py")


@case("import public", "public")
def a_persons_own_copy(root: Path) -> list[Path]:
    Site(root).add("public-1.0", "public.py")
    return [_home(root).add("public-2.0", "public.py").folder]


@case("import idea", "_other")
def a_persons_own_library(root: Path) -> list[Path]:
    return [_home(root).add("idea-0.1", "idea.py").folder]


@case("import idea", "_other")
def a_home_inside_the_image(root: Path) -> list[Path]:
    site = Site(root, "image/home/lib/python3/site-packages")
    return [site.add("idea-0.1", "idea.py").folder]


@case("import linked", "linked")
def an_image_reached_by_a_link(root: Path) -> list[Path]:
    site = Site(root).add("linked-1.0", "linked.py")
    (root / "opt").symlink_to(root / "image")
    return [root / "opt" / site.folder.relative_to(root / "image")]


def _home(root: Path) -> Site:
    return Site(root, "home/.local/lib/python3/site-packages")


@case("import broken", "fine")
def a_failed_import_leaves_its_parts(root: Path) -> None:
    site = Site(root).add("bad-1.0", "bad/__init__.py", "bad/part.py").add("fine-1.0", "fine.py")
    site.add("good-1.0", "broken.py")
    site.file("bad/__init__.py", "import bad.part\nraise ImportError\n")
    site.file("broken.py", "import sys, fine\ntry:\n    import bad\nexcept ImportError: pass\n"
              "sys.modules.pop('broken'); sys.modules['broken'] = __import__('types').ModuleType('x')\n")  # fmt: skip


@case("import six, sys; sys.path.clear()", "six")
def a_path_that_was_emptied(root: Path) -> None:
    Site(root).add("six-1.16.0", "six.py")


@case("import popcon_like, popcon.guard", "popcon-like")
def popcon_itself(root: Path) -> None:
    Site(root).add("popcon_like-1.0", "popcon_like.py")


@case("import oddpath.inner", "oddpath")
def a_package_with_two_places(root: Path) -> None:
    site = Site(root).add("oddpath-1.0", "oddpath/__init__.py", "oddpath/more/inner.py")
    site.file("oddpath/__init__.py", "import os\n__path__.append(__path__[0] + '/more')\n")


@case("import replaced.inner", "replaced")
def an_object_in_the_modules_place(root: Path) -> None:
    site = Site(root).add("replaced-1.0", "replaced/__init__.py", "replaced/inner.py")
    site.file(
        "replaced/__init__.py",
        "import sys\nclass Odd:\n    __path__, __spec__ = __path__, __spec__\nsys.modules[__name__] = Odd()\n",
    )
