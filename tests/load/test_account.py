"""What a file of a process says: the good lines count, each other one is refused with its place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from popcon.config import read
from popcon.load.account import Refusal, is_known, read_account
from popcon.report import Report
from popcon.sinks.statsd import lines

ID = "0123456789abcdef" * 2
TEXT = "# popcon report 1 prefix=python_popcon"
JSONL = json.dumps({"format": "popcon-reports 1", "id": ID, "prefix": "python_popcon"})
WHOLE = Report(
    ("_other", "numpy", "zope-interface"),
    True,
    (("numpy", "1!2.4.6+cu121"),),
    ("numpy",),
    ("gpu", "sklearn-parts"),
)


def account(folder: Path, *told: str, name: str = "") -> tuple[list[str] | None, list[str]]:
    """Return the facts in a file with these lines, sorted, and the refusals without the path."""
    ending = "txt" if told[0].startswith("#") else "jsonl"
    file = folder / (name or f"popcon-{ID}.{ending}")
    file.write_bytes("\n".join(told).encode("utf-8", "surrogateescape"))
    refusals: list[Refusal] = []
    found = read_account(str(file), lambda prefix: is_known(prefix, read({})), refusals.append)
    told_why = [str(refusal).removeprefix(f"'{file}'") for refusal in refusals]
    return sorted(found.facts) if found else None, told_why


@pytest.mark.parametrize("pairs", [[["numpy", "1!2.4.6+cu121"]], {"numpy": "1!2.4.6+cu121"}])
def test_both_formats_say_the_same(tmp_path: Path, pairs: object) -> None:
    """A report counts the same from a text file and from JSON lines, in one increment or several."""
    facts = [
        line.removeprefix("python_popcon.").removesuffix(":1|c")
        for line in lines(WHOLE, "python_popcon")
    ]
    first = {"first": True, "libraries": list(WHOLE.libraries[:1])}
    second = {"libraries": list(WHOLE.libraries), "versions": pairs, "direct": ["numpy"]}
    third = {"checks": list(WHOLE.checks)}
    text = account(tmp_path, TEXT, *lines(WHOLE, "python_popcon"), "")
    jsonl = account(tmp_path, JSONL, *map(json.dumps, (first, second, third)), "")

    assert text == (facts, [])
    assert jsonl == (facts, [])


@pytest.mark.parametrize(
    "line",
    [
        "python_popcon.library_used.numpy:1|",
        "python_popcon.library_used.numpy:2|c",
        "python_popcon.library_used.numpy:1e9|c",
        "python_popcon.library_used.numpy:1|c|@0.001",
        "python_popcon.library_used.numpy:1|c|#user:eve",
        "python_popcon.library_used.numpy:1|c\r",
        "python_popcon.library_used.ruamel.yaml:1|c",
        "python_popcon.library_used.NumPy:1|c",
        "python_popcon.library_used.-numpy:1|c",
        "python_popcon.library_used.:1|c",
        "python_popcon.library_used.n\xfcmpy:1|c",
        "python_popcon.library_used.num\0py:1|c",
        "python_popcon.library_used.num\udcffpy:1|c",
        f"python_popcon.library_used.{'n' * 300}:1|c",
        "python_popcon.library_version.numpy:1|c",
        "python_popcon.library_version.numpy.1 2:1|c",
        "python_popcon.canary.job:1|c",
        "python_popcon.namespace.hub2.reports:1|c",
        "python_popcon.reports.x:1|c",
        "reports:1|c",
        "other.library_used.numpy:1|c",
    ],
)
def test_lines_of_text_that_do_not_count(tmp_path: Path, line: str) -> None:
    """A line that a reporter would not write is refused by its number; its neighbours count."""
    good = "python_popcon.library_used.good:1|c"
    facts, refused = account(tmp_path, TEXT, good, line, "python_popcon.reports:1|c")

    assert facts == ["library_used.good", "reports"]
    assert len(refused) == 1
    assert refused[0].startswith(", line 3: ")
    assert refused[0].count("'") >= 2
    assert refused[0].isprintable()


@pytest.mark.parametrize(
    ("line", "good"),
    [
        ("{", []),
        ('{"first": true, "libra', []),
        ("[]", []),
        ("[" * 100_000, []),
        ('{"first": "yes"}', []),
        ('{"first": 1}', []),
        ('{"libraries": "numpy"}', []),
        ('{"libraries": ["a", "b.c", "d"]}', ["library_used.a", "library_used.d"]),
        ('{"libraries": ["a\\n", "b"]}', ["library_used.b"]),
        ('{"libraries": [["a"], "b"]}', ["library_used.b"]),
        ('{"versions": [["a"]], "direct": ["a"]}', ["library_direct.a"]),
        ('{"versions": {"a": 2}, "direct": ["a"]}', ["library_direct.a"]),
        ('{"versions": 1e9}', []),
        ('{"user": "eve", "libraries": ["a"]}', ["library_used.a"]),
        ('{"checks": ["a.b"]}', []),
    ],
)
def test_json_lines_that_do_not_count(tmp_path: Path, line: str, good: list[str]) -> None:
    """One bad value costs only itself."""
    facts, refused = account(tmp_path, JSONL, '{"first": true}', line, '{"libraries": ["last"]}')

    assert facts == sorted(["library_used.last", "reports", *good])
    assert len(refused) == 1
    assert refused[0].startswith(", line 3: ")
    assert refused[0].count("'") >= 2


@pytest.mark.parametrize(
    "told",
    [
        [""],
        ["# popcon report 2 prefix=python_popcon"],
        ["# popcon report 1 prefix="],
        ["# popcon report 1 prefix=other"],
        ["# popcon report 1 prefix=python_popcon.namespace"],
        ["# popcon report 1 prefix=python_popcon.user.eve"],
        ["# popcon report 1 prefix=python_popcon.namespace.a.namespace.b"],
        ["# popcon report 1 prefix=python_popcon.library_used"],
        [f"# popcon report 1 prefix=python_popcon.namespace.{'x' * 300}"],
        [f"# popcon report 1 prefix=python_popcon id={'f' * 32}"],
        ["{}"],
        [JSONL[:40]],
        [JSONL.replace("reports 1", "reports 2")],
        [JSONL.replace(ID, "f" * 32)],
        [JSONL.replace(f'"{ID}"', "7")],
    ],
)
def test_files_that_do_not_count(tmp_path: Path, told: list[str]) -> None:
    """A file that doesn't say what it is, or for whom it counts, is refused as a whole."""
    name = f"popcon-{ID}.{'jsonl' if told[0].startswith('{') else 'txt'}"
    facts, refused = account(tmp_path, *told, "python_popcon.reports:1|c", name=name)

    assert facts is None
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("name", "head", "facts"),
    [
        ("own-name.jsonl", JSONL, ["reports"]),
        ("own-name.txt", f"{TEXT} id={ID}", ["reports"]),
        ("own-name.txt", TEXT, None),
    ],
)
def test_where_the_id_is(tmp_path: Path, name: str, head: str, facts: list[str] | None) -> None:
    """A file of another name counts where its first line has an id."""
    line = '{"first": true}' if head.startswith("{") else "python_popcon.reports:1|c"
    assert account(tmp_path, head, line, name=name)[0] == facts


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "missing"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    """Only regular files are opened: a pipe would hang, and a link may lead to what is secret."""
    path = tmp_path / f"popcon-{ID}.txt"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "target").write_text(f"{TEXT}\npython_popcon.reports:1|c\n")
        path.symlink_to("target")
    refusals: list[Refusal] = []

    assert read_account(str(path), lambda prefix: True, refusals.append) is None
    assert len(refusals) == 1
