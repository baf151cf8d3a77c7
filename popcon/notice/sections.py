"""In: Facts. Out: the Notice: every section, in the order in which people ask."""

from __future__ import annotations

from popcon import OPT_OUT_FILE, OPT_OUTS
from popcon.notice.collected import collected, goes, never
from popcon.notice.facts import NOBODY, Facts
from popcon.notice.publication import remains
from popcon.notice.spans import Code, Items, Notice, Paragraph, Section, Strong, Text

LAST = "%run -m popcon show --last"


def notice(facts: Facts) -> Notice:
    """Return the page."""
    site = facts.said.site
    title = f"What popcon collects at {site}" if site else "What popcon collects here"
    parts = _off(facts) if facts.off else _on(facts)
    return Notice(title, tuple(parts))


def _off(facts: Facts) -> list[Section]:
    text: Text = (
        f"popcon is installed here, and switched off: {facts.off}. It collects nothing and sends "
        "nothing. (A program that asks it by name for a local file or a printed list gets that.)",
    )
    check: Text = ("Check it yourself, in a terminal: ", Code("popcon show"), " says what is off.")
    blocks = (Paragraph(text), Paragraph(check), _questions(facts))
    return [Section("Nothing is collected", blocks)]


def _on(facts: Facts) -> list[Section]:
    return [
        Section("", (Paragraph(_why(facts)),)),
        collected(facts),
        goes(facts),
        never(facts),
        _see(),
        _out(facts),
        remains(facts),
        Section("Questions", (_questions(facts),)),
    ]


def _why(facts: Facts) -> Text:
    who = facts.said.site or "This site"
    if NOBODY == facts.notebooks == facts.reach.programs:
        return (
            f"{who} has popcon installed, which counts which Python libraries are really used. "
            "Nothing switches it on here: only programs that call it themselves are counted, and "
            "this page is about them.",
        )
    return (
        f"{who} runs popcon to learn which of its installed Python libraries are really used: what "
        "can go, and what has to be kept working. This page says what is collected for that, how "
        "to see it, and how to say no.",
    )


def _see() -> Section:
    entries: tuple[Text, ...] = (
        ("In a notebook, what it has sent so far, line by line: ", Code(LAST), "."),
        (
            "In a terminal where the notebook's environment is active, what is set, and what would "
            "leave if a script imported yaml: ",
            Code("popcon show yaml"),
            " (nothing is sent). Why a module counts for a library: ",
            Code("popcon explain yaml"),
            ".",
        ),
    )
    return Section("See for yourself", (Items(entries),))


def _out(facts: Facts) -> Section:
    ours, common = (f"{name}=1" for name in OPT_OUTS)
    folder, _, name = OPT_OUT_FILE[1:].rpartition("/")
    first = (
        "Each turns all of it off, for what starts from then on: restart kernels that run. Not being "
        "counted has no other effect."
    )
    entries: tuple[Text, ...] = (
        (
            Strong("A file,"),
            " for all that you run: ",
            Code(f"mkdir -p ~/.config/{folder} && touch ~/.config/{folder}/{name}"),
            " (where ",
            Code("XDG_CONFIG_HOME"),
            " is set, the file is ",
            Code(f"$XDG_CONFIG_HOME{OPT_OUT_FILE}"),
            ").",
        ),
        (
            Strong("A variable,"),
            " in a terminal or a job script: ",
            Code(f"export {common}"),
            ", which other programs know too, or ",
            Code(f"export {ours}"),
            " for popcon alone. For notebooks, in a file of your own, ",
            Code("~/.ipython/profile_default/startup/00-no.py"),
            ": ",
            Code(f'import os; os.environ["{OPT_OUTS[1]}"] = "1"'),
            ".",
        ),
        (
            Strong("Ask"),
            f" {facts.whom()}: admins can set either for you, for an environment or a machine, and "
            "keep single libraries from being named. So can you, in the same places: ",
            Code("POPCON_DENY=names"),
            ".",
        ),
    )
    after = (
        "What was counted before can't be taken out again: nobody can tell which part was yours."
    )
    return Section(
        "Three ways out",
        (Paragraph((first,)), Items(entries, numbered=True), Paragraph((after,))),
    )


def _questions(facts: Facts) -> Paragraph:
    if facts.said.contact:
        return Paragraph((f"Ask {facts.said.contact}.",))
    return Paragraph(("Whom to ask isn't said here; those who run this service know.",))
