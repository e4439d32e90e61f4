"""VLC: speech at 1.2 to 8 kb/s in packets of 64 to 144 ms, each decodable by itself; ours (docs/vlc-format.md).

`vlc` works at 8 kHz, `vlc-wb` at 16 kHz. Sending: `analysis` (speech -> levels, voicing and f0), `rate` (which quantiser step),
`packet` (parameters -> payload). Receiving: `packet`, then `synthesis`, which conceals losses, too. All of them are of one
`model`. Complexity 0 to 3 is the profile of low consumption: frames of 16 ms and one correction in place of 8 ms and four.
Both read and write the same packets.

SDP: no payload format is registered; ``VLC/8000`` and ``VLC-WB/16000`` under dynamic types. Private fmtp: ``v``, the version
of the payload; ``bitrate`` in bit/s and ``packet`` in milliseconds, the most that we want to receive.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dsp.codecs.base import CodecSettings, CodecSpec
from dsp.codecs.vlc.analysis import AHEAD_MS, Analysis
from dsp.codecs.vlc.effects import Effects
from dsp.codecs.vlc.model import (
    FRAME_MS,
    NARROW,
    PACKETS_MS,
    PITCH_FRAME_MS,
    WIDE,
    Model,
    PacketParameters,
)
from dsp.codecs.vlc.packet import PacketCoder, SilenceDescriptor, packet_ms, payload_samples
from dsp.codecs.vlc.rate import RateControl
from dsp.codecs.vlc.synthesis import Synthesis
from dsp.errors import BitstreamError, ParameterError
from dsp.pause_detector import PauseDetector
from dsp.types import Samples

VERSION = 1
"""Of the payload (docs/vlc-format.md)."""
BIT_RATES_BPS: dict[str, tuple[int, int, int]] = {"vlc": (1200, 2400, 6000), "vlc-wb": (3800, 6000, 8000)}
DEFAULT_PACKET_MS = 128
LOW_CONSUMPTION = 3
"""Highest complexity of that profile."""
DESCRIBED_EVERY_S = 0.5
"""In a pause, with DTX."""


def bit_rate_of(model: Model, settings: CodecSettings) -> int:
    """The bit rate of *settings*, or the default.

    Raises:
        ParameterError: if it is out of range.
    """
    low, default, high = BIT_RATES_BPS[model.name]
    if settings.bit_rate_bps is None:
        return default
    if not low <= settings.bit_rate_bps <= high:
        raise ParameterError(f"{model.name} bit rate must be {low} to {high}, got {settings.bit_rate_bps}")
    return settings.bit_rate_bps


def _profile(complexity: int) -> tuple[int, int]:
    """Milliseconds from frame to frame, and corrections of the synthesis."""
    return (PITCH_FRAME_MS, 1) if complexity <= LOW_CONSUMPTION else (FRAME_MS, 4)


def _decoder_complexity(settings: CodecSettings) -> int:
    return settings.complexity if settings.decoder_complexity is None else settings.decoder_complexity


class VlcEncoder:
    """Samples -> payloads of *model*."""

    def __init__(self, model: Model, settings: CodecSettings) -> None:
        milliseconds = settings.ptime_ms
        if milliseconds not in PACKETS_MS:
            known = ", ".join(map(str, PACKETS_MS))
            raise ParameterError(
                f"{model.name} packet interval must be one of {known} ms, got {milliseconds}"
            )
        hop_ms, _ = _profile(settings.complexity)
        self._analysis = Analysis(model, packet_ms=milliseconds, hop_ms=hop_ms)
        self._rate = RateControl(model, bit_rate_of(model, settings), milliseconds)
        self._coder = PacketCoder(model, milliseconds)
        self._pauses = (
            PauseDetector(model.sample_rate_hz, self._analysis.packet_samples) if settings.dtx else None
        )
        self._describe_every = -(-round(DESCRIBED_EVERY_S * 1000) // milliseconds)
        self._paused = 0

    def encode(self, samples: Samples) -> bytes:
        """See `dsp.codecs.base.Encoder.encode`."""
        parameters = self._analysis.push(samples)
        if self._is_pause(samples):
            # What a pause saves is saved: the rate is that of speech.
            return self._pause(parameters)
        payload = self._coder.encode(parameters, self._rate.next_step())
        self._rate.account(len(payload))
        return payload

    def encode_silence(self, samples: Samples) -> bytes:
        """See `dsp.codecs.base.SilenceCoder.encode_silence`."""
        return self._describe(self._analysis.push(samples))

    def _is_pause(self, samples: Samples) -> bool:
        if self._pauses is None:
            return False
        pause = self._pauses.is_pause(samples)
        self._paused = self._paused + 1 if pause else 0
        return pause

    def _pause(self, parameters: PacketParameters) -> bytes:
        """A descriptor where a pause begins and now and then in it."""
        return self._describe(parameters) if self._paused % self._describe_every == 1 else b""

    def _describe(self, parameters: PacketParameters) -> bytes:
        power = np.power(10.0, parameters.levels_db / 10.0).mean(axis=0)
        return self._coder.write_silence((10.0 * np.log10(power)).astype(np.float32))


class VlcDecoder:
    """Payloads of *model* -> samples, changed by *effects* on the way."""

    def __init__(self, model: Model, settings: CodecSettings, *, effects: Effects | None = None) -> None:
        bit_rate_of(model, settings)
        self._hop_ms, passes = _profile(_decoder_complexity(settings))
        self._model = model
        self._synthesis = Synthesis(model, hop_ms=self._hop_ms, passes=passes)
        self._effects = effects
        if effects is not None:
            self._synthesis.offset_hz = effects.offset_hz
        self._coders: dict[int, PacketCoder] = {}
        self._f0_hz = 0.0

    def decode(self, payload: bytes, out: Samples) -> int:
        """See `dsp.codecs.base.Decoder.decode`."""
        count = payload_samples(payload, self._model.sample_rate_hz)
        if count > out.size:
            raise ParameterError(f"out must hold {count} samples, holds {out.size}")
        told, effects = self._read(payload), self._effects
        if isinstance(told, SilenceDescriptor):
            levels = told.levels_db if effects is None else effects.apply_to_noise(told.levels_db)
            self._synthesis.comfort_noise(levels, out[:count])
        else:
            self._f0_hz = float(told.f0_hz[-1])
            self._synthesis.synthesize(told if effects is None else effects.apply(told), out[:count])
        return count

    def conceal(self, out: Samples) -> None:
        """See `dsp.codecs.base.Decoder.conceal`."""
        self._synthesis.conceal(out)

    def recover(self, next_payload: bytes, out: Samples) -> bool:
        """See `dsp.codecs.base.Decoder.recover`: the way from what was heard last to the beginning of *next_payload*."""
        try:
            after = self._read(next_payload)
        except BitstreamError:
            return False
        if isinstance(after, SilenceDescriptor):
            return False
        self._synthesis.bridge(after if self._effects is None else self._effects.apply(after), out)
        return True

    def snapshot(self) -> object:
        """See `dsp.codecs.base.Mirrorable.snapshot`."""
        return self._synthesis.snapshot(), self._f0_hz

    def restore(self, state: object) -> None:
        """See `dsp.codecs.base.Mirrorable.restore`.

        Raises:
            TypeError: if *state* is none of this decoder.
        """
        if not isinstance(state, tuple):
            raise TypeError(f"wanted what snapshot returned, got {type(state).__name__}")
        synthesis, self._f0_hz = state
        self._synthesis.restore(synthesis)

    def _read(self, payload: bytes) -> PacketParameters | SilenceDescriptor:
        milliseconds = packet_ms(payload)
        coder = self._coders.get(milliseconds)
        if coder is None:
            coder = self._coders[milliseconds] = PacketCoder(self._model, milliseconds)
        if self._f0_hz > 0.0:
            return coder.decode(payload, self._hop_ms, unvoiced_f0_hz=self._f0_hz)
        return coder.decode(payload, self._hop_ms)


def _fmtp(settings: CodecSettings, *, model: Model) -> str:
    return f"v={VERSION};bitrate={bit_rate_of(model, settings)};packet={settings.ptime_ms}"


def _number(wishes: Mapping[str, str], name: str) -> int | None:
    word = wishes.get(name, "").strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 9 else None


def _apply_fmtp(settings: CodecSettings, wishes: Mapping[str, str], *, model: Model) -> CodecSettings:
    rate, milliseconds = _number(wishes, "bitrate"), _number(wishes, "packet")
    if rate is not None:
        least = BIT_RATES_BPS[model.name][0]
        settings = replace(settings, bit_rate_bps=max(least, min(rate, bit_rate_of(model, settings))))
    if milliseconds is not None and milliseconds < settings.ptime_ms:
        fitting = [length for length in PACKETS_MS if length <= milliseconds]
        settings = replace(settings, ptime_ms=max(fitting, default=PACKETS_MS[0]))
    return settings


def _delay_samples(settings: CodecSettings, *, model: Model) -> int:
    hop_ms, _ = _profile(_decoder_complexity(settings))
    return model.sample_rate_hz * AHEAD_MS // 1000 + (model.window_samples - model.frame_samples(hop_ms)) // 2


def _spec(model: Model, sdp_name: str, bandwidth: str) -> CodecSpec:
    return CodecSpec(
        name=model.name,
        sdp_name=sdp_name,
        clock_rate_hz=model.sample_rate_hz,
        channels=1,
        payload_type=None,
        bit_rates_bps=BIT_RATES_BPS[model.name],
        ptimes_ms=PACKETS_MS,
        conceals=True,
        bridges=True,
        bandwidth=bandwidth,
        sample_rate_hz=lambda settings: model.sample_rate_hz,
        fmtp=functools.partial(_fmtp, model=model),
        apply_fmtp=functools.partial(_apply_fmtp, model=model),
        payload_samples=payload_samples,
        delay_samples=functools.partial(_delay_samples, model=model),
        make_encoder=lambda settings: VlcEncoder(model, settings),
        make_decoder=lambda settings: VlcDecoder(model, settings),
        library=lambda: "ours",
    )


SPECS = (_spec(NARROW, "VLC", "narrowband"), _spec(WIDE, "VLC-WB", "wideband"))
