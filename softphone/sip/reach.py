"""Where this endpoint is reached: over each transport, and as each peer sees it (RFC 3261 section 18, RFC 3581)."""

import ipaddress
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from softphone.sip.events import Address
from softphone.sip.headers import Via
from softphone.sip.uri import NameAddr

MAX_PEERS = 64
"""Peers whose view of us is kept; the oldest goes first."""
UNRELIABLE = ("UDP",)
"""Transports that may lose messages."""
SECURE = ("TLS",)


def transport_of(addr: Address) -> str:
    """Over what *addr* is reached, as Via spells it."""
    return addr[2] if len(addr) == 3 else "UDP"


def over(host: str, port: int, transport: str) -> Address:
    """The address *host* and *port* have over *transport*."""
    return (host, port) if transport == "UDP" else (host, port, transport)


@dataclass(slots=True)
class Reach:
    """What an endpoint knows of its own addresses beside the one that it was made with."""

    others: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """By transport, in upper case: where else we are reached; requests can be sent over these."""
    public_host: str | None = None
    """What stands in Contact in place of our own host; None: our own host."""
    moved: str | None = None
    """Our own host, since this machine has another address than the endpoint was made with."""
    route: tuple[str, ...] = ()
    """Route values that requests outside of dialogs start with: the outbound proxy (RFC 3261 section 8.1.2)."""
    seen: OrderedDict[Address, tuple[str, int]] = field(default_factory=OrderedDict)
    """By peer: where our datagrams come from, as the peer told us."""

    def learn(self, via: Via, peer: Address) -> tuple[str, int] | None:
        """Take from our *via*, as it came back from *peer*, where that sees us; None if there is nothing new."""
        if transport_of(peer) != "UDP":
            return None  # the port of a connection of ours is none that anybody else can use
        host = via.received or via.host
        port = via.rport or via.port
        if port is None or not 0 < port <= 65_535 or not is_address(host):
            return None
        address = (host, port)
        known = self.seen.get(peer)
        if address == (known or (via.host, via.port)):
            return None
        if address == (via.host, via.port):
            del self.seen[peer]  # no NAT any more
            return address
        self.seen[peer] = address
        if len(self.seen) > MAX_PEERS:
            self.seen.popitem(last=False)
        return address


def is_address(host: str) -> bool:
    """Whether *host* is an IP address, no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def routes_of(route: tuple[str, ...]) -> list[NameAddr]:
    """Values of Route, parsed."""
    return [NameAddr.parse(value) for value in route]
