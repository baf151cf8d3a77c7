"""In: sets of libraries as the bits of an int, counts of each as planes of such ints. Out: their sums.

Plane number n has the bit of each library whose count has the binary digit 2**n: so hundreds of
libraries are added and taken off in a few operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

#: One int for each binary digit, the lowest first.
Planes = tuple[int, ...]


def _size(bits: int) -> int:
    return bin(bits).count("1")


#: How many libraries a set has. The faster way came with Python 3.10.
size: Callable[[int], int] = getattr(int, "bit_count", _size)


def members(bits: int) -> Iterator[int]:
    """Yield the numbers of a set's libraries, ascending."""
    # Its digits as a text: as fast as bit by bit for hundreds of them, and faster for thousands.
    text = bin(bits)[:1:-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


def of(numbers: Iterable[int]) -> int:
    """Return the set of these libraries."""
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def planes_of(counts: Iterable[tuple[int, int]]) -> Planes:
    """Return the counts, given as pairs of library and number, as planes."""
    found: list[int] = []
    for library, count in counts:
        for digit in range(count.bit_length()):
            if len(found) <= digit:
                found.append(0)
            if count >> digit & 1:
                found[digit] |= 1 << library
    return tuple(found)


def support(planes: Planes) -> int:
    """Return the set of what was counted at all."""
    found = 0
    for plane in planes:
        found |= plane
    return found


def added(one: Planes, other: Planes) -> Planes:
    """Return the sums of two counts."""
    found, carry = [], 0
    for digit in range(max(len(one), len(other))):
        a = one[digit] if digit < len(one) else 0
        b = other[digit] if digit < len(other) else 0
        found.append(a ^ b ^ carry)
        carry = a & b | carry & (a ^ b)
    return (*found, carry) if carry else tuple(found)


def without(planes: Planes, bits: int) -> Planes:
    """Return the counts, each of the set's one lower; the set is within `support`."""
    found = []
    for plane in planes:
        found.append(plane ^ bits)
        bits &= ~plane
    return tuple(found)


def compared(planes: Planes, number: int) -> tuple[int, int]:
    """Return the sets of what was counted more often than `number`, and just so often."""
    if number >> len(planes):
        return 0, 0
    everything = support(planes)
    more, equal = 0, everything
    for digit in reversed(range(len(planes))):
        if number >> digit & 1:
            equal &= planes[digit]
        else:
            more |= equal & planes[digit]
            equal &= ~planes[digit]
    return more, equal if number else 0
