"""Watch lists in TOML: what they compile to, and where they are wrong."""

from __future__ import annotations

import re
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from popcon.errors import FileError
from popcon.watch_list import parse, render
from popcon.watch_toml import read_toml

if TYPE_CHECKING:
    from popcon.watch_list import Entry

if sys.version_info < (3, 11):
    pytest.importorskip("tomli")

GPU: Entry = ("gpu", "all", ("torch", "torch.cuda"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[check]]\nname = "root"\nany = ["ROOT.std"]', [("root", "any", ("ROOT.std",))]),
        ('[[check]]\nall = ["torch", "torch.cuda"]\nname = "gpu" # a GPU', [GPU]),
        (
            "check = [{name='gpu', all=['torch', 'torch.cuda']}, {name='s', submodules=['a.b']}]",
            [GPU, ("s", "submodules", ("a.b",))],
        ),
        (
            'check = [\n  # two\n  {name = "gpu", all = [ # of them\n "torch",\n\n"torch.cuda",\n]},\n]',
            [GPU],
        ),
        ('[["check"]]\r\n"name" = """gpu"""\r\nall = ["torch", "torch.cuda"]\r\n', [GPU]),
        # Checks of one name are all kept.
        (
            "[[check]]\nname='x'\nany=['a']\n[[check]]\nname='x'\nall=['b', 'é']",
            [("x", "any", ("a",)), ("x", "all", ("b", "é"))],
        ),
    ],
)
def test_what_it_says(text: str, expected: list[Entry]) -> None:
    """The checks, in the file's order; the compiled text says the same."""
    entries = read_toml(text.encode(), "w.toml")

    assert entries == expected
    assert parse(render(entries), "watch-list") == expected


GOOD = "[[check]] # 1\nname = 'good'\nany = [\n  'a', # 4\n  'b',\n]\n\n"


@pytest.mark.parametrize(
    ("text", "line", "quoted"),
    [
        # what is no TOML
        ("[[check]]\nname = \n", 2, "'name ='"),
        ("[[check]]\nname = 'a'\nname = 'b'\n", 3, "\"name = 'b'\""),
        ("[[check]]\nname = 'a'\nany = [\n  'b',\n\n", 4, "\"'b',\""),
        ("[check]\n[[check]]\n", 2, "'[[check]]'"),
        ('[[check]]\nname = "a\nany = []', 2, "'name = \"a'"),
        ("x = " + "[" * 5000, 1, "'x = [[["),
        # the document
        ("", 1, "'[[check]]'"),
        ("# only words\n", 1, "'[[check]]'"),
        ("check = []\n", 1, "'[[check]]'"),
        ("\n[check]\nname = 'a'\n", 2, "{'name': 'a'}"),
        ("\ncheck = 7\n", 2, "7"),
        ("check = [\n  {name = 'a', any = ['b']},\n  'gpu'\n]", 3, "'gpu'"),
        (GOOD + "# x\n[more]\nx = 1", 9, "'more'"),
        ("title = 'x'\n" + GOOD, 1, "'title'"),
        # keys
        (GOOD + "[[check]]\nany = ['a']", 8, "'name'"),
        (GOOD + "[[check]]\n\n\n", 8, "'name'"),
        (GOOD + "[[check]]\nname = 'x'\n# any = ['a']", 8, "'x'"),
        (GOOD + "[[check]]\nname = 'x'\n\nany = ['a']\nall = [\n'b'\n]", 12, "'all' beside 'any'"),
        (GOOD + "[[check]]\nname = 'x'\nnever = ['a']\nany = ['a']", 10, "'never'"),
        (GOOD + "[[check]]\nname = 'x'\n[check.any]\ny = 1", 10, "{'y': 1}"),
        # names
        (GOOD + "[[check]]\n# name = 'x'\nname = 'a.b'\nany = ['a']", 10, "'a.b'"),
        (GOOD + "[[check]]\nname = ''\nany = ['a']", 9, "''"),
        (GOOD + "[[check]]\nname = 7\nany = ['a']", 9, "7"),
        (GOOD + "[[check]]\nname = 'ä'\nany = ['a']", 9, "'ä'"),
        (GOOD + "[[check]]\nname = '''\n[[check]]\nname'''\nany = ['a']", 11, r"'[[check]]\nname'"),
        # modules
        (GOOD + "[[check]]\nname = 'x'\nany = 'a'", 10, "'a'"),
        (GOOD + "[[check]]\nname = 'x'\nany = []", 10, "[]"),
        (GOOD + "[[check]]\nname = 'x'\nany = [\n  # none\n]", 10, "[]"),
        (GOOD + "[[check]]\nname = 'x'\nall = [\n 'a',\n 7,\n 'b',\n]", 12, "7"),
        (GOOD + "[[check]]\nname = 'x'\nall = [\n 'a', 'b',\n # c\n 'scikit-learn']", 13, "'scikit-learn'"),
        (GOOD + "[[check]]\nname = 'x'\nsubmodules = ['a.']", 10, "'a.'"),
        (GOOD + "[[check]]\nname = 'x'\nany = [['a']]", 10, "['a']"),
        # layouts
        ("check = [{name = 'a', any = ['b']}, {name = 'c', any = [\n 'd',\n 'e f'\n]}]", 3, "'e f'"),
        ("check = [\n {name = 'a', any = ['b']},\n\n # c\n {any = ['b'], name = 'c d'},\n]", 5, "'c d'"),
        ("check = [\n {name = 'a', any = ['b']},\n {name = 'c', any = ['']},\n]", 3, "''"),
        ("[[check]]\r\nname = 'a'\r\n\r\nany = ['b c']\r\n", 4, "'b c'"),
        ("[[check]]\nname = 'a'\nany = ['''\n[[check]]\n''']", 5, r"'[[check]]\n'"),
    ],
)  # fmt: skip
def test_what_is_wrong(text: str, line: int, quoted: str) -> None:
    """A wrong list is refused in one line that names file, line and value."""
    with pytest.raises(FileError) as refusal:
        read_toml(text.encode(), "lists/w.toml")

    said = str(refusal.value)
    assert said.startswith(f"lists/w.toml:{line}: ")
    assert quoted in said
    assert "\n" not in said


def test_bytes_that_are_no_text() -> None:
    """What isn't UTF-8 is refused with its line too."""
    with pytest.raises(FileError, match=r"^w\.toml:2: not UTF-8: b'\\xff'$"):
        read_toml(b"# \xc3\xa4\nname = '\xff'", "w.toml")


def test_a_text_of_many_lines() -> None:
    """A search that would take minutes is given up: the line is the right one, or a later one."""
    lines = "a\n" * 20_000
    text = f"[[check]]\nname = 'a b'\nany = ['''{lines}''']"
    with pytest.raises(FileError) as refusal:
        read_toml(text.encode(), "w.toml")

    found = re.fullmatch(r"w\.toml:(\d+): not a check's name: 'a b' .*", str(refusal.value))
    assert found is not None
    assert 2 <= int(found[1]) <= text.count("\n") + 1


def test_each_line_of_a_long_list() -> None:
    """In a long list the line of any value is found."""
    block = textwrap.dedent("""\
        [[check]]
        name = "check-%d"
        any = [
          "module",  # [[check]]
          "%s",
        ]
        """)
    for wrong in (0, 57, 199):
        text = "".join(block % (i, "a b" if i == wrong else "a") for i in range(200))
        with pytest.raises(FileError, match=rf"^w\.toml:{6 * wrong + 5}: "):
            read_toml(text.encode(), "w.toml")
