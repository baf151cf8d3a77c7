"""In: a fault of ours in somebody else's process. Out: nothing, ever.

`POPCON_DEBUG=1` shows on standard error what was swallowed.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Optional


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
    ) -> bool:
        if kind is None or not issubclass(kind, self.faults):
            return False
        if os.environ.get("POPCON_DEBUG"):
            try:  # noqa: SIM105 - contextlib is not loaded here
                sys.stderr.write(f"popcon: {kind.__name__}: {fault}\n")
            except Exception:  # standard error may be closed, or somebody's own object
                pass
        return True
