"""In: a fault of ours in somebody else's process. Out: nothing, ever.

`POPCON_DEBUG=1` shows on standard error what was swallowed.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Optional


def show(
    fault: "Optional[BaseException]",
    *,
    os: "Any" = os,
    sys: "Any" = sys,
    unless: "Any" = BaseException,
) -> None:
    """Write a swallowed fault to standard error, if somebody asked for it.

    What this needs is held by the function: at exit, other hooks may have emptied our globals.
    """
    try:
        if not os.environ.get("POPCON_DEBUG"):
            return
        line = f"popcon: {type(fault).__name__}: {fault}\n"
        stream = sys.stderr
        if stream is not None and stream is sys.__stderr__:
            # What can't be written would stay in its buffer, and make the exit status 120.
            os.write(stream.fileno(), line.encode("utf-8", "backslashreplace"))
        else:
            stream.write(line)
    except unless:  # standard error may be closed, or somebody's own object; so may os.environ
        pass


class contained:
    """Around everything that popcon does as a guest: what goes wrong inside ends here.

    `faults` is what is swallowed. At set-up that is `Exception`, so that a person's Ctrl-C is
    theirs; after a cell and at exit it is `BaseException`, because there an interrupt has nothing
    left to stop and would only be printed.
    """

    __slots__ = ("faults",)

    def __init__(self, faults: "type[BaseException]" = Exception) -> None:
        self.faults = faults

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: "Optional[type[BaseException]]",
        fault: "Optional[BaseException]",
        trace: "Optional[TracebackType]",
        *,
        issubclass: "Any" = issubclass,
        show: "Any" = show,
    ) -> bool:
        if kind is None or not issubclass(kind, self.faults):
            return False
        show(fault)
        return True
