"""In: a setting's text. Out: globs, and which libraries they match. Imported only where there is one.

A glob is a library's name with `*` for any characters and `?` for one. `fnmatch` knows no more that
would be of use, and importing it may run a file of that name in the user's folder.
"""

from popcon.errors import UsageError

_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789-*?"


def parse(text: str, variable: str) -> "tuple[str, ...]":
    """Return the globs of a text, separated by commas or spaces, each as PEP 503 writes names.

    >>> parse("PyYAML, zope.*", "POPCON_DENY")
    ('pyyaml', 'zope-*')

    Raises `UsageError` where one can't match any library.
    """
    globs = []
    for word in text.replace(",", " ").split():
        glob = word.lower().replace("_", "-").replace(".", "-")
        while "--" in glob:
            glob = glob.replace("--", "-")
        if glob.strip(_SIGNS) or glob.strip("-") != glob:
            raise UsageError(f"not a library or a glob for some: {word!r} in {text!r} ({variable})")
        globs.append(glob)
    if not globs:
        raise UsageError(f"no library in {text!r} ({variable})")
    return tuple(globs)


def admits(library: str, allow: "tuple[str, ...]", deny: "tuple[str, ...]") -> bool:
    """Return whether a library may be named: denied by nothing, and allowed where that is asked for."""
    if any(matches(library, glob) for glob in deny):
        return False
    return not allow or any(matches(library, glob) for glob in allow)


def matches(name: str, glob: str) -> bool:
    """Return whether the whole name fits the glob."""
    ends = {0}  # so much of the name may be used up by as much of the glob
    for sign in glob:
        if sign == "*":
            ends = set(range(min(ends), len(name) + 1))
        else:
            ends = {end + 1 for end in ends if end < len(name) and sign in ("?", name[end])}
        if not ends:
            return False
    return len(name) in ends
