"""In: numbers. Out: bars and lines of one row of characters, in blocks or in ASCII."""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
#: From little to much ink.
_INK = ".:-=+*#@"


def bar(part: float, width: int, ascii_only: bool = False) -> str:
    """Return a bar; `part` of 1 fills it. What is more than nothing is seen.

    >>> bar(0.5, 4, ascii_only=True), bar(0.001, 4, ascii_only=True), bar(0, 4)
    ('##', '#', '')
    """
    part = min(1.0, max(0.0, part))
    if not part:
        return ""
    if ascii_only:
        return "#" * max(1, round(part * width))
    full, rest = divmod(max(1, round(part * width * 8)), 8)
    return _EIGHTHS[8] * full + (_EIGHTHS[rest] if rest else "")


def line(values: Sequence[float | None], ascii_only: bool = False) -> str:
    """Return a character for each value: a blank where there is none, `_` for 0, the largest is highest.

    >>> line([None, 0, 1, 2], ascii_only=True)
    ' _=@'
    """
    signs = _INK if ascii_only else _HEIGHTS
    largest = max((value for value in values if value), default=0)

    def sign(value: float | None) -> str:
        if value is None:
            return " "
        return signs[max(0, -int(-len(signs) * value // largest) - 1)] if value > 0 else "_"

    return "".join(map(sign, values))
