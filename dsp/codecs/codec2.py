"""Codec2 by libcodec2: speech at 450 to 3200 b/s, frames of 20 or 40 ms at 8 kHz.

The bit rate chooses the mode: the highest that is not above it (`dsp.libcodec2.MODES`).

Payload: 1 to 6 frames of 20 ms or 1 to 3 of 40 ms, frame after frame without gaps, the bits of each as the
library orders them, the most significant of a byte first; zeros fill up the last byte. Three frames of mode
1300 are 156 bits, hence 20 bytes. Where a frame is a number of whole bytes, as in mode 2400, that is what
Asterisk does, and one frame a packet is what baresip does.

SDP: no payload format is registered. ``CODEC2/8000`` under a dynamic type is what baresip and Asterisk call
mode 2400, with no fmtp. Ours says ``mode=`` and the name of the mode it would use. Both directions then use
the lower of the two; 2400, whatever ours is, with a peer that names none; and for 450, which not every
library has, 700C unless both name it.

Two decoders of one process do not give the same samples: the library draws the phases of unvoiced sound from
one generator for all. Silence comes out as noise of -60 dBov or less.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dsp.codecs.base import (
    MAX_PACKET_MS,
    CodecSettings,
    CodecSpec,
    Decoder,
    Encoder,
    LibraryFinder,
)
from dsp.errors import BitstreamError, ParameterError
from dsp.libcodec2 import MODES, SAMPLE_RATE_HZ, Codec2, Codec2Library, Mode, load_codec2
from dsp.types import Samples
from dsp.units import samples_of_ms

_BY_NAME = {mode.name: mode for mode in MODES}
DEFAULT_MODE = _BY_NAME["2400"]
"""What peers mean that name no mode."""
SPARSE_MODE, ITS_STEAD = _BY_NAME["450"], _BY_NAME["700C"]
BIT_RATES_BPS = (MODES[-1].bit_rate_bps, DEFAULT_MODE.bit_rate_bps, MODES[0].bit_rate_bps)
LONG_DELAY = (_BY_NAME["700C"], _BY_NAME["450"])
"""These two lag 30 ms behind, the others 20: where STOI of bundled speech is best, measured by steps of 2 ms."""
_SYSTEM_NAMES = (
    "libcodec2.so.1.2",
    "libcodec2.so.1.1",
    "libcodec2.so.1.0",
    "libcodec2.dylib",
    "libcodec2.dll",
)


def mode_of(settings: CodecSettings) -> Mode:
    """The highest mode whose bit rate is not above that of *settings*.

    Raises:
        ParameterError: if the bit rate is out of range.
    """
    if settings.bit_rate_bps is None:
        return DEFAULT_MODE
    low, _, high = BIT_RATES_BPS
    if not low <= settings.bit_rate_bps <= high:
        raise ParameterError(f"Codec2 bit rate must be {low} to {high}, got {settings.bit_rate_bps}")
    return next(mode for mode in MODES if mode.bit_rate_bps <= settings.bit_rate_bps)


def ptimes_ms(mode: Mode) -> tuple[int, ...]:
    """Packet intervals: whole frames."""
    return tuple(range(mode.frame_ms, MAX_PACKET_MS + 1, mode.frame_ms))


def payload_bytes(mode: Mode, frames: int) -> int:
    """Length of a payload of *frames*."""
    return -(-frames * mode.frame_bits // 8)


def frames_of(mode: Mode, payload: bytes) -> int:
    """How many frames *payload* holds.

    Raises:
        BitstreamError: if its length is that of no number of frames.
    """
    frames = len(payload) * 8 // mode.frame_bits
    if not 0 < frames <= MAX_PACKET_MS // mode.frame_ms or payload_bytes(mode, frames) != len(payload):
        lengths = [payload_bytes(mode, n + 1) for n in range(MAX_PACKET_MS // mode.frame_ms)]
        known = ", ".join(map(str, lengths))
        raise BitstreamError(f"Codec2 payload of mode {mode.name} must be {known} bytes, got {len(payload)}")
    return frames


def delay_samples(settings: CodecSettings) -> int:
    """20 or 30 ms by mode."""
    return samples_of_ms(30 if mode_of(settings) in LONG_DELAY else 20, SAMPLE_RATE_HZ)


def fmtp(settings: CodecSettings) -> str:
    """The mode we would use."""
    return f"mode={mode_of(settings).name}"


def apply_fmtp(settings: CodecSettings, wishes: Mapping[str, str]) -> CodecSettings:
    """The mode that both sides arrive at; see the head of this file."""
    ours, theirs = mode_of(settings), _BY_NAME.get(wishes.get("mode", "").strip().upper())
    if theirs is None:
        mode = DEFAULT_MODE
    elif ours is not theirs and SPARSE_MODE in (ours, theirs):
        mode = ITS_STEAD
    else:
        mode = min(ours, theirs, key=lambda each: each.bit_rate_bps)
    return replace(settings, bit_rate_bps=mode.bit_rate_bps)


class Codec2Encoder:
    """Samples -> frames, packed."""

    def __init__(self, library: Codec2Library, settings: CodecSettings) -> None:
        mode = mode_of(settings)
        known = ptimes_ms(mode)
        if settings.ptime_ms not in known:
            raise ParameterError(
                f"Codec2 packet interval must be one of {known} ms in mode {mode.name}, got {settings.ptime_ms}"
            )
        self._mode = mode
        self._frames = settings.ptime_ms // mode.frame_ms
        self._codec = Codec2(library, mode)

    def encode(self, samples: Samples) -> bytes:
        """See `dsp.codecs.base.Encoder.encode`."""
        mode = self._mode
        wanted = self._frames * mode.frame_samples
        if samples.shape != (wanted,):
            raise ParameterError(f"Codec2 packet must be {wanted} samples, got {samples.shape}")
        frames = [self._codec.encode(frame) for frame in samples.reshape(self._frames, mode.frame_samples)]
        return pack(mode, frames)


class Codec2Decoder:
    """Frames, packed -> samples."""

    def __init__(self, library: Codec2Library, settings: CodecSettings) -> None:
        self._mode = mode_of(settings)
        self._codec = Codec2(library, self._mode)
        self._last: bytes | None = None
        self._unheard: Samples = np.zeros(self._mode.frame_samples, dtype=np.float32)

    def decode(self, payload: bytes, out: Samples) -> int:
        """See `dsp.codecs.base.Decoder.decode`."""
        size = self._mode.frame_samples
        frames = unpack(self._mode, payload)
        if len(frames) * size > out.size:
            raise ParameterError(f"out must hold {len(frames) * size} samples, holds {out.size}")
        for index, frame in enumerate(frames):
            self._codec.decode(frame, out[index * size : (index + 1) * size])
        self._last = frames[-1]
        return len(frames) * size

    def snapshot(self) -> object:
        """See `dsp.codecs.base.Mirrorable.snapshot`: the last frame, as the library copies no state."""
        return self._last

    def restore(self, state: object) -> None:
        """See `dsp.codecs.base.Mirrorable.restore`.

        The last frame is decoded again, which brings back the parameters that the next one is interpolated with
        (line spectra, pitch and energy); phases go on from where they are, as they do in any two decoders.
        """
        if isinstance(state, bytes) and state != self._last:
            self._codec.decode(state, self._unheard)
            self._last = state

    def conceal(self, out: Samples) -> None:
        """See `dsp.codecs.base.Decoder.conceal`."""
        out[:] = 0.0

    def recover(self, next_payload: bytes, out: Samples) -> bool:
        """See `dsp.codecs.base.Decoder.recover`: Codec2 carries no copy."""
        return False


def pack(mode: Mode, frames: list[bytes]) -> bytes:
    """Frames that each begin with a byte -> a payload without gaps."""
    joined = b"".join(frames)
    if mode.frame_bits % 8 == 0:
        return joined
    bits = np.unpackbits(np.frombuffer(joined, dtype=np.uint8)).reshape(len(frames), -1)
    return np.packbits(bits[:, : mode.frame_bits]).tobytes()


def unpack(mode: Mode, payload: bytes) -> list[bytes]:
    """The reverse of `pack`; whatever fills up the last byte is passed over.

    Raises:
        BitstreamError: see `frames_of`.
    """
    count = frames_of(mode, payload)
    if mode.frame_bits % 8:
        bits = np.unpackbits(np.frombuffer(payload, dtype=np.uint8))[: count * mode.frame_bits]
        payload = np.packbits(bits.reshape(count, mode.frame_bits), axis=1).tobytes()
    size = mode.frame_bytes
    return [payload[start : start + size] for start in range(0, count * size, size)]


def _system_names() -> tuple[str, ...]:
    return _SYSTEM_NAMES


def codec2_spec(find: LibraryFinder) -> CodecSpec:
    """Codec2 by the first library of ``find()`` that loads."""

    @functools.cache
    def library() -> Codec2Library:
        return load_codec2(find())

    def describe() -> str:
        return f"{library()}: modes {', '.join(mode.name for mode in library().modes())}"

    def at(settings: CodecSettings) -> CodecSpec:
        mode = mode_of(settings)
        if not library().has(mode):
            raise ParameterError(f"{library()} has no mode {mode.name} for {settings.bit_rate_bps} b/s")
        return in_mode(mode)

    @functools.cache
    def in_mode(mode: Mode) -> CodecSpec:
        return CodecSpec(
            name="codec2",
            sdp_name="CODEC2",
            clock_rate_hz=SAMPLE_RATE_HZ,
            channels=1,
            payload_type=None,
            bit_rates_bps=BIT_RATES_BPS,
            ptimes_ms=ptimes_ms(mode),
            conceals=False,
            bandwidth="narrowband",
            sample_rate_hz=lambda settings: SAMPLE_RATE_HZ,
            fmtp=fmtp,
            apply_fmtp=apply_fmtp,
            payload_samples=lambda payload, sample_rate_hz: frames_of(mode, payload) * mode.frame_samples,
            delay_samples=delay_samples,
            make_encoder=lambda settings: _make_encoder(library(), settings),
            make_decoder=lambda settings: _make_decoder(library(), settings),
            library=describe,
            bind=codec2_spec,
            at=at,
            symmetric=True,
        )

    return in_mode(DEFAULT_MODE)


def _make_encoder(library: Codec2Library, settings: CodecSettings) -> Encoder:
    return Codec2Encoder(library, settings)


def _make_decoder(library: Codec2Library, settings: CodecSettings) -> Decoder:
    return Codec2Decoder(library, settings)


SPECS = (codec2_spec(_system_names),)
