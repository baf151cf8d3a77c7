"""Which process speaks: told by what is loaded and where the main module's file lies."""

from __future__ import annotations

import os
import sys
import types

import pytest

from popcon.program import is_of_environment, other_rank, silence


def _main(**namespace: object) -> types.ModuleType:
    main = types.ModuleType("__main__")
    vars(main).update(namespace)
    return main


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (os.path.join(sys.prefix, "bin", "pip"), True),
        (os.path.join(sys.base_prefix, "bin", "pydoc3"), True),
        ("/image/lib/python3.12/site-packages/pip/__main__.py", True),
        ("/usr/lib/python3/dist-packages/tool/__main__.py", True),
        (os.path.join(os.path.dirname(os.__file__), "venv", "__main__.py"), True),
        ("/home/ada/bin/script.py", False),
        ("/people/ada/project/__main__.py", False),
        (None, False),
        (7, False),
    ],
)
def test_programs_of_the_environment(file: object, expected: bool) -> None:
    """A program is the environment's if its file lies where the environment keeps programs."""
    assert expected == is_of_environment(_main(__file__=file))
    ended = _main(__loader__=types.SimpleNamespace(path=file))
    assert expected == is_of_environment(ended)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"SLURM_PROCID": "0"}, None),
        ({"SLURM_PROCID": ""}, None),
        ({"SLURM_PROCID": "1"}, "SLURM_PROCID"),
        ({"OMPI_COMM_WORLD_RANK": "12", "SLURM_PROCID": "0"}, "OMPI_COMM_WORLD_RANK"),
        ({"PMI_RANK": "0", "PMIX_RANK": "3"}, "PMIX_RANK"),
    ],
)
def test_ranks(environ: dict[str, str], expected: str | None) -> None:
    """Of the processes of one parallel job only number 0 speaks."""
    assert expected == other_rank(environ)


_OWN = _main(__file__="/home/ada/x.py")


def _ipython(shell: object) -> types.SimpleNamespace:
    return types.SimpleNamespace(get_ipython=lambda: shell)


def _process(parent: object = None, **facts: object) -> types.SimpleNamespace:
    return types.SimpleNamespace(
        parent_process=lambda: parent, current_process=lambda: types.SimpleNamespace(**facts)
    )


@pytest.mark.parametrize(
    ("modules", "children", "asked", "expected"),
    [
        ({"__main__": _OWN}, "none", False, None),
        (
            {"__main__": _main(__file__=sys.prefix + "/bin/pip")},
            "none",
            False,
            "a program of the environment",
        ),
        ({"__main__": _main(__file__=sys.prefix + "/bin/pip")}, "none", True, None),
        (
            {"__main__": _main(), "IPython": _ipython(object())},
            "none",
            False,
            "an IPython shell that no startup file has armed",
        ),
        ({"__main__": _main(), "IPython": _ipython(object())}, "none", True, None),
        ({"__main__": _OWN, "IPython": _ipython(None)}, "none", False, None),
        (
            {"__main__": _OWN, "multiprocessing.process": _process(name="renamed")},
            "none",
            True,
            None,
        ),
        ({"multiprocessing.process": _process(1)}, "none", True, "a child process"),
        ({"multiprocessing.process": _process(1)}, "each", True, None),
        (
            {"multiprocessing.process": _process(_inheriting=True)},
            "none",
            True,
            "a child process",
        ),
    ],
)
def test_silence(
    modules: dict[str, object], children: str, asked: bool, expected: str | None
) -> None:
    """Children say nothing, nor do the environment's programs and IPython unless they asked for it."""
    assert expected == silence(modules, children, asked)


@pytest.mark.parametrize(
    "module",
    [
        "multiprocessing.resource_tracker",
        "multiprocessing.forkserver",
        "joblib.externals.loky.backend.resource_tracker",
    ],
)
def test_helpers(module: str) -> None:
    """Multiprocessing's helpers run `-c 'from … import main; main(…)'`, and are known by that."""

    def main() -> None: ...

    main.__module__ = module

    assert silence({"__main__": _main(main=main)}, "each", True) == "a helper of multiprocessing"
