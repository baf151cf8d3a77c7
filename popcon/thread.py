"""In: a function. Out: it runs on a thread of ours, and Python does not end under it. Turns to take.

Up to Python 3.12, a thread that begins while Python ends uses memory that was freed, and one that
comes back from C then may do so too: of 1,200 short scripts on a busy machine 4 crashed. And one that
begins when memory is gone is shown. So we wait until a thread has begun, and an exit a moment for
its end.
"""

import _thread
import os

from popcon.guard import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: How long a thread may take to begin: it is a tenth of a millisecond where the machine isn't stuck.
BEGIN_SECONDS = 2.0


class Thread:
    """A thread that nobody joins, and that can't show a fault.

    Raises `RuntimeError` where no thread can be started.
    """

    __slots__ = ("_begun", "_ended", "_pid")

    def __init__(self, function: "Callable[..., object]", *arguments: "Any") -> None:
        self._begun = held()
        self._ended = held()
        self._pid = os.getpid()
        _thread.start_new_thread(self._run, (function, arguments))
        self._begun.acquire(timeout=BEGIN_SECONDS)

    def _run(self, function: "Callable[..., object]", arguments: "tuple[Any, ...]") -> None:
        # One frame, so that where memory is gone there is little to fail outside of these `try`s:
        # Python would show it.
        try:
            self._begun.release()
            function(*arguments)
        except BaseException as fault:
            try:
                show(fault)
            except BaseException:
                pass
        try:
            self._ended.release()
        except BaseException:
            pass

    def is_running(self) -> bool:
        """Return whether the thread runs in this process: none comes along with a fork."""
        return self._ended.locked() and self._pid == os.getpid()

    def wait(self, seconds: float) -> None:
        """Wait for the thread's end, for so long at most."""
        if self.is_running() and self._ended.acquire(timeout=seconds):
            self._ended.release()


class Turn:
    """Around what one thread at a time should do.

    A thread that hangs, on a dead file system say, must not hold up a cell's end or an exit: after
    some seconds the turn is taken anyway, when `missed` was called.
    """

    __slots__ = ("_has_lock", "_lock", "_missed", "_seconds")

    def __init__(
        self, lock: "_thread.LockType", seconds: float, missed: "Callable[[], object]"
    ) -> None:
        self._lock = lock
        self._seconds = seconds
        self._missed = missed

    def __enter__(self) -> None:
        self._has_lock = self._lock.acquire(timeout=self._seconds)
        if not self._has_lock:
            self._missed()

    def __exit__(self, *fault: object) -> None:
        if self._has_lock:
            self._lock.release()


def held() -> "_thread.LockType":
    """Return a lock that is held: to acquire it is to wait until it is released."""
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock
