"""The audio of one call: RTP session, codec, device and taps wired together, and what was measured of them."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from dsp.codecs import timestamp_ticks
from dsp.level import LevelReport, SpeechMeter
from softphone.app.codec_choice import CodecInUse, agreed, expected, matching
from softphone.app.line import ImpairedSocket, PolledSocket
from softphone.config import MediaOptions
from softphone.io.ids import StreamIds, seeded_rng
from softphone.io.media_clock import MediaClock
from softphone.io.process_cost import ProcessCost, resident_mib
from softphone.media.device import AudioDevice
from softphone.media.engine import MediaEngine
from softphone.media.paths import ReceivePath, ReceiveStats, Tap, TransmitPath
from softphone.rtp.events import DtmfDigit, FirstPacket
from softphone.rtp.session import RtpSession
from softphone.rtp.stats import RtpStats
from softphone.sdp.negotiate import Negotiated

log = logging.getLogger(__name__)

NOWHERE = ("0.0.0.0", "::")
"""Where a peer that holds the call wants nothing sent (RFC 3264 section 8.4); it may send from where it was all the same."""
NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900 (NTP) to 1970 (POSIX), RFC 5905 section 6."""
HEADER_BITS = 8 * 40
"""IPv4, UDP and RTP headers of a packet, for RTCP's share of the bandwidth (RFC 3550 section 6.2)."""
MAX_DIGITS = 1000
"""Digits of a peer that are kept, as many as `softphone.rtp.dtmf` would send; a packet can hold hundreds."""
RTCP_MINIMUM_S = 2.5
"""Half of what RFC 3550 section 6.2 recommends, so that a test call of some seconds knows its round trip; the limit of 5 % of the
bandwidth holds all the same."""


@dataclass(slots=True)
class LegEvents:
    """What a leg tells its owner; each is called from the event loop."""

    source_ended: Callable[[], None]
    timed_out: Callable[[], None]
    """Nothing was received from the peer for ``rtp_timeout_s``."""


@dataclass(slots=True)
class LegFacts:
    """What a leg knows when it has stopped; `softphone.app.report` makes JSON of it."""

    codec: CodecInUse
    started: ProcessCost
    ended: ProcessCost
    rss_mib: float | None
    rtp: RtpStats
    receive: ReceiveStats
    heard: LevelReport
    heard_rate_hz: int
    waiting_samples: int
    """Decoded and not yet played: delay that the jitter buffer does not see."""
    first_rtp_at: float | None
    dtmf: str
    sends: bool
    receives: bool


class MediaLeg:
    """Runs from `start` to `stop`.

    Args:
        socket: where RTP and RTCP come and go, perhaps over a simulated line.
        negotiated: what SDP agreed on.
        chosen: the codecs offered.
        make_device: given the sample rate, the packet interval (ms) and the time the first block starts at.
    """

    def __init__(
        self,
        socket: PolledSocket,
        negotiated: Negotiated,
        chosen: tuple[CodecInUse, ...],
        media: MediaOptions,
        *,
        clock: MediaClock,
        make_device: Callable[[int, int, float], AudioDevice],
        events: LegEvents,
    ) -> None:
        now = time.monotonic()
        codec = matching(chosen, negotiated.codec)
        codec = agreed(codec, ptime_ms=negotiated.ptime_ms, fmtp=negotiated.codec.fmtp)
        formats = {c.payload_type: expected(matching(chosen, c), c.fmtp) for c in negotiated.receive}
        self.codec = codec
        self._chosen = chosen
        self._negotiated = negotiated
        self._formats = formats
        self.sample_rate_hz = codec.sample_rate_hz
        self._ptime_ms = codec.settings.ptime_ms
        self._socket = socket
        self._line_needs_loop = isinstance(socket, ImpairedSocket)
        self._clock = clock
        self._events = events
        self._timeout_s = media.rtp_timeout_s
        ids = StreamIds()
        self.session = RtpSession(
            remote=(negotiated.remote_host, negotiated.remote_port),
            remote_rtcp=(negotiated.remote_rtcp_host, negotiated.remote_rtcp_port),
            clock_rate_hz=codec.spec.clock_rate_hz,
            receive={pt: one.spec.clock_rate_hz for pt, one in formats.items()},
            dtmf_send=negotiated.send_dtmf_payload_type,
            dtmf_send_clock_rate_hz=negotiated.send_dtmf_clock_rate_hz,
            dtmf_receive=negotiated.receive_dtmf,
            payload_ticks=lambda pt, payload: _ticks(formats[pt], payload),
            packet_ticks=codec.spec.clock_rate_hz * self._ptime_ms // 1000,
            ssrc=ids.ssrc,
            sequence_number=ids.sequence_number,
            timestamp=ids.timestamp,
            cname=ids.cname,
            rng=seeded_rng(),
            ntp_offset_s=time.time() + NTP_EPOCH_S - now,
            now=now,
            bandwidth_bps=(codec.settings.bit_rate_bps or 0) + HEADER_BITS * 1000 // self._ptime_ms,
            rtcp_minimum_s=RTCP_MINIMUM_S,
        )
        self.transmit = TransmitPath(
            codec.spec, codec.settings, self.session, payload_type=negotiated.codec.payload_type
        )
        receive_formats = {pt: (one.spec, one.settings) for pt, one in formats.items()}
        self.receive = ReceivePath(self.session, receive_formats, sample_rate_hz=self.sample_rate_hz)
        self._meter = SpeechMeter(self.sample_rate_hz)
        self.receive.taps.append(self._meter.process)
        start = clock.join(self._ptime_ms, self._tick)
        try:
            self.device = make_device(self.sample_rate_hz, self._ptime_ms, start)
        except BaseException:
            clock.leave(self._ptime_ms, self._tick)
            raise
        self._engine = MediaEngine(self.transmit, self.receive, self.device)
        self._follow(negotiated)
        self._skip_early_media(now)
        self._source_ended = False
        self._dtmf = ""
        self._first_rtp_at: float | None = None
        self._started = ProcessCost.now()

    def _skip_early_media(self, now: float) -> None:
        """Drop what came while nobody listened, such as a ringing tone before the answer: it would count as late.

        What came within the last packet interval is in time.
        """
        for data, addr, arrival in self._socket.drain(now):
            if arrival >= now - self._ptime_ms / 1000:
                self.session.receive_datagram(data, addr, now=arrival)

    def retarget(self, negotiated: Negotiated) -> None:
        """Follow a re-INVITE: another address, another direction, another codec."""
        if negotiated.remote_host not in NOWHERE:
            self.session.retarget(
                (negotiated.remote_host, negotiated.remote_port),
                (negotiated.remote_rtcp_host, negotiated.remote_rtcp_port),
            )
        self._change_codec(negotiated)
        self._follow(negotiated)

    def add_taps(self, *, heard: Tap | None, sent: Tap | None) -> None:
        """Let *heard* and *sent* see each block."""
        if heard is not None:
            self.receive.taps.append(heard)
        if sent is not None:
            self.transmit.taps.append(sent)

    def stop(self) -> LegFacts:
        """Say RTCP BYE, stop the audio, and return what was measured."""
        now = time.monotonic()
        self._clock.leave(self._ptime_ms, self._tick)
        self._drain(now)
        rtp = self.session.stats(now=now)
        self.session.bye(now=now)
        self._flush(now)
        return LegFacts(
            codec=self.codec,
            started=self._started,
            ended=ProcessCost.now(),
            rss_mib=resident_mib(),
            rtp=rtp,
            receive=self.receive.stats,
            heard=self._meter.result(),
            waiting_samples=self.receive.buffered_samples,
            first_rtp_at=self._first_rtp_at,
            heard_rate_hz=self.sample_rate_hz,
            dtmf=self._dtmf,
            sends=self._sends,
            receives=self._receives,
        )

    def progress(self) -> dict[str, float | None]:
        """Figures of the running call, for a person."""
        stats = self.session.stats(now=time.monotonic())
        heard = self._meter.result()
        return {
            "received_packets": stats.received.packets,
            "loss_pct": stats.received.loss_pct,
            "jitter_ms": stats.received.jitter_ms,
            "level_dbov": heard.level_dbov,
        }

    def _change_codec(self, negotiated: Negotiated) -> None:
        """Send and take what was agreed on now; the packet interval and the rate of the device stay."""
        before, self._negotiated = self._negotiated, negotiated
        formats = {c.payload_type: expected(matching(self._chosen, c), c.fmtp) for c in negotiated.receive}
        self._formats.update(formats)
        self.receive.accept({pt: (one.spec, one.settings) for pt, one in formats.items()})
        new = negotiated.codec
        if new != before.codec:
            wanted = matching(self._chosen, new)
            codec = agreed(wanted, ptime_ms=self._ptime_ms, fmtp=new.fmtp)
            if codec.settings.ptime_ms != self._ptime_ms:
                log.warning("%s is not sent: it has no packets of %d ms", codec.spec.name, self._ptime_ms)
            else:
                self.codec = codec
                self.transmit.change(codec.spec, codec.settings, payload_type=new.payload_type)
        self.session.change_formats(
            clock_rate_hz=self.codec.spec.clock_rate_hz,
            receive={pt: one.spec.clock_rate_hz for pt, one in formats.items()},
            dtmf_send=negotiated.send_dtmf_payload_type,
            dtmf_send_clock_rate_hz=negotiated.send_dtmf_clock_rate_hz,
            dtmf_receive=negotiated.receive_dtmf,
        )

    def _follow(self, negotiated: Negotiated) -> None:
        self._sends, self._receives = negotiated.sends, negotiated.receives
        self.transmit.enabled = negotiated.sends
        self._heard_at = time.monotonic()  # a peer that was put on hold had nothing to say

    def _tick(self, now: float) -> bool:
        self._drain(now)
        self._engine.tick(now=now)
        session = self.session
        due = session.next_timeout()
        if due is not None and due <= now:
            session.handle_timeout(
                now=time.monotonic()
            )  # a report tells the time it is sent at, not the tick's
        self._flush(now)
        has_told = self._line_needs_loop
        while (event := session.next_event()) is not None:
            self._on_event(event)
        if self.device.source_ended and not self._source_ended:
            self._source_ended = has_told = True
            self._events.source_ended()
        # A peer that sends only has put us on hold, as a rule, and may do so in silence (RFC 6337 section 5.3).
        if 0 < self._timeout_s < now - self._heard_at and self._receives and self._sends:
            self._heard_at, has_told = now, True
            self._events.timed_out()
        return has_told

    def _drain(self, now: float) -> None:
        session = self.session
        arrivals = self._socket.drain(now, spacing_s=session.packet_spacing_s)
        strangers = session.strangers
        for data, addr, arrival in arrivals:
            session.receive_datagram(data, addr, now=arrival)
        if len(arrivals) > session.strangers - strangers:
            self._heard_at = now

    def _flush(self, now: float) -> None:
        send = self._socket.send
        for data, addr in self.session.datagrams_to_send(now=now):
            send(data, addr)

    def _on_event(self, event: object) -> None:
        match event:
            case FirstPacket(at=at):
                self._first_rtp_at = at
            case DtmfDigit(digit=digit):
                if len(self._dtmf) < MAX_DIGITS:
                    self._dtmf += digit
            case _:  # counted where it happened; SIP, not RTCP, says how the call ends
                log.info("%s", event)


def _ticks(codec: CodecInUse, payload: bytes) -> int:
    samples = codec.spec.payload_samples(payload, codec.sample_rate_hz)
    return timestamp_ticks(samples, codec.spec, codec.sample_rate_hz)
