"""In: a file in a site directory. Out: what each link of the resolver chain says about it, and how it knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from popcon.metadata import is_own_code, names_of, parse_entry, read
from popcon.record import has_row, has_top
from popcon.site_directory import SiteDirectory


class Evidence(NamedTuple):
    """What one link says: `library` is the one it speaks for, None if it has nothing to say."""

    link: str
    library: str | None
    says: str


def evidence(site: SiteDirectory, relative: str) -> Iterator[Evidence]:
    """Ask every link, in the order in which they count; the first that speaks for a library is believed."""
    top = relative.partition("/")[0]
    yield _listed(site, relative, top)
    yield _egg(site, top)
    yield _named(site, relative, top, by_list=True)
    yield _conda(site, relative, top)
    yield _named(site, relative, top, by_list=False)
    yield _own(site, relative)


def _listed(site: SiteDirectory, relative: str, top: str) -> Evidence:
    beside = []
    for library, entries in site.distributions.items():
        for entry in entries:
            record = site.listing(entry)
            if has_row(record, relative):
                file = "RECORD" if read(f"{site.base}/{entry}/RECORD") else "installed-files.txt"
                return Evidence("RECORD", library, f"{entry}/{file} lists '{relative}'")
            if "/" in relative and has_top(record, top):
                beside.append((library, entry))
    if not beside:
        return Evidence("RECORD", None, f"none lists '{relative}', or anything in '{top}'")
    says = f"none lists '{relative}'; in '{top}' are files of {', '.join(entry for _, entry in beside)}"
    return Evidence("RECORD", site.find(relative)[0], says)


def _egg(site: SiteDirectory, top: str) -> Evidence:
    name, version, kind = parse_entry(top)
    if kind != "egg":
        return Evidence("egg", None, "the file is in none")
    return Evidence("egg", site.find(top)[0], f"the file is in that of {name} {version}".rstrip())


def _named(site: SiteDirectory, relative: str, top: str, *, by_list: bool) -> Evidence:
    link = "top_level.txt" if by_list else "own name"
    stem = top.partition(".")[0]
    silent = []
    found: dict[str, Evidence] = {}
    for library, entries in site.distributions.items():
        for entry in entries:
            if site.listing(entry) or parse_entry(entry)[2] not in ("dist-info", "egg-info"):
                continue
            silent.append(entry)
            for path, listed in names_of(site.base, entry):
                if listed == by_list and path.partition("/")[0] == stem:
                    how = f"lists '{stem}'" if by_list else f"is called '{path}'"
                    says = f"{entry} has no list of files and {how}"
                    found[library] = Evidence(link, library, says)
    if found:  # where several say so, their own names tell them apart
        return found.get(site.find(relative)[0] or "", next(iter(found.values())))
    if not silent:
        return Evidence(link, None, "not asked: every distribution has a list of files")
    return Evidence(
        link, None, f"none of {len(silent)} distributions without a list of files says '{stem}'"
    )


def _conda(site: SiteDirectory, relative: str, top: str) -> Evidence:
    if not site.conda():
        return Evidence("conda-meta", None, "there is none")
    for library, rows in site.conda_rows(top).items():
        if relative in rows:
            return Evidence("conda-meta", library, f"{library} lists '{relative}'")
    return Evidence("conda-meta", None, f"no package lists '{relative}'")


def _own(site: SiteDirectory, relative: str) -> Evidence:
    library = site.find(relative)[0]
    for entry in site.distributions.get(library or "", ()):
        if is_own_code(f"{site.base}/{entry}"):
            return Evidence(
                "direct_url.json", library, "a repository, a folder or a file: own code"
            )
        if entry.endswith(".egg-link"):
            return Evidence("egg-link", library, "it points to a project: own code")
    return Evidence("direct_url.json", None, "none: it came from a package index, or nobody knows")
