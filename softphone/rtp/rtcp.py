"""RTCP packets and their compound (RFC 3550 section 6 and appendix A.2)."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from softphone.rtp.errors import LocalRtpError, RtcpError
from softphone.rtp.xr import XR_TYPE, ExtendedReport

VERSION = 2

_HEADER = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!IQIII")
_SSRC = struct.Struct("!I")


class RtcpType(IntEnum):
    """Packet types of RFC 3550 section 12.1."""

    SR = 200
    RR = 201
    SDES = 202
    BYE = 203
    APP = 204


class SdesItem(IntEnum):
    """Items of a source description (RFC 3550 section 12.2)."""

    CNAME = 1
    NAME = 2
    EMAIL = 3
    PHONE = 4
    LOC = 5
    TOOL = 6
    NOTE = 7
    PRIV = 8


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    if not 0 <= count <= 31:
        raise LocalRtpError(f"RTCP count must be 0 to 31, got {count}")
    if len(body) % 4:
        raise LocalRtpError(f"RTCP body must be whole 32-bit words, got {len(body)} bytes")
    return _HEADER.pack(VERSION << 6 | count, packet_type, len(body) // 4) + body


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """Reception of one source, as its receiver tells it (section 6.4.1)."""

    ssrc: int
    fraction_lost: int
    """Of 256, since the last report."""
    cumulative_lost: int
    """Signed 24 bit; negative when packets came twice."""
    highest_sequence_number: int
    """Extended by 16 bits of cycles."""
    jitter: int
    """In timestamp units of the source."""
    last_sr: int
    """Middle 32 bits of the NTP time stamp of the last SR; 0 when there was none."""
    delay_since_last_sr: int
    """In 1/65536 s."""

    @classmethod
    def parse_from(cls, data: bytes, at: int) -> "ReportBlock":
        """Parse the 24 bytes at offset *at*, which must be there."""
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(data, at)
        lost = loss & 0xFFFFFF
        return cls(ssrc, loss >> 24, lost - (lost >> 23 << 24), highest, jitter, last_sr, delay)

    def __bytes__(self) -> bytes:
        return _BLOCK.pack(
            self.ssrc,
            self.fraction_lost << 24 | self.cumulative_lost & 0xFFFFFF,
            self.highest_sequence_number,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        )


def _blocks(body: bytes, at: int, count: int) -> tuple[tuple[ReportBlock, ...], bytes]:
    end = at + count * _BLOCK.size
    if len(body) < end:
        raise RtcpError(
            f"RTCP report with {count} blocks must be at least {end + 4} bytes, got {len(body) + 4}"
        )
    blocks = tuple(ReportBlock.parse_from(body, i) for i in range(at, end, _BLOCK.size))
    return blocks, body[end:]


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR: what its sender sent, and what it receives (section 6.4.1)."""

    packet_type: ClassVar[int] = RtcpType.SR
    ssrc: int
    ntp_timestamp: int
    """64 bit fixed point seconds since 1900."""
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    reports: tuple[ReportBlock, ...] = ()
    extension: bytes = b""

    @classmethod
    def parse_body(cls, count: int, body: bytes) -> "SenderReport":
        """Parse what follows the four bytes of common header."""
        if len(body) < _SENDER.size:
            raise RtcpError(f"RTCP SR must be at least {_SENDER.size + 4} bytes, got {len(body) + 4}")
        ssrc, ntp_timestamp, rtp_timestamp, packets, octets = _SENDER.unpack_from(body)
        return cls(ssrc, ntp_timestamp, rtp_timestamp, packets, octets, *_blocks(body, _SENDER.size, count))

    def __bytes__(self) -> bytes:
        sender = _SENDER.pack(
            self.ssrc, self.ntp_timestamp, self.rtp_timestamp, self.packet_count, self.octet_count
        )
        body = sender + b"".join(map(bytes, self.reports)) + self.extension
        return _packet(RtcpType.SR, len(self.reports), body)


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR: what somebody who sends no audio receives (section 6.4.2)."""

    packet_type: ClassVar[int] = RtcpType.RR
    ssrc: int
    reports: tuple[ReportBlock, ...] = ()
    extension: bytes = b""

    @classmethod
    def parse_body(cls, count: int, body: bytes) -> "ReceiverReport":
        """Parse what follows the four bytes of common header."""
        if len(body) < _SSRC.size:
            raise RtcpError(f"RTCP RR must be at least 8 bytes, got {len(body) + 4}")
        blocks, extension = _blocks(body, _SSRC.size, count)
        return cls(_SSRC.unpack_from(body)[0], blocks, extension)

    def __bytes__(self) -> bytes:
        body = _SSRC.pack(self.ssrc) + b"".join(map(bytes, self.reports)) + self.extension
        return _packet(RtcpType.RR, len(self.reports), body)


@dataclass(frozen=True, slots=True)
class SdesChunk:
    """The items of one source."""

    ssrc: int
    items: tuple[tuple[int, bytes], ...]
    """(item type, text in UTF-8), in the order they stand; at most 255 bytes each."""


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """SDES: who a source is (section 6.5)."""

    packet_type: ClassVar[int] = RtcpType.SDES
    chunks: tuple[SdesChunk, ...] = ()

    @classmethod
    def parse_body(cls, count: int, body: bytes) -> "SourceDescription":
        """Parse what follows the four bytes of common header."""
        chunks: list[SdesChunk] = []
        at = 0
        for _ in range(count):
            if at + _SSRC.size > len(body):
                raise RtcpError(f"RTCP SDES must hold {count} chunks, got {len(chunks)}")
            (ssrc,) = _SSRC.unpack_from(body, at)
            items, at = cls._items(body, at + _SSRC.size)
            chunks.append(SdesChunk(ssrc, items))
        return cls(tuple(chunks))

    @staticmethod
    def _items(body: bytes, at: int) -> tuple[tuple[tuple[int, bytes], ...], int]:
        items = []
        while at < len(body) and body[at] != 0:
            if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
                raise RtcpError("RTCP SDES item is cut short")
            end = at + 2 + body[at + 1]
            items.append((body[at], body[at + 2 : end]))
            at = end
        if at >= len(body):
            raise RtcpError("RTCP SDES chunk must end in a null byte")
        # Section 6.5: null bytes up to the next 32-bit boundary, at least one.
        return tuple(items), (at & ~3) + 4

    def __bytes__(self) -> bytes:
        body = b""
        for chunk in self.chunks:
            body += _SSRC.pack(chunk.ssrc)
            for item, text in chunk.items:
                if len(text) > 255:
                    raise LocalRtpError(f"RTCP SDES item must be at most 255 bytes, got {len(text)}")
                body += bytes((item, len(text))) + text
            body += bytes(4 - len(body) % 4)
        return _packet(RtcpType.SDES, len(self.chunks), body)


@dataclass(frozen=True, slots=True)
class Bye:
    """BYE: sources that end (section 6.6)."""

    packet_type: ClassVar[int] = RtcpType.BYE
    ssrcs: tuple[int, ...] = ()
    reason: bytes = b""

    @classmethod
    def parse_body(cls, count: int, body: bytes) -> "Bye":
        """Parse what follows the four bytes of common header."""
        end = 4 * count
        if len(body) < end:
            raise RtcpError(f"RTCP BYE must hold {count} sources, got {len(body) // 4}")
        reason = b""
        if len(body) > end:
            if end + 1 + body[end] > len(body):
                raise RtcpError("RTCP BYE reason is cut short")
            reason = body[end + 1 : end + 1 + body[end]]
        return cls(struct.unpack_from(f"!{count}I", body), reason)

    def __bytes__(self) -> bytes:
        body = struct.pack(f"!{len(self.ssrcs)}I", *self.ssrcs)
        if self.reason:
            if len(self.reason) > 255:
                raise LocalRtpError(f"RTCP BYE reason must be at most 255 bytes, got {len(self.reason)}")
            text = bytes((len(self.reason),)) + self.reason
            body += text + bytes(-len(text) % 4)
        return _packet(RtcpType.BYE, len(self.ssrcs), body)


@dataclass(frozen=True, slots=True)
class App:
    """APP: something of an application's own (section 6.7)."""

    packet_type: ClassVar[int] = RtcpType.APP
    subtype: int
    ssrc: int
    name: bytes
    """Four ASCII characters."""
    data: bytes = b""

    @classmethod
    def parse_body(cls, count: int, body: bytes) -> "App":
        """Parse what follows the four bytes of common header."""
        if len(body) < 8:
            raise RtcpError(f"RTCP APP must be at least 12 bytes, got {len(body) + 4}")
        return cls(count, _SSRC.unpack_from(body)[0], body[4:8], body[8:])

    def __bytes__(self) -> bytes:
        if len(self.name) != 4:
            raise LocalRtpError(f"RTCP APP name must be 4 bytes, got {len(self.name)}")
        return _packet(RtcpType.APP, self.subtype, _SSRC.pack(self.ssrc) + self.name + self.data)


@dataclass(frozen=True, slots=True)
class UnknownRtcp:
    """A packet type this module does not know, to be ignored (section 6.1)."""

    packet_type: int
    count: int
    body: bytes

    def __bytes__(self) -> bytes:
        return _packet(self.packet_type, self.count, self.body)


RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Bye | App | ExtendedReport | UnknownRtcp

_PARSERS: dict[int, Callable[[int, bytes], RtcpPacket]] = {
    RtcpType.SR: SenderReport.parse_body,
    RtcpType.RR: ReceiverReport.parse_body,
    RtcpType.SDES: SourceDescription.parse_body,
    RtcpType.BYE: Bye.parse_body,
    RtcpType.APP: App.parse_body,
    XR_TYPE: ExtendedReport.parse_body,
}


def parse_compound(data: bytes, *, reduced: bool = False) -> tuple[RtcpPacket, ...]:
    """Parse one datagram into the packets it is made of, in their order.

    Args:
        reduced: take any first packet (reduced-size RTCP, RFC 5506).

    Raises:
        RtcpError: if it fails the checks of appendix A.2 or a packet in it is malformed.
    """
    # Appendix A.2: the first packet is SR or RR, every one is of version 2, the lengths add up, and
    # only the last may be padded (section 6.4.1).
    least = 1 if reduced else 2
    if len(data) < 4 * least or len(data) % 4:
        raise RtcpError(f"RTCP must be whole 32-bit words, at least {least}, got {len(data)} bytes")
    if not reduced and data[1] not in (RtcpType.SR, RtcpType.RR):
        raise RtcpError(f"RTCP compound must begin with SR (200) or RR (201), got {data[1]}")
    packets: list[RtcpPacket] = []
    at = 0
    while at < len(data):
        first, packet_type, words = _HEADER.unpack_from(data, at)
        if first >> 6 != VERSION:
            raise RtcpError(f"RTCP version must be {VERSION}, got {first >> 6}")
        start, end = at + 4, at + 4 + 4 * words
        if end > len(data):
            raise RtcpError(f"RTCP packet must be {end - at} bytes, got {len(data) - at}")
        body = data[start:end]
        if first & 0x20:
            if end != len(data) or not body or body[-1] % 4 or not 0 < body[-1] <= len(body):
                raise RtcpError("RTCP padding must be whole words at the end of the last packet")
            body = body[: -body[-1]]
        parse = _PARSERS.get(packet_type)
        count = first & 0x1F
        packets.append(UnknownRtcp(packet_type, count, body) if parse is None else parse(count, body))
        at = end
    return tuple(packets)


def write_compound(packets: Iterable[RtcpPacket], *, reduced: bool = False) -> bytes:
    """Serialise *packets* into one datagram, the pair of `parse_compound`.

    Args:
        reduced: let any packet be the first (reduced-size RTCP, RFC 5506).

    Raises:
        LocalRtpError: if the first is neither SR nor RR (section 6.1), or a field does not fit.
    """
    parts = list(packets)
    if not parts or not (reduced or isinstance(parts[0], SenderReport | ReceiverReport)):
        raise LocalRtpError("RTCP compound must begin with a SenderReport or a ReceiverReport")
    return b"".join(map(bytes, parts))
