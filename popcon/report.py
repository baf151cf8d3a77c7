"""In: what was found. Out: a Report, the value that every sink is handed."""


class Report:
    """What one process used, as far as it was not said before.

    `libraries` are sorted names, PEP 503 normalised, each at most once in a process's life; so are
    `versions`, pairs of library and version, and `direct`, the libraries that the user's own code
    imports: the last two only where a site asked for them. `checks` are the watch lists' names that
    hold, each at most once too. `first` says that this process speaks for the first time, and so is
    to be counted itself.
    """

    __slots__ = ("checks", "direct", "first", "libraries", "versions")

    def __init__(
        self,
        libraries: "tuple[str, ...]",
        first: bool,
        versions: "tuple[tuple[str, str], ...]" = (),
        direct: "tuple[str, ...]" = (),
        checks: "tuple[str, ...]" = (),
    ) -> None:
        self.libraries = libraries
        self.first = first
        self.versions = versions
        self.direct = direct
        self.checks = checks
