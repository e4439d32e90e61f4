"""Which transaction a message belongs to, and where messages go (RFC 3261 sections 8.2.2.2, 17.2.3, 18.2)."""

import ipaddress

from softphone.sip.events import Address
from softphone.sip.headers import Via
from softphone.sip.local import DEFAULT_PORT
from softphone.sip.message import Request
from softphone.sip.uri import SipUri

MAGIC_COOKIE = "z9hG4bK"

Key = tuple[object, ...]


def address_of(uri: SipUri, fallback: Address) -> Address:
    """Return where a request to *uri* goes, *fallback* if that would take a name server (RFC 3263)."""
    try:
        ipaddress.ip_address(uri.host)
    except ValueError:
        return fallback
    default = DEFAULT_PORT + 1 if uri.scheme == "sips" else DEFAULT_PORT
    return uri.host, default if uri.port is None else uri.port


def response_address(via: Via, source: Address) -> Address:
    """Return where an answer goes (section 18.2.2, RFC 3581 section 4).

    Always the host the request came from: a `maddr` or a name of the peer's choice could aim our answers at
    others.
    """
    if "rport" in via.params:
        return source
    return source[0], DEFAULT_PORT if via.port is None else via.port


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
