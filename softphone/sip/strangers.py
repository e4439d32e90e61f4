"""Who may speak in a dialog: the hosts that it has dealt with, for tags alone may be overheard (RFC 3261 section 26.1.3)."""

import ipaddress

from softphone.sip.dialog import Dialog
from softphone.sip.events import Address
from softphone.sip.leg import Leg
from softphone.sip.reach import SECURE, transport_of

MAX_HOSTS = 32
"""Hosts remembered of one dialog."""


def host_key(host: str) -> str | None:
    """Return what two spellings of an address have in common; None for a name, which says nothing of addresses."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def know(leg: Leg, source: Address | None) -> None:
    """Take note that the dialog deals with *source*."""
    key = None if source is None else host_key(source[0])
    if key is not None and len(leg.hosts) < MAX_HOSTS:
        leg.hosts.add(key)


def is_stranger(leg: Leg, dialog: Dialog, source: Address) -> bool:
    """Whether a request in *dialog* from *source* comes from a host that nobody has named.

    Where the peer's Contact or its proxies go by names, any host may be theirs.
    """
    key = host_key(source[0])
    if key is None or key in leg.hosts:
        return False
    hosts = [dialog.remote_target.host, *(route.uri.host for route in dialog.route_set)]
    keys = [host_key(host) for host in hosts if host]
    return None not in keys and key not in keys


def has_moved(leg: Leg, dialog: Dialog, source: Address) -> bool:
    """Whether *source*, of a request that is in order, leads to the peer now: its new host, or the new connection of a caller."""
    if transport_of(leg.peer) in SECURE and transport_of(source) not in SECURE:
        return False  # RFC 3261 section 26.2.2: TLS is not given up
    anew = leg.client is None and len(source) == 3 and transport_of(source) == transport_of(leg.peer)
    return anew or is_stranger(leg, dialog, source)


def same_host(one: Address | None, other: Address) -> bool:
    """Whether two addresses are of one host."""
    return one is not None and host_key(one[0]) == host_key(other[0])
