"""In: where an exporter listens and shows. Out: whether a test count comes through: a line, and 0 or 1.

The canary job and `helm test` run this text by `python3 -I -c`, in any image with a Python from 3.9
on. Nothing of popcon is imported and nothing is written, so the names below are copies of popcon's.
"""

from __future__ import annotations

import argparse
import functools
import http.client
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

LINE = "python_popcon.canary.{}:1|c\n"
SERIES = 'python_popcon_canary_total{{id="{}"}}'
UNMAPPED = "python_popcon_canary_{}"  # so both exporters show what no rule takes
SERVICE = "is there such a Service in that namespace"
POLICY = "does a NetworkPolicy let this pod through"
#: Seconds between two looks, between two counts (UDP may lose one), until a connection is dead.
LOOK, AGAIN, PATIENCE = 0.5, 5.0, 5.0


class Failed(Exception):  # noqa: N818
    """Which hop failed, and what to look at."""


def endpoint(text: str) -> tuple[str, int]:
    """Return a host and a port."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def addresses(host: str, port: int, kind: int, hint: str) -> list[Any]:
    """Return each (family, address) of a name."""
    try:
        found = socket.getaddrinfo(host, port, type=kind)
    except (OSError, UnicodeError) as error:
        raise Failed(f"the name '{host}' has no address ({reason(error)}): {hint}?") from None
    return [(family, address) for family, _, _, _, address in found]


def reason(error: Exception) -> str:
    """Return what an error says, without its number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def send(protocol: str, to: tuple[str, int], id: str) -> None:
    """Send a count to the first address of a name, as kernels do."""
    kind = socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM
    family, address = addresses(*to, kind, SERVICE)[0]
    try:
        with socket.socket(family, kind) as channel:
            channel.settimeout(PATIENCE)
            channel.connect(address)
            channel.sendall(LINE.format(id).encode())
            time.sleep(0.2)  # UDP's refusal comes later, if at all
            refused = channel.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if refused:
                raise OSError(refused, os.strerror(refused))
    except OSError as error:
        raise Failed(
            f"{protocol} port {to[1]} of '{to[0]}' ({address[0]}): {reason(error)}: is an exporter "
            f"behind that Service ready, does it listen on that port, {POLICY}?"
        ) from None


def look(page: SplitResult, id: str) -> tuple[dict[str, float], bool]:
    """Return the count at each exporter behind the page's name, and if one has it under no rule."""
    host, port = page.hostname or "", page.port or 80
    counts: dict[str, float] = {}
    unmapped, why = False, ""
    hint = f"{SERVICE}, with an exporter that is ready"
    for _, (address, *_) in addresses(host, port, socket.SOCK_STREAM, hint):
        connection = http.client.HTTPConnection(address, port, timeout=PATIENCE)
        try:
            connection.request("GET", page.path, headers={"Host": page.netloc})
            answer = connection.getresponse()
            if answer.status != 200:
                raise http.client.HTTPException(f"HTTP status {answer.status}")
            counts[address] = 0.0
            for name, value in (line.decode().rsplit(" ", 1) for line in answer if b" " in line):
                unmapped = unmapped or name == UNMAPPED.format(id)
                if name == SERIES.format(id):
                    counts[address] = float(value)
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = f"{address}: {reason(error)}"
        finally:
            connection.close()
    if not counts:
        hint = f"what does the exporter's log say, {POLICY} to TCP port {port}?"
        raise Failed(f"no metrics from '{page.geturl()}' ({why}): {hint}")
    return counts, unmapped


def prove(sender: Callable[[], None], page: SplitResult, id: str, timeout: float) -> str:
    """Send until the count rises at an exporter, and return where; at the end of the time, raise."""
    deadline = time.monotonic() + timeout
    before: dict[str, float] = {}
    times, due = 0, 0.0
    while True:
        try:
            counts, unmapped = look(page, id)
            for address, count in counts.items():
                # One that is new here has to rise from where it is, one that restarted from 0.
                if times and count > before.get(address, count):
                    return f"came out at {address}"
            before.update(counts)
            if time.monotonic() >= due:
                sender()
                times, due = times + 1, time.monotonic() + AGAIN
            if unmapped:
                hint = f"it shows as '{UNMAPPED.format(id)}': the rules lack popcon's for canaries"
            else:
                hint = f"{POLICY}, do rules of your own drop it, is there a second exporter?"
            said = f"was sent {times} times, and '{SERIES.format(id)}' at '{page.geturl()}'"
            fault = Failed(f"{said} does not rise: {hint}")
        except Failed as failed:
            fault = failed
        if time.monotonic() > deadline:
            raise fault
        time.sleep(LOOK)


def main(arguments: list[str]) -> None:
    """Print what came through, or exit with the first hop that failed."""
    parser = argparse.ArgumentParser(prog="canary")
    parser.add_argument("--udp", type=endpoint, required=True, metavar="HOST:PORT")
    parser.add_argument("--tcp", type=endpoint, metavar="HOST:PORT")
    parser.add_argument("--metrics", type=urlsplit, metavar="URL")
    parser.add_argument("--id", required=True)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for each protocol")
    given = parser.parse_args(arguments)
    for protocol, to in (("UDP", given.udp), ("TCP", given.tcp)):
        if not to:
            continue
        how = f"'{LINE.format(given.id).strip()}' by {protocol} to '{to[0]}' port {to[1]}"
        sender = functools.partial(send, protocol, to, given.id)
        try:
            if given.metrics:
                print(f"{how}: {prove(sender, given.metrics, given.id, given.timeout)}", flush=True)
            else:
                sender()
                print(f"{how}: sent; nobody looked if it came out", flush=True)
        except Failed as failed:
            sys.exit(f"canary failed, {how}: {failed}")


if __name__ == "__main__":
    main(sys.argv[1:])
