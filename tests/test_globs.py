"""Globs: which libraries they match, and what allow and deny lists make of them."""

from __future__ import annotations

import pytest

from popcon.globs import admits, matches


@pytest.mark.parametrize(
    ("name", "glob", "expected"),
    [
        ("numpy", "numpy", True),
        ("numpy", "num", False),
        ("numpy", "umpy", False),
        ("numpy", "*", True),
        ("numpy", "num*", True),
        ("numpy", "*py", True),
        ("numpy", "*u*p*", True),
        ("numpy", "n?mpy", True),
        ("numpy", "numpy?", False),
        ("numpy", "?????", True),
        ("numpy", "??????", False),
        ("numpy", "numpy*", True),
        ("numpy", "**y", True),
        ("aab", "*ab", True),
        ("abab", "*ab?", False),
        ("scikit-learn", "scikit-*", True),
        ("scikit", "scikit-*", False),
        ("a" * 200, "*a" * 50 + "*b", False),
    ],
)
def test_matches(name: str, glob: str, expected: bool) -> None:
    """`*` stands for any characters, `?` for one, and the whole name has to fit."""
    assert expected == matches(name, glob)


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [
        ((), (), True),
        ((), ("numpy",), False),
        ((), ("scipy", "n*"), False),
        ((), ("scipy",), True),
        (("numpy",), (), True),
        (("scipy",), (), False),
        (("scipy", "n*"), (), True),
        (("numpy",), ("*",), False),
        (("*",), ("numpy",), False),
    ],
)
def test_admits(allow: tuple[str, ...], deny: tuple[str, ...], expected: bool) -> None:
    """Deny wins; where there is an allow list, only what it matches is named."""
    assert expected == admits("numpy", allow, deny)
