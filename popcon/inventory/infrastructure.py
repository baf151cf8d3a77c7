"""In: what is installed, and who needs whom. Out: what is infrastructure, and why.

Infrastructure is what no user would miss in a list of used libraries: what runs the notebooks, and
commands. Roots are found by name or by what they install; what only they need belongs to them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from packaging.markers import default_environment
from packaging.requirements import Requirement

from popcon.metadata import normalise
from popcon.well_known import KERNELS, PARTS, SERVERS, TOOLS

#: Those of popcon's extras that an image may have.
_EXTRAS = ("cli", "exporter", "report")
_SERVER_GROUPS = ("jupyterhub.", "jupyter_serverproxy_servers")
#: Users import these, though they have a server extension; so do they whoever needs a `_WIDGETS`.
_IMPORTED = {"bokeh", "ipyparallel", "panel", "plotly", "pydeck", "vega"}
_WIDGETS = {"anywidget", "ipywidgets"}
_KERNEL_FILE = re.compile(r"share/jupyter/kernels/[^/]+/kernel\.json$")
_EXTENSION_FILE = re.compile(
    r"(etc/jupyter/\w+_config\.d/[^/]+|share/jupyter/labextensions/(?:@[^/]+/)?[^/]+)"
)


class Facts(NamedTuple):
    """What an installed library says: `files` as its RECORD lists them, `groups` of entry points."""

    requires: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    scripts: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()


class Part(NamedTuple):
    """What a library belongs to, one of `PARTS`, and how that is known."""

    name: str
    why: str


def infrastructure(
    libraries: Mapping[str, Facts], environment: Mapping[str, str] | None = None
) -> dict[str, Part]:
    """Return those of the libraries that are infrastructure.

    A library that others need too isn't, unless it is a root or ipykernel needs it. `environment` overrides what markers
    of requirements are asked about: another Python's version.
    """
    markers = markers_of(environment)
    roots = {}
    for name, facts in libraries.items():
        part = _root(name, facts, markers)
        if part is not None:
            roots[name] = part
    found: dict[str, Part] = {}
    for name in sorted(roots, key=lambda name: (PARTS.index(roots[name].name), name)):
        for needed, by in _reached([name], libraries, markers, stop=roots):
            found.setdefault(needed, Part(roots[name].name, f"needed by {by}"))
    found.update(roots)
    kernels = KERNELS & libraries.keys()
    # What a kernel has loaded before the first cell is never counted, whoever needs it too.
    loaded = {needed for needed, _ in _reached(kernels, libraries, markers, stop=roots)}
    others = [name for name in libraries if name not in found]
    for name, _ in _reached(others, libraries, markers, stop=roots):
        if name not in roots and name not in loaded:
            found.pop(name, None)
    return found


def markers_of(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what markers of requirements are asked about: this Python's, overridden by an `environment`."""
    here = {key: str(value) for key, value in default_environment().items()}
    return {**here, **(environment or {})}


def _root(name: str, facts: Facts, markers: Mapping[str, str]) -> Part | None:
    if name == "popcon":
        return Part("popcon", "popcon itself")
    if name in KERNELS:
        return Part("kernel", "the kernel")
    if name in SERVERS:
        return Part("server", "a server")
    for file in facts.files:
        kernel = _KERNEL_FILE.search(file)
        if kernel:
            return Part("kernel", f"a kernel: {kernel[0]}")
    needed = {each for each, _ in needs(facts, frozenset(), markers)}
    if name not in _IMPORTED and not _WIDGETS & needed:
        for file in facts.files:
            extension = _EXTENSION_FILE.search(file)
            if extension:
                return Part("server", f"a server extension: {extension[0]}")
        for group in sorted(facts.groups):
            if group.startswith(_SERVER_GROUPS):
                return Part("server", f"a server extension: entry point of {group}")
    return _tool(name, facts)


def _tool(name: str, facts: Facts) -> Part | None:
    if name in TOOLS:
        return Part("tool", "a command")
    programs = {file.rpartition("/")[2] for file in facts.files if re.match(r"(\.\./)+bin/", file)}
    modules = [
        file.rpartition("/")[2]
        for file in facts.files
        if not file.startswith("../") and file.endswith((".py", ".so", ".pyd"))
    ]
    commands = sorted(programs | facts.scripts)
    if commands and facts.files and not modules:
        return Part("tool", f"a command without a module: {commands[0]}")
    native = sorted(programs - facts.scripts)
    if native and all(module.startswith("_") for module in modules):
        return Part("tool", f"a command and nothing to import: {native[0]}")
    return None


def _reached(
    starts: Iterable[str],
    libraries: Mapping[str, Facts],
    markers: Mapping[str, str],
    stop: Mapping[str, object],
) -> Iterator[tuple[str, str]]:
    """Return what the libraries need, directly or not, with who needs it; not beyond a `stop`."""
    waiting = deque((name, extras_of(name, libraries, markers)) for name in starts)
    seen = set(waiting)
    first = {name for name, _ in waiting}
    while waiting:
        name, extras = waiting.popleft()
        if name in stop and name not in first:
            continue
        for needed in needs(libraries[name], extras, markers):
            if needed[0] in libraries and needed not in seen:
                seen.add(needed)
                waiting.append(needed)
                yield needed[0], name


def needs(
    facts: Facts, extras: frozenset[str], markers: Mapping[str, str]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what a library needs itself, with the extras that it asks for of it."""
    for text in facts.requires:
        try:
            needed = Requirement(text)
            holds = needed.marker is None or any(
                needed.marker.evaluate({**markers, "extra": extra}) for extra in ("", *extras)
            )
        except ValueError:  # an old one, or a marker that compares what can't be; costs only itself
            continue
        if holds:
            yield normalise(needed.name), frozenset(needed.extras)


def extras_of(
    name: str, libraries: Mapping[str, Facts], markers: Mapping[str, str]
) -> frozenset[str]:
    """Return which of popcon's extras are installed: those of which nothing is missing."""
    found = set()
    for extra in _EXTRAS if name == "popcon" else ():
        needed = {each for each, _ in needs(libraries[name], frozenset({extra}), markers)}
        if needed <= libraries.keys():
            found.add(extra)
    return frozenset(found)
