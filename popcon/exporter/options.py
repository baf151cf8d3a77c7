"""In: what flags say. Out: how an exporter runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from popcon.catalog import PREFIX
from popcon.exporter.listen.address import Address
from popcon.exporter.privacy.policy import STANDARD, Policy
from popcon.exporter.series.limits import Limits
from popcon.exporter.web.pages import WebOptions
from popcon.exporter.wire import TagStyles


@dataclass(frozen=True)
class Options:
    """How an exporter runs. A listener that is None, or a path that is empty, is not there.

    With `admin_may_lack` the exporter starts also where the admin's page can't.
    """

    listen_udp: Address | None = None
    listen_tcp: Address | None = None
    listen_unixgram: str = ""
    unixsocket_mode: str = "755"
    listen_web: Address = field(default=Address("", 9102))
    listen_admin: Address | None = None
    admin_may_lack: bool = False
    web: WebOptions = field(default_factory=WebOptions)
    web_config: str = ""
    read_buffer: int = 0
    styles: TagStyles = field(default_factory=TagStyles)
    relay: Address | None = None
    relay_packet_length: int = 1400
    policy: Policy = STANDARD
    prefix: str = PREFIX
    limits: Limits = field(default_factory=Limits)
    state_file: str = ""
    inventory: tuple[bytes, ...] = ()
    canary_seconds: float = 0.0
    environment: tuple[str, ...] = ()
