"""In: the bytes of a RECORD. Out: the paths in it, and its first path parts without reading each row.

Installers write the files of one folder together, so that a run of rows with one first part can be hopped over
(4 ms for 10 MB, where splitting the rows takes 30). Whether a row is really there is asked separately:
nothing forbids a RECORD that is in no order. Source: PEP 376, PEP 627 (RECORD is CSV).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

#: Above so many first parts a RECORD is rubbish, or at least not worth hopping through.
_MANY = 64
#: First parts of rows that are no modules: scripts and data elsewhere, bytecode beside single files.
_NO_MODULES = (b"", b".", b"..", b"__pycache__")


def tops(record: bytes) -> "set[str]":
    """Return the first path parts of the modules in a RECORD, hopping over its runs."""
    found: "set[bytes]" = set()
    size = len(record)
    last = _head(record[record.rfind(b"\n", 0, max(size - 1, 0)) + 1 :])
    position = 0
    while position < size:
        end = record.find(b"\n", position)
        end = size if end < 0 else end
        head = _head(record[position:end])
        if head is None or len(found) > _MANY:
            return all_tops(record)
        found.add(head.rstrip(b"/"))
        if not head.endswith(b"/"):
            position = end + 1
        elif head == last:
            middle = record.find(b"\n", (position + size) // 2) + 1
            if middle and middle < size and not record.startswith(head, middle):
                return all_tops(record)
            break
        else:
            position = _end_of_run(record, head, end + 1)
    return _modules(found)


def all_tops(record: bytes) -> "set[str]":
    """Return the first path parts of the modules in a RECORD, looking at each row."""
    return _modules({_field(line).partition(b"/")[0] for line in record.split(b"\n")})


def has_row(record: bytes, path: str) -> bool:
    """Return whether a RECORD lists this file."""
    row = _encoded(path)
    return row in record and any(
        record.startswith(row + end) or b"\n" + row + end in record for end in (b",", b"\r", b"\n")
    )


def has_top(record: bytes, top: str) -> bool:
    """Return whether a RECORD lists anything below this folder."""
    start = top.encode("utf-8", "surrogateescape") + b"/"
    return record.startswith(start) or b"\n" + start in record or b'\n"' + start in record


def rows(record: bytes) -> "Iterator[str]":
    """Return the files that a RECORD lists."""
    for line in record.split(b"\n"):
        path = _field(line)
        if path:
            yield path.decode("utf-8", "surrogateescape")


def rows_below(record: bytes, top: str) -> "list[str]":
    """Return the files that a RECORD lists in this folder, or the file of this name itself."""
    found = [top] if has_row(record, top) else []
    if has_top(record, top):
        found += [path for path in rows(record) if path.startswith(top + "/")]
    return found


def _modules(found: "set[bytes]") -> "set[str]":
    return {
        top.decode("utf-8", "surrogateescape")
        for top in found
        if top not in _NO_MODULES and not top.endswith((b".dist-info", b".egg-info"))
    }


def _head(line: bytes) -> "Optional[bytes]":
    """Return a row's first path part, a slash behind a folder; None where only CSV rules help."""
    slash = line.find(b"/")
    comma = line.find(b",")
    head = line[: slash + 1] if slash >= 0 and not 0 <= comma < slash else line[: max(comma, 0)]
    return None if line.startswith((b'"', b"./")) else head


def _end_of_run(record: bytes, head: bytes, position: int) -> int:
    """Return where the rows end that start like this: ever longer strides, then halves."""
    size = len(record)
    low, high, step = position, size, 256
    if not record.startswith(head, low):
        return low
    while True:
        probe = record.find(b"\n", low + step) + 1
        if not 0 < probe < size:
            break
        if not record.startswith(head, probe):
            high = probe
            break
        low = probe
        step *= 2
    while True:
        probe = record.find(b"\n", (low + high) // 2, high) + 1
        if not low < probe < high:
            break
        if record.startswith(head, probe):
            low = probe
        else:
            high = probe
    while low < size and record.startswith(head, low):
        low = (record.find(b"\n", low) + 1) or size
    return low


def _field(line: bytes) -> bytes:
    """Return a CSV line's first field, without a leading `./`."""
    if line.startswith(b'"'):
        end = line.find(b'"', 1)
        while end > 0 and line[end + 1 : end + 2] == b'"':
            end = line.find(b'"', end + 2)
        path = line[1:end].replace(b'""', b'"') if end > 0 else b""
    else:
        path = line.partition(b",")[0].rstrip(b"\r")
    return path[2:] if path.startswith(b"./") else path


def _encoded(path: str) -> bytes:
    row = path.encode("utf-8", "surrogateescape")
    return b'"' + row.replace(b'"', b'""') + b'"' if b"," in row or b'"' in row else row
