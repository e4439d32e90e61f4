"""RTP fixed header, CSRC list, header extension and padding (RFC 3550 section 5)."""

import struct
from dataclasses import dataclass

from softphone.rtp.errors import LocalRtpError, PacketError

VERSION = 2
HEADER_BYTES = 12

_HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
_PADDING_BIT, _EXTENSION_BIT, _CSRC_MASK = 0x20, 0x10, 0x0F

pack_header = _HEADER.pack
"""(first byte, marker and payload type, sequence number, timestamp, SSRC) -> 12 bytes."""


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram on a shared port is RTCP: version 2 and packet types 192 to 223 (RFC 5761 section 4)."""
    return len(data) > 1 and 192 <= data[1] <= 223 and data[0] >> 6 == VERSION


@dataclass(slots=True)
class RtpPacket:
    """One packet; nobody changes it after it is made (not frozen: a frozen one is twice as slow to make)."""

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None
    """(what the profile defines, whole 32-bit words of data)."""
    padding_bytes: int = 0
    """Bytes of padding behind the payload, the count byte included."""

    @classmethod
    def parse(cls, data: bytes) -> "RtpPacket":
        """Parse one datagram.

        Raises:
            PacketError: if *data* is not RTP version 2 or is cut short.
        """
        if len(data) < HEADER_BYTES:
            raise PacketError(f"RTP packet must be at least {HEADER_BYTES} bytes, got {len(data)}")
        first, second, sequence_number, timestamp, ssrc = _HEADER.unpack_from(data)
        if first == VERSION << 6:
            return cls(second & 0x7F, sequence_number, timestamp, ssrc, data[12:], second > 0x7F)
        return cls._parse_long(data, first, second, sequence_number, timestamp, ssrc)

    @classmethod
    def _parse_long(
        cls, data: bytes, first: int, second: int, sequence_number: int, timestamp: int, ssrc: int
    ) -> "RtpPacket":
        if first >> 6 != VERSION:
            raise PacketError(f"RTP version must be {VERSION}, got {first >> 6}")
        csrc_count = first & _CSRC_MASK
        start, end = HEADER_BYTES + 4 * csrc_count, len(data)
        if end < start:
            raise PacketError(f"RTP packet with {csrc_count} CSRCs must be at least {start} bytes, got {end}")
        csrcs = struct.unpack_from(f"!{csrc_count}I", data, HEADER_BYTES)
        extension = None
        if first & _EXTENSION_BIT:
            if end < start + _EXTENSION.size:
                raise PacketError("RTP header extension is cut short")
            profile, words = _EXTENSION.unpack_from(data, start)
            start += _EXTENSION.size
            if end < start + 4 * words:
                raise PacketError(f"RTP header extension must hold {words} words, got {(end - start) // 4}")
            extension = (profile, data[start : start + 4 * words])
            start += 4 * words
        padding = 0
        if first & _PADDING_BIT:
            # Section 5.1: the last byte counts itself too, so zero is not a value it can have.
            padding = data[-1]
            if padding == 0 or end - padding < start:
                raise PacketError(f"RTP padding must be 1 to {end - start} bytes, got {padding}")
            end -= padding
        return cls(
            second & 0x7F,
            sequence_number,
            timestamp,
            ssrc,
            data[start:end],
            second > 0x7F,
            csrcs,
            extension,
            padding,
        )

    def __bytes__(self) -> bytes:
        """Serialise.

        Raises:
            LocalRtpError: if a field does not fit its place in the header.
        """
        first = VERSION << 6
        parts = [b"", struct.pack(f"!{len(self.csrcs)}I", *self.csrcs)]
        if len(self.csrcs) > _CSRC_MASK:
            raise LocalRtpError(f"RTP carries at most {_CSRC_MASK} CSRCs, got {len(self.csrcs)}")
        first |= len(self.csrcs)
        if self.extension is not None:
            profile, words = self.extension
            if len(words) % 4:
                raise LocalRtpError(f"RTP header extension must be whole words, got {len(words)} bytes")
            first |= _EXTENSION_BIT
            parts += (_EXTENSION.pack(profile, len(words) // 4), words)
        parts.append(self.payload)
        if self.padding_bytes:
            first |= _PADDING_BIT
            parts.append(bytes(self.padding_bytes - 1) + bytes((self.padding_bytes,)))
        try:
            parts[0] = _HEADER.pack(
                first,
                self.marker << 7 | self.payload_type,
                self.sequence_number,
                self.timestamp,
                self.ssrc,
            )
        except struct.error as error:
            raise LocalRtpError(f"RTP header field out of range: {error}") from None
        return b"".join(parts)
