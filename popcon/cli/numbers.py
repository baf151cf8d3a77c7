"""In: which numbers a flag takes. Out: argparse's `type` for it, which refuses all others in one line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


def number_of(what: str, admits: Callable[[float], bool]) -> Callable[[str], float]:
    """Return a function from a flag's text to its number.

    `admits` says which numbers the flag takes; it is asked for a NaN too, where the text is no number.
    """

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not admits(number):
            raise argparse.ArgumentTypeError(f"not a number of {what}: {text!r}")
        return number

    return parse
