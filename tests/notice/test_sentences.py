"""The page says of a site what is so there, and nothing else: over combinations of all that can be set."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from popcon.cli.show import IN_A_NOTEBOOK
from popcon.notice.facts import Facts
from popcon.notice.formats import as_text
from popcon.notice.sections import notice
from tests.notice.settings import facts, many


def words(given: Facts) -> str:
    """Return the page's text in one line."""
    return " ".join(as_text(notice(given)).split())


def held(given: Facts) -> bool:
    """Return whether somebody said that an exporter holds counts back."""
    return given.said.policy is not None and given.said.policy.holds


def at_once(given: Facts) -> bool:
    """Return whether somebody said that counts show as they come."""
    is_off = given.said.policy is not None and not given.said.policy.holds
    return is_off or given.said.exporter == "statsd_exporter"


def to(given: Facts, *schemes: str) -> bool:
    """Return whether a report goes to one of these sinks."""
    return any(url.split(":")[0] in schemes for url in given.settings.sinks)


def shown(given: Facts) -> bool:
    """Return whether counts come before others' eyes, as far as somebody said so."""
    said = given.said
    of_files = to(given, "file", "jsonl") and (said.exporter or said.kept or said.url)
    return to(given, "statsd", "statsd+tcp") or bool(of_files)


#: A sentence → when it stands there: exactly then, as long as popcon isn't switched off.
SENTENCES: dict[str, Callable[[Facts], bool]] = {
    "Versions are collected": lambda it: it.settings.versions,
    "Versions of libraries are not collected": lambda it: not it.settings.versions,
    "but not of copies of your own": lambda it: (
        it.settings.versions and it.settings.naming["scope"] == "image"
    ),
    "library_version.": lambda it: it.settings.versions and not it.settings.naming["deny"],
    "Direct imports are collected": lambda it: it.settings.direct,
    "Direct imports are not told apart": lambda it: not it.settings.direct,
    "library_direct.": lambda it: it.settings.direct,
    "library_used.pyyaml:1|c": lambda it: not it.settings.naming["deny"],
    "library_used._other:1|c": lambda it: bool(it.settings.naming["deny"]),
    "Named are all that is installed": lambda it: it.settings.naming["scope"] == "all",
    "Named are the libraries of the image": lambda it: it.settings.naming["scope"] == "image",
    "Of these only `num*`, `pyyaml`": lambda it: bool(it.settings.naming["allow"]),
    "Never named: `pyyaml`, `scipy`": lambda it: bool(it.settings.naming["deny"]),
    "In front of each line stands `python_popcon.namespace.hub1`": lambda it: bool(
        it.settings.labels
    ),
    "`gpu` (all of `torch`, `torch.cuda`); `root` (one of `ROOT.std`)": lambda it: bool(it.checks),
    "Checks of the admins' own: none here": lambda it: not it.checks,
    "Each process that yours forks is one more": lambda it: it.settings.children == "each",
    "such as pip, count": lambda it: it.settings.programs == "all",
    "A file written by hand switches it on": lambda it: bool(it.reach.by_hand),
    "Whether scripts and jobs are, isn't known here": lambda it: it.reach.programs == "unknown",
    "Whether notebooks are, isn't known here": lambda it: (
        (it.reach.notebooks, it.reach.programs, it.settings.programs)
        == ("nobody", "unknown", "all")
    ),
    "Counted are notebooks": lambda it: (
        it.reach.notebooks == "everybody"
        or (it.reach.notebooks, it.reach.programs, it.settings.programs)
        == ("nobody", "everybody", "all")
    ),
    "Nothing switches it on here": lambda it: it.reach.notebooks == it.reach.programs == "nobody",
    "Sent to `exporter.example:9125`, by UDP packets": lambda it: (
        it.settings.sinks[0] == "statsd://exporter.example:9125"
    ),
    "Sent to `localhost`, on the machine that the notebook runs on, by a TCP connection": lambda it: (
        to(it, "statsd+tcp")
    ),
    "Printed on standard output": lambda it: it.settings.sinks == ("print:",),
    "Printed on standard error": lambda it: "print:stderr" in it.settings.sinks,
    "Written to `/scratch/popcon/`": lambda it: to(it, "jsonl"),
    "Written to `~/used.txt`": lambda it: to(it, "file"),
    "Nothing leaves the machine": lambda it: not to(it, "statsd", "statsd+tcp"),
    "Whether anybody collects the files": lambda it: to(it, "file", "jsonl") and not shown(it),
    "Files have owners": lambda it: to(it, "file", "jsonl"),
    "The network knows who sends": lambda it: to(it, "statsd", "statsd+tcp"),
    "Shown at once": lambda it: shown(it) and at_once(it),
    "Shown late": lambda it: shown(it) and held(it),
    "once 10 processes have reported since the last time and 15 minutes have passed.": lambda it: (
        shown(it) and held(it) and it.said.policy == facts({"policy": ("standard", {})}).said.policy
    ),
    "once 30 processes have reported since the last time. An address counts once": lambda it: (
        shown(it) and held(it) and it.said.policy is not None and it.said.policy.by_address
    ),
    "once 20 processes have reported since the last time and the day is over (UTC)": lambda it: (
        shown(it) and held(it) and it.said.policy is not None and it.said.policy.daily
    ),
    "and 120 minutes have passed. A library, version or check that fewer than 5": lambda it: (
        shown(it) and held(it) and it.said.policy is not None and it.said.policy.named_from == 5
    ),
    "So a library gets its name only when": lambda it: (
        shown(it) and held(it) and it.said.policy is not None and it.said.policy.named_from > 1
    ),
    "Unless rare libraries are shown without a name here": lambda it: (
        shown(it) and not held(it) and not at_once(it)
    ),
    "Counts show at once, so": lambda it: shown(it) and at_once(it),
    "Counts are held back against that": lambda it: (
        shown(it) and held(it) and it.said.policy is not None and it.said.policy.min_processes > 1
    ),
    "One process is enough here, so": lambda it: (
        shown(it) and held(it) and it.said.policy is not None and it.said.policy.min_processes == 1
    ),
    "whether at once, or late and several processes together, isn't said": lambda it: (
        shown(it) and not held(it) and not at_once(it)
    ),
    "Notebooks on a timer are recognisable by their rhythm": shown,
    "Who also sees which servers or pods ran": shown,
    "Anybody can send": shown,
    "Kept for 13 months": lambda it: shown(it) and bool(it.said.kept),
    "Kept: for how long, isn't said here": lambda it: shown(it) and not it.said.kept,
    "Seen at https://grafana.uni.example/": lambda it: shown(it) and bool(it.said.url),
    "Seen where, isn't said here": lambda it: shown(it) and not it.said.url,
    ", by all staff.": lambda it: shown(it) and bool(it.said.readers),
    "who may look, besides the admins, isn't said here": lambda it: (
        shown(it) and not it.said.readers
    ),
    f"`{IN_A_NOTEBOOK}`": lambda it: True,
}
#: The same, whether popcon is switched off or not.
ALWAYS: dict[str, Callable[[Facts], bool]] = {
    "It collects nothing and sends nothing": lambda it: bool(it.settings.off),
    "switched off: DO_NOT_TRACK is set": lambda it: bool(it.settings.off),
    "at Example University": lambda it: it.said.site is not None,
    "Ask help@uni.example.": lambda it: it.said.contact is not None,
    "Whom to ask isn't said here": lambda it: it.said.contact is None,
    "popcon show": lambda it: True,
}


@pytest.fixture(scope="module")
def pages() -> list[tuple[Facts, str]]:
    """Every pair of choices, with its page."""
    return [(given, words(given)) for given in many(300)]


@pytest.mark.parametrize("sentence", [*SENTENCES, *ALWAYS])
def test_a_sentence_stands_where_it_is_true(pages: list[tuple[Facts, str]], sentence: str) -> None:
    """It is on the page if, and only if, what it says is so; both happen."""
    if sentence in ALWAYS:
        so = [(bool(ALWAYS[sentence](given)), page) for given, page in pages]
    else:
        so = [
            (not given.settings.off and bool(SENTENCES[sentence](given)), page)
            for given, page in pages
        ]
    wrong = [page for is_so, page in so if is_so != (sentence in page)]

    assert wrong[:1] == []
    assert any(is_so for is_so, _ in so)
