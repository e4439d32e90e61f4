"""Which transaction a message belongs to, and where messages go (RFC 3261 sections 8.2.2.2, 17.2.3, 18.2)."""

import ipaddress

from softphone.sip.events import Address
from softphone.sip.headers import Via
from softphone.sip.local import DEFAULT_PORT, default_port
from softphone.sip.message import Request
from softphone.sip.reach import SECURE, over, transport_of
from softphone.sip.uri import SipUri

PRIVATE = tuple(
    ipaddress.ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""Networks that a NAT hides (RFC 1918, RFC 6598, RFC 4193)."""
MAGIC_COOKIE = "z9hG4bK"

Key = tuple[object, ...]


def address_of(uri: SipUri, fallback: Address) -> Address:
    """Return where a request to *uri* goes, *fallback* if that would take a name server (RFC 3263)."""
    try:
        host = ipaddress.ip_address(uri.host)
    except ValueError:
        return fallback
    if _is_private(host) and not _is_inside(fallback[0]):
        return fallback  # the peer knows itself by an address that a NAT hides; where it came from leads back to it
    transport = wanted_transport(uri)
    if transport is None:
        transport = transport_of(fallback) if uri.host == fallback[0] else "UDP"
    if transport_of(fallback) in SECURE and transport not in SECURE:
        # Section 26.2.2: TLS that has carried the dialog so far, and with it perhaps keys of SRTP, is not given up.
        return fallback
    return over(uri.host, default_port(transport) if uri.port is None else uri.port, transport)


def wanted_transport(uri: SipUri) -> str | None:
    """The transport that *uri* names, in upper case; None if it names none (RFC 3261 section 19.1.1, RFC 5630 section 3.1.3)."""
    if uri.scheme == "sips":
        return SECURE[0]
    return (uri.params.get("transport") or "").upper() or None


def _is_private(host: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(host in net for net in PRIVATE if net.version == host.version)


def _is_inside(host: str) -> bool:
    """Whether *host* is in such a network, too, or is this machine; a name may be."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return True
    return address.is_loopback or address.is_link_local or _is_private(address)


def response_address(via: Via, source: Address) -> Address:
    """Return where an answer goes (section 18.2.2, RFC 3581 section 4).

    Always the host the request came from: a `maddr` or a name of the peer's choice could aim our answers at
    others. Over TCP and TLS the connection that the request came on.
    """
    if "rport" in via.params or len(source) == 3:
        return source
    return source[0], DEFAULT_PORT if via.port is None else via.port


def reopened_address(via: Via, source: Address) -> Address | None:
    """Return where an answer goes if its connection is no more (section 18.2.2); None for UDP."""
    if len(source) == 2:
        return None
    return source[0], default_port(source[2]) if via.port is None else via.port, source[2]


def server_key(request: Request) -> Key:
    """Return what two requests of one server transaction share (section 17.2.3); ACK is its INVITE's."""
    via = request.via
    method = "INVITE" if request.method == "ACK" else request.method
    branch = via.branch
    # The cookie alone identifies nothing (RFC 4475 section 3.2.1).
    if branch is not None and branch.startswith(MAGIC_COOKIE) and branch != MAGIC_COOKIE:
        return branch, via.host.lower(), via.port, method
    # A peer older than RFC 3261: the To tag is left out, because its ACK has one and its INVITE has not.
    return request.uri, request.from_.tag, request.call_id, request.cseq.number, str(via), method


def merge_key(request: Request) -> Key:
    """Return what two copies of one request that came by different ways share (section 8.2.2.2)."""
    return request.from_.tag, request.call_id, request.cseq.number, request.method
