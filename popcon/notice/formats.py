"""In: a Notice. Out: it as plain text, or as Markdown."""

from __future__ import annotations

import re
import textwrap

from popcon.notice.spans import Block, Code, Items, Link, Notice, Paragraph, Span, Strong, Text

_WIDTH = 78
#: Stands for a space at which no line may end; no value has it, as it isn't printable.
_JOINT = "\0"
_SPECIAL = re.compile(r"([\\`*_\[\]<>&#|~])")


def as_text(notice: Notice) -> str:
    """Return the page as lines for a terminal or a mail."""
    lines = [notice.title, "=" * len(notice.title)]
    for section in notice.sections:
        if section.heading:
            lines += ["", section.heading, "-" * len(section.heading)]
        for block in section.blocks:
            lines += ["", *_text_lines(block)]
    return "\n".join(lines) + "\n"


def _text_lines(block: Paragraph | Items | Block) -> list[str]:
    if isinstance(block, Block):
        return [f"    {line}" for line in block.lines]
    if isinstance(block, Paragraph):
        return _wrapped(_plain(block.text), "", "")
    lines = []
    for number, entry in enumerate(block.entries, 1):
        mark = f"{number}. " if block.numbered else "- "
        lines += _wrapped(_plain(entry), mark, " " * len(mark))
    return lines


def _plain(text: Text) -> str:
    """Return a text with code in backticks; what is copied from it has no line of its own to break at."""
    return "".join(
        f"`{span.text}`".replace(" ", _JOINT)
        if isinstance(span, Code)
        else span
        if isinstance(span, str)
        else span[0]
        for span in text
    )


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    lines = textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_JOINT, " ") for line in lines]


def as_markdown(notice: Notice) -> str:
    """Return the page as CommonMark, a paragraph a line."""
    parts = [f"# {_escaped(notice.title)}"]
    for section in notice.sections:
        if section.heading:
            parts.append(f"## {_escaped(section.heading)}")
        parts += [_markdown_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _markdown_block(block: Paragraph | Items | Block) -> str:
    if isinstance(block, Block):
        return "\n".join(f"    {line}" for line in block.lines)
    if isinstance(block, Paragraph):
        # `1. ` or `- ` begins a list, also where a site's name begins so.
        return re.sub(r"^(\d*)([-+.)])(?=\s)", r"\1\\\2", _markdown(block.text))
    marks = [f"{number}." if block.numbered else "-" for number in range(1, len(block.entries) + 1)]
    return "\n".join(f"{mark} {_markdown(entry)}" for mark, entry in zip(marks, block.entries))


def _markdown(text: Text) -> str:
    return "".join(map(_markdown_span, text))


def _markdown_span(span: Span) -> str:
    if isinstance(span, Code):
        fence = "`" * (1 + max(map(len, re.findall("`+", span.text)), default=0))
        pad = " " if span.text[:1] == "`" or span.text[-1:] == "`" else ""
        return f"{fence}{pad}{span.text}{pad}{fence}"
    if isinstance(span, Link):
        return f"<{span.url}>"
    if isinstance(span, Strong):
        return f"**{_escaped(span.text)}**"
    return _escaped(span)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
