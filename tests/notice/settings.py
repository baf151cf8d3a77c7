"""In: choices. Out: Facts as the command makes them, and every combination of choices, some of them at a time."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

from popcon.cli.notice_facts import publication
from popcon.config import read
from popcon.exporter.privacy.policy import chosen
from popcon.notice.facts import EVERYBODY, NOBODY, ONE_PERSON, UNKNOWN, Check, Facts, Reach, Said

CHECKS = (Check("gpu", "all", ("torch", "torch.cuda")), Check("root", "any", ("ROOT.std",)))
#: What can be chosen → the choices.
CHOICES: dict[str, list[Any]] = {
    "POPCON_SINK": [
        "statsd://exporter.example:9125",
        "statsd+tcp://localhost",
        "print:",
        "jsonl:/scratch/popcon/",
        "print:stderr file:~/used.txt statsd://[::1]:9125",
    ],
    "POPCON_LABELS": ["", "namespace=hub1"],
    "POPCON_DETAILS": ["", "version", "direct", "version,direct"],
    "POPCON_SCOPE": ["", "all"],
    "POPCON_ALLOW": ["", "num*, pyyaml"],
    "POPCON_DENY": ["", "pyyaml, scipy"],
    "POPCON_CHILDREN": ["", "each"],
    "POPCON_PROGRAMS": ["", "all"],
    "DO_NOT_TRACK": ["", "", "", "1"],
    "notebooks": [EVERYBODY, ONE_PERSON, NOBODY],
    "programs": [EVERYBODY, ONE_PERSON, NOBODY, UNKNOWN],
    "by_hand": [(), ("/etc/ipython/startup/10-site.py",)],
    "checks": [(), CHECKS],
    "policy": [
        None,
        ("off", {}),
        ("standard", {}),
        ("standard", {"min_processes": 30, "interval": 0.0, "by_address": True}),
        ("standard", {"min_processes": 1}),
        ("strict", {}),
        ("strict", {"interval": 7200.0, "min_library_processes": 5}),
    ],
    "exporter": [None, "popcon", "statsd_exporter"],
    "site": [None, "Example University"],
    "contact": [None, "help@uni.example"],
    "kept": [None, "13 months"],
    "url": [None, "https://grafana.uni.example/"],
    "readers": [None, "all staff"],
}


def facts(choice: dict[str, Any]) -> Facts:
    """Return the facts of a choice; what it doesn't name is the first choice."""
    one = {name: choice.get(name, choices[0]) for name, choices in CHOICES.items()}
    environ = {name: value for name, value in one.items() if name.isupper() and value}
    name, numbers = one["policy"] or ("", {})
    policy = publication(chosen(name, **numbers)) if name else None
    said = Said(
        one["site"],
        one["contact"],
        "popcon" if policy else one["exporter"],
        policy,
        one["kept"],
        one["url"],
        one["readers"],
    )
    reach = Reach(one["notebooks"], one["programs"], one["by_hand"])
    return Facts(read(environ), reach, one["checks"], said)


def many(number: int) -> Iterator[Facts]:
    """Return every pair of choices at least once, and random others: the same ones each time."""
    drawn = random.Random(9)
    for one, other in itertools.combinations(CHOICES, 2):
        for pair in itertools.product(CHOICES[one], CHOICES[other]):
            yield facts({**_drawn(drawn), one: pair[0], other: pair[1]})
    for _ in range(number):
        yield facts(_drawn(drawn))


def _drawn(drawn: random.Random) -> dict[str, Any]:
    return {name: drawn.choice(choices) for name, choices in CHOICES.items()}
