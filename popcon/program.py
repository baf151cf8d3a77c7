"""In: a process. Out: why it stays silent, or nothing.

Told by what is loaded, never by a list of names: a helper of multiprocessing is known by the
function it runs, a program that the environment brings by where its file lies.
"""

import _signal
import _thread
import os
import sys

from popcon.libraries import split_site
from popcon.sinks import is_network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional

    from popcon.config import Settings

#: Where launchers of parallel jobs write a process's number; only number 0 speaks.
RANKS = ("SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK")
#: Ends of the modules whose `main` a helper process runs (joblib has copies of its own).
_HELPERS = ("resource_tracker", "forkserver", "semaphore_tracker")


def at_startup(modules: "Mapping[str, Any]") -> bool:
    """Return whether Python is still starting: a `.pth` file or sitecustomize runs this."""
    return bool(getattr(getattr(modules.get("site"), "__spec__", None), "_initializing", False))


def mute_by(
    settings: "Settings", environ: "Mapping[str, str]", modules: "Mapping[str, Any]"
) -> "Optional[str]":
    """Return why this process never says anything, or None; if so, its settings lose their sinks."""
    mute = (_switch_off(settings, modules) if settings.off else None) or other_rank(environ)
    if settings.children != "each" and is_child(modules):
        mute = "a child process"
    elif is_subinterpreter(modules):
        mute = "a sub-interpreter"
    if mute is not None:
        settings.sinks, settings.client = (), None
    return mute


def _switch_off(settings: "Settings", modules: "Mapping[str, Any]") -> "Optional[str]":
    """Leave the sinks that stay on this machine and are asked for by name; return why none is left.

    What arms as Python starts is an admin's, and a person's opt-out goes before that.
    """
    asked = settings.origins["sink"] == "argument" and not at_startup(modules)
    settings.client = None
    settings.sinks = tuple(url for url in settings.sinks if asked and not is_network(url))
    return None if settings.sinks else settings.off


def silence(modules: "Mapping[str, Any]", children: str, asked: bool) -> "Optional[str]":
    """Return why a process without cells says nothing, or None.

    `children` is the setting of that name; `asked`: the program itself wants to be counted.
    """
    if is_child(modules):
        return None if children == "each" else "a child process"
    main = modules.get("__main__")
    if _is_helper(main):
        return "a helper of multiprocessing"
    if not asked and is_of_environment(main):
        return "a program of the environment"
    if not asked and has_shell(modules):
        return "an IPython shell that no startup file has armed"
    return None


def other_rank(environ: "Mapping[str, str]") -> "Optional[str]":
    """Return the variable that says that this is one of many processes, and not the first."""
    for variable in RANKS:
        if environ.get(variable, "0").strip() not in ("", "0"):
            return variable
    return None


def is_child(modules: "Mapping[str, Any]") -> bool:
    """Return whether this is a process of multiprocessing's or joblib's.

    A spawned one runs the main module's imports anew, and so arms itself.
    """
    process = modules.get("multiprocessing.process")
    if process is None:
        return False
    if process.parent_process() is not None:
        return True
    # While a child imports the main module it has no parent yet.
    return bool(getattr(process.current_process(), "_inheriting", False))


def file_of_main(main: object) -> "Optional[str]":
    """Return the file of a main module; None in `-c`, at the prompt, and in a sub-interpreter.

    A script that has come to its end has no `__file__` any more (CPython takes it away before the
    functions of atexit run), but its loader still knows.
    """
    names = _dictionary(main)
    for path in (names.get("__file__"), getattr(names.get("__loader__"), "path", None)):
        if isinstance(path, str):
            return path
    return None


def _dictionary(module: object) -> "dict[str, Any]":
    """Return a module's own names: to ask it for another may run a `__getattr__` of the script's."""
    try:
        names = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return names if isinstance(names, dict) else {}


def is_of_environment(main: object) -> bool:
    """Return whether a main module is one that the environment or Python brings.

    Its file lies in a folder of programs, in a site directory or in the standard library. A script
    of one's own, `-c`, the prompt, and `-m` of one's own module are none.
    """
    path = file_of_main(main)
    if path is None:
        return False
    folders = [os.path.dirname(os.__file__)]
    for prefix in (sys.prefix, sys.base_prefix):
        folders += [os.path.join(prefix, "bin"), os.path.join(prefix, "Scripts")]
    programs = tuple(folder + os.sep for folder in folders)
    path = os.path.abspath(path)
    return _is_below(path, programs) or _is_below(os.path.realpath(path), programs)


def _is_below(path: str, programs: "tuple[str, ...]") -> bool:
    return bool(split_site(path.replace(os.sep, "/"))[0]) or path.startswith(programs)


def has_shell(modules: "Mapping[str, Any]") -> bool:
    """Return whether this is IPython's process; its shell puts a module without a file at `__main__`.

    What such a process imports is its own and the user's, and only watched cells tell them apart.
    """
    ask = getattr(modules.get("IPython"), "get_ipython", None)
    return ask is not None and ask() is not None


def _is_helper(main: object) -> bool:
    run = getattr(_dictionary(main).get("main"), "__module__", None)
    return isinstance(run, str) and run.rpartition(".")[2] in _HELPERS


def is_subinterpreter(modules: "Mapping[str, Any]") -> bool:
    """Return whether this is one of several interpreters in one process, and not the first.

    To be asked as popcon is armed: when an interpreter ends, asking crashes some versions of Python.
    """
    is_first = getattr(_thread, "_is_main_interpreter", None)  # Python 3.12
    if is_first is not None:
        return not is_first()
    threading = modules.get("threading")
    if file_of_main(modules.get("__main__")) is not None or (
        threading is not None and threading.main_thread().ident != _thread.get_ident()
    ):
        return False  # the others have a bare main module, and in a thread it can't be told
    try:
        _signal.signal(0, None)  # always refused, and for another reason in the others
    except ValueError as refusal:
        return "main thread" in str(refusal)
    return False
