"""Writing captures, pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), of IP packets that are made up.

Frames have no link layer (LINKTYPE_RAW); UDP (RFC 768) and TCP (RFC 9293) in IPv4 (RFC 791) or IPv6 (RFC 8200).
"""

import struct
from collections import OrderedDict
from ipaddress import IPv4Address, IPv6Address, ip_address

Endpoint = tuple[str, int]
"""Host and port."""

LINK_RAW = 101
SNAP_BYTES = 262_144
MAX_FLOWS = 1024
"""TCP connections whose sequence numbers are kept; an older one begins anew."""
MAX_SEGMENT_BYTES = 32_768
MAX_UDP_BYTES = 65_507
_TCP, _UDP = 6, 17
_PUSH_ACK = 0x18
_FIRST_SEQUENCE = 1
_WINDOW = 65_535
_NO_HOST = {4: "0.0.0.0", 6: "::"}


def pcap_header() -> bytes:
    """What a pcap file with microseconds begins with."""
    return struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAP_BYTES, LINK_RAW)


def pcap_record(at: float, packet: bytes, length: int) -> bytes:
    """One packet of a pcap file.

    Args:
        at: seconds since 1970.
        packet: as much of it as is kept.
        length: of it on the wire.
    """
    microseconds = round(at * 1e6)
    return struct.pack("<IIII", *divmod(microseconds, 1_000_000), len(packet), length) + packet


def pcapng_header() -> bytes:
    """Section header and interface description, both without options (sections 4.1 and 4.2): microseconds."""
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    interface = struct.pack("<HHI", LINK_RAW, 0, SNAP_BYTES)
    return _block(0x0A0D0D0A, section) + _block(1, interface)


def pcapng_record(at: float, packet: bytes, length: int) -> bytes:
    """One packet of a pcapng file (section 4.3); arguments of `pcap_record`."""
    microseconds = round(at * 1e6)
    head = struct.pack("<IIIII", 0, microseconds >> 32, microseconds & 0xFFFFFFFF, len(packet), length)
    return _block(6, head + packet)


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    total = len(body) + 12
    return struct.pack("<II", kind, total) + body + struct.pack("<I", total)


def udp_packet(
    source: Endpoint, destination: Endpoint, payload: bytes, *, length: int | None = None
) -> tuple[bytes, int]:
    """An IP packet with a datagram, and its length on the wire.

    Args:
        length: of the payload on the wire, where *payload* is only its beginning; the checksum cannot be made then.
    """
    payload = payload[:MAX_UDP_BYTES]
    length = len(payload) if length is None else min(length, MAX_UDP_BYTES)
    a, b = _hosts(source[0], destination[0])
    head = struct.pack("!HHH", source[1], destination[1], 8 + length)
    if length > len(payload):
        # 0: none was made; IPv6 knows no such thing (RFC 8200 section 8.1), and a cut packet's is not looked at.
        checksum = 0 if a.version == 4 else 0xFFFF
    else:
        checksum = _checksum(_pseudo_header(a, b, _UDP, 8 + length) + head + bytes(2) + payload) or 0xFFFF
    segment = head + struct.pack("!H", checksum) + payload
    return _ip_packet(a, b, _UDP, segment, 8 + length)


class TcpFlows:
    """TCP segments of made-up connections: each direction's bytes are numbered one after the other, nothing gets lost."""

    def __init__(self) -> None:
        self._next: OrderedDict[tuple[Endpoint, Endpoint], int] = OrderedDict()

    def packets(self, source: Endpoint, destination: Endpoint, payload: bytes) -> list[tuple[bytes, int]]:
        """IP packets that carry *payload*, and their lengths on the wire."""
        found = []
        for at in range(0, len(payload), MAX_SEGMENT_BYTES):
            part = payload[at : at + MAX_SEGMENT_BYTES]
            found.append(self._segment(source, destination, part))
        return found

    def _segment(self, source: Endpoint, destination: Endpoint, payload: bytes) -> tuple[bytes, int]:
        number = self._next.get((source, destination), _FIRST_SEQUENCE)
        acknowledged = self._next.get((destination, source), _FIRST_SEQUENCE)
        self._next[source, destination] = (number + len(payload)) & 0xFFFFFFFF
        self._next.move_to_end((source, destination))
        while len(self._next) > 2 * MAX_FLOWS:
            self._next.popitem(last=False)
        a, b = _hosts(source[0], destination[0])
        head = struct.pack(
            "!HHIIBBH", source[1], destination[1], number, acknowledged, 5 << 4, _PUSH_ACK, _WINDOW
        )
        length = len(head) + 4 + len(payload)
        checksum = _checksum(_pseudo_header(a, b, _TCP, length) + head + bytes(4) + payload)
        segment = head + struct.pack("!HH", checksum, 0) + payload
        return _ip_packet(a, b, _TCP, segment, length)


def _ip_packet(
    a: IPv4Address | IPv6Address, b: IPv4Address | IPv6Address, protocol: int, body: bytes, length: int
) -> tuple[bytes, int]:
    if a.version == 6:
        head = struct.pack("!IHBB", 6 << 28, length, protocol, 64) + a.packed + b.packed
    else:
        start = struct.pack("!BBHHHBB", 0x45, 0, 20 + length, 0, 0x4000, 64, protocol)
        addresses = a.packed + b.packed
        head = start + struct.pack("!H", _checksum(start + bytes(2) + addresses)) + addresses
    return head + body, len(head) + length


def _hosts(one: str, other: str) -> tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address]:
    """Both as addresses of one family; a name, or one that does not go with the other, becomes the unspecified address."""
    a, b = _address(one), _address(other)
    version = 6 if 6 in (each.version for each in (a, b) if each is not None) else 4
    if version == 4:
        return (
            a if isinstance(a, IPv4Address) else IPv4Address(_NO_HOST[4]),
            b if isinstance(b, IPv4Address) else IPv4Address(_NO_HOST[4]),
        )
    return (
        a if isinstance(a, IPv6Address) else IPv6Address(_NO_HOST[6]),
        b if isinstance(b, IPv6Address) else IPv6Address(_NO_HOST[6]),
    )


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _pseudo_header(
    a: IPv4Address | IPv6Address, b: IPv4Address | IPv6Address, protocol: int, length: int
) -> bytes:
    if a.version == 6:
        return a.packed + b.packed + struct.pack("!II", length, protocol)
    return a.packed + b.packed + struct.pack("!BBH", 0, protocol, length)


def _checksum(data: bytes) -> int:
    """The ones' complement sum of RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
