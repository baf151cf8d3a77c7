"""Networks that don't answer, don't exist or refuse: no error, no wait, and the next sink is served."""

from __future__ import annotations

import os

from tests.manners.fault import REPORTS, SHELL, Fault, Place

_UNSHARE = ("unshare", "--net", "--mount", *(() if os.getuid() == 0 else ("--map-root-user",)))


def _namespace(*commands: str) -> tuple[str, ...]:
    """Return a wrapper: a network and mounts of the program's own, set up by these commands."""
    script = "\n".join(("exec 3>&1 >&2", *commands, "exec 1>&3 3>&-", 'exec "$@"'))
    return (*_UNSHARE, *SHELL, script, "sh")


_UP = "ip link set lo up"
#: Packets for this address go out on loopback, where nobody has it: they are dropped in silence.
_HOLE = "ip route add 192.0.2.1 dev lo"


def _resolver(place: Place) -> None:
    (place.root / "resolv.conf").write_text("nameserver 192.0.2.1\noptions timeout:30 attempts:1\n")
    (place.root / "nsswitch.conf").write_text("hosts: files dns\n")


def _many_libraries(place: Place) -> None:
    for number in range(100):
        place.library(f"{'l' * 180}{number}")


def _import_many(count: int) -> str:
    return f"for number in range({count}): __import__(f\"{{'l' * 180}}{{number}}\")"


def _many(count: int) -> tuple[str, ...]:
    used = (f"python_popcon.library_used.{'l' * 180}{number}:1|c" for number in range(count))
    return (*used, REPORTS)


#: A socket that fails as a kernel's does.
_STAND_IN = """
import _socket as popcons
class Full(popcons.socket):
    def sendto(self, data, address):
        if address[1] == 9:
            raise OSError({number}, {text!r})
        return super().sendto(data, address)
popcons.socket = Full
"""


def _through(address: str, *commands: str, name: str, says: str = "") -> Fault:
    """Return a row in a namespace: a sink at an address that fails, then one that listens."""
    return Fault(
        name,
        {"POPCON_SINK": f"statsd://{address}:9125"},
        wrapper=_namespace(_UP, *commands),
        before="witness.listen()",
        says=says,
    )


FAULTS = [
    Fault("name that is unknown", {"POPCON_SINK": "statsd://no-such-host.invalid:9125 {sink}"}),
    Fault(
        "name server that doesn't answer for 30 s",
        {"POPCON_SINK": "statsd://slow.example:9125"},
        wrapper=_namespace(
            _UP,
            _HOLE,
            'mount --bind "$PLACE/resolv.conf" /etc/resolv.conf',
            'mount --bind "$PLACE/nsswitch.conf" /etc/nsswitch.conf',
        ),
        files=_resolver,
        before="witness.listen()",
        # That it hangs is seen by the program's own question.
        after=(
            "import _socket, _thread, time\n"
            "ask = lambda: answers.append(_socket.getaddrinfo('slow.example', 9125))\n"
            "answers = []; _thread.start_new_thread(ask, ()); time.sleep(0.2)"
        ),
        last="print('no answer' if not answers else answers, flush=True)",
        stdout="The user's own line.\nno answer\n",
    ),
    _through("192.0.2.1", _HOLE, name="black hole that swallows in silence"),
    _through(
        "192.0.2.1",
        "ip route add blackhole 192.0.2.1",
        name="black hole that is a route",
        says="popcon: OSError: [Errno 22] Invalid argument",
    ),
    _through("192.0.2.1", name="network unreachable", says="[Errno 101] Network is unreachable"),
    _through(
        "192.0.2.1",
        "ip route add unreachable 192.0.2.1",
        name="host unreachable",
        says="[Errno 113] No route to host",
    ),
    _through(
        "192.0.2.1",
        "ip route add prohibit 192.0.2.1",
        name="route that is prohibited",
        says="popcon: PermissionError: [Errno 13] Permission denied",
    ),
    _through(
        "127.0.0.9",
        "nft -f - <<'X'\n"
        "table ip popcon { chain out { type filter hook output priority 0; ip daddr 127.0.0.9 drop; }; }\n"
        "X",
        name="firewall that refuses",
        says="popcon: PermissionError: [Errno 1] Operation not permitted",
    ),
    Fault(
        "loopback that is down",
        {"POPCON_SINK": "statsd://127.0.0.1:9125"},
        wrapper=_namespace("true"),
        arrives=(),
        says="popcon: OSError: [Errno 101] Network is unreachable",
    ),
    Fault(
        "broadcast address",
        {"POPCON_SINK": "statsd://255.255.255.255:9125"},
        wrapper=_namespace(_UP, "ip route add default dev lo"),
        before="witness.listen()",
        says="popcon: PermissionError: [Errno 13] Permission denied",
    ),
    Fault("closed port", {"POPCON_SINK": "statsd://127.0.0.1:1 {sink}"}),
    Fault(
        "closed port, and many datagrams",
        {"POPCON_SINK": "statsd://127.0.0.1:1 {sink}"},
        files=_many_libraries,
        body=_import_many(100),
        arrives=_many(100),
    ),
    Fault(
        "send buffer that is full",
        {"POPCON_SINK": "statsd://192.0.2.1:9125"},
        # An interface that lets 8 kbit/s through: what doesn't fit into the buffer is refused.
        wrapper=_namespace(
            _UP,
            "ip link add v0 type veth peer name v1",
            "ip address add 192.0.2.2/24 dev v0",
            "ip link set v0 up",
            "ip link set v1 up",
            "ip neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev v0",
            "tc qdisc add dev v0 root tbf rate 8kbit burst 2kb limit 10mb",
        ),
        # The buffer is as small as the kernel lets it be: popcon's own holds 200 kB.
        before=(
            "witness.listen()\n"
            "import _socket as popcons\n"
            "class Small(popcons.socket):\n"
            "    def __init__(self, *args):\n"
            "        super().__init__(*args)\n"
            "        self.setsockopt(popcons.SOL_SOCKET, popcons.SO_SNDBUF, 1)\n"
            "popcons.socket = Small"
        ),
        files=_many_libraries,
        body=_import_many(100),
        arrives=_many(100),
        says="popcon: BlockingIOError: [Errno 11] Resource temporarily unavailable",
    ),
    Fault(
        "ENOBUFS, from a stand-in for the socket",
        {"POPCON_SINK": "statsd://127.0.0.1:9 {sink}"},
        before=_STAND_IN.format(number=105, text="No buffer space available"),
        says="popcon: OSError: [Errno 105] No buffer space available",
    ),
    Fault(
        "EAGAIN, from a stand-in for the socket",
        {"POPCON_SINK": "statsd://127.0.0.1:9 {sink}"},
        before=_STAND_IN.format(number=11, text="Resource temporarily unavailable"),
        says="popcon: BlockingIOError: [Errno 11] Resource temporarily unavailable",
    ),
    Fault(
        "EPERM, from a stand-in for the socket",
        {"POPCON_SINK": "statsd://127.0.0.1:9 {sink}"},
        before=_STAND_IN.format(number=1, text="Operation not permitted"),
        says="popcon: PermissionError: [Errno 1] Operation not permitted",
    ),
    Fault(
        "sockets without IPv6, from a stand-in for the socket",
        {"POPCON_SINK": "statsd://[::1]:9 {sink}"},
        before=(
            "import _socket as popcons\n"
            "class Old(popcons.socket):\n"
            "    def __init__(self, family=-1, *rest):\n"
            "        if family == popcons.AF_INET6: raise OSError(97, 'No such family')\n"
            "        super().__init__(family, *rest)\n"
            "popcons.socket = Old"
        ),
        says="popcon: OSError: [Errno 97] No such family",
    ),
    Fault(
        "host with IPv6 only",
        {"POPCON_SINK": "statsd://127.0.0.1:9125"},
        wrapper=_namespace(_UP, "ip address del 127.0.0.1/8 dev lo"),
        before="witness.listen('::1')",
        says="popcon: OSError: [Errno 101] Network is unreachable",
    ),
    Fault(
        "host without IPv6",
        {"POPCON_SINK": "statsd://[::1]:9125"},
        wrapper=_namespace(_UP, "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"),
        before="witness.listen()",
        says="[Errno 99] Cannot assign requested address",
    ),
    Fault(
        "route that carries 100 bytes",
        {"POPCON_SINK": "statsd://127.0.0.1:1"},
        wrapper=_namespace(_UP, "ip link set lo mtu 100"),
        files=_many_libraries,
        before="witness.listen()",
        body=_import_many(20),
        arrives=_many(20),
    ),
]
