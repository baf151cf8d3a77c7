"""In: the Reports of one process. Out: the bytes of a file that tells them.

`docs/files.md` describes the formats; `popcon load` reads the two that grow only at their end. Reports
are told in the order they came; nothing else about the process is: no time, no name, no number.
"""

from popcon.sinks.statsd import lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from popcon.report import Report

    Reports = Sequence[Report]


def text(reports: "Reports", prefix: str, identity: str) -> bytes:
    """Return statsd lines behind a line that names the format and the file."""
    found = [f"# popcon report 1 prefix={prefix} id={identity}"]
    for report in reports:
        found += lines(report, prefix)
    return _encoded(found)


def json_lines(reports: "Reports", prefix: str, identity: str) -> bytes:
    """Return an object that names the format, and one for each report, each on its own line."""
    head = {"format": "popcon-reports 1", "id": identity, "prefix": prefix}
    return _encoded([as_json(head), *(as_json(_increment(report)) for report in reports)])


def json(reports: "Reports", prefix: str, identity: str) -> bytes:
    """Return one object, a key on each line."""
    members = [
        f" {as_json(key)}: {as_json(value)}" for key, value in _whole(reports, prefix).items()
    ]
    return _encoded(["{", ",\n".join(members), "}"])


def pickle(reports: "Reports", prefix: str, identity: str) -> bytes:
    """Return the same object pickled, by the protocol that every Python 3 reads."""
    from _pickle import dumps  # `pickle` itself could be a file of the user's

    return dumps(_whole(reports, prefix), protocol=2)


#: Scheme → how its files are written, and the end of their names.
FORMATS = {
    "file": (text, ".txt"),
    "json": (json, ".json"),
    "jsonl": (json_lines, ".jsonl"),
    "pickle": (pickle, ".pickle"),
}


def as_json(value: "Any") -> str:
    """Return a value as JSON, as `json.dumps` writes it.

    Not by `json`, which could be a file of the user's: a script that is called so would run twice.
    """
    from _json import encode_basestring_ascii

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        members = [f"{as_json(key)}: {as_json(member)}" for key, member in value.items()]
        return "{" + ", ".join(members) + "}"
    if isinstance(value, str):
        return str(encode_basestring_ascii(value))
    return "[" + ", ".join(map(as_json, value)) + "]"


def _whole(reports: "Reports", prefix: str) -> "dict[str, Any]":
    return {
        "format": "popcon-report 1",
        "prefix": prefix,
        "reports": sum(report.first for report in reports),
        "libraries": sorted({name for report in reports for name in report.libraries}),
        "versions": dict(sorted({pair for report in reports for pair in report.versions})),
        "direct": sorted({name for report in reports for name in report.direct}),
        "checks": sorted({name for report in reports for name in report.checks}),
    }


def _increment(report: "Report") -> "dict[str, Any]":
    parts = {
        "first": report.first,
        "libraries": report.libraries,
        "versions": dict(report.versions),
        "direct": report.direct,
        "checks": report.checks,
    }
    return {key: value for key, value in parts.items() if value}


def _encoded(found: "list[str]") -> bytes:
    return "".join(line + "\n" for line in found).encode()
