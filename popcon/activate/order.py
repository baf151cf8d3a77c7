"""In: an environment. Out: every place where popcon is active in it, in order, and which one wins."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from popcon.activate import ipython, pth, sitecustomize
from popcon.activate.place import Place
from popcon.activate.start import ask
from popcon.errors import FileError


class Order(NamedTuple):
    """The places in the order in which they run.

    `programs` is the one that arms a program, `kernels` the one from which a kernel's cells count;
    `faults` say why there is less to see or less to count than there could be.
    """

    places: tuple[Place, ...]
    programs: Place | None
    kernels: Place | None
    faults: tuple[str, ...]


def order_of(prefix: Path) -> Order:
    """Return the places of an environment.

    Python's own come first: `.pth` files, then sitecustomize and usercustomize. What they arm is a
    program; IPython's startup files then arm the shell, and what was imported until then is none of
    the cells'.
    """
    faults = []
    early: list[Place] = []
    try:
        start = ask(prefix)
    except FileError as fault:
        faults.append(f"{fault}: .pth files and sitecustomize were not looked for")
    else:
        early = pth.places(start) + sitecustomize.places(start)
        if start.popcon is None:
            faults.append(f"popcon is not installed in '{prefix}': nothing is armed")
    late = ipython.places(prefix)
    return Order(
        (*early, *late),
        next((place for place in early if place.arms), None),
        next((place for place in late if place.arms), None),
        tuple(faults),
    )
