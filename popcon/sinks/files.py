"""In: a Report. Out: a file that tells all that this process reported so far, whole at any moment."""

import _thread
import errno
import os

from popcon.errors import UsageError
from popcon.sinks import Sink, scheme_of
from popcon.sinks.accounts import FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from popcon.report import Report


def parse(url: str) -> "tuple[str, bool]":
    """Return the path, and whether an older file may be lost, of `jsonl:PATH[?overwrite=1]`.

    `%20` is a space, as in any URL. What a relative path and `~` mean is known when it is opened.
    """
    rest, mark, option = url.partition(":")[2].partition("?")
    if mark and option not in ("overwrite=0", "overwrite=1"):
        raise UsageError(f"not an option of a file: {option!r} in {url!r} (overwrite=1)")
    if rest.startswith("//"):
        rest = rest[2:]
        if not rest.startswith("/"):
            raise UsageError(f"a path on another machine: {url!r} (without '//' it is one here)")
    path = _unquoted(rest, url)
    if not path or "\0" in path:
        raise UsageError(f"no path of a file or a folder: {url!r}")
    return path, option == "overwrite=1"


def place(path: str) -> "tuple[str, bool]":
    """Return the absolute path, and whether it is of a folder: there is one, or it ends in '/'."""
    whole = os.path.abspath(os.path.expanduser(path))
    return whole, not os.path.basename(path) or os.path.isdir(whole)


def _unquoted(text: str, url: str) -> str:
    # Not by urllib.parse, which is a lot to load.
    first, *parts = text.split("%")
    path = os.fsencode(first)
    for part in parts:
        code = part[:2]
        if len(code) < 2 or code.strip("0123456789abcdefABCDEF"):
            raise UsageError(f"not a character's code: {'%' + code!r} in {url!r} ('%25' is a '%')")
        path += bytes.fromhex(code) + os.fsencode(part[2:])
    return os.fsdecode(path)


class FileSink(Sink):
    """Writes one file, in one of the formats.

    With each report the file is written anew and moved into its place, so that a process that is
    killed leaves what it last said, and a reader never sees half of it. In a folder the file has a
    random name. What could not be written leaves with the next report, or when there is nothing new.
    """

    __slots__ = (
        "_content",
        "_ending",
        "_folder",
        "_identity",
        "_lock",
        "_overwrite",
        "_path",
        "_prefix",
        "_reports",
        "_told",
        "_written",
    )

    def __init__(self, url: str, prefix: str) -> None:
        path, self._overwrite = parse(url)
        self._content, self._ending = FORMATS[scheme_of(url)]
        self._prefix = prefix
        self._path: "Optional[str]"
        self._path, is_folder = place(path)
        self._folder = self._path if is_folder else None
        self._lock = _thread.allocate_lock()
        self._begin([])

    def send(self, report: "Report", *, final: bool) -> None:
        """Write the file with this report too."""
        self._reports.append(report)
        self.retry()

    def retry(self) -> None:
        """Write what is not in the file yet."""
        # A thread of ours that hangs, on a dead file system say, holds nobody up.
        if self._path is not None and self._lock.acquire(False):
            try:
                if self._told < len(self._reports):
                    self._write(self._path)
            finally:
                self._lock.release()

    def end(self, seconds: float) -> None:
        """Wait for a thread of ours that is just writing, and write what it didn't."""
        if self._lock.locked() and self._lock.acquire(timeout=seconds):
            self._lock.release()
            self.retry()

    def forget(self) -> None:
        """Begin a file of one's own, in a folder; a file that is named is the parent's."""
        self._lock = _thread.allocate_lock()
        if self._folder is None:
            self._path = None
        self._begin([])

    def _begin(self, reports: "list[Report]") -> None:
        """Begin an account: `reports` are those that no file tells."""
        self._identity = os.urandom(16).hex()
        if self._folder is not None:
            self._path = os.path.join(self._folder, f"popcon-{self._identity}{self._ending}")
        self._reports = reports
        self._told = 0
        self._written: "Optional[bytes]" = None

    def _write(self, path: str) -> None:
        if self._written is not None and not os.path.lexists(path):
            # Somebody took the file, and has counted it: told twice, it would be counted twice.
            self._begin(self._reports[self._told :])
            assert self._path is not None
            path = self._path
        if self._folder is not None and not os.path.isdir(self._folder):
            os.mkdir(self._folder)  # not those above: a disk that isn't mounted is no place
        told = len(self._reports)
        content = self._content(self._reports[:told], self._prefix, self._identity)
        ours = self._written is not None and _tells(path, self._written)
        write_new(path, content, overwrite=self._overwrite or ours)
        self._written, self._told = content, told


def write_new(path: str, content: bytes, overwrite: bool = False) -> None:
    """Write a file whole or not at all, as readable as the umask lets it be.

    Raises `FileExistsError` where there is something by that name already, and it is not to be
    overwritten or not a file; another `OSError` where the file can't be written. Nothing else is
    left behind, unless the process is killed at that moment.
    """
    if os.path.lexists(path) and not (overwrite and os.path.isfile(path)):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    draft = os.path.join(os.path.dirname(path), f".popcon-{os.urandom(16).hex()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
        finally:
            os.close(handle)
        if overwrite:
            os.replace(draft, path)
        else:
            _move_to_free_name(draft, path)
    finally:
        try:
            os.unlink(draft)
        except OSError:
            pass


#: On Windows, bytes are written as they are only where this is asked for.
_BINARY: int = getattr(os, "O_BINARY", 0)


def _move_to_free_name(draft: str, path: str) -> None:
    """Give the draft its name, if nobody has it; raises `FileExistsError` where somebody does."""
    try:
        os.link(draft, path)
        return
    except FileExistsError:
        raise
    except (AttributeError, OSError):
        pass  # there are file systems, and systems, without links
    # The name is taken first, by an empty file: a reader may see it, but never half a content.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        os.replace(draft, path)
    except BaseException:
        os.unlink(path)
        raise


def _tells(path: str, content: bytes) -> bool:
    """Return whether there is a file with just this content."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as stream:
        return stream.read(len(content) + 1) == content
