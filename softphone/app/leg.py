"""The audio of one call: RTP session, codec, device and taps wired together, and what was measured of them."""

import logging
import time
from collections.abc import Callable

from dsp.level import SpeechMeter
from softphone.app.call_filters import ChainMaker, filter_names, put_filters
from softphone.app.codec_choice import CodecInUse, is_very_low_rate
from softphone.app.leg_facts import HeldTime, LegEvents, LegFacts, LegReading, wire_bytes_of
from softphone.app.leg_quality import voice_quality
from softphone.app.leg_session import bandwidth_of, open_session
from softphone.app.leg_wire import LegWire
from softphone.app.line import PolledSocket
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
from softphone.app.secure_socket import Protection, SecureSocket
from softphone.config import MediaOptions
from softphone.io.media_clock import MediaClock
from softphone.io.process_cost import ProcessCost, resident_mib
from softphone.media.budget import ReceivedWatch, WireBudget
from softphone.media.device import AudioDevice
from softphone.media.engine import MediaEngine
from softphone.media.paths import Outgoing, ReceivePath, Tap, TransmitPath
from softphone.rtp.events import DtmfDigit, FirstPacket, ModeWished, WishConfirmed
from softphone.rtp.packet import HEADER_BYTES
from softphone.rtp.stats import overhead_bytes
from softphone.rtp.voip_metrics import VoiceQuality
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
        socket: where RTP and RTCP come and go, perhaps over a simulated line, perhaps encrypted.
        negotiated: what SDP agreed on.
        chosen: the codecs offered.
        make_device: given the sample rate, the packet interval (ms) and the time the first block starts at.
        background: what makes an encoder for another mode while the audio goes on.
        chains: makes the filters of each side; None: there are none.

    Raises:
        UsageError, EnvironmentProblem: filters or a device that cannot be.
    """

    def __init__(
        self,
        socket: PolledSocket | SecureSocket,
        negotiated: Negotiated,
        chosen: tuple[CodecInUse, ...],
        media: MediaOptions,
        *,
        clock: MediaClock,
        make_device: Callable[[int, int, float], AudioDevice],
        events: LegEvents,
        background: Background = at_once,
        chains: ChainMaker | None = None,
    ) -> None:
        now = time.monotonic()
        self._secure = socket if isinstance(socket, SecureSocket) else None
        trailer_bytes = 0 if self._secure is None else self._secure.tag_bytes
        ip_udp_bytes = overhead_bytes((negotiated.remote_host, 0)) + trailer_bytes
        header_bytes = self._header_bytes = ip_udp_bytes + HEADER_BYTES
        streams = streams_of(negotiated, chosen, media, header_bytes=header_bytes)
        stream = streams[first_mode(negotiated, streams, media)]
        codec = stream.codec
        self._chosen = chosen
        formats = formats_in(stream.mode, negotiated, chosen)
        self.codec = codec
        self._media, self._background = media, background
        self._negotiated = negotiated
        self._formats = formats
        self.sample_rate_hz = codec.sample_rate_hz
        self._ptime_ms = codec.settings.ptime_ms
        line = socket.inner if isinstance(socket, SecureSocket) else socket
        self._line_needs_loop = line.needs_loop
        self._clock, self._events = clock, events
        self._timeout_s = media.rtp_timeout_s
        self.session = open_session(
            negotiated, formats, stream, header_bytes=header_bytes, trailer_bytes=trailer_bytes, now=now
        )
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
            self.session,
            received,
            sample_rate_hz=self.sample_rate_hz,
            first=likely,
            repeats_ms=repeats_ms,
            noise=negotiated.receive_comfort_noise,
        )
        if chains is not None:
            put_filters(self.transmit, self.receive, chains, sample_rate_hz=self.sample_rate_hz)
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
        self._wire = LegWire(socket, self.session, ip_udp_bytes=ip_udp_bytes, budget=self._budget)
        self._watch = ReceivedWatch(now=start)
        self.transmit.budget = self._budget
        self.transmit.header_bytes = header_bytes_in(stream, negotiated, header_bytes)
        self._switch = ModeSwitch(
            streams,
            stream,
            path_rate_hz=self.sample_rate_hz,
            background=background,
            move=self._move,
            budget=self._budget,
            header_bytes=header_bytes,
        )
        self._held = HeldTime()
        self._follow(negotiated)
        self._wire.skip_early_media(now, ptime_ms=self._ptime_ms)
        self._source_ended, self._dtmf = False, ""
        self._first_rtp_at: float | None = None
        self._started = ProcessCost.now()
        self.session.voice_quality = lambda now: voice_quality(self.reading())

    def retarget(self, negotiated: Negotiated, *, on_hold: bool = False) -> None:
        """Follow a re-INVITE: another address, another direction, another codec.

        Args:
            on_hold: we hold the call; nothing is sent then, whatever the direction allows.
        """
        if negotiated.remote_host not in NOWHERE:
            self.session.retarget(
                (negotiated.remote_host, negotiated.remote_port),
                (negotiated.remote_rtcp_host, negotiated.remote_rtcp_port),
            )
        self._change_codec(negotiated)
        self._follow(negotiated, on_hold=on_hold)

    def add_taps(self, *, heard: Tap | None, sent: Tap | None) -> None:
        """Let *heard* and *sent* see each block."""
        if heard is not None:
            self.receive.taps.append(heard)
        if sent is not None:
            self.transmit.taps.append(sent)

    def stop(self) -> LegFacts:
        """Say RTCP BYE, stop the audio, and return what was measured."""
        now = time.monotonic()
        protection = Protection() if self._secure is None else self._secure.protection
        self._switch.stop()
        self.receive.changed = lambda payload_type: None  # it need not wait for the garbage collector
        self._clock.leave(self._ptime_ms, self._tick)
        self._wire.drain(now)
        held_s = self._held.end(now=now, stats=self.receive.stats)
        rtp = self.session.stats(now=now)
        air = self._wire.air_trace(rtp, seconds=now - self._started.at)
        metrics = self.session.heard_metrics(now)
        self.session.bye(now=now)
        self.session.voice_quality = lambda now: VoiceQuality()
        self._wire.flush(now)
        return LegFacts(
            codec=self.codec,
            started=self._started,
            ended=ProcessCost.now(),
            rss_mib=resident_mib(),
            rtp=rtp,
            receive=self.receive.stats,
            heard=self._meter.result(),
            waiting_samples=self.receive.waiting_samples,
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
            filters=filter_names(self.transmit, self.receive),
            held_s=held_s,
            ssrc=self.session.ssrc,
            metrics=metrics,
            protection=protection,
        )

    def reading(self) -> LegReading:
        """What is known while it runs; costs some 50 us."""
        now = time.monotonic()
        rtp = self.session.stats(now=now)
        return LegReading(
            codec=self.codec,
            rtp=rtp,
            heard=self._meter.result(),
            heard_rate_hz=self.sample_rate_hz,
            waiting_samples=self.receive.waiting_samples,
            dtmf=self._dtmf,
            air=self._wire.air_trace(rtp, seconds=now - self._started.at),
            mode=self.mode,
            received_mode=self._switch.received_mode,
            modes=self.modes,
            muted=self.transmit.muted,
            filters=filter_names(self.transmit, self.receive),
        )

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

    def note_digits(self, digits: str) -> None:
        """Take digits of the peer, whichever way they came; what is too much is dropped."""
        self._dtmf = (self._dtmf + digits)[:MAX_DIGITS]

    @property
    def digits(self) -> str:
        """What the peer has keyed."""
        return self._dtmf

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
        self.receive.accept_noise(negotiated.receive_comfort_noise)
        if negotiated.send != before.send:
            self._switch.follow(
                streams_of(negotiated, self._chosen, self._media, header_bytes=self._header_bytes)
            )
        self._change_session(formats)
        self.session.change_headers(
            short=negotiated.short_rtp,
            reduced_rtcp=negotiated.reduced_rtcp,
            extended=negotiated.rtcp_xr,
        )
        self._use_headers(self._switch.stream)

    def _change_session(self, formats: dict[int, CodecInUse]) -> None:
        negotiated = self._negotiated
        self.session.change_formats(
            clock_rate_hz=self.codec.spec.clock_rate_hz,
            receive={pt: one.spec.clock_rate_hz for pt, one in formats.items()}
            | dict(negotiated.receive_comfort_noise),
            dtmf_send=negotiated.send_dtmf_payload_type,
            dtmf_send_clock_rate_hz=negotiated.send_dtmf_clock_rate_hz,
            dtmf_receive=negotiated.receive_dtmf,
        )

    def _follow(self, negotiated: Negotiated, *, on_hold: bool = False) -> None:
        self._sends, self._receives = negotiated.sends and not on_hold, negotiated.receives
        if self._sends and not self.transmit.enabled:
            self.transmit.resume()
        self.transmit.enabled = self._sends
        now = time.monotonic()
        self._held.note(held=not (self._sends and self._receives), now=now, stats=self.receive.stats)
        self._heard_at = now  # a peer that was put on hold had nothing to say

    def _tick(self, now: float) -> bool:
        self._ticked_at = now
        if self._wire.drain(now):
            self._heard_at = now
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
        self._wire.flush(now)
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

    def _on_event(self, event: object) -> None:
        match event:
            case FirstPacket(at=at):
                self._first_rtp_at = at
            case DtmfDigit(digit=digit):
                self.note_digits(digit)
            case ModeWished(wish=wish):
                self._switch.note_wish(wish.mode)
                if wish.mode in self._switch.modes:
                    self._switch.send_in(wish.mode, bit_rate_bps=wish.bit_rate_bps, ptime_ms=wish.ptime_ms)
            case WishConfirmed(wish=wish):
                self._switch.note_wish(wish.mode)
            case _:  # counted where it happened
                log.info("%s", event)
