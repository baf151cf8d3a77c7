"""In: a file that a process reported to. Out: its Account, and what in it was refused and why.

Whoever may write to the folder may write anything into these files, so that a line counts only
where it is one that the reporter writes. `docs/offline.md` describes the two formats.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from popcon.catalog import (
    CHECK_HITS,
    LIBRARY_DIRECT,
    LIBRARY_USED,
    LIBRARY_VERSION,
    OTHER,
    PREFIX,
    REPORTS,
    SITE_LABELS,
)
from popcon.config import Settings, labels_in, read
from popcon.errors import UsageError

#: Bytes of a file that is still read: a process that used 5,000 libraries writes half of one of these.
LARGEST = 1 << 20
#: Characters of a name, without its prefix. statsd_exporter closes a connection over lines of 4,096.
LONGEST = 250
_QUOTED = 80

TEXT_HEAD = re.compile(r"# popcon report 1 prefix=(\S+)(?: id=([0-9a-f]{32}))?")
JSONL_FORMAT = "popcon-reports 1"
#: Files of formats that don't grow at their end.
_NOT_LOADED = (".json", ".pickle")
_ID = re.compile(r"[0-9a-f]{32}")
_FILE_NAME = re.compile(r"popcon-([0-9a-f]{32})\.(?:txt|jsonl)")

_LABELS = {
    "library": rf"(?:{OTHER}|[a-z0-9]+(?:-[a-z0-9]+)*)",
    "version": f"[{LIBRARY_VERSION.tail}]+",
    "check": "[A-Za-z0-9_-]+",
}
_FACT = re.compile(
    "|".join(
        r"\.".join([metric.wire, *(_LABELS[label] for label in metric.labels)])
        for metric in (LIBRARY_USED, REPORTS, LIBRARY_VERSION, LIBRARY_DIRECT, CHECK_HITS)
    )
)
_LISTS = {"libraries": LIBRARY_USED, "direct": LIBRARY_DIRECT, "checks": CHECK_HITS}


class Account(NamedTuple):
    """What one process reported: names behind the prefix, each of which counts 1."""

    id: str
    prefix: str
    facts: tuple[str, ...]


class Refusal(NamedTuple):
    """What doesn't count: line 0 is the whole file."""

    file: str
    line: int
    why: str

    def __str__(self) -> str:
        place = f", line {self.line}" if self.line else ""
        return f"'{self.file}'{place}: {self.why}"


class _RefusedError(Exception):
    """A line, or a whole file, doesn't count."""


def file_id(path: str) -> str | None:
    """Return the id in the name that popcon gives to a file, or None if this is another's."""
    found = _FILE_NAME.fullmatch(os.path.basename(path))
    return found[1] if found else None


def is_known(prefix: str, settings: Settings) -> bool:
    """Return whether a prefix is this command's own, or has site labels of which there are rules."""
    if prefix == settings.prefix:
        return True
    try:
        plain = len(prefix) <= LONGEST and read({}, prefix=prefix).prefix == prefix
    except UsageError:
        return False
    labels = labels_in(prefix)
    keys = tuple(key for key, _ in labels)
    return (
        plain
        and (prefix == PREFIX or bool(labels))
        and keys in (*SITE_LABELS, tuple(key for key, _ in settings.labels))
    )


def read_account(
    path: str, known: Callable[[str], bool], refuse: Callable[[Refusal], None]
) -> Account | None:
    """Return a file's account, without what is refused; None where nothing of it counts."""
    try:
        lines = _lines(path)
        head, id = _read_head(lines, path)
        if not known(head):
            raise _RefusedError(f"a prefix that nobody expects: {_quote(head)}")
    except _RefusedError as error:
        refuse(Refusal(path, 0, str(error)))
        return None
    facts: dict[str, None] = {}
    parse = _facts_of_json if lines[0].startswith("{") else _facts_of_text
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        for fact in parse(line, head):
            if isinstance(fact, _RefusedError):
                refuse(Refusal(path, number, str(fact)))
            elif len(fact) > LONGEST or not _FACT.fullmatch(fact):
                refuse(Refusal(path, number, f"not a name that popcon counts: {_quote(fact)}"))
            else:
                facts[fact] = None
    return Account(id, head, tuple(facts))


def _lines(path: str) -> list[str]:
    """Return a file's lines. Only a regular one is read: a link could lead anywhere."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise _RefusedError(f"can't be read: {error.strerror}") from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise _RefusedError("not a regular file")
        if status.st_size > LARGEST:
            raise _RefusedError(f"larger than {LARGEST} bytes: '{status.st_size}'")
        with os.fdopen(os.dup(file), "rb") as stream:
            data = stream.read(LARGEST)
    except OSError as error:
        raise _RefusedError(f"can't be read: {error.strerror}") from None
    finally:
        os.close(file)
    return data.decode("utf-8", "backslashreplace").split("\n")


def _read_head(lines: list[str], path: str) -> tuple[str, str]:
    """Return the prefix and the id that a file says in its first line, or in its name."""
    line = lines[0]
    named = file_id(path)
    text = TEXT_HEAD.fullmatch(line)
    if text is not None:
        prefix, said = text[1], text[2]
    else:
        if path.endswith(_NOT_LOADED):
            raise _RefusedError(
                "files of json: and pickle: aren't loaded, only those of file: and jsonl:"
            )
        head = _object(line) if line.startswith("{") else {}
        if head.get("format") != JSONL_FORMAT:
            raise _RefusedError(f"not the first line of a report: {_quote(line)}")
        prefix, said = head.get("prefix"), head.get("id")
        if not isinstance(prefix, str) or not isinstance(said, str) or not _ID.fullmatch(said):
            raise _RefusedError(f"no prefix, or no id, in the first line: {_quote(line)}")
    id = said or named
    if id is None:
        raise _RefusedError("neither its name nor its first line has an id")
    if named not in (None, id):
        raise _RefusedError(f"its first line has the id of another file: '{said}'")
    return prefix, id


def _facts_of_text(line: str, prefix: str) -> Iterator[str | _RefusedError]:
    name, mark, count = line.partition(":")
    if not name.startswith(prefix + ".") or (mark + count) != ":1|c":
        yield _RefusedError(f"not of the form {prefix}.….:1|c: {_quote(line)}")
    else:
        yield name[len(prefix) + 1 :]


def _facts_of_json(line: str, prefix: str) -> Iterator[str | _RefusedError]:
    try:
        increment = _object(line)
    except _RefusedError as error:
        yield error
        return
    for key, value in increment.items():
        if key == "first" and isinstance(value, bool):
            if value:
                yield REPORTS.wire
        elif key in _LISTS and isinstance(value, list):
            for item in value:
                yield _joined(_LISTS[key].wire, item)
        elif key == "versions" and isinstance(value, (dict, list)):
            for pair in value.items() if isinstance(value, dict) else value:
                if isinstance(pair, (tuple, list)) and len(pair) == 2:
                    yield _joined(LIBRARY_VERSION.wire, *pair)
                else:
                    yield _RefusedError(f"not a library and a version: {_quote(pair)}")
        else:
            yield _RefusedError(f"not a key of a report, or not its kind of value: {_quote(key)}")


def _joined(wire: str, *parts: Any) -> str | _RefusedError:
    if not all(isinstance(part, str) for part in parts):
        return _RefusedError(f"not a name: {_quote(parts[-1])}")
    return ".".join((wire, *parts))


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _RefusedError(f"not a JSON object: {_quote(line)}")
    return value


def _quote(value: object) -> str:
    """Return a value in quotes, on one line, not too long."""
    text = value if isinstance(value, str) else json.dumps(value)
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "…")
