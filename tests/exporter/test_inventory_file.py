"""An inventory's file: the zeros and sizes that it stands for, and what is refused, with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from popcon.errors import FileError
from popcon.exporter.inventory_file import FORMAT, lines
from popcon.exporter.mapping.mapping import load
from popcon.exporter.pipeline import Pipeline
from popcon.inventory import environment
from popcon.render.mapping import mapping_text
from tests.libraries.cases import Site
from tests.load.conftest import popcon


def written(*libraries: Any, **fields: Any) -> bytes:
    """Return an inventory's JSON, with as much in it as is looked at."""
    rows = [row if isinstance(row, dict) else {"counted_as": row} for row in libraries]
    return json.dumps({"format": FORMAT, "libraries": rows, **fields}).encode()


def sized(name: str | None, size: object, **fields: Any) -> dict[str, Any]:
    """Return a row of an inventory with a size."""
    return {"counted_as": name, "bytes": size, **fields}


@pytest.mark.parametrize(
    ("content", "prefixes", "expected"),
    [
        (
            written("numpy", "_other", None, "zope-interface", "numpy"),
            ["python_popcon"],
            ["reports", "library_used.numpy", "library_used._other", "library_used.zope-interface"],
        ),
        (
            written("a"),
            ["python_popcon.namespace.x", "python_popcon.namespace.y"],
            [
                f"namespace.{space}.{what}"
                for space in "xy"
                for what in ("reports", "library_used.a")
            ],
        ),
        (written(), ["python_popcon"], ["reports"]),
        (
            written(
                sized("numpy", 31_000_000),
                sized("ipython", 0, infrastructure="kernel"),
                sized(None, 9, infrastructure="popcon"),
                # The image's and a person's copy; another part is a newer inventory's.
                *(sized("twice", 7), sized("twice", 8), sized("_other", 5)),
                sized("new", 6, infrastructure="a_new_part"),
            ),
            ["python_popcon.namespace.x"],
            [
                f"namespace.x.{what}"
                for what in (
                    *("reports", "library_used.numpy", "library_used.ipython"),
                    *("library_used.twice", "library_used._other", "library_used.new"),
                    "library_installed.numpy.library:31000000|g",
                    "library_installed.ipython.kernel:0|g",
                    "library_installed.popcon.popcon:9|g",
                    "library_installed.twice.library:15|g",
                    "library_installed.new.a_new_part:6|g",
                )
            ],
        ),
        (
            b"\xef\xbb\xbfpython_popcon.reports:0|c\r\n\n"
            b"python_popcon.library_version.a.1!2.0+cu1:0|c\npython_popcon.reports:0|c\n"
            b"python_popcon.library_installed.a.tool:12|g",
            ["unused"],
            ["reports", "library_version.a.1!2.0+cu1", "library_installed.a.tool:12|g"],
        ),
    ],
    ids=["names", "two namespaces", "no libraries", "sizes", "lines"],
)
def test_lines(content: bytes, prefixes: list[str], expected: list[str]) -> None:
    """Names go behind each prefix, and `reports` with them; lines stay as they are; each once."""
    zeros = [f"python_popcon.{line}" + ("" if "|" in line else ":0|c") for line in expected]

    assert lines(content, "inventory.json", prefixes) == [line.encode() for line in zeros]


@pytest.mark.parametrize(
    ("content", "place", "value"),
    [
        (b"", "is empty", ""),
        (b"\n\n", "is empty", ""),
        (b"\xff\xfe{", "is not UTF-8", ""),
        (b"a:0|c\nnumpy 1.0", ", line 2: ", "'numpy 1.0'"),
        (b"a:1|c", ", line 1: ", "'a:1|c'"),
        (b"a:0|g", ", line 1: ", "'a:0|g'"),
        (b"a.library_installed.b.c:-5|g", ", line 1: ", ":-5|g'"),
        (b"a.library_installed.b.c:1e3|g", ", line 1: ", ":1e3|g'"),
        (b"a.library_installed.b:5|g", ", line 1: ", "b:5|g'"),
        (b"a.library_installed.b.c:1000000000000000|g", ", line 1: ", "'a.library"),
        (b"a:0|c|#user:x", ", line 1: ", "'a:0|c|#user:x'"),
        (b"a\x00:0|c", ", line 1: ", r"'a\x00:0|c'"),
        (b"[1]", ", line 1: ", "'[1]'"),
        (b'{\n"a"', ", line 2: not JSON: ", ""),
        (b'{"a":' * 100_000, ", line 1: not JSON: ", ""),
        (b'{"a":' + b"9" * 5000, ", line 1: not JSON: ", ""),
        (b"{}", ", format: ", "None"),
        (written(format="popcon-inventory 2"), ", format: ", "'popcon-inventory 2'"),
        (written(libraries={"a": 1}), ", libraries: ", "{'a': 1}"),
        (written({"library": "a"}), ", libraries[0]: ", "{'library': 'a'}"),
        (written("a", "b.c"), ", libraries[1]: ", "'b.c'"),
        (written("a:5|c\nx"), ", libraries[0]: ", r"'a:5|c\nx'"),
        (written("\u0663"), ", libraries[0]: ", "'\u0663'"),
        (written(5), ", libraries[0]: ", "5"),
        (written(sized("a", -1)), ", libraries[0]: ", "-1"),
        (written(sized("a", 10**15)), ", libraries[0]: ", "1000000000000000"),
        (written(sized("a", True)), ", libraries[0]: ", "True"),
        (written(sized("a", "5")), ", libraries[0]: ", "'5'"),
        (written("a", sized("b", 5, infrastructure="x.y")), ", libraries[1]: ", "'x.y'"),
        (written(sized("b", 5, infrastructure=[])), ", libraries[0]: ", "[]"),
        (written("x " * 1000), ", libraries[0]: ", "...'"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "",
)
def test_what_is_no_inventory(content: bytes, place: str, value: str) -> None:
    """Anything else is refused in one line: the file, the place in it, the value in quotes."""
    with pytest.raises(FileError, match=r"^'inventory\.json'") as caught:
        lines(content, "inventory.json")

    words = str(caught.value)
    assert place in words
    assert value in words
    assert words.isprintable()
    assert len(words) < 250


def test_the_format_is_the_inventorys() -> None:
    """The file that is read is the one that `popcon inventory` writes."""
    assert environment.FORMAT == FORMAT


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    """What `popcon inventory` prints as JSON and as lines stands for the same series."""
    site = Site(tmp_path).add("numpy-1.0", "numpy.py").add("PyYAML-6.0", "yaml/loader.py")
    site.add("popcon-1.0", "popcon_is_this.py")
    image = tmp_path / "image"
    as_json = popcon("inventory", "--prefix", image, "--json")
    as_lines = popcon("inventory", "--prefix", image, "--send", "--dry-run")
    found = lines(as_json.stdout.encode(), "inventory.json")
    pipeline = Pipeline(load(mapping_text()))
    pipeline.feed(b"\n".join(found))
    sizes = {row["library"]: row["bytes"] for row in json.loads(as_json.stdout)["libraries"]}

    assert sorted(found) == sorted(lines(as_lines.stdout.encode(), "inventory.txt"))
    assert {
        (family.name, series.labels, series.value)
        for family in pipeline.registry.families()
        for series in family.series
    } == {
        ("python_popcon_library_used", (("library", "numpy"),), 0.0),
        ("python_popcon_library_used", (("library", "pyyaml"),), 0.0),
        ("python_popcon_reports", (), 0.0),
        *(
            ("python_popcon_library_installed_bytes", (("library", name), ("part", part)), size)
            for name, size in sizes.items()
            for part in ("popcon" if name == "popcon" else "library",)
        ),
    }
