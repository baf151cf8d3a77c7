"""In: a number, and the arguments of `popcon load`. Out: that command, killed at that line of its code.

Lines of `popcon/load` and of `popcon/outgoing.py` are counted as they are run, and named on standard
error: of all of them where the number is 0, else only the one that SIGKILL came before.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

import popcon
from popcon.cli import main

FOLDER = os.path.dirname(popcon.__file__)
COUNTED = (f"{FOLDER}/load/folding.py", f"{FOLDER}/load/ledger.py", f"{FOLDER}/outgoing.py")


def run(limit: int, arguments: list[str]) -> int:
    """Run the command; SIGKILL comes before the line of that number."""
    number = 0

    def on_line(frame: FrameType, event: str, argument: object) -> object:
        nonlocal number
        if event == "line":
            number += 1
            if limit in (0, number):
                os.write(2, f"{frame.f_code.co_name}:{frame.f_lineno}\n".encode())
            if limit == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return on_line

    def on_call(frame: FrameType, event: str, argument: object) -> object:
        return on_line if frame.f_code.co_filename in COUNTED else None

    sys.settrace(on_call)  # type: ignore[arg-type]
    return main(arguments)


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2:]))
