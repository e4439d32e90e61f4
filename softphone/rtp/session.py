"""One RTP session with one peer: audio and digits both ways, and RTCP (RFC 3550). No socket, no clock."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from softphone.rtp.dtmf import DtmfSender
from softphone.rtp.errors import LocalRtpError, RtcpError
from softphone.rtp.events import Address, CollisionResolved, PeerLeft, RtpEvent
from softphone.rtp.gate import PeerGate
from softphone.rtp.interval import MINIMUM_S, RtcpTimer
from softphone.rtp.jitter import JitterBuffer, JitterOptions, Playout
from softphone.rtp.packet import HEADER_BYTES, RtpPacket, is_rtcp, pack_header
from softphone.rtp.receiver import Receiver
from softphone.rtp.reports import Reporter
from softphone.rtp.rtcp import Bye, ReceiverReport, SenderReport, parse_compound
from softphone.rtp.stats import ReceivedStats, RtpStats, SentStats, overhead_bytes, traffic

if TYPE_CHECKING:
    import random

_MIRROR_PACKETS = 1024
_TYPICAL_REPORT_BYTES = 64


class RtpSession:
    """Sends to and receives from one peer.

    Args:
        remote: where our RTP goes, and who alone may send us some.
        remote_rtcp: where our RTCP goes.
        clock_rate_hz: of the codec we send.
        receive: payload type -> clock rate, for all that we accept as audio.
        dtmf_send: payload type for digits, None when the peer takes none.
        dtmf_send_clock_rate_hz: of the durations of digits; None: `clock_rate_hz`.
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
        dtmf_send_clock_rate_hz: int | None = None,
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
        self._remote, self._remote_rtcp = remote, remote_rtcp
        self._clock_rate_hz = clock_rate_hz
        self._dtmf_send = dtmf_send
        self._ssrc = ssrc
        self._sequence_number = self._first_sequence_number = sequence_number
        self._timestamp = timestamp
        self._rng = rng
        self._symmetric = symmetric
        self._started = now

        self._out: list[tuple[bytes, Address]] = []
        self._events: deque[RtpEvent] = deque()
        self._digits = DtmfSender(clock_rate_hz, dtmf_send_clock_rate_hz)
        self._dtmf_busy = False
        self._marker = 0x80
        self._sent_at = self._timestamp_at = now
        self._sent_packets = self._sent_payload_bytes = 0
        self._sr_packets_base = self._sr_bytes_base = 0
        self._reported = self._reported_before = 0
        self._sent_rtcp_packets = self._sent_rtcp_bytes = 0
        self._received_rtcp_packets = self._received_rtcp_bytes = 0

        audio = dict(receive)
        if isinstance(dtmf_receive, Mapping):
            digits = dict(dtmf_receive)
        else:
            digits = dict.fromkeys(dtmf_receive, clock_rate_hz)
        self._gate = PeerGate(remote, audio.keys() | digits.keys(), self._events)
        self._jitter = JitterBuffer(clock_rate_hz, packet_ticks, jitter)
        self._receiver = Receiver(
            audio=audio,
            digits=digits,
            payload_ticks=payload_ticks,
            jitter=self._jitter,
            events=self._events,
            own_ssrc=ssrc,
            plays_own=self._plays_own,
        )
        self._overhead_bytes = overhead_bytes(remote)
        self._reporter = Reporter(cname=cname, clock_rate_hz=clock_rate_hz, ntp_offset_s=ntp_offset_s)
        self._timer = RtcpTimer(
            rng=rng,
            bandwidth_bps=bandwidth_bps,
            minimum_s=rtcp_minimum_s,
            first_size_bytes=self._overhead_bytes + _TYPICAL_REPORT_BYTES + len(cname),
            now=now,
        )

    @property
    def ssrc(self) -> int:
        """Our synchronisation source; another one after a collision."""
        return self._ssrc

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
        header = pack_header(0x80, marker | payload_type, self._sequence_number, timestamp, self._ssrc)
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

    # -- the five verbs

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        """Take one RTP or RTCP datagram; *now* is when it arrived."""
        if is_rtcp(data):
            self._receive_rtcp(data, addr, now)
            return
        gate = self._gate
        if addr != gate.source:
            if not gate.admits(data, addr):
                return
            if self._symmetric:
                self._remote = addr
        self._receiver.receive(data, now)

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
        self._receiver.expire(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called."""
        due, digits = self._timer.due, self._receiver.due
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
    def strangers(self) -> int:
        """Datagrams of others than the peer so far."""
        return self._gate.strangers

    @property
    def packet_spacing_s(self) -> float:
        """See `softphone.rtp.jitter.JitterBuffer.spacing_s`."""
        return self._jitter.spacing_s

    @property
    def playout_clock_rate_hz(self) -> int:
        """The clock that the ticks of `pop` count: that of the codec the peer sends."""
        return self._jitter.clock_rate_hz

    def retarget(self, remote: Address, remote_rtcp: Address) -> None:
        """The peer has moved (a re-INVITE said so)."""
        self._gate.retarget(remote)
        self._remote, self._remote_rtcp = remote, remote_rtcp
        self._overhead_bytes = overhead_bytes(remote)

    def change_formats(
        self,
        *,
        clock_rate_hz: int,
        receive: Mapping[int, int],
        dtmf_send: int | None,
        dtmf_send_clock_rate_hz: int | None,
        dtmf_receive: Mapping[int, int],
    ) -> None:
        """The peer has changed what is sent; what it sent before is still taken (RFC 3264 section 8.3.2).

        The arguments are those of the session. Digits that wait are lost if the clock rate changes.
        """
        self._dtmf_send = dtmf_send
        if self._digits.clock_rates_hz != (clock_rate_hz, dtmf_send_clock_rate_hz or clock_rate_hz):
            self._digits = DtmfSender(clock_rate_hz, dtmf_send_clock_rate_hz)
        self._dtmf_busy = dtmf_send is not None and self._digits.pending
        self._clock_rate_hz = self._reporter.clock_rate_hz = clock_rate_hz
        self._receiver.accept(receive, dtmf_receive)
        self._gate.accept(receive.keys() | dtmf_receive.keys())

    # -- our own identifier

    def _plays_own(self, packet: RtpPacket) -> bool:
        """A packet has our SSRC: one of ours, from an echo service, or a collision (section 8.2)."""
        behind = (self._sequence_number - 1 - packet.sequence_number) & 0xFFFF
        if behind < min(_MIRROR_PACKETS, self._sent_packets):
            return True
        old = self._ssrc
        while self._ssrc == old:
            self._ssrc = self._rng.getrandbits(32)
        self._receiver.own_ssrc = self._ssrc
        self._events.append(CollisionResolved(old, self._ssrc))
        if self._sent_packets > self._sr_packets_base:
            self._put_rtcp(self._reporter.farewell(old))
        # Section 6.4.1: the counts of a sender begin anew with its SSRC.
        self._sr_packets_base = self._reported = self._reported_before = self._sent_packets
        self._sr_bytes_base = self._sent_payload_bytes
        self._first_sequence_number = self._sequence_number
        return False

    # -- RTCP

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
        self._reported_before, self._reported = self._reported, self._sent_packets
        reception = self._receiver.reception
        self._put_rtcp(
            self._reporter.compose(ssrc=self._ssrc, sent=sent, reception=reception, bye=bye, now=now)
        )

    def _put_rtcp(self, data: bytes) -> None:
        self._out.append((data, self._remote_rtcp))
        self._sent_rtcp_packets += 1
        self._sent_rtcp_bytes += len(data)
        self._timer.measure(len(data) + self._overhead_bytes)

    def _receive_rtcp(self, data: bytes, addr: Address, now: float) -> None:
        if addr[0] not in (self._remote_rtcp[0], self._remote[0]):
            self._gate.drop(addr)
            return
        try:
            packets = parse_compound(data)
        except RtcpError:
            self._receiver.undecodable += 1
            return
        self._received_rtcp_packets += 1
        self._received_rtcp_bytes += len(data)
        self._timer.measure(len(data) + self._overhead_bytes)
        for packet in packets:
            match packet:
                case SenderReport() | ReceiverReport():
                    self._read_report(packet, now)
                case Bye():
                    reception = self._receiver.reception
                    if reception is not None and reception.ssrc in packet.ssrcs and not reception.left:
                        reception.left = True
                        self._timer.peer_left(now)
                        self._events.append(PeerLeft(packet.reason.decode("utf-8", "replace")))
                case _:
                    pass

    def _read_report(self, report: SenderReport | ReceiverReport, now: float) -> None:
        # Our own reports come back from an echo service.
        if report.ssrc != self._ssrc:
            self._timer.heard(now, sent_rtp=isinstance(report, SenderReport))
            first = self._first_sequence_number
            self._reporter.read(report, ssrc=self._ssrc, first_sequence_number=first, now=now)

    # -- statistics

    def stats(self, now: float) -> RtpStats:
        """A snapshot at *now*, with rates over the time since the session began."""
        seconds = max(now - self._started, 1e-9)
        return RtpStats(
            sent=SentStats(
                *traffic(
                    seconds,
                    self._overhead_bytes,
                    packets=self._sent_packets,
                    payload_bytes=self._sent_payload_bytes,
                    header_bytes=HEADER_BYTES * self._sent_packets,
                    rtcp_packets=self._sent_rtcp_packets,
                    rtcp_bytes=self._sent_rtcp_bytes,
                )
            ),
            received=self._received_stats(seconds),
            remote=self._reporter.remote(),
            rtt_ms=None if self._reporter.rtt_s is None else self._reporter.rtt_s * 1000,
        )

    def _received_stats(self, seconds: float) -> ReceivedStats:
        receiver, jitter = self._receiver, self._jitter
        expected, received, duplicates = receiver.totals()
        reception = receiver.reception
        return ReceivedStats(
            *traffic(
                seconds,
                self._overhead_bytes,
                packets=received + duplicates,
                payload_bytes=receiver.payload_bytes,
                header_bytes=receiver.header_bytes,
                rtcp_packets=self._received_rtcp_packets,
                rtcp_bytes=self._received_rtcp_bytes,
            ),
            lost=expected - received,
            loss_pct=100 * (expected - received) / expected if expected else None,
            discarded=jitter.discarded,
            discard_pct=100 * jitter.discarded / expected if expected else None,
            late=jitter.late,
            overflowed=jitter.overflowed,
            duplicates=duplicates,
            strangers=self._gate.strangers,
            undecodable=receiver.undecodable,
            jitter_ms=None if reception is None else reception.jitter_ticks * 1000 / reception.clock_rate_hz,
            pdv_p95_ms=None if reception is None else reception.delay_variation_ms(95),
            playout_delay_ms=jitter.mean_margin_s * 1000 if jitter.played else None,
            burst_r=jitter.losses.burst_ratio(jitter.played),
        )
