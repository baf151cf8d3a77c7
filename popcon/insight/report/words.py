"""In: numbers, times and names. Out: the words that a page has for them. English, and no locale is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

#: Written out at the beginning of a sentence, or where few are meant.
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
#: What comes between a number and its unit, so that no line breaks there.
_NO_BREAK = "\N{NO-BREAK SPACE}"
#: Longer names are cut in charts; tables have them whole.
_LONGEST = 26
#: Nothing that is called so is a library; 500 characters fit into a label.
_WHOLE = 120


def number(value: int) -> str:
    """Return a whole number with its thousands apart.

    >>> number(127402)
    '127,402'
    """
    return f"{value:,}"


def count(value: int, one: str, many: str = "") -> str:
    r"""Return a number with what it counts.

    >>> count(1, "library", "libraries"), count(1200, "process", "processes")
    ('1\xa0library', '1,200\xa0processes')
    """
    return f"{number(value)}{_NO_BREAK}{one if value == 1 else many or one + 's'}"


def spelled(value: int) -> str:
    """Return a small number in letters.

    >>> spelled(3), spelled(12)
    ('three', '12')
    """
    return _SMALL[value] if 0 <= value < len(_SMALL) else number(value)


def percent(share: float) -> str:
    """Return a share of 1 as exactly as it is worth reading; what isn't nothing isn't called 0.

    >>> [percent(share) for share in (0, 0.00002, 0.0042, 0.0349, 0.1249, 0.9996, 1)]
    ['0%', '<0.1%', '0.4%', '3.5%', '12%', '99.9%', '100%']
    """
    hundredths = share * 100
    if hundredths <= 0 or share >= 1:
        return "0%" if hundredths <= 0 else "100%"
    if hundredths < 0.05:
        return "<0.1%"
    if hundredths > 99.5:
        return f"{min(hundredths, 99.9):.1f}%"
    return f"{hundredths:.1f}%" if hundredths < 9.95 else f"{hundredths:.0f}%"


def points(before: float, after: float) -> str:
    r"""Return by how many percentage points a share changed.

    >>> points(0.02, 0.153), points(0.31, 0.25)
    ('+13.3', '\u22126.0')
    """
    change = (after - before) * 100
    return f"{'+' if change >= 0 else chr(0x2212)}{abs(change):.1f}"


def size(value: float) -> str:
    r"""Return a number of bytes: 1 MB is a million, as disks are sold.

    >>> size(0), size(2_140_000_000), size(640_000)
    ('0\xa0MB', '2.1\xa0GB', '0.6\xa0MB')
    """
    if value >= 999_500_000:
        return f"{value / 1e9:,.1f}{_NO_BREAK}GB"
    if not value or value >= 9_950_000:
        return f"{value / 1e6:.0f}{_NO_BREAK}MB"
    return f"{max(value / 1e6, 0.1):.1f}{_NO_BREAK}MB"


def day(time: float, *, year: bool = True) -> str:
    r"""Return a day of UTC.

    >>> day(0), day(0, year=False)
    ('1\xa0January\xa01970', '1\xa0Jan')
    """
    moment = datetime.fromtimestamp(time, timezone.utc)
    if year:
        return f"{moment.day}{_NO_BREAK}{moment:%B}{_NO_BREAK}{moment:%Y}"
    return f"{moment.day}{_NO_BREAK}{moment:%b}"


def last_day(time: float) -> str:
    r"""Return the day of a time that may be the midnight at which that day ended.

    >>> last_day(86_400), last_day(86_401)
    ('1\xa0January\xa01970', '2\xa0January\xa01970')
    """
    return day(time - 1)


def month(time: float) -> str:
    r"""Return the month that a time is in.

    >>> month(0)
    'Jan\xa01970'
    """
    moment = datetime.fromtimestamp(time, timezone.utc)
    return f"{moment:%b}{_NO_BREAK}{moment:%Y}"


def days(begin: float, end: float) -> str:
    r"""Return from which day to which, both included; `end` is a midnight or a time within the last day.

    >>> days(0, 86_400), days(0, 5 * 86_400), days(0, 400 * 86_400)
    ('1\xa0January\xa01970', '1\xa0January to 5\xa0January\xa01970', '1\xa0January\xa01970 to 4\xa0February\xa01971')
    """
    first = datetime.fromtimestamp(begin, timezone.utc)
    last = datetime.fromtimestamp(end, timezone.utc) - timedelta(microseconds=1)
    if first.date() == last.date():
        return day(begin)
    left = day(begin)
    if first.year == last.year:
        left = left.rpartition(_NO_BREAK)[0]
    return f"{left} to {day(last.timestamp())}"


def listed(names: Sequence[str], most: int = 0) -> str:
    """Return names as a sentence has them, so many at most.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c", "d"], 2)
    ('a', 'a, b and c', 'a, b and 2 others')
    """
    names = list(names)
    if most and len(names) > most:
        others = len(names) - most
        names = [*names[:most], f"{number(others)} other{'s' if others > 1 else ''}"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def shortened(name: str) -> str:
    """Return a name that fits beside a bar.

    >>> shortened("numpy"), shortened("x" * 300)
    ('numpy', 'xxxxxxxxxxxxxxxxxxxxxxxxx…')
    """
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def shown(name: str) -> str:
    r"""Return a name without what can't be printed, or turns the text around: any kernel can send one.

    >>> shown("numpy"), shown("a\x00b\u202ec"), shown("")
    ('numpy', 'a�b�c', '(no name)')
    """
    kept = printable(name[:_WHOLE])
    return (kept + "…" if len(name) > _WHOLE else kept) or "(no name)"


def printable(text: str) -> str:
    r"""Return a text without what can't be printed, or turns it around: a sentence may have names in it.

    >>> printable("hub \u202eb: counts show")
    'hub �b: counts show'
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
