"""The package: what an empty environment gets, and what is in the wheel."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, Collector, clean_environ


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment in which `pip install .` was run, and nothing else."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    command = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-q",
        str(ROOT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=_environ(), check=False)
    assert done.returncode == 0, done.stderr
    return folder


def _environ() -> dict[str, str]:
    environ = clean_environ()
    del environ["PYTHONPATH"]
    return environ


def _popcon(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [str(folder / "bin" / "popcon"), *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**_environ(), **environ},
        check=False,
        cwd=folder,
    )


def test_a_users_environment_gets_statsd_alone(empty_environment: Path) -> None:
    """`pip install .` installs popcon and statsd, nothing else."""
    listed = subprocess.run(
        [empty_environment / "bin" / "python", "-m", "pip", "list", "--format", "freeze"],
        capture_output=True,
        text=True,
        check=True,
        env=_environ(),
    )
    names = {line.partition("==")[0] for line in listed.stdout.splitlines() if "==" in line}

    assert {"popcon", "statsd"} == names - {"pip", "setuptools", "wheel"}


def test_activation_and_doctor_work_without_extras(
    empty_environment: Path, collector: Collector
) -> None:
    """enable, status, disable and doctor need nothing but popcon and statsd."""
    enabled = _popcon(empty_environment, "enable", "ipython")
    status = _popcon(empty_environment, "status")
    doctor = _popcon(empty_environment, "doctor", POPCON_SINK=collector.url)
    disabled = _popcon(empty_environment, "disable", "ipython")

    assert [done.returncode for done in (enabled, status, doctor, disabled)] == [0, 0, 0, 0]
    assert (
        f"active  {empty_environment / 'etc' / 'ipython' / 'startup' / '000-popcon.py'}"
        in status.stdout
    )
    assert "python_popcon.canary.doctor sent to" in doctor.stdout
    assert _popcon(empty_environment, "status").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("exporter",), "exporter"),
        (("demo",), "demo"),
        (("doctor", "--metrics-url", "http://127.0.0.1:1"), "cli"),
    ],
)
def test_a_missing_extra_is_named(
    empty_environment: Path, arguments: tuple[str, ...], extra: str
) -> None:
    """A command whose packages are missing says which extra brings them; exit status 5."""
    done = _popcon(empty_environment, *arguments)

    assert done.returncode == 5
    assert f"pip install 'popcon[{extra}]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_is_in_the_wheel(tmp_path: Path) -> None:
    """The wheel holds the package and its metadata: no tests, no dashboards, no benchmarks."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "wheel",
        "-q",
        "--no-deps",
    ]
    subprocess.run([*command, "-w", str(tmp_path), str(ROOT)], check=True, env=_environ())
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    sources = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "popcon").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }

    assert sources == {name for name in names if name.startswith("popcon/")}
    assert {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "LICENSE"} == {
        name.rpartition("/")[2] for name in names if not name.startswith("popcon/")
    }
