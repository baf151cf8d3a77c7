"""In: how many libraries, and a seed. Out: what a site has installed, and what imports what."""

from __future__ import annotations

import random
from dataclasses import dataclass

from popcon.audit import bits

#: Fields of work, such as statistics, images, maps; a few have most of the users.
FIELDS = 10


@dataclass(frozen=True)
class Shelf:
    """Installed libraries by number.

    `core` is what a kernel loads by itself, `fields` the numbers of each field's libraries, the
    most used first, `closures` each library with all that it imports.
    """

    names: tuple[str, ...]
    core: int
    fields: tuple[tuple[int, ...], ...]
    closures: tuple[int, ...]


def shelf(count: int, core: int, chance: random.Random) -> Shelf:
    """Return a shelf of `count` libraries of which `core` are a kernel's own; nothing imports in a circle."""
    core = max(1, min(core, count - 1))
    kernel = (1 << core) - 1
    closures = [1 << number for number in range(core)]
    fields: list[list[int]] = [[] for _ in range(FIELDS)]
    for number in range(core, count):
        field = (number - core) % FIELDS
        # What a field is built on, and now and then something that all fields use.
        near, far = fields[field], fields[0][:6]
        closure = 1 << number
        for _ in range(min(len(near), chance.choice((0, 0, 1, 1, 2, 3)))):
            closure |= closures[near[int(len(near) * chance.random() ** 2)]]
        if far and chance.random() < 0.5:
            closure |= closures[chance.choice(far)]
        closures.append(closure)
        near.append(number)
    names = tuple(f"library-{number:04d}" for number in range(count))
    return Shelf(names, kernel, tuple(map(tuple, fields)), tuple(closures))


def drawn(shelf: Shelf, weights: list[float], target: int, chance: random.Random) -> int:
    """Return a set of about `target` libraries, with all that they import, from fields of these weights."""
    found = shelf.core
    for _ in range(20 * target):
        if bits.size(found) >= target:
            break
        field = shelf.fields[chance.choices(range(len(weights)), weights)[0]]
        if field:  # the first are used far more often than the last
            found |= shelf.closures[field[int(len(field) * chance.random() ** 2.5)]]
    return found
