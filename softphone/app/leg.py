"""The audio of one call: RTP session, codec, device and taps wired together, and what was measured of them."""

import logging
import time
from collections.abc import Callable
from typing import Any

from dsp.level import SpeechMeter
from softphone.app.codec_choice import CodecInUse, is_very_low_rate
from softphone.app.leg_facts import LegEvents, LegFacts, air_trace_of, wire_bytes_of
from softphone.app.leg_session import bandwidth_of, open_session
from softphone.app.line import ImpairedSocket, PolledSocket
from softphone.app.mode_switch import Background, ModeSwitch, at_once
from softphone.app.modes import (
    SHORT_IN,
    SILENT_S,
    Stream,
    check_mode,
    first_mode,
    formats_in,
    header_bytes_in,
    limit_of,
    repeats_ms_of,
    streams_of,
    wish_of,
)
from softphone.config import MediaOptions
from softphone.io.media_clock import MediaClock
from softphone.io.process_cost import ProcessCost, resident_mib
from softphone.media.budget import ReceivedWatch, WireBudget
from softphone.media.device import AudioDevice
from softphone.media.engine import MediaEngine
from softphone.media.paths import Outgoing, ReceivePath, Tap, TransmitPath
from softphone.radio import CallTrace, RadioInUse, call_airtime
from softphone.rtp.events import DtmfDigit, FirstPacket, ModeWished, WishConfirmed
from softphone.rtp.packet import HEADER_BYTES
from softphone.rtp.stats import RtpStats, overhead_bytes
from softphone.rtp.wish import ModeWish
from softphone.sdp.negotiate import Negotiated

__all__ = ["LegEvents", "LegFacts", "MediaLeg"]

log = logging.getLogger(__name__)

NOWHERE = ("0.0.0.0", "::")
"""Where a peer that holds the call wants nothing sent (RFC 3264 section 8.4); it may send from where it was all the same."""
MAX_DIGITS = 1000
"""Digits of a peer that are kept, as many as `softphone.rtp.dtmf` would send; a packet can hold hundreds."""


class MediaLeg:
    """Runs from `start` to `stop`.

    Args:
        socket: where RTP and RTCP come and go, perhaps over a simulated line.
        negotiated: what SDP agreed on.
        chosen: the codecs offered.
        make_device: given the sample rate, the packet interval (ms) and the time the first block starts at.
        background: what makes an encoder for another mode while the audio goes on.
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
        background: Background = at_once,
    ) -> None:
        now = time.monotonic()
        ip_udp_bytes = self._ip_udp_bytes = overhead_bytes((negotiated.remote_host, 0))
        header_bytes = self._header_bytes = ip_udp_bytes + HEADER_BYTES
        streams = streams_of(negotiated, chosen, media, header_bytes=header_bytes)
        stream = streams[first_mode(negotiated, streams, media)]
        codec = stream.codec
        self._chosen = chosen
        formats = formats_in(stream.mode, negotiated, chosen)
        self.codec = codec
        self._media = media
        self._background = background
        self._negotiated = negotiated
        self._formats = formats
        self.sample_rate_hz = codec.sample_rate_hz
        self._ptime_ms = codec.settings.ptime_ms
        self._socket = socket
        self._line_needs_loop = isinstance(socket, ImpairedSocket)
        self._clock = clock
        self._events = events
        self._timeout_s = media.rtp_timeout_s
        self.session = open_session(negotiated, formats, stream, header_bytes=header_bytes, now=now)
        self._use_headers(stream)
        self.transmit = TransmitPath(
            codec.spec,
            codec.settings,
            self.session,
            payload_type=stream.payload_type,
            suppression=stream.suppression,
        )
        received = {pt: (one.spec, one.settings) for pt, one in formats.items()}
        repeats_ms = repeats_ms_of(negotiated, chosen)
        self._conceal_limits_ms = {
            pt: max(self.session.conceal_limit_ms, repeats_ms.get(pt, 0)) for pt in formats
        }
        likely = next((pt for pt, one in formats.items() if one.spec.name == codec.spec.name), None)
        self.receive = ReceivePath(
            self.session, received, sample_rate_hz=self.sample_rate_hz, first=likely, repeats_ms=repeats_ms
        )
        self._heard_codecs: dict[str, None] = {}
        self.receive.changed = self._on_received
        self._meter = SpeechMeter(self.sample_rate_hz)
        self.receive.taps.append(self._meter.process)
        start = clock.join(self._ptime_ms, self._tick)
        try:
            self.device = make_device(self.sample_rate_hz, self._ptime_ms, start)
        except BaseException:
            clock.leave(self._ptime_ms, self._tick)
            raise
        self._engine = MediaEngine(self.transmit, self.receive, self.device)
        self._ticked_at = start
        limit_bps = limit_of(negotiated, media)
        self._budget = None if limit_bps is None else WireBudget(limit_bps, now=start)
        self._watch = ReceivedWatch(now=start)
        self.transmit.budget, self.transmit.header_bytes = (
            self._budget,
            header_bytes_in(stream, negotiated, header_bytes),
        )
        self._switch = ModeSwitch(
            streams,
            stream,
            path_rate_hz=self.sample_rate_hz,
            background=background,
            move=self._move,
            budget=self._budget,
            header_bytes=header_bytes,
        )
        self._follow(negotiated)
        self._skip_early_media(now)
        self._source_ended, self._dtmf = False, ""
        self._first_rtp_at: float | None = None
        self._sent_sizes: dict[int, int] = {}
        self._received_sizes: dict[int, int] = {}
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
        self._switch.stop()
        self.receive.changed = lambda payload_type: None  # it need not wait for the garbage collector
        self._clock.leave(self._ptime_ms, self._tick)
        self._drain(now)
        rtp = self.session.stats(now=now)
        air = self.air_trace(rtp)
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
            air=air,
            mode=self._switch.stream.mode,
            mode_changes=tuple(self._switch.changes),
            withheld=self.transmit.withheld(),
            heard_codecs=tuple(self._heard_codecs),
        )

    def progress(self) -> dict[str, Any]:
        """Figures of the running call, for a person."""
        stats = self.session.stats(now=time.monotonic())
        heard = self._meter.result()
        return {
            "mode": self.mode,
            "sent_wire_bytes": wire_bytes_of(stats.sent),
            "received_wire_bytes": wire_bytes_of(stats.received),
            "received_packets": stats.received.packets,
            "loss_pct": stats.received.loss_pct,
            "jitter_ms": stats.received.jitter_ms,
            "level_dbov": heard.level_dbov,
            "airtime": call_airtime(RadioInUse.parse(self._media.radio), self.air_trace(stats)),
        }

    def air_trace(self, rtp: RtpStats) -> CallTrace:
        """What went over the air since the start, without SIP."""
        seconds = time.monotonic() - self._started.at
        return air_trace_of(rtp, self._sent_sizes, self._received_sizes, self._ip_udp_bytes, seconds=seconds)

    def set_mode(self, mode: str, *, direction: str = "both") -> None:
        """Change the mode of the running call: what is sent here follows at the next packet, the peer is asked for the same.

        Args:
            mode: one of `softphone.config.MODES`.
            direction: ``sent``, ``received`` or ``both``.

        Raises:
            UsageError: no such mode or direction, or the peer takes no codec for it.
        """
        check_mode(mode, self._switch.modes, direction=direction)
        if direction != "received":
            self._switch.send_in(mode)
        if direction != "sent":
            self._wish(mode)

    @property
    def modes(self) -> tuple[str, ...]:
        """What `set_mode` can do."""
        return self._switch.modes

    @property
    def mode(self) -> str:
        """What is sent now."""
        return self._switch.stream.mode

    def _move(self, stream: Stream, ready: Outgoing) -> None:
        """Send *stream* from the next tick on, with what was made ready for it."""
        self.codec = stream.codec
        samples, ptime_ms = self.transmit.packet_samples, stream.codec.settings.ptime_ms
        self._engine.use(ready)
        if ptime_ms != self._ptime_ms:
            self._clock.leave(self._ptime_ms, self._tick)
            self._ptime_ms = ptime_ms
            self._clock.join(ptime_ms, self._tick, since=self._ticked_at)
            self.session.change_interval(ptime_ms)
            self.device.change_interval(samples, self.transmit.packet_samples)
        self._change_session({})
        self._use_headers(stream)
        self.transmit.header_bytes = header_bytes_in(stream, self._negotiated, self._header_bytes)
        self.session.change_rtcp(
            now=time.monotonic(),
            bandwidth_bps=bandwidth_of(stream, self._header_bytes),
            interval_s=stream.report_interval_s,
        )

    def _use_headers(self, stream: Stream) -> None:
        """Send short headers in mode vlr, where they were agreed on; what the peer sends is taken either way."""
        self.session.send_short_headers(self._negotiated.short_rtp and stream.mode == SHORT_IN)

    def _wish(self, mode: str) -> None:
        """Ask the peer to send in *mode*."""
        switch, receive = self._switch, self.receive
        switch.wished_mode = mode
        if switch.received_mode in (None, "normal"):  # else the decoder that runs is as good
            formats = formats_in(mode, self._negotiated, self._chosen)
            self._formats.update(formats)
            receive.accept({pt: (one.spec, one.settings) for pt, one in formats.items()})
            likely = [pt for pt, one in formats.items() if is_very_low_rate(one.spec) == (mode != "normal")]
            self._background(lambda: receive.prepare(likely), lambda _: None)
        self.session.wish_mode(ModeWish(mode), now=time.monotonic())

    def _watch_received(self, now: float) -> None:
        """Ask one of ours for a lower rate that sends us more than the limit of this side."""
        limit_bps, watch = self._media.max_wire_bps, self._watch
        if limit_bps is None or now < watch.due:
            return
        stats = self.session.stats(now=now).received
        bit_rate_bps = watch.excess(wire_bytes_of(stats), stats.payload_bytes, limit_bps=limit_bps, now=now)
        if bit_rate_bps is not None and len(self.modes) > 1:
            mode = self._switch.received_mode or "normal"
            self.session.wish_mode(ModeWish(mode, bit_rate_bps=bit_rate_bps), now=now)

    def _on_received(self, payload_type: int) -> None:
        """The peer's audio comes in another payload type than before."""
        self._heard_codecs[self._formats[payload_type].spec.name] = None
        self._switch.note_received(self._formats[payload_type], wish=wish_of(self._negotiated))
        if (limit_ms := self._conceal_limits_ms.get(payload_type)) is not None:
            self.session.conceal_limit_ms = limit_ms
        if self._timeout_s and self._switch.received_mode != "normal":
            self._timeout_s = max(self._timeout_s, SILENT_S)

    def _change_codec(self, negotiated: Negotiated) -> None:
        """Send and take what was agreed on now; the rate of the device stays."""
        before, self._negotiated = self._negotiated, negotiated
        formats = formats_in(self._switch.wished_mode or self.mode, negotiated, self._chosen)
        self._formats.update(formats)
        self.receive.accept({pt: (one.spec, one.settings) for pt, one in formats.items()})
        if negotiated.send != before.send:
            self._switch.follow(
                streams_of(negotiated, self._chosen, self._media, header_bytes=self._header_bytes)
            )
        self._change_session(formats)
        self.session.change_headers(short=negotiated.short_rtp, reduced_rtcp=negotiated.reduced_rtcp)
        self._use_headers(self._switch.stream)

    def _change_session(self, formats: dict[int, CodecInUse]) -> None:
        negotiated = self._negotiated
        self.session.change_formats(
            clock_rate_hz=self.codec.spec.clock_rate_hz,
            receive={pt: one.spec.clock_rate_hz for pt, one in formats.items()},
            dtmf_send=negotiated.send_dtmf_payload_type,
            dtmf_send_clock_rate_hz=negotiated.send_dtmf_clock_rate_hz,
            dtmf_receive=negotiated.receive_dtmf,
        )

    def _follow(self, negotiated: Negotiated) -> None:
        self._sends, self._receives = negotiated.sends, negotiated.receives
        if negotiated.sends and not self.transmit.enabled:
            self.transmit.resume()
        self.transmit.enabled = negotiated.sends
        self._heard_at = time.monotonic()  # a peer that was put on hold had nothing to say

    def _tick(self, now: float) -> bool:
        self._ticked_at = now
        self._drain(now)
        self._engine.tick(now=now)
        session = self.session
        due = session.next_timeout()
        if (
            due is not None
            and due <= now
            and (self._budget is None or self._budget.affords_report(since=due, now=now))
        ):
            session.handle_timeout(
                now=time.monotonic()
            )  # a report tells the time it is sent at, not the tick's
        self._flush(now)
        if self._budget is not None:
            if self._budget.is_over(now=now):
                self._switch.lower_rate()
            self._watch_received(now)
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
        sizes = self._received_sizes
        for data, addr, arrival in arrivals:
            sizes[len(data)] = sizes.get(len(data), 0) + 1
            session.receive_datagram(data, addr, now=arrival)
        if len(arrivals) > session.strangers - strangers:
            self._heard_at = now

    def _flush(self, now: float) -> None:
        send, sizes = self._socket.send, self._sent_sizes
        datagrams = self.session.datagrams_to_send(now=now)
        for data, addr in datagrams:
            send(data, addr)
            sizes[len(data)] = sizes.get(len(data), 0) + 1
        if self._budget is not None:
            self._budget.spend(sum(len(data) + self._ip_udp_bytes for data, _ in datagrams))

    def _on_event(self, event: object) -> None:
        match event:
            case FirstPacket(at=at):
                self._first_rtp_at = at
            case DtmfDigit(digit=digit):
                if len(self._dtmf) < MAX_DIGITS:
                    self._dtmf += digit
            case ModeWished(wish=wish):
                self._switch.note_wish(wish.mode)
                if wish.mode in self._switch.modes:
                    self._switch.send_in(wish.mode, bit_rate_bps=wish.bit_rate_bps, ptime_ms=wish.ptime_ms)
            case WishConfirmed(wish=wish):
                self._switch.note_wish(wish.mode)
            case _:  # counted where it happened
                log.info("%s", event)
