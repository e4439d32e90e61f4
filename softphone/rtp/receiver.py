"""The receiving half of a session: sources, jitter buffer and digits of the peer."""

from collections import deque
from collections.abc import Callable, Mapping

from softphone.rtp.dtmf import DtmfReceiver
from softphone.rtp.errors import PacketError
from softphone.rtp.events import DtmfDigit, FirstPacket, RtpEvent, SourceChanged
from softphone.rtp.jitter import JitterBuffer
from softphone.rtp.packet import RtpPacket
from softphone.rtp.stats import DUPLICATE, Reception

_FIRST_INDEX = 1 << 16
_CANDIDATE_S = 2.0
"""Two packets of another source must come within this to count as in a row."""


class Receiver:
    """Takes the RTP of one peer.

    Args:
        audio: payload type -> clock rate.
        digits: payload type of telephone events -> clock rate.
        payload_ticks: as for `softphone.rtp.session.RtpSession`.
        jitter: where audio waits.
        events: where it tells what happened.
        plays_own: asked about a packet with our own SSRC: whether to play it.
    """

    def __init__(
        self,
        *,
        audio: Mapping[int, int],
        digits: Mapping[int, int],
        payload_ticks: Callable[[int, bytes], int],
        jitter: JitterBuffer,
        events: deque[RtpEvent],
        own_ssrc: int,
        plays_own: Callable[[RtpPacket], bool],
    ) -> None:
        self.jitter = jitter
        self.reception: Reception | None = None
        """The source heard now."""
        self.own_ssrc = own_ssrc
        self.payload_bytes = self.header_bytes = 0
        self.undecodable = 0
        """Datagrams that are no RTP or RTCP, or whose payload is none that was negotiated."""
        self._audio = audio
        self._digit_types = digits
        self._payload_ticks = payload_ticks
        self._events = events
        self._plays_own = plays_own
        self._candidate: tuple[RtpPacket, float] | None = None
        self._digits = DtmfReceiver()
        self._past_expected = self._past_received = self._past_duplicates = 0

    def receive(self, data: bytes, arrival: float) -> None:
        """Take a datagram of the peer."""
        try:
            packet = RtpPacket.parse(data)
        except PacketError:
            self.undecodable += 1
            return
        payload_bytes = len(packet.payload)
        self.payload_bytes += payload_bytes
        self.header_bytes += len(data) - payload_bytes
        reception = self.reception
        if reception is None or packet.ssrc != reception.ssrc:
            self._other_source(packet, arrival)
            return
        index = reception.track(packet.sequence_number)
        if index >= 0:
            self._candidate = None
            self._accept(packet, reception, index, arrival)
        elif index != DUPLICATE:
            self._other_source(packet, arrival)

    def accept(self, audio: Mapping[int, int], digits: Mapping[int, int]) -> None:
        """Take these payload types, too, in a new meaning where they had another."""
        self._audio = {k: v for k, v in self._audio.items() if k not in digits} | dict(audio)
        self._digit_types = {k: v for k, v in self._digit_types.items() if k not in audio} | dict(digits)

    def totals(self) -> tuple[int, int, int]:
        """(expected, received once, duplicates) over all sources."""
        expected, received, duplicates = self._past_expected, self._past_received, self._past_duplicates
        if self.reception is not None:
            expected += self.reception.expected
            received += self.reception.received
            duplicates += self.reception.duplicates
        return expected, received, duplicates

    @property
    def due(self) -> float | None:
        """When to call `expire`."""
        return self._digits.due

    def expire(self, now: float) -> None:
        """End a digit whose end was lost, if it is time."""
        if self._digits.due is not None:
            self._tell(self._digits.expire(now))

    def _other_source(self, packet: RtpPacket, arrival: float) -> None:
        """A packet of another SSRC, or too far from the others of its own."""
        if packet.ssrc == self.own_ssrc and not self._plays_own(packet):
            return
        if self.reception is None:
            # The negotiated peer needs no probation (unlike appendix A.1): its first packet is played.
            self._adopt(packet, arrival, _FIRST_INDEX)
            self._events.append(FirstPacket(arrival))
            return
        held, self._candidate = self._candidate, (packet, arrival)
        if (
            held is None
            or held[0].ssrc != packet.ssrc
            or (held[0].sequence_number + 1) & 0xFFFF != packet.sequence_number
            or arrival - held[1] > _CANDIDATE_S
        ):
            return
        # Appendix A.1: two in a row, and the source has restarted.
        self._candidate = None
        old = self.reception
        self._past_expected += old.expected
        self._past_received += old.received
        self._past_duplicates += old.duplicates
        self.jitter.restart()
        self._tell(self._digits.restart())
        reception = self._adopt(*held, old.highest_index + 1)
        self._accept(packet, reception, reception.track(packet.sequence_number), arrival)
        self._events.append(SourceChanged(packet.ssrc))

    def _adopt(self, packet: RtpPacket, arrival: float, index: int) -> Reception:
        """Begin with a source at this packet."""
        clock_rate_hz = self._audio.get(packet.payload_type, self.jitter.clock_rate_hz)
        self.reception = Reception(packet.ssrc, clock_rate_hz, packet.sequence_number, index)
        self._accept(packet, self.reception, index, arrival)
        return self.reception

    def _accept(self, packet: RtpPacket, reception: Reception, index: int, arrival: float) -> None:
        payload_type = packet.payload_type
        clock_rate_hz = self._audio.get(payload_type)
        if clock_rate_hz is None or not packet.payload:
            self._accept_other(packet, index, arrival)
            return
        try:
            ticks = self._payload_ticks(payload_type, packet.payload)
        except ValueError:
            ticks = 0
        if ticks <= 0:
            # It leaves a gap in the sequence, which is concealed.
            self.undecodable += 1
            return
        if clock_rate_hz != self.jitter.clock_rate_hz:
            self.jitter.change_clock(clock_rate_hz)
        if clock_rate_hz != reception.clock_rate_hz:
            reception.change_clock(clock_rate_hz)
        self.jitter.push(index, reception.extend(packet.timestamp, arrival), ticks, arrival, packet)

    def _accept_other(self, packet: RtpPacket, index: int, arrival: float) -> None:
        """Digits, keep-alives without a payload, and what was never negotiated."""
        self.jitter.skip(index)
        clock_rate_hz = self._digit_types.get(packet.payload_type)
        if clock_rate_hz is not None:
            self._tell(self._digits.receive(packet.payload, packet.timestamp, clock_rate_hz, arrival))
        elif packet.payload:
            self.undecodable += 1

    def _tell(self, ended: list[tuple[str, float]]) -> None:
        self._events.extend(DtmfDigit(digit, duration_ms) for digit, duration_ms in ended)
