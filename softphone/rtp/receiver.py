"""The receiving half of a session: sources, jitter buffer and digits of the peer."""

from collections import deque
from collections.abc import Callable, Mapping
from math import lcm

from softphone.rtp.dtmf import DtmfReceiver
from softphone.rtp.errors import PacketError
from softphone.rtp.events import DtmfDigit, FirstPacket, RtpEvent, SourceChanged
from softphone.rtp.jitter import JitterBuffer
from softphone.rtp.packet import RtpPacket
from softphone.rtp.short import ShortReceiver
from softphone.rtp.stats import DUPLICATE, MAX_MISORDER, Reception

_FIRST_INDEX = 1 << 16
_CANDIDATE_S = 2.0
"""Two packets of another source must come within this to count as in a row."""
_SUCCESSOR = 32
"""Another source whose sequence numbers go on where the old one's ended, or at most so much later, is its successor."""
_NO_CLOCK_HZ = 1
"""Clock rate of a source none of whose audio came yet."""
_PAUSE_S = 0.2
"""A change of the clock rate that comes so much later than the numbers tell is one after a pause."""


class Receiver:
    """Takes the RTP of one peer.

    Args:
        audio: payload type -> clock rate; that of *jitter* is a multiple of each.
        digits: payload type of telephone events -> clock rate.
        payload_ticks: as for `softphone.rtp.session.RtpSession`.
        jitter: where audio waits.
        events: where it tells what happened.
        admits: asked about a packet of another source than before: whether to play it.
    """

    def __init__(
        self,
        *,
        audio: Mapping[int, int],
        digits: Mapping[int, int],
        payload_ticks: Callable[[int, bytes], int],
        jitter: JitterBuffer,
        events: deque[RtpEvent],
        admits: Callable[[RtpPacket], bool],
    ) -> None:
        self.jitter = jitter
        self.reception: Reception | None = None
        """The source heard now."""
        self.payload_bytes = self.header_bytes = 0
        self.undecodable = 0
        """Datagrams that are no RTP or RTCP, or whose payload is none that was negotiated."""
        self.short: ShortReceiver | None = None
        """Where short headers were agreed on."""
        self._audio: dict[int, tuple[int, int]] = {}
        """Payload type -> (clock rate, ticks of the jitter buffer in one of it)."""
        self._offset = 0
        """From the source's time to the jitter buffer's, in ticks of the latter."""
        self._digit_types = digits
        self._payload_ticks = payload_ticks
        self._events = events
        self._admits = admits
        self._candidate: tuple[RtpPacket, float] | None = None
        self._digits = DtmfReceiver()
        self._past_arrival: float | None = None
        self._predecessor: int | None = None
        self._past_expected = self._past_received = self._past_duplicates = 0
        self.accept(audio, digits)

    def receive(self, data: bytes, arrival: float) -> None:
        """Take a datagram of the peer."""
        short = self.short
        if short is not None and data[:1] >= b"\xc0":
            expanded = short.expand(data, arrival)
            if expanded is None:
                return
            packet = expanded
        else:
            try:
                packet = RtpPacket.parse(data)
            except PacketError:
                self.undecodable += 1
                return
            if short is not None and packet.extension is not None:
                short.learn(packet, self._audio.get(packet.payload_type, (None,))[0], arrival)
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
        rates = {k: v[0] for k, v in self._audio.items() if k not in digits} | dict(audio)
        self._digit_types = {k: v for k, v in self._digit_types.items() if k not in audio} | dict(digits)
        common = lcm(self.jitter.clock_rate_hz, *rates.values())
        if common != self.jitter.clock_rate_hz:
            factor = common // self.jitter.clock_rate_hz
            self.jitter.rescale(factor)
            self._offset *= factor
        self._audio = {k: (v, common // v) for k, v in rates.items()}

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
        if not self._admits(packet):
            return
        if self.reception is None:
            # The negotiated peer needs no probation (unlike appendix A.1): its first packet is played.
            self._adopt(packet, arrival, _FIRST_INDEX)
            self._events.append(FirstPacket(arrival))
            return
        behind = (self.reception.highest_sequence_number - packet.sequence_number) & 0xFFFF
        if packet.ssrc == self._predecessor and behind < MAX_MISORDER:
            return  # reordered across the change
        held, self._candidate = self._candidate, (packet, arrival)
        if (
            held is None
            or held[0].ssrc != packet.ssrc
            or (held[0].sequence_number + 1) & 0xFFFF != packet.sequence_number
            or arrival - held[1] > _CANDIDATE_S
        ):
            self._succeed(packet, arrival, self.reception)
            return
        # Appendix A.1: two in a row, and the source has restarted.
        index = self._retire() + 1
        self.jitter.restart()
        self._offset = 0
        reception = self._adopt(*held, index)
        self._accept(packet, reception, reception.track(packet.sequence_number), arrival)
        self._events.append(SourceChanged(packet.ssrc))

    def _succeed(self, packet: RtpPacket, arrival: float, before: Reception) -> None:
        """Take the peer's next SSRC if this is it: RFC 7160 section 4.1 wants one for each clock rate."""
        ahead = (packet.sequence_number - before.highest_sequence_number) & 0xFFFF
        if (
            packet.ssrc == before.ssrc
            or not 0 < ahead <= _SUCCESSOR
            or packet.payload_type not in self._audio
        ):
            return
        index = self._retire() + ahead
        self._past_expected += ahead - 1
        reception = Reception(packet.ssrc, _NO_CLOCK_HZ, packet.sequence_number, index)
        self.reception = reception
        self._accept(packet, reception, index, arrival)
        self._events.append(SourceChanged(packet.ssrc))

    def _retire(self) -> int:
        """The source heard so far is one of the past; returns its highest index."""
        self._candidate = None
        old = self.reception
        if old is None:
            return _FIRST_INDEX - 1
        self._past_expected += old.expected
        self._past_received += old.received
        self._past_duplicates += old.duplicates
        self._predecessor, self._past_arrival = old.ssrc, old.last_arrival
        self._tell(self._digits.restart())
        return old.highest_index

    def _adopt(self, packet: RtpPacket, arrival: float, index: int) -> Reception:
        """Begin with a source at this packet."""
        clock_rate_hz = self._audio.get(packet.payload_type, (self.jitter.clock_rate_hz,))[0]
        self.reception = Reception(packet.ssrc, clock_rate_hz, packet.sequence_number, index)
        self._accept(packet, self.reception, index, arrival)
        return self.reception

    def _align(
        self, reception: Reception, packet: RtpPacket, index: int, scale: int, ticks: int, arrival: float
    ) -> None:
        """Let the first packet of another clock rate follow what came before it.

        Its timestamp tells nothing of that; its number does, and after a pause its arrival.
        """
        last_arrival = self._past_arrival if reception.last_arrival is None else reception.last_arrival
        found = self.jitter.following(index)
        if found is None:
            return
        position, end = found
        if last_arrival is not None:
            # What a packet holds ends when it is sent.
            late = (arrival - last_arrival) * self.jitter.clock_rate_hz - (position + ticks - end)
            if late > _PAUSE_S * self.jitter.clock_rate_hz:
                position += int(late)
        self._offset = position - packet.timestamp * scale

    def _accept(self, packet: RtpPacket, reception: Reception, index: int, arrival: float) -> None:
        payload_type = packet.payload_type
        codec = self._audio.get(payload_type)
        if codec is None or not packet.payload:
            self._accept_other(packet, index, arrival)
            return
        clock_rate_hz, scale = codec
        try:
            ticks = self._payload_ticks(payload_type, packet.payload)
        except ValueError:
            ticks = 0
        if ticks <= 0:
            # It leaves a gap in the sequence, which is concealed.
            self.undecodable += 1
            return
        ticks *= scale
        if clock_rate_hz != reception.clock_rate_hz:
            self._align(reception, packet, index, scale, ticks, arrival)
            reception.change_clock(clock_rate_hz)
        timestamp = reception.extend(packet.timestamp, arrival) * scale + self._offset
        self.jitter.push(index, timestamp, ticks, arrival, packet)

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
