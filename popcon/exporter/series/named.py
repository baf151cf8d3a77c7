"""In: a metric's name. Out: its type and help, and its series by label names and values."""

from __future__ import annotations

from popcon.exporter.series.drawn import Drawn, by_labels
from popcon.exporter.series.series import Live, Shape


class Named:
    """A name's type and help; its series by label names and values.

    It outlives its series: a name belongs to the type that used it first until the process ends.
    """

    __slots__ = ("drawn", "held", "help", "shapes", "type")

    def __init__(self, name: str, type: str, help: str) -> None:
        self.type = type
        self.help = help
        self.shapes: dict[tuple[str, ...], Shape] = {}
        self.held = 0
        self.drawn = Drawn(name, type, help)

    def yields_to(self, type: str) -> bool:
        """Return whether all is of before a restart, and the rules now have observations become
        another type. No sender can choose that.
        """
        observers = {self.type, type} == {"histogram", "summary"}
        return observers and all(shape.restored for shape in self.shapes.values())

    def retitle(self, help: str) -> None:
        """Take another help text."""
        self.help = help
        self.drawn.retitle(help)

    def ordered(self) -> list[Live]:
        """The series, sorted."""
        found = (live for shape in self.shapes.values() for live in shape.series.values())
        return sorted(found, key=by_labels)
