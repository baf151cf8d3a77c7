"""`register_exit_hook`: who is told what at exit, and what is refused at the call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import popcon
from popcon.demo.kernels import KernelError, kernel
from popcon.errors import UsageError
from popcon.reporters import TextFileReporter
from popcon.watch import Check
from tests.conftest import ROOT, Collector, clean_environ, interpreters, run_python

FEW = pytest.mark.parametrize("python", interpreters(few=True))
SHOW = "def show(): return lambda names: os.write(1, (' '.join(names) + '\\n').encode())\n"
START = f"import os, sys, popcon\n{SHOW}"


@FEW
@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("popcon.register_exit_hook(['json', 'sys'], show)\nimport json", "json sys\n"),
        ("popcon.register_exit_hook(['json', 'sys'], show)", "sys\n"),
        ("popcon.register_exit_hook([], show)", "\n"),
        ("popcon.register_exit_hook((n for n in ['os']), show)", "os\n"),
        ("popcon.register_exit_hook([('a', lambda m: 'os' in m)], reporter=show)", "a\n"),
        # any number of lists and reporters, in the order of the calls
        (
            "popcon.register_exit_hook(['sys'], show); popcon.register_exit_hook(['os'], show)",
            "sys\nos\n",
        ),
        # a bad one costs only itself
        ("popcon.register_exit_hook(['os', ('a', lambda m: 1 / 0)], show)", "os\n"),
        ("popcon.register_exit_hook(['os', ('a', lambda m: sys.exit(3))], show)", "os\n"),
        (
            "def bad(): return lambda names: 1 / 0\n"
            "popcon.register_exit_hook(['sys'], bad); popcon.register_exit_hook(['os'], show)",
            "os\n",
        ),
        # what one reporter imports is no hit for the next
        (
            "def imports(): return lambda names: __import__('json')\n"
            "popcon.register_exit_hook([], imports); popcon.register_exit_hook(['json'], show)",
            "\n",
        ),
        # once a process
        (
            "popcon.register_exit_hook(['os'], show)\nif os.fork() == 0: sys.exit()\nos.wait()",
            "os\n",
        ),
        (
            "if os.fork() == 0:\n    popcon.register_exit_hook(['os'], show)\nelse: os.wait()",
            "os\n",
        ),
        (
            "import importlib; popcon.register_exit_hook(['os'], show)\n"
            "importlib.reload(popcon); popcon.register_exit_hook(['sys'], show)",
            "os\nsys\n",
        ),
        # a reporter's own arguments
        (
            "class Own:\n"
            "    def __init__(self, a, b): self.said = a + b\n"
            "    def __call__(self, names): os.write(1, f'{self.said} {names}\\n'.encode())\n"
            "popcon.register_exit_hook(['os'], Own, 'a', b='b')",
            "ab ['os']\n",
        ),
    ],
)
def test_at_exit(python: str, program: str, expected: str) -> None:
    """The reporter gets the sorted names at exit; nothing else is seen, and the status is the user's."""
    done = run_python(python, f"{START}{program}\nsys.exit(7)")

    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 7)


@FEW
def test_hits_go_to_a_sink(collector: Collector, python: str) -> None:
    """With a sink's URL a hit is `check.<name>`; calls for one sink are one account."""
    url = collector.url
    done = run_python(
        python,
        f"{START}popcon.register_exit_hook(['os', 'google.cloud', ('a', bool)], {url!r})\n"
        f"popcon.register_exit_hook(['os', ('b', lambda m: 'sys' in m)], {url!r})\n"
        "sys.modules['google.cloud'] = sys",
        POPCON_LABELS="namespace=hub1",
    )

    prefix = "python_popcon.namespace.hub1.check."
    assert (done.stdout, done.stderr) == ("", "")
    assert [datagram.decode().split("\n") for datagram in collector.datagrams(wait=5)] == [
        [f"{prefix}{name}:1|c" for name in ("a", "b", "google-cloud", "os")]
    ]


def test_hits_go_to_a_sink_object(collector: Collector) -> None:
    """A sink that was opened by the caller takes the hits too; where none hold it gets nothing."""
    for specs in ("['os']", "['no_such_module']"):
        run_python(
            sys.executable,
            f"{START}from popcon.sinks import open_sink\n"
            f"popcon.register_exit_hook({specs}, open_sink({collector.url!r}, 'python_popcon'))",
        )

    assert collector.lines(wait=5) == ["python_popcon.check.os:1|c"]


@pytest.mark.parametrize("variable", popcon.OPT_OUTS)
def test_opt_outs(collector: Collector, variable: str) -> None:
    """An opt-out stops what goes over a network, not a call with a local reporter."""
    done = run_python(
        sys.executable,
        f"{START}popcon.register_exit_hook(['os'], {collector.url!r})\n"
        "from popcon.sinks import open_sink\n"
        f"popcon.register_exit_hook(['os'], open_sink({collector.url!r}, 'python_popcon'))\n"
        "popcon.register_exit_hook(['os'], show)",
        **{variable: "1"},
    )

    assert (done.stdout, done.stderr) == ("os\n", "")
    assert collector.lines(wait=0.3) == []


class NoReporter:
    def __init__(self, number: int) -> None:
        if number == 2:
            raise ValueError("'two\nlines'")


@pytest.mark.parametrize(
    ("modules", "reporter", "arguments", "quoted"),
    [
        ("numpy", Check, (), "'numpy'"),
        (None, Check, (), "None"),
        (7, Check, (), "7"),
        (["numpy", ("a",)], Check, (), "('a',)"),
        (["numpy"], None, (), "None"),
        (["numpy"], 7, (), "7"),
        (["numpy"], "", (), "''"),
        (["numpy"], "numpy", (), "'numpy'"),
        (["numpy"], "statsd://h:x", (), "'x'"),
        (["numpy"], "statsd://127.0.0.1", ("more",), "'more'"),
        (["numpy"], int, ("x",), "<class 'int'>"),
        (["numpy"], TextFileReporter, (7,), "TextFileReporter"),
        (["numpy"], TextFileReporter, ("a", True, 7), "TextFileReporter"),
        (["numpy"], NoReporter, (), "NoReporter"),
        (["numpy"], NoReporter, (1,), "can't be called"),
        (["numpy"], NoReporter, (2,), "'two lines'"),
        (["numpy"], NoReporter, (1, 2), "NoReporter"),
    ],
)
def test_a_wrong_call_is_refused(
    modules: object, reporter: object, arguments: tuple[object, ...], quoted: str
) -> None:
    """A program is told at the call, in one line, what is wrong with it."""
    with pytest.raises(UsageError) as refusal:
        popcon.register_exit_hook(modules, reporter, *arguments)  # type: ignore[arg-type]

    assert quoted in str(refusal.value)
    assert "\n" not in str(refusal.value)


WRONG = (
    "popcon.register_exit_hook(['os', ('a',), 'a b', ('root', lambda m: 'sys' in m)], show)\n"
    "popcon.register_exit_hook('os', show); popcon.register_exit_hook(['os'], 'nowhere')\n"
    "popcon.register_exit_hook(['os'], print, 1, 2, sep=3)\n"
)


@FEW
@pytest.mark.parametrize("way", ["sitecustomize.py", "arm.pth"])
def test_as_python_starts_a_wrong_one_is_left_out(tmp_path: Path, python: str, way: str) -> None:
    """In a guest's start-up nothing is raised: the good checks are kept. POPCON_DEBUG shows the rest."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    site = next(tmp_path.glob("lib/python*/site-packages"))
    (site / "hooks.py").write_text(START + WRONG)
    (site / way).write_text("import hooks\n")
    environ = clean_environ()
    command = [str(tmp_path / "bin" / "python"), "-c", "raise SystemExit(7)"]
    done, debug = (
        subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        for env in (environ, {**environ, "POPCON_DEBUG": "1"})
    )

    assert (done.stdout, done.stderr, done.returncode) == ("os root\n", "", 7)
    assert len(debug.stderr.splitlines()) == 5
    for quoted in ("('a',)", "'a b'", "'os'", "'nowhere'", "<built-in function print>"):
        assert quoted in debug.stderr


@pytest.mark.parametrize(
    ("program", "environ", "expected"),
    [
        ("{folder}/own.py", {}, "os\n"),
        ("{folder}/bin/tool", {}, ""),
        ("{folder}/bin/tool", {"POPCON_PROGRAMS": "all"}, "os\n"),
        ("{folder}/own.py", {"SLURM_PROCID": "1"}, ""),
    ],
)
def test_who_speaks(tmp_path: Path, program: str, environ: dict[str, str], expected: str) -> None:
    """Registered as Python starts: no program of the environment speaks, and no second rank."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    site = next(tmp_path.glob("lib/python*/site-packages"))
    (site / "sitecustomize.py").write_text(f"{START}popcon.register_exit_hook(['os'], show)")
    for name in ("own.py", "bin/tool"):
        (tmp_path / name).write_text("")
    done = subprocess.run(
        [str(tmp_path / "bin" / "python"), program.format(folder=tmp_path)],
        env=clean_environ(**environ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)


@FEW
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_stay_silent(tmp_path: Path, python: str, method: str) -> None:
    """A program with children reports once, also where they run the main module anew."""
    script = tmp_path / "script.py"
    script.write_text(
        f"import multiprocessing\n{START}popcon.register_exit_hook(['os'], show)\n"
        "if __name__ == '__main__':\n"
        f"    child = multiprocessing.get_context({method!r}).Process(target=int)\n"
        "    child.start(); child.join()\n"
    )
    done = subprocess.run(
        [python, str(script)], env=clean_environ(), capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr, done.returncode) == ("os\n", "", 0)


def test_in_a_kernel(tmp_path: Path, collector: Collector) -> None:
    """A startup file's wrong call stops no later one; the kernel, no program of its own, reports."""
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    url = f"'statsd://127.0.0.1:{collector.port}'"
    (startup / "10.py").write_text(f"import popcon\npopcon.register_exit_hook(['os', 7], {url})")
    (startup / "20.py").write_text("popcon.register_exit_hook(7, 7)")
    (startup / "30.py").write_text(f"popcon.register_exit_hook(['json'], {url}); later = 1")
    with kernel(clean_environ(IPYTHONDIR=str(tmp_path))) as session:
        session.run("later")
        assert collector.lines() == []
        with pytest.raises(KernelError, match="UsageError"):
            session.run("popcon.register_exit_hook(7, 7)")

    assert collector.lines(wait=10) == [
        "python_popcon.check.json:1|c",
        "python_popcon.check.os:1|c",
    ]


def test_in_a_kernel_that_sitecustomize_has_armed(tmp_path: Path, collector: Collector) -> None:
    """What sitecustomize registers is reported by kernels too, though Jupyter's program runs them."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import popcon; popcon.register_exit_hook(['os'], {collector.url!r})"
    )
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    with kernel(clean_environ(IPYTHONDIR=str(tmp_path), PYTHONPATH=path)) as session:
        session.run("1")

    assert collector.lines(wait=10) == ["python_popcon.check.os:1|c"]


def test_names_that_are_not_there() -> None:
    """A verb is found on first use, and what is none is missing, as in any module."""
    assert callable(popcon.register_exit_hook)
    with pytest.raises(AttributeError, match=r"'popcon' has no attribute 'nothing'"):
        print(popcon.nothing)


def test_arming_does_not_load_it() -> None:
    """The hook's modules are loaded by the first call, and none but popcon's and _socket."""
    done = run_python(
        sys.executable,
        "import sys, popcon, json; popcon.setup_reporter(); armed = set(sys.modules)\n"
        "popcon.register_exit_hook(['os'], 'statsd://127.0.0.1:9')\n"
        "print(json.dumps([sorted(armed), sorted(set(sys.modules) - armed)]))",
        POPCON_SINK="statsd://127.0.0.1:9",
    )
    armed, called = json.loads(done.stdout)

    assert not {"popcon.watch", "popcon.exit_hook", "popcon.watch_list"} & set(armed)
    assert {"popcon.watch", "popcon.exit_hook"} == set(called)


@pytest.mark.parametrize("url", ["file:{}/told", "print:"])
def test_an_opt_out_leaves_what_stays_here(tmp_path: Path, url: str) -> None:
    """A person's own call for a file or a print is no sending: an opt-out doesn't stop it."""
    done = run_python(
        sys.executable,
        f"import popcon; popcon.register_exit_hook(['json'], {url.format(tmp_path)!r}); import json",
        DO_NOT_TRACK="1",
    )

    told = tmp_path / "told"
    text = told.read_text() if told.exists() else done.stdout
    assert "check.json" in text
    assert done.stderr == ""


def test_a_fault_of_the_environment(tmp_path: Path) -> None:
    """An admin's mistyped variable doesn't end the program of somebody whose call is right."""
    done = run_python(
        sys.executable,
        f"import popcon; popcon.register_exit_hook(['os'], 'file:{tmp_path}/told'); print('on')",
        POPCON_LABELS="oops",
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")
