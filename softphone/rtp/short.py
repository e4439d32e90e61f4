"""RTP headers of two bytes between two that agreed on them (docs/rtp-short.md).

A *context* is announced by a whole RTP header with an extension of one word; from then on two bytes name a packet by
its place in the context, absolutely: what was lost, doubled or reordered before it does not matter.

Bit budget of the two bytes: 2 (``11``) + 3 context + 1 marker + 4 suppressed intervals + 6 sequence number = 16.
Bit budget of the extension's word: 3 context + 4 suppressed intervals + 9 packet interval in half milliseconds = 16.
"""

import struct

from softphone.rtp.packet import RtpPacket, pack_header

FIRST_BYTE = 0xC0
"""A short header begins with this at least: no RTP, RTCP, STUN, ZRTP, DTLS or TURN does (RFC 7983 section 7)."""
SHORT_BYTES = 2
CONTEXTS = 8
BLOCK = 64
"""Sequence numbers in a context: those that differ in their lower 6 bits only."""
MAX_SUPPRESSED = 15
FORGET_S = 4.0
"""A receiver forgets a context that no packet of has come for so long."""
REUSE_S = 8.0
"""A sender gives a context's number to another one so long after its last packet.

Headers are exact while the network's delay varies by less than the difference of the two.
"""
IDLE_S = 2.0
"""A sender opens another context after so long without a packet."""
REFRESH_PACKETS = 32
REFRESH_LOSSY_PACKETS = 8
_SECOND = 2
"""The announcement is repeated after so many packets, then after every `refresh_packets`."""
_MAX_HALF_MS = 511

_ANNOUNCING = struct.Struct("!BBHIIHH")
_EXTENSION_FLAG = 0x90


class ShortSender:
    """Fields of each packet -> its header, as short as the receiver can take it."""

    def __init__(self) -> None:
        self.refresh_packets = REFRESH_PACKETS
        """A receiver that lost the announcement is in step again after so many packets."""
        self._used_at = [-REUSE_S] * CONTEXTS
        self._id = self._payload_type = -1
        self._last_id = CONTEXTS - 1
        self.reset()

    def reset(self) -> None:
        """The receiver is another one, which knows no context."""
        self._close()
        self._block = self._ticks = self._base = self._ssrc = self._half_ms = 0
        self._announce_at = 0
        self._sent_at = 0.0

    def header(
        self,
        marker: int,
        payload_type: int,
        sequence_number: int,
        timestamp: int,
        ssrc: int,
        ticks: int,
        clock_rate_hz: int,
        now: float,
    ) -> bytes:
        """The header of one packet.

        Args:
            marker: 0x80 or 0.
            ticks: its packet interval.
            clock_rate_hz: of its payload type.

        Returns:
            2 bytes; 16 where a context begins or is announced again; 12 where there can be none.
        """
        number = sequence_number & 63
        suppressed = -1
        if (
            payload_type == self._payload_type
            and sequence_number - number == self._block
            and ticks == self._ticks
            and ssrc == self._ssrc
            and now - self._sent_at < IDLE_S
        ):
            intervals, rest = divmod((timestamp - self._base) & 0xFFFFFFFF, ticks)
            if not rest:
                suppressed = intervals - number
        if 0 <= suppressed <= MAX_SUPPRESSED:
            self._sent_at = now
            if sequence_number < self._announce_at:
                first = FIRST_BYTE | self._id << 3 | marker >> 5 | suppressed >> 2
                return bytes((first, (suppressed & 3) << 6 | number))
            self._announce_at = sequence_number + self.refresh_packets
        else:
            suppressed = 0
            if not self._open(payload_type, sequence_number, timestamp, ssrc, ticks, clock_rate_hz, now):
                return pack_header(0x80, marker | payload_type, sequence_number, timestamp, ssrc)
        word = self._id << 13 | suppressed << 9 | self._half_ms
        second = marker | payload_type
        return _ANNOUNCING.pack(_EXTENSION_FLAG, second, sequence_number, timestamp, ssrc, word, 0)

    def _close(self) -> None:
        if self._id >= 0:
            self._used_at[self._id] = self._sent_at
        self._id = self._payload_type = -1

    def _open(
        self,
        payload_type: int,
        sequence_number: int,
        timestamp: int,
        ssrc: int,
        ticks: int,
        clock_rate_hz: int,
        now: float,
    ) -> bool:
        """Begin another context at this packet; False where the interval or the numbers in use forbid it."""
        self._close()
        half_ms, rest = divmod(ticks * 2000, clock_rate_hz)
        following = (self._last_id + 1) % CONTEXTS
        # The numbers go round, so the following one is the one unused for longest.
        if rest or not 0 < half_ms <= _MAX_HALF_MS or now - self._used_at[following] < REUSE_S:
            return False
        self._id = self._last_id = following
        self._half_ms, self._ticks = half_ms, ticks
        self._payload_type, self._ssrc = payload_type, ssrc
        number = sequence_number & 63
        self._block = sequence_number - number
        self._base = (timestamp - number * ticks) & 0xFFFFFFFF
        self._announce_at = sequence_number + _SECOND
        self._sent_at = now
        return True


class _Context:
    __slots__ = ("base", "block", "payload_type", "ssrc", "ticks", "used_at")

    def __init__(self, packet: RtpPacket, suppressed: int, ticks: int, now: float) -> None:
        number = packet.sequence_number & 63
        self.payload_type, self.ssrc, self.ticks = packet.payload_type, packet.ssrc, ticks
        self.block = packet.sequence_number - number
        self.base = packet.timestamp - (number + suppressed) * ticks
        self.used_at = now


class ShortReceiver:
    """Short headers -> the packets that they stand for."""

    def __init__(self) -> None:
        self.unresolved = 0
        """Packets without a context that is known."""
        self.unresolved_bytes = 0
        """Of their payloads."""
        self._contexts: list[_Context | None] = [None] * CONTEXTS

    def reset(self) -> None:
        """The sender is another one."""
        self._contexts = [None] * CONTEXTS

    def learn(self, packet: RtpPacket, clock_rate_hz: int | None, now: float) -> None:
        """Take the announcement out of a packet with a whole header, if it has one.

        Args:
            clock_rate_hz: of its payload type; None when it is none that was negotiated.
        """
        if packet.extension is None or packet.extension[1]:
            return
        word = packet.extension[0]
        packet.extension = None
        half_ms = word & _MAX_HALF_MS
        if clock_rate_hz is None or not half_ms or half_ms * clock_rate_hz % 2000:
            return
        ticks = half_ms * clock_rate_hz // 2000
        self._contexts[word >> 13] = _Context(packet, word >> 9 & MAX_SUPPRESSED, ticks, now)

    def expand(self, data: bytes, now: float) -> RtpPacket | None:
        """Rebuild the packet of a datagram that begins with `FIRST_BYTE` or more; None, counted, if it cannot be."""
        context = self._contexts[data[0] >> 3 & 7]
        if context is None or now - context.used_at >= FORGET_S or len(data) < SHORT_BYTES:
            self.unresolved += 1
            self.unresolved_bytes += max(0, len(data) - SHORT_BYTES)
            return None
        context.used_at = now
        first, second = data[0], data[1]
        number = second & 63
        intervals = number + ((first & 3) << 2 | second >> 6)
        return RtpPacket(
            context.payload_type,
            context.block | number,
            (context.base + intervals * context.ticks) & 0xFFFFFFFF,
            context.ssrc,
            data[2:],
            first & 4 != 0,
        )
