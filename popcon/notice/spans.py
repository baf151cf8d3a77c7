"""In: words and values. Out: sections of paragraphs, lists and code, which know no format yet."""

from __future__ import annotations

from typing import NamedTuple, Union


class Code(NamedTuple):
    """What a machine reads or writes: a command, a name."""

    text: str


class Link(NamedTuple):
    """An address, shown as it is."""

    url: str


class Strong(NamedTuple):
    """The words that a list's entry is found by."""

    text: str


Span = Union[str, Code, Link, Strong]
#: One paragraph, or one entry of a list.
Text = tuple[Span, ...]


class Paragraph(NamedTuple):
    """A paragraph."""

    text: Text


class Items(NamedTuple):
    """A list; `numbered` if the entries are counted in the text."""

    entries: tuple[Text, ...]
    numbered: bool = False


class Block(NamedTuple):
    """Lines of code."""

    lines: tuple[str, ...]


class Section(NamedTuple):
    """A heading and what stands below it."""

    heading: str
    blocks: tuple[Paragraph | Items | Block, ...]


class Notice(NamedTuple):
    """The page."""

    title: str
    sections: tuple[Section, ...]


def listed(words: tuple[str, ...]) -> Text:
    """Return names as code, with commas between.

    >>> listed(("a", "b"))
    (Code(text='a'), ', ', Code(text='b'))
    """
    spans: list[Span] = []
    for word in words:
        spans += [", ", Code(word)] if spans else [Code(word)]
    return tuple(spans)


def printable(text: str) -> str:
    r"""Return a text in which nothing breaks a line.

    >>> printable("a/b"), printable("a\nb")
    ('a/b', "'a\\nb'")
    """
    return text if text.isprintable() else ascii(text)
