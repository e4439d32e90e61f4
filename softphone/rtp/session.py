"""One RTP session with one peer: audio and digits both ways, and RTCP (RFC 3550). No socket, no clock."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from softphone.rtp.dtmf import DtmfReceiver, DtmfSender
from softphone.rtp.errors import LocalRtpError, PacketError, RtcpError
from softphone.rtp.events import (
    Address,
    CollisionResolved,
    DtmfDigit,
    FirstPacket,
    PeerLeft,
    RtpEvent,
    SourceChanged,
    StrangerDropped,
)
from softphone.rtp.interval import MINIMUM_S, RtcpTimer
from softphone.rtp.jitter import JitterBuffer, JitterOptions, Playout
from softphone.rtp.packet import HEADER_BYTES, RtpPacket, pack_header
from softphone.rtp.reports import Reporter
from softphone.rtp.rtcp import Bye, ReceiverReport, SenderReport, parse_compound
from softphone.rtp.stats import DUPLICATE, ReceivedStats, Reception, RtpStats, SentStats

if TYPE_CHECKING:
    import random

MAX_STRANGERS_TOLD = 16
_MIRROR_PACKETS = 1024
_FIRST_INDEX = 1 << 16


class RtpSession:
    """Sends to and receives from one peer.

    Args:
        remote: where our RTP goes, and who alone may send us some.
        remote_rtcp: where our RTCP goes.
        clock_rate_hz: of the codec we send.
        receive: payload type -> clock rate, for all that we accept as audio.
        dtmf_send: payload type for digits, None when the peer takes none.
        dtmf_receive: payload types of digits, with their clock rates or at that of what we send.
        payload_ticks: (payload type, payload) -> duration in timestamp units; ValueError if it has none.
        packet_ticks: audio per packet we send, and per round of pops, in units of `clock_rate_hz`.
        ssrc, sequence_number, timestamp: what we begin with; random (RFC 3550 section 5.1).
        cname: canonical name for RTCP.
        rng: spreads the RTCP interval, and finds another SSRC after a collision.
        ntp_offset_s: wall clock in seconds since 1900, minus the monotonic clock.
        jitter: options of the jitter buffer.
        bandwidth_bps: of the session in one direction, with IP and UDP; None when it is not known.
        rtcp_minimum_s: least mean time between our reports.
        symmetric: send to where the peer's packets come from, once they come (RFC 4961).
    """

    def __init__(
        self,
        *,
        remote: Address,
        remote_rtcp: Address,
        clock_rate_hz: int,
        receive: Mapping[int, int],
        dtmf_send: int | None,
        dtmf_receive: Mapping[int, int] | Iterable[int],
        payload_ticks: Callable[[int, bytes], int],
        packet_ticks: int,
        ssrc: int,
        sequence_number: int,
        timestamp: int,
        cname: str,
        rng: "random.Random",
        ntp_offset_s: float,
        now: float,
        jitter: JitterOptions | None = None,
        bandwidth_bps: float | None = None,
        rtcp_minimum_s: float = MINIMUM_S,
        symmetric: bool = False,
    ) -> None:
        self.ssrc = ssrc
        self._remote, self._remote_rtcp = remote, remote_rtcp
        self._clock_rate_hz = clock_rate_hz
        self._receive = dict(receive)
        self._dtmf_send = dtmf_send
        if isinstance(dtmf_receive, Mapping):
            self._dtmf_receive = dict(dtmf_receive)
        else:
            self._dtmf_receive = dict.fromkeys(dtmf_receive, clock_rate_hz)
        self._payload_ticks = payload_ticks
        self._packet_ticks = packet_ticks
        self._sequence_number = self._first_sequence_number = sequence_number
        self._timestamp = timestamp
        self._rng = rng
        self._symmetric = symmetric
        self._started = now

        self._out: list[tuple[bytes, Address]] = []
        self._events: deque[RtpEvent] = deque()
        self._digits = DtmfSender(clock_rate_hz)
        self._dtmf_busy = False
        self._marker = 0x80
        self._sent_at = self._timestamp_at = now
        self._sent_packets = self._sent_payload_bytes = 0
        self._sr_packets_base = self._sr_bytes_base = 0
        self._reported = self._reported_before = 0
        self._sent_rtcp_packets = self._sent_rtcp_bytes = 0

        self._source_addr: Address | None = None
        self._reception: Reception | None = None
        self._candidate: tuple[RtpPacket, float] | None = None
        self._jitter = JitterBuffer(clock_rate_hz, packet_ticks, jitter)
        self._heard_digits = DtmfReceiver()
        self._received_payload_bytes = self._received_bytes = 0
        self._received_rtcp_packets = self._received_rtcp_bytes = 0
        self._past_expected = self._past_received = self._past_duplicates = 0
        self._strangers: set[Address] = set()
        self._stranger_packets = 0
        self._undecodable = 0

        self._overhead_bytes = 48 if ":" in remote[0] else 28
        self._reporter = Reporter(cname=cname, clock_rate_hz=clock_rate_hz, ntp_offset_s=ntp_offset_s)
        self._timer = RtcpTimer(
            rng=rng,
            bandwidth_bps=bandwidth_bps,
            minimum_s=rtcp_minimum_s,
            first_size_bytes=self._overhead_bytes + 52 + 12 + len(cname),
            now=now,
        )

    # -- sending

    def send(self, payload: bytes, *, payload_type: int, ticks: int, now: float) -> None:
        """Queue the packet of one interval of *ticks*.

        Digits that wait take the place of the audio. An empty payload sends nothing (DTX).
        """
        timestamp = self._timestamp
        self._timestamp = (timestamp + ticks) & 0xFFFFFFFF
        self._timestamp_at = now
        marker = self._marker
        if self._dtmf_busy:
            report = self._digits.report(timestamp, ticks)
            self._dtmf_busy = self._digits.pending
            if report is not None and self._dtmf_send is not None:
                payload, timestamp, first = report
                payload_type = self._dtmf_send
                marker = 0x80 if first else 0
                self._marker = 0x80
            else:
                self._marker = 0
        else:
            self._marker = 0
        if not payload:
            # RFC 3551 section 4.1: the first packet after a silence has the marker.
            self._marker = 0x80
            return
        header = pack_header(0x80, marker | payload_type, self._sequence_number, timestamp, self.ssrc)
        self._out.append((header + payload, self._remote))
        self._sequence_number = (self._sequence_number + 1) & 0xFFFF
        self._sent_at = now
        self._sent_payload_bytes += len(payload)
        self._sent_packets += 1
        if self._sent_packets == 1:
            self._timer.hurry(now)

    def send_dtmf(self, digits: str, *, tone_ms: float = 100.0, gap_ms: float = 60.0) -> None:
        """Queue digits, which go out in place of audio packets.

        Raises:
            LocalRtpError: if the peer takes none, or one of them is no key.
        """
        if self._dtmf_send is None:
            raise LocalRtpError(f"DTMF {digits!r} cannot be sent: the peer takes no telephone-event")
        self._digits.queue(digits, tone_ms=tone_ms, gap_ms=gap_ms)
        self._dtmf_busy = self._digits.pending

    @property
    def dtmf_pending(self) -> bool:
        """Whether digits wait or are being sent."""
        return self._dtmf_busy

    def bye(self, reason: str = "", *, now: float) -> None:
        """Queue the last report with an RTCP BYE; nothing more is reported."""
        # Section 6.3.7: who never sent anything must not say BYE.
        if self._timer.due is not None and (self._sent_packets or self._sent_rtcp_packets):
            self._queue_rtcp(now, bye=reason.encode()[:255])
        self._timer.stop()

    def _queue_rtcp(self, now: float, *, bye: bytes | None = None) -> None:
        sent = None
        # Section 6.4: SR by who has sent since the report before the last, else RR.
        if self._sent_packets > self._reported_before:
            behind = round((now - self._timestamp_at) * self._clock_rate_hz)
            sent = (
                self._timestamp + behind,
                self._sent_packets - self._sr_packets_base,
                self._sent_payload_bytes - self._sr_bytes_base,
            )
        data = self._reporter.compose(ssrc=self.ssrc, sent=sent, reception=self._reception, bye=bye, now=now)
        self._reported_before, self._reported = self._reported, self._sent_packets
        self._out.append((data, self._remote_rtcp))
        self._sent_rtcp_packets += 1
        self._sent_rtcp_bytes += len(data)
        self._timer.measure(len(data) + self._overhead_bytes)

    # -- the five verbs

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        """Take one RTP or RTCP datagram; *now* is when it arrived."""
        if len(data) > 1 and 192 <= data[1] <= 223:
            # RFC 5761 section 4.
            self._receive_rtcp(data, addr, now)
            return
        if addr != self._source_addr and not self._is_peer(data, addr):
            return
        try:
            packet = RtpPacket.parse(data)
        except PacketError:
            self._undecodable += 1
            return
        reception = self._reception
        if reception is None or packet.ssrc != reception.ssrc:
            self._other_source(packet, now)
        else:
            index = reception.track(packet.sequence_number)
            if index >= 0:
                self._candidate = None
                self._accept(packet, reception, index, now)
            elif index == DUPLICATE:
                pass
            else:
                self._other_source(packet, now)
        self._received_bytes += len(data)
        self._received_payload_bytes += len(packet.payload)

    def datagrams_to_send(self, *, now: float) -> list[tuple[bytes, Address]]:
        """What to put on the wire, in this order."""
        out = self._out
        if out:
            self._out = []
        return out

    def handle_timeout(self, *, now: float) -> None:
        """Do what `next_timeout` was about, if it is time."""
        due = self._timer.due
        if due is not None and now >= due:
            if self._sent_packets:
                self._timer.sent_rtp(self._sent_at)
            if self._timer.expire(now):
                self._queue_rtcp(now)
        if self._heard_digits.due is not None:
            self._tell_digits(self._heard_digits.expire(now))

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called."""
        due, digits = self._timer.due, self._heard_digits.due
        if digits is None or due is None:
            return due if digits is None else digits
        return min(due, digits)

    def next_event(self) -> RtpEvent | None:
        """The oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    def pop(self, *, now: float) -> Playout:
        """What to play next; see `softphone.rtp.jitter`."""
        return self._jitter.pop(now=now)

    @property
    def playout_clock_rate_hz(self) -> int:
        """The clock that the ticks of `pop` count: that of the codec the peer sends."""
        return self._jitter.clock_rate_hz

    def retarget(self, remote: Address, remote_rtcp: Address) -> None:
        """The peer has moved (a re-INVITE said so)."""
        if remote != self._remote:
            self._source_addr = None
        self._remote, self._remote_rtcp = remote, remote_rtcp
        self._overhead_bytes = 48 if ":" in remote[0] else 28

    # -- receiving

    def _is_peer(self, data: bytes, addr: Address) -> bool:
        """Whether somebody other than the last sender may send to us."""
        if addr[:2] == self._remote[:2]:
            self._source_addr = addr
            return True
        # The same host behind another port is the peer if it comes first, and then stays.
        if self._source_addr is None and addr[0] == self._remote[0] and len(data) >= HEADER_BYTES:
            payload_type = data[1] & 0x7F
            if data[0] >> 6 == 2 and (payload_type in self._receive or payload_type in self._dtmf_receive):
                self._source_addr = addr
                if self._symmetric:
                    self._remote = addr
                return True
        self._drop_stranger(addr)
        return False

    def _drop_stranger(self, addr: Address) -> None:
        self._stranger_packets += 1
        if addr not in self._strangers and len(self._strangers) < MAX_STRANGERS_TOLD:
            self._strangers.add(addr)
            self._events.append(StrangerDropped(addr))

    def _other_source(self, packet: RtpPacket, arrival: float) -> None:
        """A packet of another SSRC, or too far from the others of its own."""
        if packet.ssrc == self.ssrc and not self._is_mirrored(packet):
            self._resolve_collision()
            return
        if self._reception is None:
            # The negotiated peer needs no probation (unlike appendix A.1): its first packet is played.
            self._adopt(packet, arrival)
            self._events.append(FirstPacket(arrival))
            return
        held = self._candidate
        self._candidate = (packet, arrival)
        if (
            held is None
            or held[0].ssrc != packet.ssrc
            or (held[0].sequence_number + 1) & 0xFFFF != packet.sequence_number
        ):
            return
        # Appendix A.1: two in a row, and the source has restarted.
        self._candidate = None
        self._adopt(*held)
        reception = self._reception
        self._accept(packet, reception, reception.track(packet.sequence_number), arrival)
        self._events.append(SourceChanged(packet.ssrc))

    def _adopt(self, packet: RtpPacket, arrival: float) -> None:
        """Begin with a source at this packet."""
        index = _FIRST_INDEX
        old = self._reception
        if old is not None:
            index = old.highest_index + 1
            self._past_expected += old.expected
            self._past_received += old.received
            self._past_duplicates += old.duplicates
            self._jitter.restart()
            self._reporter.source_changed()
            self._tell_digits(self._heard_digits.restart())
        clock_rate_hz = self._receive.get(packet.payload_type, self._jitter.clock_rate_hz)
        self._reception = Reception(packet.ssrc, clock_rate_hz, packet.sequence_number, index)
        self._accept(packet, self._reception, index, arrival)

    def _accept(self, packet: RtpPacket, reception: Reception, index: int, arrival: float) -> None:
        payload_type = packet.payload_type
        clock_rate_hz = self._receive.get(payload_type)
        if clock_rate_hz is None or not packet.payload:
            self._accept_other(packet, index, arrival)
            return
        try:
            ticks = self._payload_ticks(payload_type, packet.payload)
        except ValueError:
            self._undecodable += 1
            return
        if ticks <= 0:
            self._undecodable += 1
            return
        if clock_rate_hz != self._jitter.clock_rate_hz:
            self._jitter.change_clock(clock_rate_hz)
        if clock_rate_hz != reception.clock_rate_hz:
            reception.change_clock(clock_rate_hz)
        timestamp = reception.extend(packet.timestamp, arrival)
        self._jitter.push(index, timestamp, ticks, arrival, packet)

    def _accept_other(self, packet: RtpPacket, index: int, arrival: float) -> None:
        """Digits, keep-alives without a payload, and what was never negotiated."""
        self._jitter.skip(index)
        clock_rate_hz = self._dtmf_receive.get(packet.payload_type)
        if clock_rate_hz is not None:
            self._tell_digits(
                self._heard_digits.receive(packet.payload, packet.timestamp, clock_rate_hz, arrival)
            )
        elif packet.payload:
            self._undecodable += 1

    def _tell_digits(self, ended: list[tuple[str, float]]) -> None:
        self._events.extend(DtmfDigit(digit, duration_ms) for digit, duration_ms in ended)

    def _is_mirrored(self, packet: RtpPacket) -> bool:
        """Whether this is a packet of ours, sent back by an echo service: to be played, not a collision."""
        behind = (self._sequence_number - 1 - packet.sequence_number) & 0xFFFF
        return behind < min(_MIRROR_PACKETS, self._sent_packets)

    def _resolve_collision(self) -> None:
        # Section 8.2: BYE with the old identifier, and go on with another.
        old = self.ssrc
        while self.ssrc == old:
            self.ssrc = self._rng.getrandbits(32)
        self._events.append(CollisionResolved(old, self.ssrc))
        if self._sent_packets > self._sr_packets_base:
            data = self._reporter.farewell(old)
            self._out.append((data, self._remote_rtcp))
            self._sent_rtcp_packets += 1
            self._sent_rtcp_bytes += len(data)
        self._sr_packets_base = self._reported = self._reported_before = self._sent_packets
        self._sr_bytes_base = self._sent_payload_bytes
        self._first_sequence_number = self._sequence_number

    def _receive_rtcp(self, data: bytes, addr: Address, now: float) -> None:
        if addr[0] not in (self._remote_rtcp[0], self._remote[0]):
            self._drop_stranger(addr)
            return
        try:
            packets = parse_compound(data)
        except RtcpError:
            self._undecodable += 1
            return
        self._received_rtcp_packets += 1
        self._received_rtcp_bytes += len(data)
        self._timer.measure(len(data) + self._overhead_bytes)
        for packet in packets:
            match packet:
                case SenderReport() | ReceiverReport():
                    # Our own reports come back from an echo service.
                    if packet.ssrc != self.ssrc:
                        self._timer.heard(now, sent_rtp=isinstance(packet, SenderReport))
                        self._reporter.read(
                            packet, ssrc=self.ssrc, first_sequence_number=self._first_sequence_number, now=now
                        )
                case Bye():
                    if self._reception is not None and self._reception.ssrc in packet.ssrcs:
                        self._timer.peer_left(now)
                        self._events.append(PeerLeft(packet.reason.decode("utf-8", "replace")))
                case _:
                    pass

    # -- statistics

    def stats(self, now: float) -> RtpStats:
        """A snapshot at *now*, with rates over the time since the session began."""
        seconds = max(now - self._started, 1e-9)
        return RtpStats(
            sent=SentStats(
                *self._traffic(
                    seconds,
                    self._sent_packets,
                    self._sent_payload_bytes,
                    HEADER_BYTES * self._sent_packets,
                    self._sent_rtcp_packets,
                    self._sent_rtcp_bytes,
                )
            ),
            received=self._received_stats(seconds),
            remote=self._reporter.remote(),
            rtt_ms=None if self._reporter.rtt_s is None else self._reporter.rtt_s * 1000,
        )

    def _traffic(
        self, seconds: float, packets: int, payload: int, headers: int, rtcp_packets: int, rtcp: int
    ) -> tuple[int, float, float, float, int, int, int, int]:
        headers += packets * self._overhead_bytes
        rtcp += rtcp_packets * self._overhead_bytes
        wire = payload + headers + rtcp
        rates = (packets / seconds, payload * 8 / seconds, wire * 8 / seconds)
        return (packets, *rates, payload, headers, rtcp_packets, rtcp)

    def _received_stats(self, seconds: float) -> ReceivedStats:
        reception, jitter = self._reception, self._jitter
        expected, received = self._past_expected, self._past_received
        duplicates = self._past_duplicates
        if reception is not None:
            expected += reception.expected
            received += reception.received
            duplicates += reception.duplicates
        lost = expected - received
        heard = reception is not None
        traffic = self._traffic(
            seconds,
            received + duplicates,
            self._received_payload_bytes,
            self._received_bytes - self._received_payload_bytes,
            self._received_rtcp_packets,
            self._received_rtcp_bytes,
        )
        return ReceivedStats(
            *traffic,
            lost=lost,
            loss_pct=100 * lost / expected if heard else None,
            discarded=jitter.discarded,
            discard_pct=100 * jitter.discarded / expected if heard else None,
            late=jitter.late,
            overflowed=jitter.overflowed,
            duplicates=duplicates,
            strangers=self._stranger_packets,
            undecodable=self._undecodable,
            jitter_ms=None if reception is None else reception.jitter_ticks * 1000 / reception.clock_rate_hz,
            pdv_p95_ms=None if reception is None else reception.delay_variation_ms(95),
            playout_delay_ms=jitter.mean_margin_s * 1000 if jitter.played else None,
            burst_r=jitter.burst_ratio,
        )
