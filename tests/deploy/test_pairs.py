"""Values files laid over each other: what nobody wrote down as a case."""

from __future__ import annotations

import itertools
import os
import random

from tests.deploy import kubernetes_schemas, pod_security
from tests.deploy.chart import NAMES, RefusedError, mixed, render, values_of, workload
from tests.deploy.test_refused import ACCIDENTS

PAIRS = list(itertools.permutations(NAMES, 2))
#: All of them take some minutes: POPCON_CHART_PAIRS=9999.
COUNT = int(os.environ.get("POPCON_CHART_PAIRS", "60"))


def test_two_values_files_together() -> None:
    """Any two together make manifests that Kubernetes takes, or are refused in the chart's own words."""
    chosen = random.Random(0).sample(PAIRS, min(COUNT, len(PAIRS)))
    faults = []
    made = 0
    for below, above in chosen:
        try:
            objects = render(mixed(values_of(below), values_of(above)))
        except RefusedError as refused:
            said = str(refused)
            if "\n- " not in said or any(word in said for word in ACCIDENTS):
                faults.append((below, above, said))
            continue
        made += 1
        spec = workload(objects)["spec"]["template"]["spec"]
        found = [
            *kubernetes_schemas.faults(objects, kubernetes_schemas.VERSIONS[-1]),
            *pod_security.violations(spec),
        ]
        faults += [(below, above, fault) for fault in found]

    assert faults == []
    assert made > COUNT / 2 or made > len(PAIRS) / 2
