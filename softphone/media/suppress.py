"""Repeat credit (VLR) and DTX at the sender: an encoder that sends nothing where the receiver does as well without.

The sender runs the receiver's decoder and concealment as a mirror. As long as what the receiver makes up is about as near to
the speech as what the packet would be decoded to, and credit is left, the packet is not sent; the RTP timestamp
goes on and the sequence number does not, so that the receiver knows a repeat from a loss. A packet that is sent
cancels the repeats still owed and renews the credit; a used-up credit sends.

With a peer that has agreed on no credit, packets are withheld in pauses only, as RTP has it for every codec (RFC 3551 section 4.1).
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dsp.codecs.base import MAX_PACKET_MS, CodecSettings, CodecSpec, Encoder, Mirrorable, SilenceCoder
from dsp.errors import ParameterError
from dsp.loudness_spectrum import BarkPowers, loudness, repeat_distance
from dsp.plc.waveform import Concealer
from dsp.types import Block, Samples
from dsp.units import samples_of_ms
from softphone.media.dtx import Decision, FillerState, GapFiller, PauseSender, push

Level = Literal["off", "light", "strong"]
LEVELS: tuple[Level, ...] = ("off", "light", "strong")
THRESHOLDS: dict[Level, float] = {"off": 0.0, "light": 0.04, "strong": 0.065}
"""Distance up to which a packet of `USUAL_MS` is left out; measured, see docs/repeat-credit.md."""
USUAL_MS = 60
"""Of longer packets fewer are left out, so each may be farther off: by the root of the length, at the same loss of quality."""
LONGEST_REPEAT_MS = 400
"""Concealment is silent long before."""
MOST_CREDIT = 15
LEVEL_FALL_DB_PER_S = 1.5
"""So slowly a speaker who has become quieter is believed."""
QUIETEST = 1e-9
"""Mean power of a band (-90 dBov) that all loudness is at least measured against."""
LOUDEST = 4.0
"""Beyond it is no sound."""
_State = tuple[object, tuple[Samples, Samples | None, int] | None, FillerState]
"""Of the decoder, of the concealer if there is one, and of what fills gaps."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """What a sender may leave out."""

    level: Level = "off"
    """How readily a packet is repeated instead."""
    credit: int = 0
    """Repeats in a row that both sides agreed on; 0 to `MOST_CREDIT`."""
    dtx: bool = False
    """Leave pauses out."""
    comfort_noise: bool = False
    """The peer takes descriptors of RFC 3389."""
    noise_payload_type: int | None = None
    """Of those."""

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ParameterError(f"repeat credit must be one of {', '.join(LEVELS)}, got {self.level!r}")
        if not 0 <= self.credit <= MOST_CREDIT:
            raise ParameterError(f"repeat credit must be 0 to {MOST_CREDIT} packets, got {self.credit}")


@dataclass(slots=True)
class SuppressorCost:
    """Packets, counted."""

    offered: int = 0
    """Packets of sound."""
    withheld_by_credit: int = 0
    withheld_by_dtx: int = 0
    descriptors: int = 0
    """Sent in place of packets of a pause; not counted as withheld."""


def suggested_credit(ptime_ms: int) -> int:
    """Credit to offer for packets of *ptime_ms*."""
    return max(1, min(MOST_CREDIT, LONGEST_REPEAT_MS // ptime_ms))


def threshold_of(level: Level, ptime_ms: int) -> float:
    """Distance up to which a packet of *ptime_ms* is left out."""
    return THRESHOLDS[level] * math.sqrt(ptime_ms / USUAL_MS)


def can_mirror(spec: CodecSpec, settings: CodecSettings) -> bool:
    """Whether repeats can be tried with this codec.

    Raises:
        ParameterError, LibraryMissing: as its decoder does.
    """
    return isinstance(spec.make_decoder(settings), Mirrorable)


def make_suppressed(spec: CodecSpec, settings: CodecSettings, suppression: Suppression) -> Encoder:
    """An encoder for *spec* that leaves out what *suppression* allows: the codec's own, if that is nothing.

    Raises:
        ParameterError, LibraryMissing: as the codec does.
    """
    repeats = suppression.level != "off" and suppression.credit > 0 and can_mirror(spec, settings)
    if not repeats and not suppression.dtx:
        return spec.make_encoder(settings)
    if suppression.dtx:
        # One decides what a pause is.
        settings = replace(settings, dtx=False)
    mirror = None
    if repeats:
        mirror = Mirror(
            spec, settings, suppression.credit, threshold_of(suppression.level, settings.ptime_ms)
        )
    encoder = spec.make_encoder(settings)
    pauses = None
    if suppression.dtx:
        own = isinstance(encoder, SilenceCoder)
        rate = spec.sample_rate_hz(settings)
        pauses = PauseSender(
            rate,
            samples_of_ms(settings.ptime_ms, rate),
            describes=own or suppression.comfort_noise,
            opens_pauses=suppression.comfort_noise and not own,
        )
    return Suppressor(encoder, mirror, pauses)


class Suppressor:
    """See `make_suppressed`.

    Args:
        mirror: None without repeats.
        pauses: None without DTX.
    """

    def __init__(self, encoder: Encoder, mirror: "Mirror | None", pauses: PauseSender | None) -> None:
        self._encoder = encoder
        self._mirror = mirror
        self._pauses = pauses
        self._silence = encoder.encode_silence if isinstance(encoder, SilenceCoder) else None
        self._skipped: Samples | None = None
        self.descriptor = False
        """Whether the last payload is a descriptor of RFC 3389, which has a payload type of its own."""
        self.cost = SuppressorCost()

    def encode(self, samples: Samples) -> bytes:
        """See `dsp.codecs.base.Encoder.encode`; ``b""`` for a packet that is not sent."""
        self.cost.offered += 1
        self.descriptor = False
        # So that not a number is neither learned nor compared.
        if not float(np.abs(samples).max()) <= LOUDEST:
            samples = np.clip(np.nan_to_num(samples), -LOUDEST, LOUDEST)
        decision = Decision.SPEECH
        if self._pauses is not None:
            decision = self._pauses.decide(samples)
            if decision in (Decision.DESCRIBE, Decision.NOTHING):
                return self._pause(samples, self._pauses, describes=decision is Decision.DESCRIBE)
        if self._skipped is not None:
            # The encoder has slept: what came just before belongs to its memory, not what came before the pause.
            self._encoder.encode(self._skipped)
            self._skipped = None
        payload = self._encoder.encode(samples)
        if not payload:
            self.cost.withheld_by_dtx += 1
            if self._mirror is not None:
                self._mirror.pause(samples)
        elif self._mirror is not None:
            if decision is Decision.ENDING:
                self._mirror.follow(payload, samples)
            elif self._mirror.repeats(payload, samples):
                self.cost.withheld_by_credit += 1
                return b""
        return payload

    def resume(self) -> None:
        """The next packet with sound in it is sent for sure: packets were not heard that this encoder gave out."""
        if self._mirror is not None:
            self._mirror.resume()

    def _pause(self, samples: Samples, pauses: PauseSender, *, describes: bool) -> bytes:
        payload = b""
        if describes:
            self.cost.descriptors += 1
            if self._silence is not None:
                payload = self._silence(samples)
            else:
                payload = bytes(pauses.background())
                self.descriptor = True
        else:
            self.cost.withheld_by_dtx += 1
        if payload and not self.descriptor:
            self._skipped = None
            if self._mirror is not None:
                self._mirror.follow(payload, samples)
        else:
            self._skipped = samples.copy()
            if self._mirror is not None:
                self._mirror.pause(samples, described=payload)
        return payload


class Mirror:
    """The receiver as its sender imagines it.

    Args:
        credit: repeats in a row.
        threshold: distance up to which a repetition is near enough; see `dsp.loudness_spectrum.repeat_distance`.

    Raises:
        ParameterError: the decoder is not `Mirrorable`, or as it says.
    """

    def __init__(self, spec: CodecSpec, settings: CodecSettings, credit: int, threshold: float) -> None:
        if settings.decoder_complexity is None:
            # What the receiver has is not known; the cheapest sounds near enough to it.
            settings = replace(settings, decoder_complexity=0)
        decoder = spec.make_decoder(settings)
        if not isinstance(decoder, Mirrorable):
            raise ParameterError(
                f"repeat credit needs a decoder that can be copied, that of {spec.name} cannot"
            )
        rate = spec.sample_rate_hz(settings)
        count = samples_of_ms(settings.ptime_ms, rate)
        self._decoder, self._mirrorable = decoder, decoder
        self._concealer = None if spec.conceals else Concealer(rate)
        self._credit = credit
        self._left = 0
        self._filler = GapFiller(rate, credit * count)
        self._threshold = threshold
        self._bark = BarkPowers(rate)
        hop = self._bark.hop_samples
        # Windows end with the packet; the first reaches back into the one before.
        length = (-(-count // hop) + 1) * hop
        self._before = length - count
        # Rows: the original, what its packet is decoded to, what is made up in its place.
        self._sounds: Block = np.zeros((3, length), dtype=np.float32)
        self._decoded: Samples = np.zeros(samples_of_ms(MAX_PACKET_MS, rate), dtype=np.float32)
        self._past: Samples = np.zeros(length + spec.delay_samples(settings), dtype=np.float32)
        self._reference = QUIETEST
        self._fall = 10 ** (-LEVEL_FALL_DB_PER_S * settings.ptime_ms / 1000 / 10)

    def repeats(self, payload: bytes, samples: Samples) -> bool:
        """Whether the receiver does without *payload*, which *samples* were encoded to. It is then supposed not to get it."""
        push(self._past, samples)
        made_up = None
        if self._left > 0:
            before = self._snapshot()
            self._fill()
            made_up = self._snapshot()
            self._restore(before)
        self._decode(payload)
        if self._is_near(repeated=made_up is not None) and made_up is not None:
            self._restore(made_up)
            self._left -= 1
            self._carry(2)
            return True
        self._sent()
        return False

    def follow(self, payload: bytes, samples: Samples) -> None:
        """A packet that is sent whatever it holds."""
        push(self._past, samples)
        self._decode(payload)
        self._sent()

    def pause(self, samples: Samples, *, described: bytes = b"") -> None:
        """A packet is not sent, whatever it holds; *described*: a descriptor of RFC 3389 is, in its place."""
        push(self._past, samples)
        self._left = 0
        if described:
            self._filler.describe(described)
        if not self._filler.settled:
            self._fill()
            self._carry(2)

    def resume(self) -> None:
        """No credit until a packet is sent."""
        self._left = 0

    def _decode(self, payload: bytes) -> None:
        packet = self._sounds[1, self._before :]
        count = min(packet.size, self._decoder.decode(payload, self._decoded))
        packet[:count] = self._decoded[:count]
        packet[count:] = 0.0
        if self._concealer is not None:
            self._concealer.accept(packet)

    def _fill(self) -> None:
        conceal = self._decoder.conceal if self._concealer is None else self._concealer.conceal
        self._filler.fill(self._sounds[2, self._before :], conceal, lost=False)

    def _sent(self) -> None:
        self._left = self._credit
        self._filler.heard(self._sounds[1, self._before :])
        self._carry(1)

    def _is_near(self, *, repeated: bool) -> bool:
        """Follow the level of the speech; if there is a repetition, compare it."""
        sounds = self._sounds if repeated else self._sounds[:1]
        sounds[0] = self._past[: sounds.shape[1]]
        powers = self._bark.measure(sounds)
        self._reference = max(self._reference * self._fall, float(powers[0].sum()) / powers[0].size, QUIETEST)
        if not repeated:
            return False
        original, decoded, made_up = loudness(powers, self._reference)
        return repeat_distance(original, decoded, made_up) <= self._threshold

    def _carry(self, row: int) -> None:
        """What was heard last comes before both what is decoded and what is made up next."""
        tail = self._sounds[row, self._sounds.shape[1] - self._before :].copy()
        self._sounds[1:, : self._before] = tail

    def _snapshot(self) -> _State:
        concealing = None if self._concealer is None else self._concealer.snapshot()
        return self._mirrorable.snapshot(), concealing, self._filler.snapshot()

    def _restore(self, state: _State) -> None:
        decoding, concealing, filling = state
        self._mirrorable.restore(decoding)
        if self._concealer is not None and concealing is not None:
            self._concealer.restore(concealing)
        self._filler.restore(filling)
