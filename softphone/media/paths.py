"""The two directions of a call's audio: samples -> packets (`softphone.media.transmit`), and packets -> samples."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from dsp.codecs.base import MAX_PACKET_MS, CodecSettings, CodecSpec, Decoder
from dsp.errors import BitstreamError
from dsp.plc.waveform import Concealer
from dsp.resample import StreamResampler
from dsp.time_scale import shorten
from dsp.types import Samples
from softphone.media.dtx import GapFiller
from softphone.media.filter_stage import FilterStage
from softphone.media.transmit import Outgoing, Tap, TransmitPath, outgoing
from softphone.rtp.jitter import Conceal, Idle, Play
from softphone.rtp.session import RtpSession

__all__ = ["Outgoing", "ReceivePath", "ReceiveStats", "Tap", "TransmitPath", "outgoing"]

FADE_S = 0.04
"""Over which sound fades out at the begin of a pause."""
UNREADABLE_S = 0.02
"""Concealed for a packet whose duration its bytes do not tell."""
JOIN_S = 0.01
"""Over which the sound of one codec fades into that of the next."""


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

    def __init__(
        self, spec: CodecSpec, settings: CodecSettings, path_rate_hz: int, repeat_ms: int | None
    ) -> None:
        self.rate = spec.sample_rate_hz(settings)
        self.decoder: Decoder = spec.make_decoder(settings)
        self.bridges = spec.bridges
        self.concealer = None if spec.conceals else Concealer(self.rate)
        self.resampler = None if self.rate == path_rate_hz else StreamResampler(self.rate, path_rate_hz)
        self.scratch: Samples = np.zeros(self.rate * MAX_PACKET_MS // 1000, dtype=np.float32)
        self.filler = None if repeat_ms is None else GapFiller(self.rate, repeat_ms * self.rate // 1000)
        """For a sender that leaves packets out on purpose."""

    def conceal(self, out: Samples) -> None:
        """Fill *out* with what the codec, or we for it, make of nothing."""
        if self.concealer is None:
            self.decoder.conceal(out)
        else:
            self.concealer.conceal(out)


class ReceivePath:
    """Jitter buffer -> decoder or concealment -> filters -> taps -> a block for the loudspeaker.

    Args:
        session: where packets wait.
        formats: every payload type that may arrive.
        sample_rate_hz: rate of the blocks played.
        first: payload type that is expected; None: the first of *formats*.
        repeats_ms: payload types whose sender leaves packets out, and how long it relies on concealment at most.
        noise: payload types of comfort noise (RFC 3389).
    """

    def __init__(
        self,
        session: RtpSession,
        formats: Mapping[int, tuple[CodecSpec, CodecSettings]],
        *,
        sample_rate_hz: int,
        first: int | None = None,
        repeats_ms: Mapping[int, int] | None = None,
        noise: Iterable[int] = (),
    ) -> None:
        self.taps: list[Tap] = []
        self.stage: FilterStage | None = None
        """Filters what was decoded."""
        self.stats = ReceiveStats()
        self._session = session
        self._pop = session.pop
        self._rate = sample_rate_hz
        self._specs = dict(formats)
        self._repeats_ms = {} if repeats_ms is None else dict(repeats_ms)
        self._noise = frozenset(noise)
        self._formats: dict[int, _Format] = {}
        first = next(iter(formats)) if first is None else first
        self._last = self._format(first)
        self._fifo: Samples = np.zeros(sample_rate_hz, dtype=np.float32)
        self._filled = 0
        angles = np.linspace(0.0, np.pi, round(FADE_S * sample_rate_hz), dtype=np.float32)
        # Squared, so that its last milliseconds are under the level that an abrupt end is known by.
        self._fade: Samples = np.square(0.5 + 0.5 * np.cos(angles))
        self._join: Samples = self._fade[:: max(1, round(FADE_S / JOIN_S))].copy()
        self.changed: Callable[[int], None] = lambda payload_type: None
        """Told a payload type when it begins to be played, as the first or after another one."""
        self._last_type: int | None = None
        self._meant = 0
        """Samples filled in since the last packet as if its sender had left the next ones out."""
        self._faded = self._fade.size
        """How far the sound of the last packet has faded out; all of it where there was none."""

    @property
    def waiting_samples(self) -> int:
        """Samples that are decoded and not played yet: they wait for the next block, or the filters hold them back."""
        return self._filled + (0 if self.stage is None else self.stage.chain.delay_samples)

    def accept(self, formats: Mapping[int, tuple[CodecSpec, CodecSettings]]) -> None:
        """Take these formats, too; a payload type that meant another codec means the new one from now on."""
        for payload_type, codec in formats.items():
            if self._specs.get(payload_type) != codec:
                self._specs[payload_type] = codec
                self._formats.pop(payload_type, None)

    def accept_noise(self, payload_types: Iterable[int]) -> None:
        """Take comfort noise under these, too; formats that are made from now on know how to play it."""
        self._noise |= frozenset(payload_types)

    def prepare(self, payload_types: Iterable[int]) -> None:
        """Make the decoders of *payload_types* now, in any thread, not when the first packet waits."""
        for payload_type in payload_types:
            self._format(payload_type)

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
        if self.stage is not None:
            self.stage.process(out)
        for tap in self.taps:
            tap(out)

    def _pull(self, now: float) -> None:
        """Append at least one sample to the FIFO."""
        step = self._pop(now=now)
        match step:
            case Play(packet=packet):
                if self._meant:
                    self._settle(step.lost * step.ticks)
                if packet.payload_type in self._noise:
                    self._describe(packet.payload, step.ticks / self._session.playout_clock_rate_hz)
                else:
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
            # Who describes pauses leaves packets out, and relies on no concealment.
            repeat_ms = self._repeats_ms.get(payload_type, 0 if self._noise else None)
            # Of one made in a thread and one that a packet could not wait for, the first stays.
            self._formats.setdefault(payload_type, _Format(spec, settings, self._rate, repeat_ms))
        return self._formats[payload_type]

    def _decode(self, payload_type: int, payload: bytes) -> None:
        before = self._last
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
        if codec.filler is not None:
            codec.filler.heard(block)
        start = self._filled
        self._append(codec, block)
        if payload_type != self._last_type:
            if self._last_type is not None and codec is not before:
                self._join_after(before, start)
            self._last_type = payload_type
            self._session.keep_next_at_hand(self._specs[payload_type][0].bridges)
            self.changed(payload_type)

    def _join_after(self, before: _Format, start: int) -> None:
        """Fade what another codec would have gone on with into what was appended at *start*."""
        seconds = min(self._join.size, self._filled - start) / self._rate
        space: Samples = np.zeros(round(seconds * before.rate), dtype=np.float32)
        before.conceal(space)
        if before.resampler is not None:
            space = before.resampler.process(space)
        count = min(space.size, self._filled - start, self._join.size)
        new, fade = self._fifo[start : start + count], self._join[:count]
        new += (space[:count] - new) * fade

    def _conceal(self, seconds: float, next_payload: bytes | None) -> None:
        codec = self._last
        lost = max(1, round(seconds * codec.rate))
        while lost > 0:
            block = codec.scratch[: min(lost, codec.scratch.size)]
            lost -= block.size
            # Redundancy in the packet after the gap describes the end of the gap only.
            if lost == 0 and next_payload is not None and codec.decoder.recover(next_payload, block):
                filled = block.size * self._rate // codec.rate
                if codec.bridges:
                    self.stats.concealed += filled
                else:
                    self.stats.recovered += filled
            elif codec.filler is not None:
                self._leave_to(codec.filler, codec, block, lost=True)
            else:
                codec.conceal(block)
                self.stats.concealed += block.size * self._rate // codec.rate
            self._append(codec, block)

    def _leave_to(self, filler: GapFiller, codec: _Format, block: Samples, *, lost: bool) -> None:
        """Fill *block* as the sender means it: repeats and comfort noise are no concealed loss."""
        before = filler.repeated + filler.comfort
        filler.fill(block, codec.conceal, lost=lost)
        meant = min(block.size, filler.repeated + filler.comfort - before)
        self._meant += meant * self._rate // codec.rate
        if lost:
            self.stats.concealed += (block.size - meant) * self._rate // codec.rate

    def _settle(self, lost_ticks: int) -> None:
        """The next packet tells how much of what was filled in for a sender that leaves packets out was lost after all."""
        lost = lost_ticks * self._rate // self._session.playout_clock_rate_hz
        self.stats.concealed += min(lost, self._meant)
        self._meant = 0

    def _describe(self, payload: bytes, seconds: float) -> None:
        """The peer pauses, and says what its background sounds like."""
        codec = self._last
        if codec.filler is None:  # made before comfort noise was agreed on
            codec.filler = GapFiller(codec.rate)
        try:
            codec.filler.describe(payload)
        except BitstreamError:
            self.stats.undecodable_packets += 1
        self._silence(seconds)

    def _silence(self, seconds: float) -> None:
        """A pause: silence, faded into where there was sound, as an abrupt end is heard and looks like a drop-out."""
        codec = self._last
        if codec.filler is not None:
            left = max(1, round(seconds * codec.rate))
            while left > 0:
                block = codec.scratch[: min(left, codec.scratch.size)]
                left -= block.size
                self._leave_to(codec.filler, codec, block, lost=False)
                self._append(codec, block)
            return
        count = min(max(1, round(seconds * self._rate)), self._fifo.size - self._filled)
        space = self._fifo[self._filled : self._filled + count]
        space[:] = 0.0
        if self._faded < self._fade.size and self._last.resampler is None:
            # A step shorter than the fade leaves the rest of it to the next step.
            tail = space[: self._fade.size - self._faded]
            self._last.conceal(tail)
            tail *= self._fade[self._faded : self._faded + tail.size]
            self._faded += tail.size
        self._filled += count

    def _append(self, codec: _Format, block: Samples) -> None:
        if codec.resampler is not None:
            block = codec.resampler.process(block)
        count = min(block.size, self._fifo.size - self._filled)
        self._fifo[self._filled : self._filled + count] = block[:count]
        self._filled += count
