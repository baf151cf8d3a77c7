"""In: the facts. Out: what the page says of them, paragraph by paragraph, as a person would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from popcon.enough import ENOUGH_DAYS, HINT, HINT_DAYS, RARELY
from popcon.insight.answers.coverage import SILENT_DAYS, is_silent
from popcon.insight.report import words
from popcon.insight.report.changes import Change, Changes
from popcon.insight.report.facts import Facts, Used


class Figure(NamedTuple):
    """A headline figure, and what it is of."""

    figure: str
    of: str


def libraries(number: int) -> str:
    """Return so many libraries."""
    return words.count(number, "library", "libraries")


def processes(number: int) -> str:
    """Return so many processes."""
    return words.count(number, "process", "processes")


def names(found: Iterable[str], most: int = 0) -> str:
    """Return names for a sentence, fit to be printed."""
    return words.listed([words.shown(name) for name in found], most)


def silent(facts: Facts) -> list[str]:
    """Return the hubs from which nothing came in the last seven whole days and today."""
    return sorted(hub for hub, seen in facts.hubs.items() if is_silent(seen, facts.period))


def nobody(facts: Facts) -> str:
    """Return by whom a library is not used that has a 0."""
    return "by nobody or by too few to be named" if facts.rare else "by nobody"


def freed(facts: Facts) -> str:
    """Return how much disk it frees to take out what nobody uses."""
    most = words.size(facts.frees)
    return most if len(facts.active) < 2 else f"up to {most}"


def figures(facts: Facts) -> list[Figure]:
    """Return the headline figures."""
    reporting = len(facts.active)
    found = [
        Figure(
            words.number(facts.processes),
            f"{'process' if facts.processes == 1 else 'processes'} reported which libraries "
            f"{'it' if facts.processes == 1 else 'they'} used",
        )
    ]
    if facts.used:
        user = facts.installed - len(facts.unused) - len(facts.early) - len(facts.needed)
        found.append(
            Figure(
                f"{words.number(user)} of {words.number(facts.installed)}",
                "libraries known to be installed for users were used",
            )
            if facts.unused or facts.early
            else Figure(words.number(len(facts.used)), "libraries were used")
        )
    if facts.unused:
        one = len(facts.unused) == 1
        says = f"{'library' if one else 'libraries'} could go: used {nobody(facts)}"
        more = f"; {'it takes' if one else 'they take'} {freed(facts)}" if facts.frees else ""
        found.append(Figure(words.number(len(facts.unused)), says + more))
    elif facts.early:
        found.append(Figure("Too early", f"to say what could go: it takes {HINT_DAYS} whole days"))
    if len(facts.hubs) > 1:
        quiet = len(silent(facts))
        found.append(
            Figure(
                f"{reporting} of {len(facts.hubs)}",
                "hubs reported" + (f", {words.spelled(quiet)} silent now" if quiet else ""),
            )
        )
    return found


def in_short(facts: Facts) -> list[str]:
    """Return the answer, for those who read no further."""
    said = []
    first = facts.used[:3]
    if first:
        verb = "is" if len(first) == 1 else "are"
        shares = words.listed([words.percent(one.share) for one in first])
        them = "it" if len(first) == 1 else "them"
        said.append(
            f"{names(one.name for one in first)} {verb} used most: {shares} of the processes "
            f"imported {them}."
        )
    if facts.unused:
        them = "it" if len(facts.unused) == 1 else "them"
        frees = f" Taking {them} out frees {freed(facts)} in an image." if facts.frees else ""
        hint = " Take that as a hint: it is early days." if facts.days < ENOUGH_DAYS else ""
        said.append(
            f"{words.number(len(facts.unused))} of {libraries(facts.installed)} installed for users "
            f"{'was' if len(facts.unused) == 1 else 'were'} used {nobody(facts)} in "
            f"{words.count(facts.days, 'whole day')}.{frees}{hint}"
        )
    if facts.changes is not None:
        said += _moves(facts.changes)
    quiet = silent(facts)
    if quiet:
        said.append(
            f"{names(quiet, 4)} {'has' if len(quiet) == 1 else 'have'} sent no report for "
            f"{words.spelled(SILENT_DAYS)} days or more: what is used there now is not in these numbers."
        )
    return said


def _moves(found: Changes) -> list[str]:
    said = []
    for verb, rows in (("rising", found.rising), ("falling", found.falling)):
        if rows:
            said.append(
                f"{words.listed([_from_to(one) for one in rows[:3]])} "
                f"{'is' if len(rows[:3]) == 1 else 'are'} {verb}."
            )
    return said


def _from_to(one: Change) -> str:
    return (
        f"{words.shown(one.name)} (from {words.percent(one.before)} to {words.percent(one.after)})"
    )


def used(facts: Facts) -> list[str]:
    """Return the paragraphs above and below the chart of what is used."""
    if not facts.used:
        if facts.rare:
            return ["No library was used by enough processes to be named."]
        return ["No process named a library in this time."]
    half = sum(1 for one in facts.used if one.share >= 0.5)
    few = facts.rarely
    said = [
        f"{libraries(len(facts.used)).capitalize()} {'was' if len(facts.used) == 1 else 'were'} "
        f"used by {'the one process' if facts.processes == 1 else 'one process or more'}. "
        + (f"{words.spelled(half).capitalize()} of them "
           f"{'is' if half == 1 else 'are'} used in at least every second process. " if half and len(facts.used) > 1 else "")
        + "A library that another one imports counts as used, too."
        + (" Those that too few used to be named are not among them." if facts.rare else "")
    ]  # fmt: skip
    if few and facts.processes >= RARELY:
        said.append(
            f"{words.count(len(few), 'library', 'libraries')} "
            f"{'was' if len(few) == 1 else 'were'} used, but by fewer than {RARELY} processes"
            f"{' each' if len(few) > 1 else ''}: {names((one.name for one in few), 8)}. Ask before "
            f"{'one of them' if len(few) > 1 else 'it'} goes: a course of twelve people can be twelve processes."
        )
    return said


def over_time(facts: Facts) -> list[str]:
    """Return what is said above the chart of processes by week."""
    trend = facts.trend
    if trend is None:
        return ["The source of this page has no days: nothing can be said of how use changes."]
    whole = [span for span in trend.spans if span.whole]
    if len(whole) < 2:
        return ["There are too few days yet to say how use changes."]
    most = max(whole, key=lambda span: span.processes)
    least = min(whole, key=lambda span: span.processes)
    when = {"day": "on", "week": "in the week from", "month": "in"}[trend.unit]

    def of(time: float) -> str:
        return words.month(time) if trend.unit == "month" else words.day(time)

    if most.processes == least.processes:
        return [f"{processes(most.processes)} reported each whole {trend.unit}."]
    since = ""
    if trend.spans[0].begin < facts.period.begin:
        since = f"From {words.day(trend.spans[0].begin)} on, the"
    return [
        f"{since or 'The'} busiest {trend.unit} had {processes(most.processes)} ({when} {of(most.begin)}), the "
        f"quietest {words.number(least.processes)} ({when} {of(least.begin)}). "
        "Shares are the better measure: they do not fall when people are on holiday."
    ]


def changed(facts: Facts) -> list[str]:
    """Return what is new, gone, rising and falling, and against what."""
    found = facts.changes
    if found is None:
        if facts.trend is None:
            return []
        return ["There is no earlier time to compare with yet, so nothing is called new or gone."]
    hubs = ""
    if len(facts.active) > len(found.hubs):
        hubs = (
            f" Only {names(found.hubs, 5)} can be compared: the other hubs were not there, or "
            "silent, in one of these times."
        )
    said = [
        f"Compared are {words.days(*found.before)} and {words.days(*found.after)}, each taken "
        f"as shares of its own processes.{hubs}"
    ]
    for what, rows in (("New", found.new), ("Gone", found.gone)):
        if rows:
            number = [one.processes if what == "New" else one.processes_before for one in rows]
            each = [f"{words.shown(one.name)} ({words.number(n)})" for one, n in zip(rows, number)]
            meant = "used now and not before" if what == "New" else "used before and not now"
            said.append(f"{what}, that is {meant}, with processes: {words.listed(each, 8)}.")
        else:
            said.append("Nothing is new." if what == "New" else "Nothing is gone.")
    if not found.moved:
        said.append("No library’s share moved by a percentage point and a quarter of itself.")
    else:
        said.append(
            "Called rising or falling is what moved by a percentage point and by a quarter of itself, "
            "and by more than chance does."
        )
    return said


def could_go(facts: Facts) -> list[str]:
    """Return what is said above the list of what nobody used."""
    said = []
    if not facts.unused and not facts.early:
        if len(facts.without_inventory) == len(facts.active):
            return [
                "This is not known: no hub has sent an inventory, and a library that nobody imported "
                "is only known if somebody says that it is there. ‘popcon inventory --send’ does."
            ]
        needed = ", or is needed by one that was" if facts.needed else ""
        return [f"Every library that is installed for users was used{needed}."]
    if facts.unused:
        takes = "It takes" if len(facts.unused) == 1 else "Together they take"
        frees = f" {takes} {freed(facts)} in an image." if facts.frees else ""
        apart = (
            " What runs the notebooks themselves is not among them "
            f"({libraries(len(facts.infrastructure))} set apart)."
            if facts.infrastructure
            else ""
        )
        said.append(
            f"{words.count(len(facts.unused), 'library', 'libraries')} installed for users "
            f"{'was' if len(facts.unused) == 1 else 'were'} used {nobody(facts)}, in none of the hubs "
            f"that reported.{frees}{apart}"
        )
        hints = sum(1 for one in facts.unused if one.verdict == HINT)
        if hints:
            which = "them" if hints == len(facts.unused) else f"{words.spelled(hints)} of them"
            said.append(
                f"Fewer than {ENOUGH_DAYS} whole days are known of {which}, in one hub at least: that is a "
                "hint, no answer yet."
            )
    if facts.early:
        said.append(
            f"It is too early to judge {names((one.library for one in facts.early), 6)}: fewer than "
            f"{HINT_DAYS} whole days are known of {'it' if len(facts.early) == 1 else 'them'}."
        )
    return said


def before_it_goes(facts: Facts) -> list[str]:
    """Return what to ask before a library goes."""
    if not facts.unused:
        return []
    them = "it" if len(facts.unused) == 1 else "them"
    needs = (
        "What needs a library is what is installed where this page was made; what a used library needs "
        "is not listed."
        if facts.needs_known
        else f"Which other libraries need {them} was not looked at: ‘popcon report --here’, run in the image, does."
    )
    return [
        f"Before one goes: ask when its course is taught, as some come once a year. {needs} "
        "A library can be needed without being imported, as a plug-in or as data."
    ]


def coverage(facts: Facts) -> list[str]:
    """Return which hubs report."""
    quiet = silent(facts)
    hubs = facts.active
    if not facts.hubs:
        return ["No hub is known."]
    said = [
        f"{words.count(len(hubs), 'hub')} of {words.number(len(facts.hubs))} reported. "
        f"The first data {'are' if len(facts.hubs) > 1 else 'is'} of "
        f"{words.day(min(seen.first for seen in facts.hubs.values()))}."
    ]
    if quiet:
        parts = [
            f"{words.shown(hub)} (last report {words.last_day(last)})"
            if (last := facts.hubs[hub].last) is not None
            else f"{words.shown(hub)} (never seen to report)"
            for hub in quiet
        ]
        said.append(
            f"Silent for {words.spelled(SILENT_DAYS)} days or more: {words.listed(parts, 6)}."
        )
    return said


def lowest_highest(one: Used) -> str:
    """Return the range of a library's share over the hubs."""
    least, most = words.percent(one.lowest), words.percent(one.highest)
    return least if least == most else f"{least} to {most}"


def unknown(facts: Facts) -> list[str]:
    """Return what these numbers don't say."""
    said = [
        "How many people. A process is a kernel or a script; one person with five notebooks open is "
        "five processes, and counters name no person.",
        "What was imported and then not needed, or how much of a library was used.",
    ]
    if facts.other:
        share = words.percent(min(facts.other / facts.processes, 1.0)) if facts.processes else ""
        said.append(
            f"What people brought themselves. {processes(facts.other).capitalize()}"
            f"{f' ({share})' if share else ''} used libraries that are not the image's: their own "
            "code and installations are counted in one bucket, without names."
        )
    if facts.rare:
        said.append(
            f"The names of rare libraries. Uses that the publication policy holds no name for: "
            f"{words.number(facts.rare)}, one for each library and process. A library may be among them "
            "that is listed here with 0."
        )
    if facts.without_inventory and len(facts.without_inventory) < len(facts.active):
        said.append(
            f"What is installed and unused in {names(facts.without_inventory, 5)}: no inventory came from "
            f"{'there' if len(facts.without_inventory) == 1 else 'these hubs'}."
        )
    if facts.processes and facts.days < ENOUGH_DAYS:
        said.append(
            f"A whole term. This rests on {words.count(facts.days, 'whole day')}; what is taught "
            "once a year may be outside them."
        )
    return said


def counted(facts: Facts) -> list[str]:
    """Return how it was counted."""
    return [
        "In each Python process, popcon notes which installed libraries were imported, and sends their "
        "names, each once in the life of a process. A share is the processes that used a library, of "
        "those that reported at all. Days are UTC’s; a count belongs to the day on which it was published.",
        "No user, path, code or time of day is sent. Where a policy of publication holds, counts "
        "become visible only once several processes have reported, so that nobody is read off them.",
        f"These numbers are from {facts.words}, for {words.days(*facts.period)}.",
    ]


def nothing(facts: Facts) -> list[str]:
    """Return what a page says where no process reported."""
    said = [f"From {words.days(*facts.period)} no report of a process is to be seen."]
    if facts.hubs:
        said.append(
            f"{words.count(len(facts.hubs), 'hub')} {'is' if len(facts.hubs) == 1 else 'are'} known: "
            f"{names(sorted(facts.hubs), 6)}. The kernels may not reach the exporter, nobody worked there, or what came is held back until "
            "enough processes have reported."
        )
    else:
        said.append(
            "Nothing is known of any hub, at any time. Where a policy of publication holds, nothing is "
            "until enough processes have reported."
        )
    said.append("‘popcon doctor’, run where kernels run, finds where counts get lost.")
    return said
