"""In: seconds. Out: words of a time that has passed."""

from __future__ import annotations


def passed(seconds: float) -> str:
    """Return that a time has passed, for people.

    >>> passed(900.0), passed(5400.0), passed(1.0)
    ('15 minutes have passed', '90 minutes have passed', '1 second has passed')
    """
    whole, rest = divmod(seconds, 60)
    number, unit = (whole, "minute") if whole and not rest else (seconds, "second")
    return f"{number:g} {unit} has passed" if number == 1 else f"{number:g} {unit}s have passed"
