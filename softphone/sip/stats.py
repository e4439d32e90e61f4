"""What an endpoint counts."""

from dataclasses import dataclass


@dataclass(slots=True)
class SipStats:
    """Counters of an endpoint; plain fields, only ever counted up."""

    messages_sent: int = 0
    messages_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    retransmissions: int = 0
    """Messages of ours sent again."""
    retransmissions_received: int = 0
    """Requests of peers that came again."""
    parse_errors: int = 0
    dropped: int = 0
    """Datagrams and messages of no use, those with parse errors included."""
    spoofed: int = 0
    """Requests in a dialog, or CANCEL, that came from a host which has nothing to do with the call."""
    overloads: int = 0
    """Requests refused because too much was going on."""
    limited: int = 0
    """Messages not heard because their source sent too many."""
    flooded: int = 0
    """Messages not heard because all sources together sent too many."""
    scanners: int = 0
    """Messages of what calls itself a scanner."""
    strangers: int = 0
    """Requests for users who are not here."""
    packed_sent: int = 0
    """Datagrams that went out packed with the dictionary."""
    packed_received: int = 0
    """Datagrams that came packed, read or not."""
    unpackable: int = 0
    """Of those, the ones that could not be read: broken, of another version, or packed with what we do not have."""
    switched_to_tcp: int = 0
    """Requests too large for a datagram (RFC 3261 section 18.1.1)."""
    fallbacks: int = 0
    """Messages that went another way because the first one failed."""
