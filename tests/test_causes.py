"""Who brought a module: imports in syntax trees, references, and a traceback's own imports."""

from __future__ import annotations

import ast
import types
from pathlib import Path

import pytest

from popcon.causes import belonging, drawn, imports_of, imports_of_class, imports_of_file, referred


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import a", {"a"}),
        ("import a.b.c as d, e", {"a", "a.b", "a.b.c", "e"}),
        ("from a import b", {"a", "a.b"}),
        ("from a.b import c as d, e", {"a", "a.b", "a.b.c", "a.b.e"}),
        ("from a import *", {"a", "a.*"}),
        ("from . import b", set()),
        ("from .a import b", set()),
        ("def f():\n  import a", {"a"}),
        ("async def f():\n  async with x:\n    import a", {"a"}),
        ("class C:\n  import a", {"a"}),
        ("if x:\n  import a\nelif y:\n  import b\nelse:\n  import c", {"a", "b", "c"}),
        ("for x in y:\n  import a\nelse:\n  import b", {"a", "b"}),
        ("while x:\n  import a", {"a"}),
        ("with x:\n  import a", {"a"}),
        (
            "try:\n  import a\nexcept E:\n  import b\nelse:\n  import c\nfinally:\n  import d",
            {"a", "b", "c", "d"},
        ),
        ("x = 'import a'\n'import b'\nf(lambda: 1 if x else 2)", set()),
        ("", set()),
    ],
)
def test_imports_of(code: str, expected: set[str]) -> None:
    """Import statements name modules wherever they stand; text that looks like one does not."""
    assert expected == imports_of(ast.parse(code))


def test_imports_of_no_tree() -> None:
    """Whatever else is shown names nothing."""
    assert imports_of(None) == imports_of(object()) == set()


@pytest.mark.parametrize(
    "source", [b"import a", b"import a\n\x00", b"def", b"\xff", b"# " * 600_000]
)
def test_imports_of_a_file(tmp_path: Path, source: bytes) -> None:
    """A file that can't be read as Python, or is very large, names nothing."""
    (tmp_path / "own.py").write_bytes(source)

    assert imports_of_file(str(tmp_path / "own.py")) == ({"a"} if source == b"import a" else set())
    assert imports_of_file(str(tmp_path / "none.py")) == set()


class Touchy:
    """An object that minds being looked at, as a lazy proxy does."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(name)


def test_a_file_that_python_warns_of(tmp_path: Path) -> None:
    """Python's warnings about a person's file are not repeated when it is read for its imports."""
    (tmp_path / "own.py").write_bytes(b"import a; x = '\\d'; 1 is 1")

    assert imports_of_file(str(tmp_path / "own.py")) == {"a"}


def test_referred() -> None:
    """Modules, functions and classes refer; other values are left alone."""
    namespace = {"p": Path, "a": ast, "f": imports_of, "t": Touchy(), "n": 1, "m": "json"}

    assert {Path.__module__, "ast", "popcon.causes"} == referred(namespace)


def _module(name: str, **namespace: object) -> types.ModuleType:
    made = types.ModuleType(name)
    vars(made).update(namespace)
    return made


def test_what_a_library_brought_belongs_to_it() -> None:
    """With a library belong its own modules and what they refer to, and so on, and nothing else."""
    base = _module("base")
    sub = _module("lib.sub", base=base)
    modules = {"lib": _module("lib"), "lib.sub": sub, "base": base, "other": _module("other")}

    assert {"lib", "lib.sub", "base"} == set(belonging({"lib.sub"}, set(modules), modules))


class Drawer:
    """Draws, and imports what it needs for that."""

    def draw(self) -> object:
        """Draw."""
        import drawing  # type: ignore[import-not-found]

        return drawing


_PEN = _module("pen")
_MODULES = {
    "pen": _PEN,
    "drawing.ink": _module("drawing.ink", pen=_PEN),
    "drawing": _module("drawing"),
    "users": _module("users"),
    __name__: _module(__name__, Drawer=Drawer),
}


@pytest.mark.parametrize(
    ("names", "named", "expected"),
    [
        (["users", "pen", "drawing.ink", "drawing"], set(), ["pen", "drawing.ink", "drawing"]),
        (["pen", "users", "drawing.ink", "drawing"], set(), ["drawing.ink", "drawing"]),
        (["users", "pen", "drawing.ink", "drawing"], {"drawing"}, []),
        (["users", "pen", "drawing.ink", "drawing"], {"pen"}, ["drawing.ink", "drawing"]),
        (["pen", "drawing.ink", "drawing", "users"], set(), []),
        (["users", "pen"], set(), []),
        ([], set(), []),
    ],
)
def test_drawn(names: list[str], named: set[str], expected: list[str]) -> None:
    """A traceback's are the last that came, as far as its drawer imports them or they refer to each other."""
    drawer = imports_of_class(Drawer, _MODULES)

    assert expected == drawn(names, named, _MODULES, drawer)
