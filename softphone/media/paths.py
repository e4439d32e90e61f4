"""The two directions of a call's audio: samples -> packets, and packets -> samples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from dsp.codecs.base import CodecSettings, CodecSpec, Decoder
from dsp.errors import BitstreamError
from dsp.plc.waveform import Concealer
from dsp.resample import StreamResampler
from dsp.time_scale import shorten
from dsp.types import Samples
from softphone.rtp.jitter import Conceal, Idle, Play
from softphone.rtp.session import RtpSession

Tap = Callable[[Samples], None]
"""Called with a block it must not change or keep; copies if it needs to, and never waits."""

MAX_PACKET_MS = 120
"""Longest packet a peer may send (RFC 7587 section 4.2, RFC 3551 section 4.2 leaves it open)."""
FADE_S = 0.04
"""Over which sound fades out at the begin of a pause."""
UNREADABLE_S = 0.02
"""Concealed for a packet whose duration its bytes do not tell."""


class TransmitPath:
    """Captured block -> taps -> encoder -> RTP session, one packet at a time.

    Args:
        spec: codec of the packets.
        settings: what was negotiated and asked for.
        payload_type: the number the peer gave the codec.
    """

    def __init__(
        self, spec: CodecSpec, settings: CodecSettings, session: RtpSession, *, payload_type: int
    ) -> None:
        self.taps: list[Tap] = []
        self._rate = spec.sample_rate_hz(settings)
        self.packet_samples = self._rate * settings.ptime_ms // 1000
        self.enabled = True
        """False while the negotiated direction forbids to send: packets are counted on in time, not sent."""
        self._send = session.send
        self.change(spec, settings, payload_type=payload_type)

    def change(self, spec: CodecSpec, settings: CodecSettings, *, payload_type: int) -> None:
        """Send with another codec from the next packet on; blocks and their interval stay what they are.

        Args:
            settings: its packet interval must be that of the first codec.
        """
        rate = spec.sample_rate_hz(settings)
        self._resampler = None if rate == self._rate else StreamResampler(self._rate, rate)
        self._encode = spec.make_encoder(settings).encode
        self._payload_type = payload_type
        self._ticks = spec.clock_rate_hz * settings.ptime_ms // 1000

    def send(self, block: Samples, *, now: float) -> None:
        """Encode and queue one packet of exactly ``packet_samples`` samples."""
        for tap in self.taps:
            tap(block)
        if self._resampler is not None:
            block = self._resampler.process(block)  # whole milliseconds in, as many out
        payload = self._encode(block) if self.enabled else b""
        self._send(payload, payload_type=self._payload_type, ticks=self._ticks, now=now)


@dataclass(slots=True)
class ReceiveStats:
    """Counters of one receive path, in samples at its rate."""

    played: int = 0
    concealed: int = 0
    recovered: int = 0
    """Lost audio rebuilt from in-band redundancy; not counted as concealed."""
    shortened: int = 0
    undecodable_packets: int = 0


class _Format:
    """One payload type as it is received: its decoder, and what brings it to the path's rate."""

    def __init__(self, spec: CodecSpec, settings: CodecSettings, path_rate_hz: int) -> None:
        self.rate = spec.sample_rate_hz(settings)
        self.decoder: Decoder = spec.make_decoder(settings)
        self.concealer = None if spec.conceals else Concealer(self.rate)
        self.resampler = None if self.rate == path_rate_hz else StreamResampler(self.rate, path_rate_hz)
        self.scratch: Samples = np.zeros(self.rate * MAX_PACKET_MS // 1000, dtype=np.float32)


class ReceivePath:
    """Jitter buffer -> decoder or concealment -> taps -> a block for the loudspeaker.

    Args:
        session: where packets wait.
        formats: every payload type that may arrive.
        sample_rate_hz: rate of the blocks played.
    """

    def __init__(
        self,
        session: RtpSession,
        formats: Mapping[int, tuple[CodecSpec, CodecSettings]],
        *,
        sample_rate_hz: int,
    ) -> None:
        self.taps: list[Tap] = []
        self.stats = ReceiveStats()
        self._session = session
        self._pop = session.pop
        self._rate = sample_rate_hz
        self._specs = dict(formats)
        self._formats: dict[int, _Format] = {}
        first = next(iter(formats))
        self._last = self._format(first)
        self._fifo: Samples = np.zeros(sample_rate_hz, dtype=np.float32)
        self._filled = 0
        angles = np.linspace(0.0, np.pi, round(FADE_S * sample_rate_hz), dtype=np.float32)
        # Squared, so that its last milliseconds are under the level that an abrupt end is known by.
        self._fade: Samples = np.square(0.5 + 0.5 * np.cos(angles))
        self._faded = self._fade.size
        """How far the sound of the last packet has faded out; all of it where there was none."""

    @property
    def buffered_samples(self) -> int:
        """Decoded samples that wait for the next block."""
        return self._filled

    def accept(self, formats: Mapping[int, tuple[CodecSpec, CodecSettings]]) -> None:
        """Take these formats, too; a payload type that meant another codec means the new one from now on."""
        for payload_type, codec in formats.items():
            if self._specs.get(payload_type) != codec:
                self._specs[payload_type] = codec
                self._formats.pop(payload_type, None)

    def play(self, out: Samples, *, now: float) -> None:
        """Fill *out* with the next audio; never waits, never fails.

        Args:
            out: at most half a second.
        """
        count = out.size
        while self._filled < count:
            self._pull(now)
        fifo = self._fifo
        out[:] = fifo[:count]
        self._filled -= count
        if self._filled:
            fifo[: self._filled] = fifo[count : count + self._filled].copy()
        self.stats.played += count
        for tap in self.taps:
            tap(out)

    def _pull(self, now: float) -> None:
        """Append at least one sample to the FIFO."""
        step = self._pop(now=now)
        match step:
            case Play(packet=packet):
                self._decode(packet.payload_type, packet.payload)
            case Conceal(ticks=ticks, next_payload=next_payload):
                self._conceal(ticks / self._session.playout_clock_rate_hz, next_payload)
            case Idle(ticks=ticks):
                self._silence(ticks / self._session.playout_clock_rate_hz)
        if step.surplus_ticks > 0:
            surplus = step.surplus_ticks * self._rate // self._session.playout_clock_rate_hz
            kept = shorten(self._fifo[: self._filled], self._rate, at_most=surplus)
            self.stats.shortened += self._filled - kept
            self._filled = max(kept, 1)

    def _format(self, payload_type: int) -> _Format:
        if payload_type not in self._formats:
            spec, settings = self._specs[payload_type]
            self._formats[payload_type] = _Format(spec, settings, self._rate)
        return self._formats[payload_type]

    def _decode(self, payload_type: int, payload: bytes) -> None:
        codec = self._last = self._format(payload_type)
        try:
            count = codec.decoder.decode(payload, codec.scratch)
        except BitstreamError:
            self.stats.undecodable_packets += 1
            self._conceal(UNREADABLE_S, None)
            return
        self._faded = 0
        block = codec.scratch[:count]
        if codec.concealer is not None:
            codec.concealer.accept(block)
        self._append(codec, block)

    def _conceal(self, seconds: float, next_payload: bytes | None) -> None:
        codec = self._last
        lost = max(1, round(seconds * codec.rate))
        while lost > 0:
            block = codec.scratch[: min(lost, codec.scratch.size)]
            lost -= block.size
            # Redundancy in the packet after the gap describes the end of the gap only.
            if lost == 0 and next_payload is not None and codec.decoder.recover(next_payload, block):
                self.stats.recovered += block.size * self._rate // codec.rate
            else:
                self._fill_in(codec, block)
                self.stats.concealed += block.size * self._rate // codec.rate
            self._append(codec, block)

    def _silence(self, seconds: float) -> None:
        """A pause: silence, faded into where there was sound, as an abrupt end is heard and looks like a drop-out."""
        count = min(max(1, round(seconds * self._rate)), self._fifo.size - self._filled)
        space = self._fifo[self._filled : self._filled + count]
        space[:] = 0.0
        if self._faded < self._fade.size and self._last.resampler is None:
            # A step shorter than the fade leaves the rest of it to the next step.
            tail = space[: self._fade.size - self._faded]
            self._fill_in(self._last, tail)
            tail *= self._fade[self._faded : self._faded + tail.size]
            self._faded += tail.size
        self._filled += count

    def _fill_in(self, codec: _Format, block: Samples) -> None:
        if codec.concealer is None:
            codec.decoder.conceal(block)
        else:
            codec.concealer.conceal(block)

    def _append(self, codec: _Format, block: Samples) -> None:
        if codec.resampler is not None:
            block = codec.resampler.process(block)
        count = min(block.size, self._fifo.size - self._filled)
        self._fifo[self._filled : self._filled + count] = block[:count]
        self._filled += count
