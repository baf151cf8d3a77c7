"""In: a URL whose scheme is none of ours. Out: the sink that an installed package has for it.

A package says so by an entry point of the group `popcon.sinks`: its name is the scheme, its object is
called with the URL and the prefix, and returns a sink (`docs/sinks.md`).
"""

from popcon.errors import UsageError
from popcon.libraries import sites_on_path
from popcon.metadata import entries_of, read
from popcon.sinks import SCHEMES, scheme_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from popcon.sinks import Sink

GROUP = "popcon.sinks"

#: Scheme → entry point, `module:object`. To look for them is to look into every installed package.
_found: "dict[str, str]" = {}


def find(url: str) -> str:
    """Return the entry point for a URL's scheme, or raise `UsageError`; its object is not loaded."""
    scheme = scheme_of(url)
    if scheme and scheme not in _found:
        for name, point in _installed():
            _found.setdefault(name, point)  # the first on the path wins, as with modules
    if scheme not in _found:
        known = ", ".join(f"{name}:" for name in sorted({*SCHEMES, *_found}))
        raise UsageError(f"not a sink that popcon knows: {url!r} ({known})")
    return _found[scheme]


def open_third_party(url: str, prefix: str) -> "Sink":
    """Return the sink that a third party opens for the URL; raises what that raises, but no exit."""
    try:
        sink: "Sink" = _load(find(url))(url, prefix)
    except SystemExit as end:
        raise RuntimeError(f"SystemExit: {end} (the sink {url!r})") from None
    for method in ("send", "retry", "forget", "end"):
        if not callable(getattr(sink, method, None)):
            raise TypeError(f"a sink without '{method}': {url!r}")
    return sink


def _installed() -> "Iterator[tuple[str, str]]":
    """Return the names and objects of our group that installed packages have.

    Not by `importlib.metadata`: it would import `email`, `csv` and others, which may be files of the
    user's.
    """
    for base in sites_on_path():
        for entry in entries_of(base):
            if entry.endswith((".dist-info", ".egg-info")):
                text = read(f"{base}/{entry}/entry_points.txt").decode("utf-8", "replace")
                section = text.partition(f"[{GROUP}]")[2].partition("\n[")[0]
                for line in section.splitlines():
                    name, equals, point = line.partition("=")
                    if equals and not name.lstrip().startswith(("#", ";")):
                        yield name.strip(), point.partition("[")[0].strip()


def _load(point: str) -> "Any":
    module, _, path = point.partition(":")
    found = __import__(module, None, None, ("*",))
    for name in path.split("."):
        found = getattr(found, name)
    return found
