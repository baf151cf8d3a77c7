"""In: a user's process, around popcon's work there. Out: what popcon changed, told to the test.

This file lies beside the user's libraries in a row's environment. It looks before and after arming,
and before and after the report at exit: a hook registered before popcon's runs after it, one
registered later runs before it. What it needs it takes when it is imported, because a row may
break all that later. Objects are compared by identity, so that none of the user's own is asked.
"""

from __future__ import annotations

import _locale
import _signal
import _socket
import atexit
import builtins
import gc
import os
import sys
import threading
import warnings

_DESCRIPTOR = int(os.environ["WITNESS"])
_getcwd, _write, _environ = os.getcwd, os.write, os.environ
_id, _list = id, list
_getsignal = _signal.getsignal  # signal's own makes enumerations, which needs all builtins
_variables: dict[bytes, bytes] = vars(_environ)["_data"]  # as they are, not decoded
_seen: list[str] = []
_before: list[tuple[str, list[object]]] = []
_namespace: dict[str, object] = {}
_ears: list[_socket.socket] = []


def listen(host: str = "127.0.0.1") -> None:
    """Be one more sink, where the test's own can't be reached."""
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    ear = _socket.socket(family, _socket.SOCK_DGRAM)
    ear.bind((host, 0))
    ear.setblocking(False)
    _ears.append(ear)
    name = f"[{host}]" if ":" in host else host
    _environ["POPCON_SINK"] += f" statsd://{name}:{ear.getsockname()[1]}"


def arming(namespace: dict[str, object]) -> None:
    """Look: popcon is armed next. `namespace` is the user's."""
    global _namespace
    _namespace = namespace
    atexit.register(_judge)
    _before[:] = _look()


def armed() -> None:
    """Look again, and note whether popcon was there at all."""
    _seen.append("reached" if "popcon" in sys.modules else "not reached")
    _compare()
    atexit.register(_remember)


def _remember() -> None:
    _before[:] = _look()


def _judge() -> None:
    _compare()
    for ear in _ears:
        try:
            while True:
                datagram = ear.recv(65_535).decode()
                _seen.extend(["heard " + line for line in datagram.split("\n")])
        except BlockingIOError:
            pass
    _write(_DESCRIPTOR, "\n".join(_seen).encode())


def _compare() -> None:
    for (name, then), (_, now) in zip(_before, _look()):
        if [_id(one) for one in then] != [_id(one) for one in now]:
            _seen.append(name)


def _look() -> list[tuple[str, list[object]]]:
    return [
        ("sys.path", [sys.path, *(sys.path or ())]),
        ("sys.meta_path", [sys.meta_path, *sys.meta_path]),
        ("sys.path_hooks", [sys.path_hooks, *sys.path_hooks]),
        ("sys.argv", [sys.argv, *sys.argv]),
        ("hooks", [sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook]),
        ("tracing", [sys.gettrace(), sys.getprofile()]),
        ("streams", [vars(sys).get(name) for name in ("stdin", "stdout", "stderr")]),
        ("limits", [_whole(sys.getrecursionlimit()), _whole(gc.isenabled())]),
        ("builtins", [*vars(builtins), *vars(builtins).values()]),
        ("os.environ", [os.environ, *_variables, *_variables.values()]),
        ("warnings.filters", [warnings.filters, *warnings.filters, warnings.showwarning]),
        ("signal handlers", [_getsignal(number) for number in range(1, 32)]),
        ("locale", [sys.intern(_locale.setlocale(_locale.LC_ALL, None))]),
        ("working directory", [_folder()]),
        ("the user's names", _list(_namespace)),
    ]


def _folder() -> str:
    try:
        return sys.intern(_getcwd())
    except OSError:
        return "gone"


def _whole(number: int) -> str:
    return sys.intern(str(number))
