"""In: a library in a site directory. Out: where it came from, as its installer wrote it down.

Only the kind of place is told: an address may hold a password, a folder somebody's name. Sources: PEP 376
(INSTALLER), PEP 610 (direct_url.json).
"""

from __future__ import annotations

import json
import os
import site as python_site

from popcon.metadata import read
from popcon.site_directory import SiteDirectory


def origin(site: SiteDirectory, library: str) -> str:
    """Return where a library came from, in one of the words of `docs/inventory.md`."""
    entries = site.distributions.get(library)
    if entries is None:
        return "conda"
    if any(entry.endswith(".egg-link") for entry in entries):
        return "editable"
    for entry in entries:
        kind = _by_url(read(f"{site.base}/{entry}/direct_url.json"))
        installer = read(f"{site.base}/{entry}/INSTALLER").strip()
        if kind and installer != b"conda":  # conda's were all local files when they were built
            return kind
        if _is_users(site.base):
            return "user site"
        if installer:
            return "conda" if installer == b"conda" else "package index"
    if site.base.endswith("/lib/python3/dist-packages"):
        return "Debian"
    return "conda" if library in site.conda() else "unknown"


def _by_url(text: bytes) -> str | None:
    """Return the kind of place in a direct_url.json, or None if there is none."""
    if not text.strip():
        return None
    try:
        said = json.loads(text)
        if said.get("dir_info", {}).get("editable") is True:
            return "editable"
        if "vcs_info" in said:
            return "repository"
        return "local file" if said["url"].startswith("file:") else "address"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "unknown"


def _is_users(base: str) -> bool:
    user = (python_site.getusersitepackages() or "").replace(os.sep, "/")
    return base == user or "/.local/lib/python" in base
