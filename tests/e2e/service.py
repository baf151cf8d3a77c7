"""In: pods behind a Service. Out: a network of our own in which one UDP address leads to all of them, as in Kubernetes.

The balancer is the kernel's, given the rules that kube-proxy writes in its nftables mode for a
Service without affinity (KEP-3866): of all balancers this is the one that most kernels' reports go
through, and it needs no package besides `nft`. kube-proxy itself would need a cluster. By chance it
chooses a pod for the first datagram from a source port, and connection tracking keeps to it: its
iptables mode and most clouds' balancers of UDP do the same. popcon sends each report from a port of
its own (`popcon.sinks.statsd`), so a report stays whole, and a kernel's later reports may go to
another pod.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from tests.peers.found import missing, system_program

PORT = 9125
_TABLE = "popcon-test"
_NEEDED = ("unshare", "ip", "nft")


def wrapper(pods: Sequence[str]) -> tuple[str, ...]:
    """Return what a command has to be behind, to run in a network with these pods' addresses.

    Where this machine doesn't let us have one, the test is skipped in one line; in CI it fails.
    """
    for name in _NEEDED:
        system_program(name)
    unshare = ["unshare", "--net", *(() if os.getuid() == 0 else ("--map-root-user",))]
    script = "\n".join(
        (
            "ip link set lo up",
            *(f"ip address add {pod}/32 dev lo" for pod in pods),
            "ip route add 10.96.0.0/16 dev lo",  # nobody has an address of it
            'exec "$@"',
        )
    )
    command = (*unshare, "sh", "-ec", script, "sh")
    probe = [*command, "nft", "-f", "-"]
    rules = _rules(_TABLE, "10.96.0.10", pods)
    done = subprocess.run(probe, input=rules, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"no network of our own: {(done.stderr.strip() or 'refused').splitlines()[0]}")
    return command


class Service:
    """A cluster IP, and the pods that are ready behind it; rules of the network that we are in."""

    def __init__(self, address: str, pods: Sequence[str]) -> None:
        self._table = f"{_TABLE}-{address.replace('.', '-')}"
        self._address = address
        self.sink = f"statsd://{address}:{PORT}"
        self._nft(_rules(self._table, address, pods))

    def ready(self, pods: Sequence[str]) -> None:
        """Let these be the pods that are chosen from, as kube-proxy does where one ends or is ready again."""
        self._nft(f"delete table ip {self._table}\n{_rules(self._table, self._address, pods)}")

    def _nft(self, rules: str) -> None:
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def _rules(table: str, address: str, pods: Sequence[str]) -> str:
    """Return what kube-proxy writes for a Service, as far as its name is short here."""
    endpoints = "".join(
        f" chain endpoint-{number} {{\n  meta l4proto udp dnat to {pod}:{PORT}\n }}\n"
        for number, pod in enumerate(pods)
    )
    chosen = ", ".join(f"{number} : goto endpoint-{number}" for number in range(len(pods)))
    return (
        f"table ip {table} {{\n"
        " map service-ips {\n  type ipv4_addr . inet_proto . inet_service : verdict\n }\n"
        f"{endpoints}"
        f" chain service {{\n  numgen random mod {len(pods)} vmap {{ {chosen} }}\n }}\n"
        " chain services {\n  ip daddr . meta l4proto . th dport vmap @service-ips\n }\n"
        " chain nat-output {\n"
        "  type nat hook output priority -100; policy accept;\n  jump services\n }\n"
        "}\n"
        f"add element ip {table} service-ips "
        f"{{ {address} . udp . {PORT} : goto service }}\n"
    )
