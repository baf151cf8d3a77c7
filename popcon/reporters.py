"""In: the names of the checks that hold. Out: printed, or a file of one's own.

Ready-made reporters for `register_exit_hook`, those of NERSC's customs. A file is written whole or not
at all, and never over an older one unless told so; its first line or key says its format. Relative
paths are those of the moment when the reporter is made.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

FORMAT = "popcon-checks 1"
LINES_FORMAT = "popcon-checks-lines 1"


class Reporter:
    """What a reporter of one's own may start from: it is called with the sorted list of names."""

    def __call__(self, checks: "list[str]") -> None:
        """Report the checks that hold."""
        raise NotImplementedError


class PrintReporter(Reporter):
    """Prints the list."""

    def __call__(self, checks: "list[str]") -> None:
        """Print the list, as Python writes it, on standard output."""
        from popcon.sinks.printed import write

        write(f"{checks}\n", sys.stdout, sys.__stdout__)


class FileReporter(Reporter):
    """Writes a file: `path`, or a new `popcon-checks-<32 hex>` in the working directory."""

    ending = ""

    def __init__(
        self, path: "Union[str, bytes, os.PathLike[str], None]" = None, overwrite: bool = False
    ) -> None:
        if path is None:
            path = f"popcon-checks-{os.urandom(16).hex()}.{self.ending}"
        self.path = os.path.abspath(os.fsdecode(path))
        self.overwrite = overwrite

    def __call__(self, checks: "list[str]") -> None:
        """Write the file. Raises `OSError`, and `FileExistsError` where there is an older one."""
        from popcon.sinks.files import write_new

        write_new(self.path, self.content(checks), self.overwrite)

    def content(self, checks: "list[str]") -> bytes:
        """Return what the file holds."""
        raise NotImplementedError


class TextFileReporter(FileReporter):
    """Writes a text file: a first line that says so, then one name a line."""

    ending = "txt"

    def content(self, checks: "list[str]") -> bytes:
        """Return what the file holds."""
        return "\n".join(["# popcon checks 1", *checks, ""]).encode()


class JSONFileReporter(FileReporter):
    """Writes a JSON object with the keys `format` and `checks`."""

    ending = "json"

    def content(self, checks: "list[str]") -> bytes:
        """Return what the file holds."""
        from popcon.sinks.accounts import as_json

        return as_json({"format": FORMAT, "checks": checks}).encode() + b"\n"


class JSONLinesReporter(FileReporter):
    """Writes JSON lines: an object that says so, then one with the key `check` for each name."""

    ending = "jsonl"

    def content(self, checks: "list[str]") -> bytes:
        """Return what the file holds."""
        from popcon.sinks.accounts import as_json

        rows = [{"format": LINES_FORMAT}, *({"check": name} for name in checks)]
        return "".join(as_json(row) + "\n" for row in rows).encode()


class PickleReporter(FileReporter):
    """Writes a pickled dict with the keys `format` and `checks`.

    For readers that are there already. Never unpickle what somebody else may have written: to load a
    pickle is to run what it says.
    """

    ending = "pickle"

    def content(self, checks: "list[str]") -> bytes:
        """Return what the file holds."""
        from _pickle import dumps  # `pickle` itself could be a file of the user's

        return dumps({"format": FORMAT, "checks": checks}, protocol=4)
