"""In: a process without cells. Out: it is asked to report now and then, and before it forks.

A thread of ours keeps the time. `gc.callbacks` would need none, but a Ctrl-C that comes during a
collection is lost in one.
"""

import os
from time import monotonic  # built in, and loaded in every process

from popcon.guard import contained
from popcon.thread import Thread, held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

#: How long an exit or a fork waits for the thread's end.
_PATIENCE_SECONDS = 0.01
#: Python ends within this; a thread that sleeps longer doesn't notice. To end it costs 13 system calls.
_LONG_SECONDS = 5.0
#: A thread that has ended is gone for the system within so many milliseconds.
_GONE_MS = 200


class Intervals:
    """Calls `report` every so many seconds until it returns False, and `before_fork` at each fork."""

    __slots__ = ("_before", "_pause", "_report", "_thread", "_wakes")

    def __init__(self, report: "Callable[[], bool]", before_fork: "Callable[[], object]") -> None:
        self._report = report
        self._before = before_fork
        self._pause = held()
        self._thread: "Optional[Thread]" = None
        self._wakes = 0.0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork)

    def start(self, seconds: float) -> None:
        """Begin to count the time, in this process."""
        self._pause = held()
        self._thread = None
        self._wakes = 0.0
        with contained():  # there may be no thread to be had
            self._thread = Thread(self._run, seconds, self._pause)

    def end(self) -> None:
        """Report no more."""
        if self._is_running() and self._pause.locked():
            self._pause.release()
            if self._thread is not None:
                self._thread.wait(_PATIENCE_SECONDS)

    def at_exit(self) -> None:
        """See to it that our thread doesn't run while Python ends."""
        if self._wakes < monotonic() + _LONG_SECONDS:
            self.end()

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_running()

    def _run(self, seconds: float, pause: "Any") -> None:
        while True:
            self._wakes = monotonic() + seconds
            if pause.acquire(timeout=seconds):
                return
            self._wakes = 0.0
            if not self._report():
                return

    def _before_fork(self) -> None:
        """End our thread for good, and report: Python 3.12 and later warn of a fork beside a thread.

        It can't begin again afterwards, as 3.13 looks for threads behind the hooks of the parent.
        """
        with contained(BaseException):
            if self._is_running():
                number = _threads()
                self.end()
                pause = held()
                for _ in range(_GONE_MS if number else 0):
                    if _threads() < number:
                        break
                    pause.acquire(timeout=0.001)
            self._before()


def _threads() -> int:
    """Return how many threads the system knows of in this process, 0 where it doesn't say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0
