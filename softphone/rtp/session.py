"""One RTP session with one peer: audio and digits both ways, and RTCP (RFC 3550). No socket, no clock."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from math import lcm
from typing import TYPE_CHECKING

from softphone.rtp.control import Control
from softphone.rtp.events import Address, RtpEvent
from softphone.rtp.extended import Extended
from softphone.rtp.gate import PeerGate
from softphone.rtp.interval import MINIMUM_S, RtcpTimer
from softphone.rtp.jitter import JitterBuffer, JitterOptions, Playout
from softphone.rtp.own_source import OwnSource
from softphone.rtp.packet import is_rtcp
from softphone.rtp.receiver import Receiver
from softphone.rtp.reports import Reporter
from softphone.rtp.sender import Sender
from softphone.rtp.short import (
    REFRESH_LOSSY_PACKETS,
    REFRESH_PACKETS,
    ShortReceiver,
    ShortSender,
)
from softphone.rtp.snapshot import heard_metrics, snapshot
from softphone.rtp.stats import RtpStats, overhead_bytes
from softphone.rtp.voip_metrics import VoiceQuality
from softphone.rtp.wish import ModeWish
from softphone.rtp.xr import VoipMetrics

if TYPE_CHECKING:
    import random

_TYPICAL_REPORT_BYTES = 64


class RtpSession:
    """Sends to and receives from one peer.

    Args:
        remote: where our RTP goes, and who alone may send us some.
        remote_rtcp: where our RTCP goes.
        clock_rate_hz: of the codec we send.
        receive: payload type -> clock rate, for all that we accept as audio, at any moment.
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
        rtcp_minimum_s: least mean time between our reports, less where the bandwidth allows (RFC 3550 section 6.2).
        rtcp_interval_s: least mean time in any case, in place of *rtcp_minimum_s*; None: there is none.
        rtcp_bandwidth_bps: of RTCP for senders and receivers (RFC 3556), (0, 0): none is sent; None: 5 % of the session's.
        reduced_rtcp: whether reduced-size RTCP was agreed on (RFC 5506).
        short: whether short headers were agreed on (docs/rtp-short.md).
        symmetric: send to where the peer's packets come from, once they come (RFC 4961).
        learns: the peer may be behind a NAT: where nothing comes from *remote*, another host that proves to be the peer is
            taken for it, and is sent to (`softphone.rtp.gate`).
        extended: whether the peer asked for extended reports, or can read them (RFC 3611).
        unanswered_packets: so many go out at most to a peer that nothing came from; None: any number.
        trailer_bytes: what is added to each packet below this session, to protect it.
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
        rtcp_interval_s: float | None = None,
        rtcp_bandwidth_bps: tuple[float, float] | None = None,
        reduced_rtcp: bool = False,
        short: bool = False,
        symmetric: bool = False,
        learns: bool = False,
        extended: bool = False,
        unanswered_packets: int | None = None,
        trailer_bytes: int = 0,
    ) -> None:
        self._symmetric = symmetric
        self._unanswered_limit = unanswered_packets
        self.voice_quality: Callable[[float], VoiceQuality] = lambda now: VoiceQuality()
        """Asked, with the time, for what extended reports tell of the sound itself."""
        self._started = now
        self._events: deque[RtpEvent] = deque()
        self._short_sender, self._short_receiver = ShortSender(), ShortReceiver()

        audio = dict(receive)
        if isinstance(dtmf_receive, Mapping):
            digits = dict(dtmf_receive)
        else:
            digits = dict.fromkeys(dtmf_receive, clock_rate_hz)
        self._gate = PeerGate(remote, remote_rtcp, audio.keys() | digits.keys(), self._events, learns=learns)
        playout_hz = lcm(clock_rate_hz, *audio.values())
        self._jitter = JitterBuffer(playout_hz, packet_ticks * playout_hz // clock_rate_hz, jitter)
        self._trailer_bytes = trailer_bytes
        self._overhead_bytes = overhead_bytes(remote) + trailer_bytes
        self._reporter = Reporter(cname=cname, ntp_offset_s=ntp_offset_s)
        self._extended = Extended(self._reporter, metrics=self.heard_metrics)
        self._timer = RtcpTimer(
            rng=rng,
            bandwidth_bps=bandwidth_bps,
            minimum_s=rtcp_minimum_s,
            interval_s=rtcp_interval_s,
            shares_bps=rtcp_bandwidth_bps,
            first_size_bytes=self._overhead_bytes + _TYPICAL_REPORT_BYTES + len(cname),
            now=now,
        )
        self._sender = sender = Sender(
            remote=remote,
            remote_rtcp=remote_rtcp,
            clock_rate_hz=clock_rate_hz,
            dtmf_send=dtmf_send,
            dtmf_send_clock_rate_hz=dtmf_send_clock_rate_hz,
            ssrc=ssrc,
            sequence_number=sequence_number,
            timestamp=timestamp,
            rng=rng,
            timer=self._timer,
            now=now,
        )
        self.send = sender.send
        """Queue the packet of one interval; see `softphone.rtp.sender.Sender.send`."""
        self.send_noise = sender.send_noise
        """Queue a description of a pause in its place; see `softphone.rtp.sender.Sender.send_noise`."""
        self._control = Control(
            self._reporter,
            self._timer,
            ours=sender.describe,
            send=sender.send_rtcp,
            events=self._events,
            reduced=reduced_rtcp,
            overhead_bytes=self._overhead_bytes,
            extended=self._extended,
        )
        self._receiver = Receiver(
            audio=audio,
            digits=digits,
            payload_ticks=payload_ticks,
            jitter=self._jitter,
            events=self._events,
            admits=OwnSource(sender, self._control, self._events).admits,
        )
        sender.quota = unanswered_packets
        self.change_headers(short=short, reduced_rtcp=reduced_rtcp, extended=extended)

    @property
    def ssrc(self) -> int:
        """Our synchronisation source; another one after a collision, and with each clock rate."""
        return self._sender.ssrc

    # -- sending

    def send_dtmf(self, digits: str, *, tone_ms: float = 100.0, gap_ms: float = 60.0) -> None:
        """Queue digits, which go out in place of audio packets.

        Raises:
            LocalRtpError: if the peer takes none, or one of them is no key.
        """
        self._sender.send_dtmf(digits, tone_ms=tone_ms, gap_ms=gap_ms)

    @property
    def dtmf_pending(self) -> bool:
        """Whether digits wait or are being sent."""
        return self._sender.dtmf_busy

    def bye(self, reason: str = "", *, now: float) -> None:
        """Queue the last report with an RTCP BYE; nothing more is reported."""
        # Section 6.3.7: who never sent anything must not say BYE.
        control = self._control
        if self._timer.due is not None and (self._sender.packets or control.sent_packets):
            control.report(now, self._receiver.reception, bye=reason.encode()[:255])
        control.stop()
        self._extended.stop()  # which asks this session: it need not wait for the garbage collector

    def wish_mode(self, wish: ModeWish, *, now: float) -> None:
        """Tell the peer what we would like to receive, until it confirms; a newer wish takes an older one's place.

        Only one of ours understands it. What comes of it is told in events.
        """
        self._control.wish(wish, now)

    @property
    def wish(self) -> ModeWish | None:
        """Our newest wish."""
        return self._control.wishes.wish

    @property
    def wish_confirmed(self) -> bool:
        """Whether the peer has it."""
        return self._control.wishes.confirmed

    # -- the five verbs

    def receive_datagram(self, data: bytes, addr: Address, *, now: float) -> None:
        """Take one RTP or RTCP datagram; *now* is when it arrived."""
        if is_rtcp(data):
            self._receive_rtcp(data, addr, now)
            return
        if addr != self._gate.source and not self._admits_source(data, addr, now):
            return
        self._receiver.receive(data, now)

    def datagrams_to_send(self, *, now: float) -> list[tuple[bytes, Address]]:
        """What to put on the wire, in this order."""
        out = self._sender.out
        if out:
            self._sender.out = []
        return out

    def handle_timeout(self, *, now: float) -> None:
        """Do what `next_timeout` was about, if it is time."""
        due = self._control.due
        if due is not None and now >= due:
            if self._sender.packets:
                self._timer.sent_rtp(self._sender.sent_at)
            self._control.expire(now, self._receiver.reception)
        self._receiver.expire(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called."""
        due, digits = self._control.due, self._receiver.due
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
        """The clock that the ticks of `pop` count: a multiple of that of each codec the peer may send."""
        return self._jitter.clock_rate_hz

    @property
    def conceal_limit_ms(self) -> float:
        """With nothing arriving, concealment ends after this; see `softphone.rtp.playout.JitterOptions`."""
        return self._jitter.conceal_limit_ms

    @conceal_limit_ms.setter
    def conceal_limit_ms(self, limit_ms: float) -> None:
        self._jitter.conceal_limit_ms = limit_ms

    def keep_next_at_hand(self, wanted: bool) -> None:
        """Whether the decoder fills a gap better with the packet behind it: worth a packet of delay while packets are lost."""
        self._jitter.at_hand.wanted = wanted

    def change_interval(self, interval_ms: int) -> None:
        """A round of pops takes this much audio from now on."""
        self._jitter.change_interval(self._jitter.clock_rate_hz * interval_ms // 1000)

    def change_rtcp(
        self, *, now: float, bandwidth_bps: float | None, interval_s: float | None = None
    ) -> None:
        """Report as often as these allow from now on; they are `bandwidth_bps` and `rtcp_interval_s` of the session."""
        self._timer.change(now, bandwidth_bps=bandwidth_bps, interval_s=interval_s)

    def change_headers(self, *, short: bool, reduced_rtcp: bool, extended: bool = False) -> None:
        """Use what was agreed on now: short headers, whose contexts begin anew, reduced-size RTCP, extended reports."""
        self._extended.sends = extended
        self._short_sender.reset()
        self._sender.short = self._short_sender if short else None
        self._receiver.short = self._short_receiver if short else None
        self._control.reduced = reduced_rtcp

    def send_short_headers(self, on: bool) -> None:
        """Send short headers, or none, in a session that has agreed on them; what the peer sends is taken either way."""
        agreed = self._receiver.short is not None
        self._sender.short = self._short_sender if on and agreed else None

    def retarget(self, remote: Address, remote_rtcp: Address) -> None:
        """The peer has moved (a re-INVITE said so)."""
        if not self._gate.retarget(remote, remote_rtcp):
            return  # what was learnt of it still holds
        if remote != self._sender.remote:
            # Who sends from there knows nothing of our contexts, and may mean others by its own.
            self._short_sender.reset()
            self._short_receiver.reset()
        self._sender.quota = self._unanswered_limit
        self._sender.remote, self._sender.remote_rtcp = remote, remote_rtcp
        self._overhead_bytes = self._control.overhead_bytes = overhead_bytes(remote) + self._trailer_bytes

    def learn_source(self, wanted: bool) -> None:
        """Whether the peer may be behind a NAT, as the session's *learns* says."""
        self._gate.learn(wanted)

    def limit_unanswered(self, packets: int | None) -> None:
        """Send so many packets at most to a peer that nothing came from; None: any number."""
        self._unanswered_limit = packets
        if not self._gate.was_heard:
            self._sender.quota = packets

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
        self._sender.change_formats(clock_rate_hz, dtmf_send, dtmf_send_clock_rate_hz or clock_rate_hz)
        self._receiver.accept(receive, dtmf_receive)
        self._gate.accept(receive.keys() | dtmf_receive.keys())

    # -- who the peer is

    def _admits_source(self, data: bytes, addr: Address, now: float) -> bool:
        """Whether RTP from an address that sent none yet, or not lately, is the peer's."""
        gate, reception = self._gate, self._receiver.reception
        heard_at, ssrc = (None, None) if reception is None else (reception.last_arrival, reception.ssrc)
        if not gate.admits(data, addr, now=now, heard_at=heard_at, ssrc=ssrc):
            return False
        self._sender.quota = None
        if gate.learnt is not None:
            # RFC 4961 section 4: what goes out comes from where it would come in. RTCP is on the next port, or on the same.
            shared = self._sender.remote_rtcp == self._sender.remote
            self._sender.remote_rtcp = addr if shared else (addr[0], addr[1] + 1)
        if self._symmetric or gate.learnt is not None:
            self._sender.remote = addr
        return True

    # -- RTCP

    def _receive_rtcp(self, data: bytes, addr: Address, now: float) -> None:
        if not self._gate.admits_rtcp(addr):
            return
        self._sender.quota = None
        if self._gate.learnt is not None:
            self._sender.remote_rtcp = addr
        ours, peer = self._sender, self._receiver.reception
        self._control.receive(data, now, ssrc=ours.ssrc, first_number=ours.first_sequence_number, peer=peer)
        lossy = self._reporter.fraction_lost
        self._short_sender.refresh_packets = REFRESH_LOSSY_PACKETS if lossy else REFRESH_PACKETS

    # -- statistics

    def stats(self, now: float) -> RtpStats:
        """A snapshot at *now*, with rates over the time since the session began."""
        return snapshot(
            max(now - self._started, 1e-9),
            overhead_bytes=self._overhead_bytes,
            sender=self._sender,
            receiver=self._receiver,
            jitter=self._jitter,
            control=self._control,
            gate=self._gate,
            short=self._short_receiver,
        )

    def heard_metrics(self, now: float) -> VoipMetrics | None:
        """What was heard of the peer so far, as an extended report tells it; None while nothing was."""
        return heard_metrics(self._receiver, self._jitter, self._control.reporter, self.voice_quality(now))
