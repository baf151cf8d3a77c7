"""In: what was found. Out: a Report, the value that every sink is handed."""


class Report:
    """What one process used, as far as it was not said before.

    `libraries` are sorted names, PEP 503 normalised, each at most once in a process's life.
    `first` says that this process speaks for the first time, and so is to be counted itself.
    """

    __slots__ = ("first", "libraries")

    def __init__(self, libraries: "tuple[str, ...]", first: bool) -> None:
        self.libraries = libraries
        self.first = first
