"""UDP datagrams and TCP segments of a capture's frames, over IPv4 (RFC 791) and IPv6 (RFC 8200)."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from softphone.capture.flows import FlowKey
from softphone.capture.fragments import Reassembly
from softphone.capture.frames import Frame
from softphone.capture.link import IP_OFFSET, NOT_IP
from softphone.capture.stats import CaptureStats

REASSEMBLED = -1
"""In place of an offset: the datagram stands nowhere in the file as a whole."""
_TCP, _UDP, _ESP = 6, 17, 50
_IPV6_EXTENSIONS = frozenset((0, 43, 60, 135))
_IPV6_FRAGMENT, _AUTHENTICATION = 44, 51
_MAX_EXTENSIONS = 16
_ETHERNET, _PLAIN = 1, b"\x08\x00\x45"
_PLAIN_FIELDS = struct.Struct("!HxxHxBxxxxxxxxxxxxxxH")
"""Total length, fragment, protocol and UDP length, from the total length of an IPv4 header on."""


@dataclass(slots=True)
class Datagram:
    """A UDP datagram or a TCP segment."""

    at: float
    """Of its last frame, seconds since 1970."""
    key: FlowKey
    payload: bytes
    """As much as the capture holds."""
    length: int
    """Of the payload on the wire."""
    wire: int
    """Bytes on the wire with UDP and IP headers."""
    offset: int
    """Of the payload in the file, or `REASSEMBLED`."""
    sequence: int = -1
    """Of a TCP segment; -1: this is UDP."""
    ends: bool = False
    """A TCP segment that begins or ends a connection (SYN, FIN, RST)."""


@dataclass(slots=True)
class _Packet:
    """An IP packet without its headers."""

    at: float
    addresses: bytes
    protocol: int
    data: bytes
    length: int
    wire: int
    offset: int


def datagrams(frames: Iterable[Frame], stats: CaptureStats) -> Iterator[Datagram]:
    """What *frames* carry; what cannot be read is counted in *stats*."""
    reassembly = Reassembly()
    for frame in frames:
        at, data = frame.at, frame.data
        stats.frames += 1
        if stats.first_at is None or stats.last_at is None:
            stats.first_at = stats.last_at = at
        elif at < stats.last_at:
            stats.backwards += 1
        else:
            stats.last_at = at
        if frame.length > len(data):
            stats.cut += 1
        if data[12:15] == _PLAIN and frame.link_type == _ETHERNET:
            plain = _plain(frame, data)
            if plain is not None:
                stats.datagrams += 1
                yield plain
                continue
        find = IP_OFFSET.get(frame.link_type)
        if find is None:
            stats.link_types[frame.link_type] += 1
            continue
        start = find(data)
        if start == NOT_IP or start >= len(data):
            stats.not_ip += 1
            continue
        packet = _ip(frame, start, reassembly, stats)
        if packet is None:
            continue
        if packet.protocol == _UDP:
            found = _udp(packet)
            stats.datagrams += 1
        elif packet.protocol == _TCP:
            found = _tcp(packet)
            stats.segments += 1
        else:
            stats.encrypted_ip += packet.protocol == _ESP
            continue
        if found is None:
            stats.bad_udp += 1
        else:
            yield found
    reassembly.close()
    stats.unfinished = reassembly.unfinished


def _plain(frame: Frame, data: bytes) -> Datagram | None:
    """The datagram of the commonest frame: UDP, whole, in IPv4 without options or fragments. None: it is another."""
    if len(data) < 42:
        return None
    total, fragment, protocol, udp = _PLAIN_FIELDS.unpack_from(data, 16)
    if protocol != _UDP or fragment & 0x3FFF or udp < 8 or udp + 20 > total or total + 14 > len(data):
        return None
    return Datagram(frame.at, data[26:38], data[42 : 34 + udp], udp - 8, total, frame.offset + 42)


def _ip(frame: Frame, start: int, reassembly: Reassembly, stats: CaptureStats) -> _Packet | None:
    """The IP packet that begins at *start*; None: it is a fragment, or broken."""
    data = frame.data
    version = data[start] >> 4
    if version == 4:
        header = (data[start] & 15) * 4
        if header < 20 or start + header > len(data):
            stats.bad_ip += 1
            return None
        total = data[start + 2] << 8 | data[start + 3]
        if total == 0:  # segmentation offload: the capture saw it before the network card had filled it in
            total = frame.length - start
        if total < header:
            stats.bad_ip += 1
            return None
        protocol = data[start + 9]
        body, end = start + header, min(start + total, len(data))
        addresses = data[start + 12 : start + 20]
        fragment = (data[start + 6] << 8 | data[start + 7]) & 0x3FFF
        if not fragment:
            return _Packet(
                frame.at, addresses, protocol, data[body:end], total - header, total, frame.offset + body
            )
        number = data[start + 4 : start + 6]
        offset, more = (fragment & 0x1FFF) * 8, bool(fragment & 0x2000)
        wire = total
    elif version == 6:
        found = _ipv6(frame, start, stats)
        if found is None:
            return None
        protocol, body, total, fragment_at = found
        addresses = data[start + 8 : start + 40]
        wire = total - start
        end = min(total, len(data))
        if not fragment_at:
            return _Packet(
                frame.at, addresses, protocol, data[body:end], total - body, wire, frame.offset + body
            )
        field = data[fragment_at + 2] << 8 | data[fragment_at + 3]
        number = data[fragment_at + 4 : fragment_at + 8]
        offset, more = field & 0xFFF8, bool(field & 1)
        header, total = body - start, wire
    else:
        stats.bad_ip += 1
        return None
    stats.fragments += 1
    whole = reassembly.add(
        addresses + bytes((protocol,)) + number, at=frame.at, protocol=protocol, offset=offset,
        data=data[body:end], length=total - header, wire=wire, more=more,
    )  # fmt: skip
    if whole is None:
        return None
    stats.reassembled += 1
    return _Packet(frame.at, addresses, whole.protocol, whole.payload, whole.length, whole.wire, REASSEMBLED)


def _ipv6(frame: Frame, start: int, stats: CaptureStats) -> tuple[int, int, int, int] | None:
    """(protocol, offset of its bytes, offset behind the packet, offset of a fragment header or 0)."""
    data = frame.data
    at = start + 40
    if at > len(data):
        stats.bad_ip += 1
        return None
    length = data[start + 4] << 8 | data[start + 5]
    end = at + length if length else start + frame.length
    kind, fragment_at = data[start + 6], 0
    for _ in range(_MAX_EXTENSIONS):
        if kind not in _IPV6_EXTENSIONS and kind not in (_IPV6_FRAGMENT, _AUTHENTICATION):
            if at <= end:
                return kind, at, end, fragment_at
            break
        if at + 8 > len(data):
            break
        following = data[at]
        if kind == _IPV6_FRAGMENT:
            # RFC 6946: one that is all of the datagram is no fragment.
            if data[at + 2] or data[at + 3] & 0xF9:
                fragment_at = at
            at += 8
            if fragment_at:
                return (following, at, end, fragment_at) if at <= end else None
        elif kind == _AUTHENTICATION:
            at += (data[at + 1] + 2) * 4
        else:
            at += (data[at + 1] + 1) * 8
        kind = following
    stats.bad_ip += 1
    return None


def _udp(packet: _Packet) -> Datagram | None:
    data = packet.data
    if len(data) < 8:
        return None
    length = data[4] << 8 | data[5]
    if length == 0 and packet.length >= 8:  # offload, and jumbograms
        length = packet.length
    if length < 8 or length > packet.length:
        return None
    offset = packet.offset if packet.offset == REASSEMBLED else packet.offset + 8
    return Datagram(packet.at, packet.addresses + data[:4], data[8:length], length - 8, packet.wire, offset)


def _tcp(packet: _Packet) -> Datagram | None:
    data = packet.data
    if len(data) < 20:
        return None
    header = (data[12] >> 4) * 4
    if header < 20 or header > packet.length:
        return None
    return Datagram(
        packet.at, packet.addresses + data[:4], data[header:], packet.length - header, packet.wire,
        REASSEMBLED, int.from_bytes(data[4:8], "big"), bool(data[13] & 7),
    )  # fmt: skip
