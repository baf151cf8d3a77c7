"""In: nothing. Out: the colours of the page and of its charts, by light and by dark, written once.

Charts are drawn in the light ones; a style sheet turns these into variables, so that a chart follows
the reader's theme and is right without the sheet, too. Text has a contrast of 4.5 to 1 or more with
its ground, a mark of 3 to 1.
"""

from __future__ import annotations

from typing import NamedTuple


class Ink(NamedTuple):
    """A colour in a light page, and in a dark one."""

    light: str
    dark: str


INKS = {
    "ground": Ink("#ffffff", "#14171a"),
    "panel": Ink("#f4f6f8", "#1d2226"),
    "text": Ink("#1c2126", "#e8eaed"),
    "muted": Ink("#56606b", "#a3adb8"),
    "line": Ink("#d5dbe1", "#3a424a"),
    "bar": Ink("#2b6c9e", "#6bb0e0"),
    "pale": Ink("#7b8896", "#7f8a96"),
    "rise": Ink("#1d7a4f", "#5cc592"),
    "fall": Ink("#a8481b", "#f09a68"),
}
#: Those that charts are drawn with. The ground is among them, as text on a bar has it.
_IN_CHARTS = ("ground", "text", "muted", "line", "bar", "pale", "rise", "fall")


def ink(name: str) -> str:
    """Return the colour that a chart is drawn with."""
    return INKS[name].light


def style() -> str:
    """Return the style sheet's part that is about colours."""
    light = "".join(f"--{name}:{one.light};" for name, one in INKS.items())
    dark = "".join(f"--{name}:{one.dark};" for name, one in INKS.items())
    in_charts = "\n".join(
        f'svg [{of}="{INKS[name].light}"]{{{of}:var(--{name})}}'
        for name in _IN_CHARTS
        for of in ("fill", "stroke")
    )
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{in_charts}\n"
    )
