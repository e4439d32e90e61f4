"""RTCP extended reports: reference times and VoIP metrics (RFC 3611)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from softphone.rtp.errors import LocalRtpError, RtcpError

XR_TYPE = 207
"""Packet type of RFC 3611 section 2."""
NOT_MEASURED = 127
"""Of levels, R factors and MOS (sections 4.7.4 and 4.7.5)."""

_HEADER = struct.Struct("!BBH")
_BLOCK_HEADER = struct.Struct("!BBH")
_SSRC = struct.Struct("!I")
_NTP = struct.Struct("!Q")
_DELAY = struct.Struct("!III")
_VOIP = struct.Struct("!IBBBBHHHHbbBBBBBBBxHHH")


class XrBlockType(IntEnum):
    """Report blocks that are understood here (RFC 3611 section 4)."""

    REFERENCE_TIME = 4
    DELAY = 5
    VOIP_METRICS = 7


@dataclass(frozen=True, slots=True)
class ReferenceTime:
    """When it was sent, by somebody who sends no audio and wants to know the round trip (section 4.4)."""

    ntp_timestamp: int
    """64 bit fixed point seconds since 1900."""

    def __bytes__(self) -> bytes:
        return _BLOCK_HEADER.pack(XrBlockType.REFERENCE_TIME, 0, 2) + _NTP.pack(self.ntp_timestamp)


@dataclass(frozen=True, slots=True)
class DelaySince:
    """How long ago reference times came, one for each source that sent some (section 4.5)."""

    sources: tuple[tuple[int, int, int], ...]
    """(SSRC, middle 32 bits of its reference time, 1/65536 s since that came)."""

    def __bytes__(self) -> bytes:
        body = b"".join(_DELAY.pack(*source) for source in self.sources)
        return _BLOCK_HEADER.pack(XrBlockType.DELAY, 0, len(body) // 4) + body


@dataclass(frozen=True, slots=True, kw_only=True)
class VoipMetrics:
    """What was heard of one source, as on the wire (section 4.7); `NOT_MEASURED` where nothing is known."""

    ssrc: int
    loss_rate: int
    """Of 256, since the begin of reception."""
    discard_rate: int
    """Of 256: too early or too late."""
    burst_density: int
    """Of 256: lost or discarded within bursts."""
    gap_density: int
    """Of 256: lost or discarded between them."""
    burst_duration_ms: int
    gap_duration_ms: int
    round_trip_ms: int
    """0: not known."""
    end_system_delay_ms: int
    """0: not known."""
    signal_level_dbm: int = NOT_MEASURED
    noise_level_dbm: int = NOT_MEASURED
    residual_echo_return_loss_db: int = NOT_MEASURED
    gmin: int = 16
    """So many packets received in a row end a burst."""
    r_factor: int = NOT_MEASURED
    external_r_factor: int = NOT_MEASURED
    mos_lq: int = NOT_MEASURED
    """Tenths."""
    mos_cq: int = NOT_MEASURED
    """Tenths."""
    receiver: int = 0
    """Two bits of concealment, two of the jitter buffer, four of its rate (section 4.7.6)."""
    jitter_buffer_nominal_ms: int
    jitter_buffer_maximum_ms: int
    jitter_buffer_limit_ms: int

    @classmethod
    def parse(cls, body: bytes) -> "VoipMetrics":
        """Parse the 32 bytes behind the header of a block."""
        (
            ssrc, loss, discard, burst_density, gap_density, burst, gap, round_trip, end_system,
            signal, noise, echo, gmin, r, external_r, mos_lq, mos_cq, receiver, nominal, maximum, limit,
        ) = _VOIP.unpack(body)  # fmt: skip
        return cls(
            ssrc=ssrc,
            loss_rate=loss,
            discard_rate=discard,
            burst_density=burst_density,
            gap_density=gap_density,
            burst_duration_ms=burst,
            gap_duration_ms=gap,
            round_trip_ms=round_trip,
            end_system_delay_ms=end_system,
            signal_level_dbm=signal,
            noise_level_dbm=noise,
            residual_echo_return_loss_db=echo,
            gmin=gmin,
            r_factor=r,
            external_r_factor=external_r,
            mos_lq=mos_lq,
            mos_cq=mos_cq,
            receiver=receiver,
            jitter_buffer_nominal_ms=nominal,
            jitter_buffer_maximum_ms=maximum,
            jitter_buffer_limit_ms=limit,
        )

    def __bytes__(self) -> bytes:
        try:
            body = _VOIP.pack(
                self.ssrc, self.loss_rate, self.discard_rate, self.burst_density, self.gap_density,
                self.burst_duration_ms, self.gap_duration_ms, self.round_trip_ms, self.end_system_delay_ms,
                self.signal_level_dbm, self.noise_level_dbm, self.residual_echo_return_loss_db, self.gmin,
                self.r_factor, self.external_r_factor, self.mos_lq, self.mos_cq, self.receiver,
                self.jitter_buffer_nominal_ms, self.jitter_buffer_maximum_ms, self.jitter_buffer_limit_ms,
            )  # fmt: skip
        except struct.error as error:
            raise LocalRtpError(f"VoIP metrics out of range: {error}") from None
        return _BLOCK_HEADER.pack(XrBlockType.VOIP_METRICS, 0, len(body) // 4) + body


@dataclass(frozen=True, slots=True)
class UnknownBlock:
    """A report block that is not understood here, to be ignored (section 3)."""

    block_type: int
    specific: int
    body: bytes

    def __bytes__(self) -> bytes:
        return _BLOCK_HEADER.pack(self.block_type, self.specific, len(self.body) // 4) + self.body


XrBlock = ReferenceTime | DelaySince | VoipMetrics | UnknownBlock


@dataclass(frozen=True, slots=True)
class ExtendedReport:
    """XR: what SR and RR have no place for (section 2)."""

    packet_type: ClassVar[int] = XR_TYPE
    ssrc: int
    blocks: tuple[XrBlock, ...] = ()

    @classmethod
    def parse_body(cls, _: int, body: bytes) -> "ExtendedReport":
        """Parse what follows the four bytes of common header, whose count is reserved."""
        if len(body) < _SSRC.size:
            raise RtcpError(f"RTCP XR must be at least 8 bytes, got {len(body) + 4}")
        blocks: list[XrBlock] = []
        at = _SSRC.size
        while at < len(body):
            if at + _BLOCK_HEADER.size > len(body):
                raise RtcpError("RTCP XR block is cut short")
            block_type, specific, words = _BLOCK_HEADER.unpack_from(body, at)
            start, at = at + _BLOCK_HEADER.size, at + _BLOCK_HEADER.size + 4 * words
            if at > len(body):
                raise RtcpError(f"RTCP XR block must be {4 * words} bytes, got {len(body) - start}")
            blocks.append(_block(block_type, specific, body[start:at]))
        return cls(_SSRC.unpack_from(body)[0], tuple(blocks))

    def __bytes__(self) -> bytes:
        body = _SSRC.pack(self.ssrc) + b"".join(map(bytes, self.blocks))
        return _HEADER.pack(0x80, XR_TYPE, len(body) // 4) + body


def _block(block_type: int, specific: int, body: bytes) -> XrBlock:
    """One block; one of another length than its type has is as good as unknown."""
    match block_type:
        case XrBlockType.REFERENCE_TIME if len(body) == _NTP.size:
            return ReferenceTime(_NTP.unpack(body)[0])
        case XrBlockType.DELAY if len(body) % _DELAY.size == 0:
            return DelaySince(tuple(_DELAY.iter_unpack(body)))
        case XrBlockType.VOIP_METRICS if len(body) == _VOIP.size:
            return VoipMetrics.parse(body)
    return UnknownBlock(block_type, specific, body)
