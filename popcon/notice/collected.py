"""In: Facts. Out: the sections on what is collected, where it goes, and what is not."""

from __future__ import annotations

from popcon.catalog import OTHER
from popcon.globs import admits
from popcon.notice.facts import (
    EVERYBODY,
    NOBODY,
    ONE_PERSON,
    UNKNOWN,
    Check,
    Facts,
    is_this_machine,
)
from popcon.notice.publication import published
from popcon.notice.spans import (
    Block,
    Code,
    Items,
    Paragraph,
    Section,
    Span,
    Strong,
    Text,
    listed,
    printable,
)
from popcon.report import Report
from popcon.sinks import is_network, is_statsd, scheme_of
from popcon.sinks.files import parse as parse_file
from popcon.sinks.statsd import lines

#: A library that needs no other, and the module by which it is imported.
EXAMPLE_MODULE, EXAMPLE, EXAMPLE_VERSION = "yaml", "pyyaml", "6.0.2"
#: Where checks ask for more modules than this, only the checks are listed.
_MANY_MODULES = 12


def collected(facts: Facts) -> Section:
    """Return what is collected."""
    thing = "program" if facts.notebooks == NOBODY else "notebook"
    first = (
        f"Names of installed libraries. If a {thing} of yours runs ",
        Code(f"import {EXAMPLE_MODULE}"),
        ", these are its lines, once in the life of that process, however often you import it:",
    )
    second: Text = (
        "Each line counts 1, and ",
        Code("reports"),
        " is the process itself. What a library imports for itself counts too.",
    )
    entries = [_who(facts), _named(facts), *_details(facts), *_front(facts), _checks(facts.checks)]
    return Section(
        "What is collected",
        (Paragraph(first), Block(example(facts)), Paragraph(second), Items(tuple(entries))),
    )


def example(facts: Facts) -> tuple[str, ...]:
    """Return the lines of a process that imports one library of the image."""
    settings = facts.settings
    named = admits(EXAMPLE, settings.naming["allow"], settings.naming["deny"])
    library = EXAMPLE if named else OTHER
    versions = ((EXAMPLE, EXAMPLE_VERSION),) if settings.versions and named else ()
    report = Report((library,), True, versions, (library,) if settings.direct else ())
    return tuple(lines(report, settings.prefix))


def _who(facts: Facts) -> Text:
    reached = {"notebooks": facts.notebooks, "scripts and jobs": facts.reach.programs}
    counted = [what for what, whom in reached.items() if whom == EVERYBODY]
    words = ", ".join(counted) or "programs that call popcon themselves"
    rest = ""
    for what, whom in reached.items():
        if whom == ONE_PERSON:
            rest += f" Of {what}, those of the person who switched it on for themselves."
        elif whom == UNKNOWN:
            rest += f" Whether {what} are, isn't known here: ask {facts.whom()}."
        elif whom == NOBODY and counted:
            rest += f" Not {what}, unless they call popcon themselves."
    if facts.settings.programs == "all":
        rest += " Programs that the environment brings, such as pip, count where scripts do."
    if facts.settings.children == "each":
        rest += " Each process that yours forks is one more."
    hand: Text = ()
    if facts.reach.by_hand:
        hand = (
            " A file written by hand switches it on (",
            *listed(facts.reach.by_hand),
            f"); it may set other things than this page says: ask {facts.whom()}.",
        )
    return (Strong("Counted are"), f" {words}, in this environment.{rest}", *hand)


def _named(facts: Facts) -> Text:
    naming = facts.settings.naming
    if naming["scope"] == "all":
        text: Text = (
            " all that is installed, also what you installed yourself, editable or from a repository.",
        )
    else:
        text = (
            " the libraries of the image. What you installed yourself, in your home, editable, from a "
            "repository or a file, is one line without a name, ",
            Code(OTHER),
            ". A library that the image has too keeps its name; so does what you install from a "
            "package index into an environment of your own that has popcon in it.",
        )
    if naming["allow"]:
        text += (" Of these only ", *listed(naming["allow"]), "; the others are ", Code(OTHER), ".")
    if naming["deny"]:
        text += (" Never named: ", *listed(naming["deny"]), ", which are ", Code(OTHER), ".")
    return (Strong("Named are"), *text)


def _details(facts: Facts) -> list[Text]:
    settings = facts.settings
    if settings.versions:
        own = "" if settings.naming["scope"] == "all" else ", but not of copies of your own"
        versions = f" are collected: which version of a library it was{own}."
    else:
        versions = " of libraries are not collected."
    if settings.direct:
        direct = (
            " are collected: which libraries your own code imports, by the import statements of your "
            "cells, scripts and modules. Only the libraries' names leave them."
        )
    else:
        direct = (
            " are not told apart: nothing says whether you or another library imported something."
        )
    return [(Strong("Versions"), versions), (Strong("Direct imports"), direct)]


def _front(facts: Facts) -> list[Text]:
    if not facts.front:
        return []
    return [
        (
            Strong("In front of each line"),
            " stands ",
            Code(facts.front),
            ", which the admins set. ",
            Code("popcon show"),
            " prints what stands in front of yours.",
        )
    ]


def _checks(checks: tuple[Check, ...]) -> Text:
    if not checks:
        return (Strong("Checks"), " of the admins' own: none here.")
    names = tuple(sorted({check.name for check in checks}))
    asked = sum(len(check.modules) for check in checks)
    head = (Strong("Checks"), " of the admins' own. One that holds adds a line ")
    line: Text = (Code("check.<name>"), ", and no module's name: ")
    if asked > _MANY_MODULES:
        return (*head, *line, *listed(names), ".")
    spans: list[Span] = []
    whens = {"any": "one of", "all": "all of", "submodules": "a part of"}
    for check in sorted(checks):
        spans += ["; "] if spans else []
        spans += [Code(check.name), f" ({whens[check.kind]} ", *listed(check.modules), ")"]
    return (*head, *line, *spans, ".")


def goes(facts: Facts) -> Section:
    """Return where it goes, and what becomes of it there."""
    entries = [_sink(url) for url in facts.settings.sinks]
    if not facts.networks:
        nothing = " popcon sends nothing over the network."
        entries.append((Strong("Nothing leaves the machine:"), nothing))
    if facts.written and not facts.published:
        after = f" Whether anybody collects the files, and what for, isn't said here: ask {facts.whom()}."
        entries.append((Strong("Afterwards."), after))
    if facts.published:
        entries += published(facts)
    return Section("Where it goes", (Items(tuple(entries)),))


def _sink(url: str) -> Text:
    scheme = scheme_of(url)
    if is_statsd(url):
        where: Text = (Code(url.partition("://")[2].rstrip("/")),)
        if is_this_machine(url):
            where += (", on the machine that the notebook runs on",)
        how = "a TCP connection" if scheme == "statsd+tcp" else "UDP packets"
        return (Strong("Sent"), " to ", *where, f", by {how}, not encrypted, to be counted there.")
    if scheme == "print":
        stream = "standard error" if url.endswith("stderr") else "standard output"
        return (Strong("Printed"), f" on {stream}: in a notebook, below the cell.")
    if not is_network(url):
        return (
            Strong("Written"),
            " to ",
            Code(printable(parse_file(url)[0])),
            ", as files of yours. Their names and contents say nothing of whose they are; their "
            "owner and their date do.",
        )
    return (
        Strong("Handed"),
        " to a program that isn't part of popcon, by an address that begins with ",
        Code(f"{scheme}:"),
        ". What it does with it, its admins know.",
    )


def never(facts: Facts) -> Section:
    """Return what popcon doesn't collect."""
    front = " What stands in front of the lines is the admins' choice." if facts.front else ""
    own = "Your own modules and scripts"
    if facts.settings.naming["scope"] == "all":
        own += " that aren't installed"
    entries: list[Text] = [
        (f"Your name, your account, your machine's name, addresses, process numbers.{front}",),
        ("Your code, your data, what you type, your files, their names and paths.",),
        (f"{own}: they are not counted at all.",),
        ("Times: a line says nothing of when. But see what remains, below.",),
    ]
    return Section("What popcon never collects", (Items(tuple(entries)),))
