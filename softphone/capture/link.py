"""Where the IP packet of a frame begins, for each link type (https://www.tcpdump.org/linktypes.html)."""

from collections.abc import Callable

NOT_IP = -1
_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS = frozenset((0x8100, 0x88A8, 0x9100, 0x9200))
"""VLAN and the outer tags of QinQ (IEEE 802.1Q, 802.1ad, and what came before it)."""
_MPLS = frozenset((0x8847, 0x8848))
_PPPOE_SESSION = 0x8864
_PPP_IP = frozenset((0x0021, 0x0057))
_MAX_TAGS = 8
_FAMILIES = frozenset((2, 10, 24, 28, 30))
"""AF_INET, and AF_INET6 of Linux, NetBSD, FreeBSD and macOS."""


def _after_type(data: bytes, at: int) -> int:
    """The offset of the IP packet, given that of an EtherType."""
    for _ in range(_MAX_TAGS):
        kind = int.from_bytes(data[at : at + 2], "big")
        if kind in (_IPV4, _IPV6):
            return at + 2
        if kind in _TAGS:
            at += 4
            continue
        if kind in _MPLS:
            # RFC 3032 section 2.1: the label with the bottom-of-stack bit is the last.
            at += 2
            while at + 4 <= len(data) and not data[at + 2] & 1:
                at += 4
            return at + 4
        if kind == _PPPOE_SESSION:  # RFC 2516 section 4: 6 bytes, then the protocol of PPP
            return at + 10 if int.from_bytes(data[at + 8 : at + 10], "big") in _PPP_IP else NOT_IP
        return NOT_IP
    return NOT_IP


def _ethernet(data: bytes) -> int:
    return _after_type(data, 12)


def _cooked(data: bytes) -> int:
    return _after_type(data, 14)


def _cooked_2(data: bytes) -> int:
    kind = int.from_bytes(data[:2], "big")
    return 20 if kind in (_IPV4, _IPV6) else NOT_IP


def _loopback(data: bytes) -> int:
    # The family stands in the byte order of the machine that captured, or in network order.
    families = (int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big"))
    return 4 if _FAMILIES.intersection(families) else NOT_IP


def _raw(data: bytes) -> int:
    return 0


IP_OFFSET: dict[int, Callable[[bytes], int]] = {
    0: _loopback,
    1: _ethernet,
    12: _raw,
    14: _raw,
    101: _raw,
    108: _loopback,
    113: _cooked,
    228: _raw,
    229: _raw,
    276: _cooked_2,
}
"""Link type -> function that finds the IP packet in a frame, `NOT_IP` where there is none."""
