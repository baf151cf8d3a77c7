"""In: Facts. Out: what becomes of counts behind the exporter, and what they still tell; unknown is said as such."""

from __future__ import annotations

from popcon.catalog import RARE
from popcon.notice.facts import Facts, Publication
from popcon.notice.spans import Code, Items, Link, Section, Strong, Text

#: What is said where nobody told by which policy counts are shown.
_UNLESS = " Unless rare libraries are shown without a name here, which the admins know:"


def published(facts: Facts) -> list[Text]:
    """Return who shows the counts when, for how long, and to whom."""
    said, ask = facts.said, f"isn't said here: ask {facts.whom()}."
    kept = f" for {said.kept}." if said.kept else f": for how long, {ask}"
    seen: Text = (" at ", Link(said.url)) if said.url else (" where, isn't said here",)
    readers = (
        f", by {said.readers}." if said.readers else f"; who may look, besides the admins, {ask}"
    )
    return [_shown(facts), (Strong("Kept"), kept), (Strong("Seen"), *seen, readers)]


def _shown(facts: Facts) -> Text:
    said = facts.said
    if said.exporter == "statsd_exporter":
        return (Strong("Shown"), " at once, by statsd_exporter: each count as it comes.")
    if said.policy is None:
        who = "" if said.exporter is None else " by popcon's exporter"
        words = (
            f"{who}: whether at once, or late and several processes together, isn't said here: "
            f"ask {facts.whom()}."
        )
        return (Strong("Shown"), words)
    if not said.policy.holds:
        return (Strong("Shown"), " at once, by popcon's exporter: each count as it comes.")
    return (Strong("Shown"), *_held(said.policy))


def _held(policy: Publication) -> Text:
    when = f" and {policy.when}" if policy.when else ""
    text: Text = (
        f" late, by popcon's exporter (its policy {policy.name}): all together, once "
        f"{_processes(policy.min_processes)} reported since the last time{when}.",
    )
    if policy.by_address:
        text += (" An address counts once among these; addresses are not written down.",)
    if policy.named_from > 1:
        text += (
            f" A library, version or check that fewer than {_processes(policy.named_from)} used is shown as ",
            Code(RARE),
            ".",
        )
    return text


def _processes(number: int) -> str:
    """Return a number of processes that have done something.

    >>> _processes(1), _processes(10)
    ('1 process has', '10 processes have')
    """
    return "1 process has" if number == 1 else f"{number} processes have"


def remains(facts: Facts) -> Section:
    """Return what counts still tell, and what nobody can promise."""
    entries: list[Text] = []
    if facts.published:
        entries += [_rare(facts), _together(facts), _timer(facts), _pods()]
    if facts.networks:
        entries.append(
            (
                Strong("The network knows who sends."),
                " What is sent carries the address of its machine or container. popcon's lines don't "
                "say it; whoever runs the network could note it.",
            )
        )
    if facts.published:
        entries.append(
            (
                Strong("Anybody can send."),
                " The lines are not signed, so the counts can be wrong.",
            )
        )
    if facts.written:
        entries.append(
            (
                Strong("Files have owners."),
                " Whoever may look into the folder sees whose they are, and from when.",
            )
        )
    if not entries:
        entries.append((Strong("Nothing"), " that others see: it is printed for you alone."))
    return Section("What remains", (Items(tuple(entries)),))


def _rare(facts: Facts) -> Text:
    policy = facts.said.policy
    if policy is not None and policy.holds and policy.named_from > 1:
        words = (
            f" So a library gets its name only when {_processes(policy.named_from)} used it. But "
            "one busy person can be all of these."
        )
    else:
        late = "to the day" if policy is not None and policy.daily else "about when"
        unless = "" if policy or facts.said.exporter == "statsd_exporter" else _UNLESS
        words = (
            f"{unless} {'if' if unless else 'If'} you are the only one who uses one, its count rises when you do, and "
            f"whoever may look sees that, and {late}."
        )
    return (Strong("A rare library can be a name."), words)


def _together(facts: Facts) -> Text:
    policy, exporter = facts.said.policy, facts.said.exporter
    head = Strong("What rises together may be one person.")
    if policy is not None and policy.holds and policy.min_processes == 1:
        return (
            head,
            " One process is enough here, so whoever looks often can tell single notebooks.",
        )
    if policy is not None and policy.holds:
        return (
            head,
            " Counts are held back against that, and it doesn't help where all of the processes "
            "were yours.",
        )
    if policy is None and exporter != "statsd_exporter":
        return (head, " Where counts show at once, whoever looks often can tell single notebooks.")
    return (head, " Counts show at once, so whoever looks often can tell single notebooks.")


def _timer(facts: Facts) -> Text:
    policy = facts.said.policy
    fills = policy is not None and policy.holds
    alone = ", and one person's can be all that a step shows" if fills else ""
    return (
        Strong("Notebooks on a timer are recognisable"),
        f" by their rhythm: the same libraries, again and again{alone}.",
    )


def _pods() -> Text:
    return (
        Strong("Who also sees which servers or pods ran,"),
        " and when, may guess whose counts these are. No name is not anonymity.",
    )
