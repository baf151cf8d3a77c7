"""In: the address that Kubernetes knows a pod by. Out: the loopback address at which its process is.

The API server refuses loopback addresses behind a Service. So pods get addresses of 198.18.0.0/24,
which no network has (RFC 2544), and here 198.18.0.7 is, say, 127.16.3.7: the one thing that a
cluster's network does for the tests.
"""

from __future__ import annotations

import os
from typing import Any

OF_PODS = "198.18.0.0/24"
#: Another run of these tests beside this one has the same pods with the same ports, elsewhere.
_HERE = f"127.{1 + os.getpid() // 254 % 254}.{1 + os.getpid() % 254}"

#: For Prometheus, after the rules that it was given: the target is reached here, and keeps its name.
RELABELLING: list[dict[str, Any]] = [
    {"source_labels": ["__address__"], "target_label": "instance"},
    {
        "source_labels": ["__address__"],
        "regex": r"198\.18\.0\.(\d+:\d+)",
        "replacement": f"{_HERE}.$1",
        "target_label": "__address__",
    },
]


def here(address: str) -> str:
    """Return where a pod's address is on this machine."""
    network, _, host = address.rpartition(".")
    assert network == OF_PODS.rpartition(".")[0], address
    return f"{_HERE}.{host}"
