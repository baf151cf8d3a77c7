"""Specs of checks: what they mean, what is refused, and which hold."""

from __future__ import annotations

from typing import Any

import pytest

from popcon.errors import UsageError
from popcon.watch import Check, held, loaded, parse, wire_name

MODULES: dict[str, Any] = {"numpy": 1, "google.cloud": 2, "ROOT.std": 3}


def _raises(fault: BaseException) -> Any:
    def predicate(modules: dict[str, Any]) -> bool:
        raise fault

    return predicate


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ([], []),
        (["numpy", "scipy"], ["numpy"]),
        (["google.cloud", "google"], ["google.cloud"]),
        ([("root", lambda modules: "ROOT.std" in modules)], ["root"]),
        ([["root", lambda modules: "ROOT.std" in modules]], ["root"]),
        ([Check("root", lambda modules: True)], ["root"]),
        ([("b", bool), ("a-1_", bool), ("7", bool)], ["7", "a-1_", "b"]),
        # Checks of one name are all kept, and said once.
        ([("a", lambda modules: False), ("a", lambda modules: True)], ["a"]),
        ([("a", lambda modules: True), ("a", lambda modules: False)], ["a"]),
        (["numpy", "numpy", ("numpy", bool)], ["numpy"]),
        # What a predicate does costs only itself.
        ([("a", _raises(ValueError())), "numpy"], ["numpy"]),
        ([("a", _raises(SystemExit(3))), "numpy"], ["numpy"]),
        ([("a", _raises(KeyboardInterrupt())), ("a", bool)], ["a"]),
        ([("a", lambda modules: modules.clear()), "numpy"], ["numpy"]),
        ([("a", lambda modules: 1 / len([])), "numpy"], ["numpy"]),
        ([("a", lambda: True), "numpy"], ["numpy"]),
        ([("a", lambda modules: "yes"), ("b", lambda modules: [])], ["a"]),
    ],
)
def test_held(specs: list[object], expected: list[str]) -> None:
    """The names of the checks that hold, sorted, each once."""
    assert expected == held([parse(spec) for spec in specs], MODULES)


@pytest.mark.parametrize(
    ("spec", "quoted"),
    [
        ("", "''"),
        (" numpy", "' numpy'"),
        ("scikit-learn", "'scikit-learn'"),
        ("a..b", "'a..b'"),
        ("a.", "'a.'"),
        ("naïve", "'naïve'"),
        ("a:1|c\nb", r"'a:1|c\nb'"),
        ("a" * 101, "'" + "a" * 101 + "'"),
        (None, "None"),
        (7, "7"),
        (b"numpy", "b'numpy'"),
        ((), "()"),
        (("root",), "('root',)"),
        (("root", bool, bool), "('root', "),
        ({"root": bool}, "{'root': "),
        (("root", "ROOT"), "'ROOT' in ('root', 'ROOT')"),
        (("a.b", bool), "'a.b' in ('a.b', "),
        (("", bool), "'' in ('', "),
        ((1, bool), "1 in (1, "),
        (("ä", bool), "'ä' in "),
        (("a\n", bool), r"'a\n' in "),
        (("a b", bool), "'a b' in "),
    ],
)
def test_a_wrong_spec_is_refused(spec: object, quoted: str) -> None:
    """A wrong spec is refused in one line, with the value in quotes."""
    with pytest.raises(UsageError) as refusal:
        parse(spec)

    assert quoted in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_modules_that_are_kept_out_are_not_loaded() -> None:
    """`None` in `sys.modules` keeps a module from being imported: it isn't loaded."""
    assert loaded({"a": None, "b": 0}) == {"b": 0}


@pytest.mark.parametrize(
    ("name", "expected"), [("numpy", "numpy"), ("google.cloud", "google-cloud"), ("a-b_c", "a-b_c")]
)
def test_wire_names(name: str, expected: str) -> None:
    """On the wire a name is one part: a module's dots are dashes, which modules' names don't have."""
    assert expected == wire_name(name)
